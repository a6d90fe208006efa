/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of text: columns as wide as their widest cell, counted in terminal columns. Where
 * the whole is wider than the terminal, the last column is broken at blanks.
 */
#pragma once

#include "bootstrap/term.h"

struct table;

/* headings: NULL-terminated, borrowed for the table's life */
struct table *table_new(const char *const *headings);
void table_free(struct table *t);
void table_freep(struct table **t);
void table_right(struct table *t, size_t column); /* numbers stand to the right */
/* The next cell, row by row; cleaned (text_clean) when it is shown. */
void table_add(struct table *t, enum term_style style, const char *fmt, ...)
	_printf_(3, 4);
/* width 0: unbounded. No blanks at line ends; a row cut short is filled up. Caller frees. */
char *table_render(const struct table *t, unsigned width, bool color, bool utf8);
void table_print(const struct table *t, const struct term *term);
