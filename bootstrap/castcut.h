/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image file as the datagrams of a multicast (images/cast.h), and how fast they may go. Reads
 * the file a frame at a time; knows neither time nor network.
 */
#pragma once

#include "images/cast.h"
#include "images/manifest.h"

/* What is sent: one frame after the other, from anywhere, and from the beginning after the last. */
struct cast_cut {
	int fd; /* owned: the compressed image */
	struct blocks *list; /* owned */
	uint8_t id[CAST_ID_BYTES];
	uint32_t number, frame;
	size_t at, len; /* in the frame; len 0: it has not been read yet */
	uint8_t *packed; /* owned: the frame */
};

/* From the files of an image that has a list. 0 or -errno, -EBADMSG for a list that is none. */
int cast_cut_open(const struct image_manifest *m, struct cast_cut *ret);
void cast_cut_clear(struct cast_cut *c);
/*
 * The next datagram; *ret_ends: it is the last of its frame. Bytes, or -errno: the image file is
 * not what it was.
 */
int cast_cut_next(struct cast_cut *c, uint8_t buf[static CAST_MAX], bool *ret_ends);

#define CAST_PACE_MIN 1000000 /* bytes a second */

struct cast_ear { /* what one listener has told */
	uint64_t come, lost;
};
/*
 * Bytes a second from now on: half of them when more than half of those who were heard lose more
 * than a twentieth, fewer when it is more than one in 500 (a frame is some fifty datagrams, and
 * lost with any of them), else a little more, to max. As many while nobody was heard.
 */
uint64_t cast_pace(uint64_t now, uint64_t max, const struct cast_ear *ears, size_t n);
