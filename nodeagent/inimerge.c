/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file becomes a list of lines, each with the section and key it belongs to. A setting
 * takes the place of the key's first line, the others of that key go; one that was not
 * there comes at its section's end, before the blank lines that part it from the next.
 */
#include "nodeagent/inimerge.h"

#include <ctype.h>
#include <strings.h>

struct line {
	char *text; /* owned, without newline */
	char *section; /* owned */
	char *key; /* owned; NULL: a comment, a blank line, a section's head */
	bool head; /* "[section]" */
	bool gone;
	char *instead; /* owned; lines that take its place or follow it; NULL: none */
};

struct doc {
	struct line *list;
	size_t n, cap;
};

static char *key_of(const char *s)
{
	size_t n = strcspn(s, "=:");

	if (!s[n] || *s == '#' || *s == ';')
		return NULL;
	while (n > 0 && isblank((unsigned char)s[n - 1]))
		n--;
	return n ? xstrndup(s, n) : NULL;
}

static char *section_of(const char *s)
{
	const char *end = strchr(s, ']');

	return *s == '[' && end ? xstrndup(s + 1, (size_t)(end - s) - 1) : NULL;
}

static void add_line(struct doc *d, const char *text, size_t len)
{
	struct line *before = d->n ? &d->list[d->n - 1] : NULL;
	struct line l = {.text = xstrndup(text, len)};
	char *section = section_of(l.text);

	l.head = section != NULL;
	if (!section)
		section = xstrdup(before ? before->section : "");
	if (!l.head && isblank((unsigned char)*l.text) && l.text[strspn(l.text, " \t")])
		l.key = xstrdup(before ? before->key : NULL);
	else if (!l.head)
		l.key = key_of(l.text);
	l.section = section;
	GROW(d->list, d->n, d->cap);
	d->list[d->n++] = l;
}

static void read_lines(struct doc *d, const char *text)
{
	while (text && *text) {
		size_t len = strcspn(text, "\n");

		add_line(d, text, len);
		text += len + (text[len] == '\n');
	}
}

static char *value_lines(const struct ini_setting *s)
{
	char *out = xstrdup("");

	for (const char *const *v = s->values; *v; v++) {
		char *more = xasprintf("%s%s = %s\n", out, s->key, *v);

		free(out);
		out = more;
	}
	return out;
}

static void append_instead(struct line *l, const char *text)
{
	char *more = xasprintf("%s%s", l->instead ? l->instead : "", text);

	free(l->instead);
	l->instead = more;
}

/* The last line of the section that says something; NULL: there is no such section. */
static struct line *end_of(struct doc *d, const char *section)
{
	struct line *end = NULL;

	for (size_t i = 0; i < d->n; i++) {
		struct line *l = &d->list[i];

		if (strcasecmp(l->section, section) != 0)
			continue;
		if (end && l->head)
			break;
		if (l->head || l->text[strspn(l->text, " \t")])
			end = l;
	}
	return end;
}

static void apply(struct doc *d, const struct ini_setting *s)
{
	_cleanup_free_ char *values = value_lines(s);
	_cleanup_free_ char *head = NULL;
	struct line *end;
	bool placed = false;

	for (size_t i = 0; i < d->n; i++) {
		struct line *l = &d->list[i];

		if (!l->key || strcasecmp(l->key, s->key) != 0 ||
			strcasecmp(l->section, s->section) != 0)
			continue;
		l->gone = true;
		if (!placed)
			append_instead(l, values);
		placed = true;
	}
	if (placed || !*values)
		return;
	end = end_of(d, s->section);
	if (!end) {
		head = xasprintf("[%s]", s->section);
		if (d->n && *d->list[d->n - 1].text)
			add_line(d, "", 0);
		add_line(d, head, strlen(head));
		end = &d->list[d->n - 1];
	}
	append_instead(end, values);
}

static char *write_lines(const struct doc *d)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		abort();
	for (size_t i = 0; i < d->n; i++) {
		const struct line *l = &d->list[i];

		if (!l->gone)
			fprintf(out, "%s\n", l->text);
		if (l->instead)
			fputs(l->instead, out);
	}
	if (fclose(out) != 0)
		abort();
	return text;
}

static void doc_clear(struct doc *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->list[i].text);
		free(d->list[i].section);
		free(d->list[i].key);
		free(d->list[i].instead);
	}
	free(d->list);
}

char *inimerge(const char *text, const struct ini_setting *settings, size_t n)
{
	_cleanup_(doc_clear) struct doc d = {0};

	read_lines(&d, text);
	for (size_t i = 0; i < n; i++)
		apply(&d, &settings[i]);
	return write_lines(&d);
}
