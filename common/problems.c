/* SPDX-License-Identifier: Apache-2.0 */
#include "common/problems.h"

#include <stdarg.h>

void problems_clear(struct problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->list[i].file);
		free(p->list[i].section);
		free(p->list[i].key);
		free(p->list[i].text);
	}
	free(p->list);
	*p = (struct problems){0};
}

void problems_add(struct problems *p, const char *file, unsigned line,
	const char *section, const char *key, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = xstrdup(fmt);
	va_end(ap);
	GROW(p->list, p->n, p->cap);
	p->list[p->n++] = (struct problem){
		xstrdup(file), line, xstrdup(section), xstrdup(key), text};
}

static int by_line(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;
	int c = strcmp(x->file, y->file);

	if (c)
		return c;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return strcmp(x->text, y->text);
}

void problems_sort(struct problems *p)
{
	if (p->n)
		qsort(p->list, p->n, sizeof(*p->list), by_line);
}

char *problem_format(const struct problem *p)
{
	_cleanup_free_ char *where =
		p->line ? xasprintf("%s:%u", p->file, p->line) : xstrdup(p->file);
	_cleanup_free_ char *section = p->section ? str_escape(p->section, 64) : NULL;
	_cleanup_free_ char *key = p->key ? str_escape(p->key, 64) : NULL;

	if (section && key)
		return xasprintf("%s: [%s] %s: %s", where, section, key, p->text);
	if (section)
		return xasprintf("%s: [%s]: %s", where, section, p->text);
	return xasprintf("%s: %s", where, p->text);
}

void problems_print(const struct problems *p, FILE *out)
{
	for (size_t i = 0; i < p->n; i++) {
		_cleanup_free_ char *line = problem_format(&p->list[i]);

		fprintf(out, "%s\n", line);
	}
}
