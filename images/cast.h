/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image by multicast: its compressed frames (blocks.h), cut into datagrams that ondold sends
 * once for all nodes that listen. Nobody asks for a datagram again: a frame that did not come whole
 * is fetched by itself over HTTP, so no node waits for another. What comes is trusted as little as
 * anything from a network: it is checked against the list of blocks, and the whole by its digest.
 * The format: docs/protocol.md, "Multicast". Pure.
 */
#pragma once

#include "images/blocks.h"

#define CAST_HEAD 28 /* bytes before a datagram's data */
#define CAST_DATA \
	1400 /* at most; with the headers of UDP and IPv4 under an MTU of 1500 */
#define CAST_MAX (CAST_HEAD + CAST_DATA)
#define CAST_LISTENS "agent.listens" /* events of the agent: it does, and not any more */
#define CAST_LISTENED "agent.listened"
#define CAST_ID_BYTES 8 /* of the SHA-256 of the compressed image, the first ones */

struct cast_datagram {
	uint32_t
		number; /* counts all that were sent, so that who listens knows what was lost */
	uint32_t frame;
	uint32_t at; /* where in the frame its data belongs: a multiple of CAST_DATA */
	const uint8_t *data; /* borrowed from what was parsed */
	size_t len;
};

/* From 64 hex digits. -EINVAL */
int cast_id(const char *sha256, uint8_t ret[static CAST_ID_BYTES]);
void cast_put_head(uint8_t to[static CAST_HEAD], const uint8_t id[static CAST_ID_BYTES],
	const struct cast_datagram *d);
/* -EBADMSG: none of this image's. Whether it fits into a frame is for cast_frames_add. */
int cast_parse(const uint8_t *buf, size_t len, const uint8_t id[static CAST_ID_BYTES],
	struct cast_datagram *ret);

/* ---- putting frames together ---- */

#define CAST_FRAMES 4 /* that are being put together at one time: 2 MB */

struct cast_frames;

/* list is borrowed. */
struct cast_frames *cast_frames_new(const struct blocks *list);
void cast_frames_free(struct cast_frames *c); /* NULL is fine */
void cast_frames_freep(struct cast_frames **c);
/*
 * Takes the data of a datagram. True when its frame is whole now: *ret_packed is it, valid until
 * the next call. What contradicts the list, and what is there already, is left. A frame that
 * still lacks something gives way when so many newer ones have begun.
 */
bool cast_frames_add(struct cast_frames *c, const struct cast_datagram *d,
	const uint8_t **ret_packed, size_t *ret_len);
