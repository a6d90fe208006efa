/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress of several nodes at once: a line each, redrawn in place. All of it is pure: what
 * to write is returned as text and the terminal's size is passed in.
 */
#pragma once

#include "bootstrap/term.h"

/* ---- how fast: the average over the last seconds ---- */

struct progress_rate {
	uint64_t first_ms, first_done; /* where the present measurement began */
	uint64_t last_ms, last_done;
	double bytes_per_s; /* 0: not known yet */
};

void progress_rate_feed(struct progress_rate *r, uint64_t done, uint64_t now_ms);

/* ---- one line ---- */

struct progress_row {
	const char *name, *role, *state, *step; /* borrowed */
	enum term_style style; /* of the state */
	uint64_t done, total; /* bytes; total 0: no bar */
	double bytes_per_s; /* 0: not shown */
	uint64_t elapsed_ms;
};

struct progress_widths { /* so that the lines of all nodes stand in columns */
	unsigned name, role, state;
};

void progress_widen(struct progress_widths *w, const struct progress_row *row);
/* "[#####.....]" of exactly width columns (at least 3); caller frees */
char *progress_bar(uint64_t done, uint64_t total, unsigned width);
unsigned progress_percent(uint64_t done, uint64_t total);
/* At most width columns, without newline; caller frees. */
char *progress_line(const struct progress_row *row, const struct progress_widths *w,
	unsigned width, bool color, bool utf8);

/* ---- lines redrawn in place ---- */

struct live {
	unsigned *widths; /* owned: columns of each line that is on the screen */
	size_t n;
};

/*
 * The bytes that replace what is on the screen by these lines. A terminal that became
 * narrower has wrapped the old lines: they are counted at the present width. Lines beyond
 * rows - 1 are left out, and the last one says how many. Caller frees.
 */
char *live_frame(
	struct live *l, char *const *lines, size_t n, unsigned columns, unsigned rows);
/* The bytes that remove what is on the screen; caller frees. */
char *live_erase(struct live *l, unsigned columns);
void live_clear(struct live *l);
