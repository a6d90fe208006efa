/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listens to an image that is sent by multicast (cast.h), and hands over each frame that came
 * whole. Blocks; ends by itself when it is quiet.
 */
#pragma once

#include "images/cast.h"

#define CAST_FIRST_MS 20000 /* for the first datagram: the sender waits for others */
#define CAST_QUIET_MS 3000 /* so long without one, and it is over */
#define CAST_TELL_MS 500 /* between two on_time */
#define CAST_STALL_MS 10000 /* the same without a whole frame, whatever comes */

struct castreceive {
	uint32_t group; /* host order, as the next */
	uint32_t address; /* of the interface to listen on */
	uint16_t port;
	const char *sha256; /* of the compressed image; borrowed, as all here */
	const struct blocks *list;
	unsigned first_ms, quiet_ms; /* 0: as above */
	void (*on_listen)(void *userdata); /* now a sender may begin */
	/* Now and then while something comes: time to say what was lost. May be NULL. */
	void (*on_time)(void *userdata);
	/* Is it still lacking? Others are not put together. */
	bool (*wants)(void *userdata, uint32_t frame);
	/*
	 * A frame as it came. 0; -ECANCELED: nothing more is wanted; any other negative result ends
	 * it and is passed on. Not to be called again for a frame that it does not want any more.
	 */
	int (*take)(void *userdata, uint32_t frame, const uint8_t *packed, size_t len);
	void *userdata;
	/* kept: datagrams that came, and that did not come between the first and the last */
	uint64_t *come, *lost; /* borrowed */
};

/*
 * 0 when it ended, whatever came; a negative result of take; or, when there can be no listening,
 * -errno with *reterr_msg.
 */
int castreceive_run(struct castreceive *c, char **reterr_msg);
