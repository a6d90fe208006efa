/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image from the server into a slot, of which only those blocks are fetched that an older
 * image on this node does not have: what is the same in both is copied. Blocks; memory is that
 * of the list of blocks (blocks.h: 4 bytes and 16 a block, 10 MB for an image of 2 GB). Where it
 * is sent by multicast (cast.h), what comes that way is not fetched.
 */
#pragma once

#include "images/fetch.h"
#include "images/slot.h"

struct delta {
	/* the whole image; its sink is set here */
	struct fetch image;
	/* its list of blocks, and what they make; borrowed, as all here. NULL: it has none */
	const char *blocks_url, *blocks_sha256, *raw_sha256;
	int source; /* an older image: an open slot, or a file; -1: none is to be had */
	uint64_t
		source_bytes; /* how long it is (slot_image_bytes); 0: none is to be had */
	uint32_t cast_group,
		cast_address; /* host order: castreceive.h; 0: no multicast */
	uint16_t cast_port;
	/* with image.userdata: it listens; and, what came is said below, it does not any more */
	void (*on_listen)(void *userdata);
	void (*on_listened)(void *userdata);
	/* set: bytes that were fetched; raw bytes that were copied */
	uint64_t fetched_bytes, copied_bytes;
	/* set: frames that came by multicast, of so many; datagrams that came, that were lost */
	uint64_t cast_frames, frames, cast_come, cast_lost;
};

/*
 * The image into a slot, and onto the device: the difference to the older one, or the whole,
 * where there is none or its difference did not make the image. 0: the slot has it, its digest is
 * right. -EBADMSG: what came is not the image; -errno. Both with *reterr_msg. on_progress counts
 * bytes of either kind.
 */
int delta_write(struct delta *d, struct slot *slot, char **reterr_msg);
