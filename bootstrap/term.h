/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the command line needs to know of its terminal: is it one, how wide, may it have
 * colours, does it show UTF-8. Text that came from elsewhere passes term_clean() before
 * it is shown, so that no node can send escape sequences to an operator's terminal.
 */
#pragma once

#include "common/util.h"

enum term_style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_WARN, STYLE_BAD };

struct term {
	FILE *out; /* borrowed */
	bool tty;
	bool color; /* a terminal that is not dumb, and no $NO_COLOR */
	bool utf8;
};

/* Sets the process's LC_CTYPE: from the environment, else C.UTF-8. Once, first in main(). */
void term_setup(bool *ret_utf8);
void term_open(struct term *t, FILE *out, bool utf8);
/* Of the terminal at this moment; elsewhere 0: unbounded. */
unsigned term_columns(const struct term *t);
unsigned term_rows(const struct term *t);

/* The sequences around a styled text, "" without colours; static strings. */
const char *style_on(enum term_style style, bool color);
const char *style_off(enum term_style style, bool color);

/* Columns that s takes; colour sequences take none, a byte that is not UTF-8 takes one. */
unsigned text_width(const char *s);
/* Control bytes and what is not UTF-8 become \xNN; without utf8 all beyond ASCII does. */
char *text_clean(const char *s, bool utf8); /* caller frees */
/* Is it shown as it is, so that people can type it again? */
bool text_is_clean(const char *s, bool utf8);
/* The longest beginning of s (clean, without colours) that takes at most width columns,
 * and how many bytes that is. */
size_t text_fit(const char *s, unsigned width);
/* s cut to width columns, with an ellipsis where something was cut; caller frees. */
char *text_clip(const char *s, unsigned width, bool utf8);
/* Appends s and blanks up to width columns. right: the blanks come first. */
void text_pad(FILE *f, const char *s, unsigned width, bool right);

/* Are standard input and standard error terminals, so that a question can be asked? */
bool term_can_ask(void);
/* Asks on standard error, reads a line; *ret without newline; -ENODATA at its end. */
int term_ask(const char *question, char **ret);
