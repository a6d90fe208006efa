/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image from the server into a sink, through any number of broken connections: the
 * stream goes on with the byte after the last one that came. Blocks.
 */
#pragma once

#include "common/http.h"
#include "images/stream.h"

struct fetch {
	const char *url; /* borrowed */
	/* of an https URL; borrowed. NULL: the digest is all that is trusted */
	const struct http_identity *identity;
	uint64_t size_bytes; /* compressed */
	uint64_t raw_bytes;
	const char *sha256; /* of the compressed bytes; borrowed */
	struct image_sink sink;
	/* Called as bytes come and, with the pause asked for, between attempts. May be NULL. */
	void (*on_progress)(void *userdata, uint64_t done, uint64_t total);
	void (*on_pause)(void *userdata, unsigned ms, const char *why);
	void *userdata;
};

#define FETCH_STALL_MS 15000 /* no byte for so long: the connection is taken for dead */
#define FETCH_FAILURES_MAX 12 /* in a row, without a byte between them: about 2 minutes */

/* 0: everything came, the digest matches. -errno or -EBADMSG (the image) with *reterr_msg. */
int fetch_image(const struct fetch *f, char **reterr_msg);
/* How long to wait before attempt n+1 after n failures in a row. Pure. */
unsigned fetch_pause_ms(unsigned failures);
