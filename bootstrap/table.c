/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells are kept as given and measured when rendered: the same table goes to a terminal
 * with colours and to a file without. Rendering is pure, so that tests see every byte.
 */
#include "bootstrap/table.h"

#include <stdarg.h>

#define GAP 2 /* blanks between columns */
#define MIN_LAST 20 /* a last column narrower than this is not broken further */

struct cell {
	char *text; /* owned */
	enum term_style style;
};

struct table {
	const char *const *headings; /* borrowed */
	size_t n_columns;
	bool *right; /* owned, n_columns */
	struct cell *cells; /* owned, row by row */
	size_t n, cap;
};

struct layout {
	unsigned *widths; /* owned, n_columns */
	bool color, utf8;
};

struct table *table_new(const char *const *headings)
{
	struct table *t = xcalloc(1, sizeof(*t));

	t->headings = headings;
	while (headings[t->n_columns])
		t->n_columns++;
	t->right = xcalloc(t->n_columns, sizeof(*t->right));
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t->right);
	free(t);
}

void table_freep(struct table **t)
{
	table_free(*t);
}

void table_right(struct table *t, size_t column)
{
	t->right[column] = true;
}

void table_add(struct table *t, enum term_style style, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	GROW(t->cells, t->n, t->cap);
	t->cells[t->n++] = (struct cell){.text = text, .style = style};
}

static void measure(const struct table *t, unsigned width, struct layout *l)
{
	size_t last = t->n_columns - 1;
	unsigned before = 0;

	for (size_t c = 0; c < t->n_columns; c++)
		l->widths[c] = text_width(t->headings[c]);
	for (size_t i = 0; i < t->n; i++) {
		_cleanup_free_ char *clean = text_clean(t->cells[i].text, l->utf8);
		unsigned w = text_width(clean);

		l->widths[i % t->n_columns] = MAX(l->widths[i % t->n_columns], w);
	}
	for (size_t c = 0; c < last; c++)
		before += l->widths[c] + GAP;
	if (width > 0 && before + l->widths[last] > width)
		l->widths[last] = width > before + MIN_LAST ? width - before : MIN_LAST;
}

/* How much of s makes one line of width columns: up to a blank where there is one. */
static size_t line_break(const char *s, unsigned width)
{
	size_t fit = text_fit(s, width), at = fit;

	if (s[fit] == '\0' || s[fit] == ' ')
		return fit;
	while (at > 0 && s[at - 1] != ' ')
		at--;
	return at > 0 ? at : MAX(fit, (size_t)1);
}

static void put_styled(FILE *f, const char *text, enum term_style style, bool color)
{
	if (*text)
		fprintf(f, "%s%s%s", style_on(style, color), text,
			style_off(style, color));
}

/* The last cell of a row: broken into lines, each below the first. */
static void put_last(FILE *f, const char *text, unsigned indent, unsigned width,
	enum term_style style, const struct layout *l)
{
	do {
		size_t n = line_break(text, width), shown = n;
		_cleanup_free_ char *line = NULL;

		while (shown > 0 && text[shown - 1] == ' ')
			shown--;
		line = xstrndup(text, shown);
		put_styled(f, line, style, l->color);
		text += n;
		text += strspn(text, " ");
		if (*text)
			fprintf(f, "\n%*s", (int)indent, "");
	} while (*text);
	fputc('\n', f);
}

/* blanks: those that are due before the next text, so that none end a line. */
static void put_cell(FILE *f, const char *text, unsigned width, bool right,
	enum term_style style, const struct layout *l, unsigned *blanks)
{
	unsigned have = text_width(text), fill = width > have ? width - have : 0;

	if (right)
		*blanks += fill;
	if (*text) {
		fprintf(f, "%*s", (int)*blanks, "");
		*blanks = 0;
	}
	put_styled(f, text, style, l->color);
	*blanks += (right ? 0 : fill) + GAP;
}

static void put_row(
	FILE *f, const struct table *t, const struct cell *row, const struct layout *l)
{
	unsigned indent = 0, blanks = 0;

	for (size_t c = 0; c < t->n_columns; c++) {
		_cleanup_free_ char *text = text_clean(row[c].text, l->utf8);

		if (c == t->n_columns - 1 && !t->right[c] && *text) {
			fprintf(f, "%*s", (int)blanks, "");
			put_last(f, text, indent, l->widths[c], row[c].style, l);
			return;
		}
		put_cell(f, text, l->widths[c], t->right[c], row[c].style, l, &blanks);
		indent += l->widths[c] + GAP;
	}
	fputc('\n', f);
}

static void put_headings(FILE *f, const struct table *t, const struct layout *l)
{
	struct cell *row = xcalloc(t->n_columns, sizeof(*row));

	for (size_t c = 0; c < t->n_columns; c++)
		row[c] = (struct cell){
			.text = (char *)t->headings[c], .style = STYLE_BOLD};
	put_row(f, t, row, l);
	free(row);
}

/* A last row with cells missing is shown with empty ones. */
static void put_short_row(
	FILE *f, const struct table *t, size_t first, const struct layout *l)
{
	struct cell *row = xcalloc(t->n_columns, sizeof(*row));

	for (size_t c = 0; c < t->n_columns; c++)
		row[c] = first + c < t->n ? t->cells[first + c]
					  : (struct cell){.text = (char *)""};
	put_row(f, t, row, l);
	free(row);
}

char *table_render(const struct table *t, unsigned width, bool color, bool utf8)
{
	struct layout l = {.color = color, .utf8 = utf8};
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	if (!f)
		abort();
	l.widths = xcalloc(t->n_columns, sizeof(*l.widths));
	measure(t, width, &l);
	put_headings(f, t, &l);
	for (size_t i = 0; i < t->n; i += t->n_columns) {
		if (i + t->n_columns <= t->n)
			put_row(f, t, &t->cells[i], &l);
		else
			put_short_row(f, t, i, &l);
	}
	free(l.widths);
	if (fclose(f) != 0)
		abort();
	return out;
}

void table_print(const struct table *t, const struct term *term)
{
	_cleanup_free_ char *text =
		table_render(t, term_columns(term), term->color, term->utf8);

	fputs(text, term->out);
}
