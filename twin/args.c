/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/args.h"

#include <stdarg.h>

static void take(struct args *a, char *word)
{
	if (a->n + 1 >= a->cap) {
		a->cap = a->cap ? a->cap * 2 : 32;
		a->v = xrealloc(a->v, a->cap, sizeof(*a->v));
	}
	a->v[a->n++] = word;
	a->v[a->n] = NULL;
}

static char *_printf_(1, 0) format(const char *fmt, va_list ap)
{
	return xvasprintf(fmt, ap);
}

void args_add(struct args *a, const char *word)
{
	take(a, xstrdup(word));
}

void args_addf(struct args *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	take(a, format(fmt, ap));
	va_end(ap);
}

void args_opt(struct args *a, const char *option, const char *fmt, ...)
{
	va_list ap;

	args_add(a, option);
	va_start(ap, fmt);
	take(a, format(fmt, ap));
	va_end(ap);
}

void args_clear(struct args *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->v[i]);
	free(a->v);
	*a = (struct args){0};
}

const char *const *args_argv(const struct args *a)
{
	return (const char *const *)a->v;
}
