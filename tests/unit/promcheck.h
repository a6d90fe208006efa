/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict reader of Prometheus' text format 0.0.4, stricter than Prometheus itself: each
 * family has HELP, then TYPE, then its samples in one block; names keep the conventions; no
 * series twice; a histogram adds up.
 */
#pragma once

#include <ctype.h>

#include "tests/unit/harness.h"

struct promcheck {
	char wrong[400]; /* "": nothing so far */
	char families[64][80];
	size_t n_families, n_samples;
	char type[16]; /* of the family begun last */
	char help[80]; /* HELP was said of this one, and TYPE is to follow; "": none */
	char **series; /* owned: names with labels */
	size_t n_series, cap_series;
	double bucket, sum_count, last_le;
	bool has_inf;
};

static void _printf_(2, 3) promcheck_fail(struct promcheck *c, const char *fmt, ...)
{
	va_list ap;

	if (*c->wrong)
		return;
	va_start(ap, fmt);
	vsnprintf(c->wrong, sizeof(c->wrong), fmt, ap);
	va_end(ap);
}

static size_t promcheck_name(const char *s, bool colon)
{
	size_t n = 0;

	if (!isalpha((unsigned char)s[0]) && s[0] != '_')
		return 0;
	while (isalnum((unsigned char)s[n]) || s[n] == '_' || (colon && s[n] == ':'))
		n++;
	return n;
}

static const char *promcheck_family(const struct promcheck *c)
{
	return c->n_families ? c->families[c->n_families - 1] : "";
}

static void promcheck_end_family(struct promcheck *c)
{
	if (streq(c->type, "histogram") && (!c->has_inf || c->bucket != c->sum_count))
		promcheck_fail(c, "%s does not add up", promcheck_family(c));
	c->bucket = c->sum_count = c->last_le = 0;
	c->has_inf = false;
	*c->type = 0;
}

static void promcheck_help(struct promcheck *c, const char *s)
{
	size_t n = promcheck_name(s, true);

	promcheck_end_family(c);
	if (!n || n >= sizeof(c->help) || s[n] != ' ' || !s[n + 1])
		promcheck_fail(c, "HELP: %s", s);
	else if (*c->help)
		promcheck_fail(c, "HELP of %s has no TYPE", c->help);
	else if (c->n_families == ARRAY_SIZE(c->families))
		promcheck_fail(c, "more families than the check holds");
	for (size_t i = 0; i < c->n_families; i++)
		if (strlen(c->families[i]) == n && memcmp(c->families[i], s, n) == 0)
			promcheck_fail(c, "%s is there twice", c->families[i]);
	for (const char *p = s; *p; p++) /* of escapes only \\ and \n are known */
		if (*p == '\\' && *++p != '\\' && *p != 'n')
			promcheck_fail(c, "HELP: an escape that is none: %s", s);
	if (!*c->wrong)
		snprintf(c->help, sizeof(c->help), "%.*s", (int)n, s);
}

static void promcheck_type(struct promcheck *c, const char *s)
{
	size_t n = strlen(c->help);
	bool total;

	if (!n || strncmp(s, c->help, n) != 0 || s[n] != ' ') {
		promcheck_fail(c, "TYPE without its HELP: %s", s);
		return;
	}
	if (!streq(s + n + 1, "counter") && !streq(s + n + 1, "gauge") &&
		!streq(s + n + 1, "histogram"))
		promcheck_fail(c, "TYPE: %s", s);
	total = n > 6 && streq(c->help + n - 6, "_total");
	if (total != streq(s + n + 1, "counter"))
		promcheck_fail(c, "%s is a %s", c->help, s + n + 1);
	snprintf(c->type, sizeof(c->type), "%s", s + n + 1);
	strcpy(c->families[c->n_families++], c->help);
	*c->help = 0;
}

/* What follows the family's name in a sample's. */
static bool promcheck_is_suffix(const struct promcheck *c, const char *s, size_t n)
{
	static const char *const suffixes[] = {"_bucket", "_sum", "_count"};

	if (!streq(c->type, "histogram"))
		return n == 0;
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (strlen(suffixes[i]) == n && memcmp(suffixes[i], s, n) == 0)
			return true;
	return false;
}

/* From "{" to behind "}"; le: where the value of that label goes. NULL: wrong. */
static const char *promcheck_labels(
	struct promcheck *c, const char *s, char le[static 32])
{
	do {
		size_t n = promcheck_name(++s, false), len = 0;
		bool is_le = n == 2 && memcmp(s, "le", 2) == 0;

		if (!n || s[n] != '=' || s[n + 1] != '"') {
			promcheck_fail(c, "a label: %.60s", s);
			return NULL;
		}
		for (s += n + 2; *s != '"'; s++) {
			if (*s == '\\' && *++s != '\\' && *s != '"' && *s != 'n') {
				promcheck_fail(c, "an escape that is none: %.60s", s);
				return NULL;
			}
			if (!*s) {
				promcheck_fail(c, "a label's value does not end");
				return NULL;
			}
			if (is_le && len < 31)
				le[len++] = *s;
		}
		if (is_le)
			le[len] = 0;
		s++;
	} while (*s == ',');
	if (*s++ != '}') {
		promcheck_fail(c, "labels without end: %.60s", s - 1);
		return NULL;
	}
	return s;
}

static void promcheck_keep(struct promcheck *c, const char *line, size_t len)
{
	GROW(c->series, c->n_series, c->cap_series);
	c->series[c->n_series++] = xstrndup(line, len);
}

static int promcheck_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void promcheck_no_twins(struct promcheck *c)
{
	if (c->n_series)
		qsort(c->series, c->n_series, sizeof(*c->series), promcheck_compare);
	for (size_t i = 1; i < c->n_series; i++)
		if (streq(c->series[i - 1], c->series[i]))
			promcheck_fail(c, "twice: %s", c->series[i]);
}

static void promcheck_bucket(
	struct promcheck *c, const char *suffix, const char *le, double value)
{
	if (str_startswith(suffix, "_bucket")) {
		double bound = streq(le, "+Inf") ? 1e300 : strtod(le, NULL);

		if (!*le || bound <= c->last_le || value < c->bucket)
			promcheck_fail(c, "buckets out of order at le=%s", le);
		c->last_le = bound;
		c->bucket = value;
		c->has_inf |= streq(le, "+Inf");
	} else if (str_startswith(suffix, "_count")) {
		c->sum_count = value;
	}
}

static void promcheck_sample(struct promcheck *c, const char *line)
{
	const char *family = promcheck_family(c), *s;
	size_t n = promcheck_name(line, true), len = strlen(family);
	char le[32] = "", *end;
	double value;

	if (!n || !*c->type || *c->help || n < len || strncmp(line, family, len) != 0 ||
		!promcheck_is_suffix(c, line + len, n - len)) {
		promcheck_fail(c, "a sample outside its family: %.80s", line);
		return;
	}
	s = line + n;
	if (*s == '{')
		s = promcheck_labels(c, s, le);
	if (!s)
		return;
	promcheck_keep(c, line, (size_t)(s - line));
	value = strtod(s, &end);
	if (*s != ' ' || !isdigit((unsigned char)s[1]) || *end)
		promcheck_fail(c, "a value: %.80s", line);
	if (streq(c->type, "histogram"))
		promcheck_bucket(c, line + len, le, value);
	c->n_samples++;
}

/* What is wrong, for assert_string_equal(..., ""); the caller frees. *ret_samples may be NULL. */
static inline char *promcheck(const char *text, size_t *ret_samples)
{
	struct promcheck c = {0};
	char *copy = xstrdup(text), *rest = copy, *line;

	if (*text && text[strlen(text) - 1] != '\n')
		promcheck_fail(&c, "the last line does not end");
	while ((line = strsep(&rest, "\n")) && (rest || *line) && !*c.wrong) {
		if (str_startswith(line, "# HELP "))
			promcheck_help(&c, line + 7);
		else if (str_startswith(line, "# TYPE "))
			promcheck_type(&c, line + 7);
		else
			promcheck_sample(&c, line);
	}
	promcheck_end_family(&c);
	if (*c.help)
		promcheck_fail(&c, "HELP of %s has no TYPE", c.help);
	if (ret_samples)
		*ret_samples = c.n_samples;
	promcheck_no_twins(&c);
	for (size_t i = 0; i < c.n_series; i++)
		free(c.series[i]);
	free(c.series);
	free(copy);
	return xstrdup(c.wrong);
}

static inline void assert_prom_good(const char *text)
{
	_cleanup_free_ char *wrong = promcheck(text, NULL);

	if (*wrong)
		fail_msg("%s", wrong);
}
