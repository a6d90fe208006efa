/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line holds the node, its role, its state, then either a bar with bytes and speed or
 * the step in words, and at the right the time it has taken. When the terminal is narrow,
 * the middle shrinks first: bar, speed, words; the node and its state are what is read.
 *
 * Lines never reach the terminal's last column, so that none wraps by itself.
 */
#include "bootstrap/progress.h"

#define RATE_WINDOW_MS 5000
#define BAR_MIN 10
#define BAR_MAX 30

void progress_rate_feed(struct progress_rate *r, uint64_t done, uint64_t now_ms)
{
	if (r->last_ms == 0 || done < r->last_done) {
		*r = (struct progress_rate){.first_ms = now_ms,
			.first_done = done,
			.last_ms = now_ms,
			.last_done = done};
		return;
	}
	if (now_ms > r->first_ms && done > r->first_done)
		r->bytes_per_s = (double)(done - r->first_done) * 1000 /
			(double)(now_ms - r->first_ms);
	if (now_ms - r->first_ms > RATE_WINDOW_MS) {
		r->first_ms = r->last_ms;
		r->first_done = r->last_done;
	}
	r->last_ms = now_ms;
	r->last_done = done;
}

void progress_widen(struct progress_widths *w, const struct progress_row *row)
{
	w->name = MAX(w->name, text_width(row->name));
	w->role = MAX(w->role, text_width(row->role));
	w->state = MAX(w->state, text_width(row->state));
}

static uint64_t fraction(uint64_t done, uint64_t total, uint64_t of)
{
	if (total == 0)
		return 0;
	if (done >= total)
		return of;
	return (uint64_t)((double)done / (double)total * (double)of);
}

unsigned progress_percent(uint64_t done, uint64_t total)
{
	return (unsigned)fraction(done, total, 100);
}

char *progress_bar(uint64_t done, uint64_t total, unsigned width)
{
	unsigned inner = MAX(width, 3U) - 2;
	unsigned full = (unsigned)fraction(done, total, inner);
	char *bar = xmalloc(inner + 3);

	bar[0] = '[';
	memset(bar + 1, '#', full);
	memset(bar + 1 + full, '.', inner - full);
	memcpy(bar + 1 + inner, "]", 2);
	return bar;
}

/* The numbers beside a bar, of a fixed width so that they do not dance. */
static char *numbers(const struct progress_row *row, bool with_rate)
{
	double done = (double)row->done / 1e6, total = (double)row->total / 1e6;
	unsigned percent = progress_percent(row->done, row->total);

	if (with_rate && row->bytes_per_s > 0)
		return xasprintf("%3u %%  %5.0f/%.0f MB  %5.1f MB/s", percent, done,
			total, row->bytes_per_s / 1e6);
	return xasprintf("%3u %%  %5.0f/%.0f MB", percent, done, total);
}

static char *bar_text(const struct progress_row *row, unsigned width)
{
	_cleanup_free_ char *full = numbers(row, true), *less = numbers(row, false),
			    *bar = NULL;
	const char *text = full;

	if (strlen(full) + 1 + BAR_MIN > width)
		text = less;
	if (strlen(text) + 1 + BAR_MIN > width)
		return xasprintf("%3u %%", progress_percent(row->done, row->total));
	bar = progress_bar(
		row->done, row->total, MIN(width - (unsigned)strlen(text) - 1, BAR_MAX));
	return xasprintf("%s %s", bar, text);
}

/* What stands between the state and the time. */
static char *middle_text(const struct progress_row *row, unsigned width, bool utf8)
{
	_cleanup_free_ char *text = NULL;

	if (row->total > 0)
		text = bar_text(row, width);
	else
		text = text_clean(row->step ? row->step : "", utf8);
	return text_clip(text, width, utf8);
}

#define TIME_WIDTH 7

#define DAY_MS (24 * 3600 * 1000)

/* Whole seconds, and never wider than TIME_WIDTH: "9s", "59m59s", "23h02m", "12d". */
static void format_elapsed(uint64_t ms, char buf[static 32])
{
	if (ms < 60000)
		snprintf(buf, 32, "%us", (unsigned)(ms / 1000));
	else if (ms < DAY_MS)
		format_duration(ms, buf);
	else
		snprintf(buf, 32, "%ud", (unsigned)MIN(ms / DAY_MS, UINT64_C(9999)));
}

char *progress_line(const struct progress_row *row, const struct progress_widths *w,
	unsigned width, bool color, bool utf8)
{
	unsigned left = w->name + 2 + w->role + 2 + w->state + 2;
	_cleanup_free_ char *middle = NULL;
	char time[32], *out = NULL;
	size_t len;
	FILE *f;

	if (width < left + 2 + TIME_WIDTH) { /* no room for columns: name and state */
		_cleanup_free_ char *brief = xasprintf("%s  %s", row->name, row->state);

		return text_clip(brief, width, utf8);
	}
	middle = middle_text(row, width - left - 2 - TIME_WIDTH, utf8);
	format_elapsed(row->elapsed_ms, time);
	f = open_memstream(&out, &len);
	if (!f)
		abort();
	text_pad(f, row->name, w->name + 2, false);
	text_pad(f, row->role, w->role + 2, false);
	fputs(style_on(row->style, color), f);
	text_pad(f, row->state, w->state, false);
	fprintf(f, "%s  ", style_off(row->style, color));
	text_pad(f, middle, width - left - 2 - TIME_WIDTH, false);
	fprintf(f, "  %*s", TIME_WIDTH, time);
	if (fclose(f) != 0)
		abort();
	return out;
}

/* How many rows of a terminal the lines on the screen take at its present width. */
static unsigned rows_taken(const struct live *l, unsigned columns)
{
	unsigned rows = 0;

	for (size_t i = 0; i < l->n; i++)
		rows += columns == 0 || l->widths[i] == 0
			? 1
			: (l->widths[i] + columns - 1) / columns;
	return rows;
}

static void put_erase(FILE *f, const struct live *l, unsigned columns)
{
	unsigned up = rows_taken(l, columns);

	fputc('\r', f);
	if (up > 0)
		fprintf(f, "\033[%uA", up);
	fputs("\033[J", f);
}

static void remember(struct live *l, size_t i, const char *line)
{
	l->widths[i] = text_width(line);
}

char *live_frame(
	struct live *l, char *const *lines, size_t n, unsigned columns, unsigned rows)
{
	size_t room = rows > 2 ? rows - 1 : 1, shown = n <= room ? n : room - 1;
	char *out = NULL, more[64];
	size_t len;
	FILE *f = open_memstream(&out, &len);

	if (!f)
		abort();
	put_erase(f, l, columns);
	l->widths = xrealloc(l->widths, shown + 1, sizeof(*l->widths));
	for (size_t i = 0; i < shown; i++) {
		fprintf(f, "%s\n", lines[i]);
		remember(l, i, lines[i]);
	}
	l->n = shown;
	if (shown < n) {
		snprintf(more, sizeof(more), "and %zu more", n - shown);
		fprintf(f, "%s\n", more);
		remember(l, l->n++, more);
	}
	if (fclose(f) != 0)
		abort();
	return out;
}

char *live_erase(struct live *l, unsigned columns)
{
	return live_frame(l, NULL, 0, columns, 24);
}

void live_clear(struct live *l)
{
	free(l->widths);
	*l = (struct live){0};
}
