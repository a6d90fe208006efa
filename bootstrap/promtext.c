/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/promtext.h"

#include <inttypes.h>

struct prom {
	FILE *f; /* owned; writes to text */
	char *text; /* owned */
	size_t len;
	const char *name; /* borrowed: of the family begun last */
};

struct prom *prom_new(void)
{
	struct prom *p = xcalloc(1, sizeof(*p));

	p->f = open_memstream(&p->text, &p->len);
	if (!p->f)
		abort(); /* no memory */
	return p;
}

char *prom_end(struct prom *p)
{
	char *text;

	if (fclose(p->f) != 0)
		abort(); /* no memory */
	text = p->text;
	free(p);
	return text;
}

void prom_family(struct prom *p, const char *name, enum prom_type type, const char *help)
{
	static const char *const types[] = {[PROM_COUNTER] = "counter",
		[PROM_GAUGE] = "gauge",
		[PROM_HISTOGRAM] = "histogram"};

	p->name = name;
	fprintf(p->f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

static void put_value_of_label(FILE *f, const char *s)
{
	for (size_t i = 0; i < PROM_MAX_LABEL && s[i]; i++) {
		if (s[i] == '\n')
			fputs("\\n", f);
		else if (s[i] == '"' || s[i] == '\\')
			fprintf(f, "\\%c", s[i]);
		else
			fputc(s[i] >= ' ' && s[i] <= '~' ? s[i] : '?', f);
	}
}

static void put_labels(FILE *f, va_list ap)
{
	const char *name, *before = "{";

	while ((name = va_arg(ap, const char *))) {
		fprintf(f, "%s%s=\"", before, name);
		put_value_of_label(f, va_arg(ap, const char *));
		fputc('"', f);
		before = ",";
	}
	if (*before == ',')
		fputc('}', f);
}

/* Without zeros at the end: bounds of histograms are compared as text. */
static void put_milli(FILE *f, uint64_t value)
{
	unsigned part = (unsigned)(value % 1000);
	int digits = 3;

	fprintf(f, "%" PRIu64, value / 1000);
	if (!part)
		return;
	for (; part % 10 == 0; part /= 10)
		digits--;
	fprintf(f, ".%0*u", digits, part);
}

void prom_add(struct prom *p, uint64_t value, ...)
{
	va_list ap;

	fputs(p->name, p->f);
	va_start(ap, value);
	put_labels(p->f, ap);
	va_end(ap);
	fprintf(p->f, " %" PRIu64 "\n", value);
}

void prom_add_milli(struct prom *p, uint64_t value, ...)
{
	va_list ap;

	fputs(p->name, p->f);
	va_start(ap, value);
	put_labels(p->f, ap);
	va_end(ap);
	fputc(' ', p->f);
	put_milli(p->f, value);
	fputc('\n', p->f);
}

void prom_add_histogram(struct prom *p, const unsigned bounds_ms[], size_t n,
	const uint64_t counts[], uint64_t sum_ms)
{
	uint64_t count = 0;

	for (size_t i = 0; i < n; i++) {
		count += counts[i];
		fprintf(p->f, "%s_bucket{le=\"", p->name);
		put_milli(p->f, bounds_ms[i]);
		fprintf(p->f, "\"} %" PRIu64 "\n", count);
	}
	count += counts[n];
	fprintf(p->f, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum ", p->name, count,
		p->name);
	put_milli(p->f, sum_ms);
	fprintf(p->f, "\n%s_count %" PRIu64 "\n", p->name, count);
}
