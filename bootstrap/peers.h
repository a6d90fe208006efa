/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "peers" of a desired state (docs/protocol.md) is the same list for every node of a rack,
 * and as long as the rack: it is made once, held once, and written as JSON once.
 */
#pragma once

#include <jansson.h>

#include "common/rack.h"

struct peers {
	unsigned refs;
	char *text; /* owned: the list as JSON */
	size_t len;
	char digest[65]; /* SHA-256 of the text */
	void *packed; /* owned: see peers_pack_text(); NULL: not yet, or never */
	size_t packed_len;
};

struct peers *peers_new(const struct rack *r); /* one reference */
struct peers *peers_ref(struct peers *p);
void peers_unref(struct peers *p); /* NULL is fine */
/* The list as a zstd frame, made once. False: it is too short to be worth it. */
bool peers_pack_text(struct peers *p);
/*
 * Any text as a zstd frame of its own, to go before or behind the list's: several frames one
 * behind the other are one stream (RFC 8878, 3). Caller frees.
 */
void *peers_frame(const char *text, size_t *ret_len);

/*
 * A desired state is kept without the list, with its digest as "peers_sha256". One that an
 * older ondold kept has the list itself: it is made like the others. In place.
 */
void peers_pack(const struct peers *p, json_t *desired);
/* Was it kept with this list? */
bool peers_are_of(const struct peers *p, const json_t *kept);
/* Takes the digest out: it is for nobody else. In place. */
void peers_forget(json_t *desired);
