/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server says on its serial line, on its way into recordings, events and streams:
 * secrets masked, and made UTF-8 without NUL. Works on a stream that may be cut anywhere.
 * Pure.
 */
#pragma once

#include "common/util.h"

#define CONCLEAN_WORDS 4

struct conclean {
	unsigned matched[CONCLEAN_WORDS]; /* bytes of each word that were seen */
	unsigned masks; /* hexadecimal digits that are still to be hidden */
	unsigned escape; /* within an escape sequence */
	unsigned char held[4]; /* a character of which the rest has not come */
	unsigned n_held;
};

/* Zeroed is a new stream. Appends what is ready to *ret (owned by the caller). */
char *conclean_feed(struct conclean *c, const void *data, size_t len, size_t *ret_len);
