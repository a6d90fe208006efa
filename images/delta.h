/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image from the server into a sink, of which only those blocks are fetched that an older
 * image on this node does not have: what is the same in both is copied. Blocks; memory is that
 * of the list of blocks (blocks.h: 4 bytes and 16 a block, 10 MB for an image of 2 GB).
 */
#pragma once

#include "images/fetch.h"

struct delta {
	struct fetch image; /* the whole; its sha256 is not looked at, size_bytes is */
	const char *blocks_url; /* of the list; borrowed, as all here */
	const char *blocks_sha256, *raw_sha256;
	int source; /* the older image: an open slot, or a file */
	uint64_t source_bytes; /* how long it is, at most IMAGE_MAX_RAW_BYTES */
	int target; /* where the sink writes, to be read back */
	/* set: bytes that came over the network; raw bytes that were copied */
	uint64_t fetched_bytes, copied_bytes;
};

/*
 * 0: the target has the image, read back whole and of the right digest. -EBADMSG: the list or
 * what came of it is not the image; -errno. Both with *reterr_msg. on_progress counts raw bytes.
 */
int delta_image(struct delta *d, char **reterr_msg);
