/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of text out of a serial console's stream: escape sequences left out, and where a
 * firmware moves its cursor to another place a line ends too. And which of them an
 * operator should know of. Pure.
 */
#pragma once

#include "common/util.h"

#define CONLINES_MAX 1024

struct conlines {
	char *line; /* owned; NULL: a line has not begun, and each node has one of these */
	size_t len;
	unsigned escape;
};

/* Zeroed is a new stream. Calls fn for each line, without its end; empty ones too. */
void conlines_feed(struct conlines *l, const char *text, size_t len,
	void (*fn)(const char *line, void *userdata), void *userdata);
/* What stands in the unfinished line; nothing is owned any more. */
void conlines_end(
	struct conlines *l, void (*fn)(const char *line, void *userdata), void *userdata);
void conlines_clear(struct conlines *l); /* without telling it */

/* The event type of a line that means trouble ("console.panic"); NULL: it is none. */
const char *conlines_trouble(const char *line);
