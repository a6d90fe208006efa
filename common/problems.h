/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of what is wrong with a file, so that every error is told at once. Printed as
 *     rack.ini:12: [network storage] vlan: expected 1 to 4094, found "5000"
 */
#pragma once

#include "common/util.h"

struct problem {
	char *file; /* owned */
	unsigned line; /* 1-based; 0: the file as a whole */
	char *section; /* owned, NULL: none */
	char *key; /* owned, NULL: none */
	char *text; /* owned */
};

struct problems {
	struct problem *list; /* owned, in file order after problems_sort() */
	size_t n, cap;
};

void problems_clear(struct problems *p);
void problems_add(struct problems *p, const char *file, unsigned line,
	const char *section, const char *key, const char *fmt, ...) _printf_(6, 7);
void problems_sort(struct problems *p);
char *problem_format(const struct problem *p); /* one line, no newline; caller frees */
void problems_print(const struct problems *p, FILE *out);
