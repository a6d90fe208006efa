/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs as results: what was proved, when, in words; and whether together they make a
 * node ready. Pure. prover.h finds them out.
 */
#pragma once

#include <jansson.h>

#include "common/util.h"

/* ondold takes no longer texts, in proofs and in events. */
#define SAID_MAX 2000

struct proof {
	char *name, *text; /* owned */
	bool ok;
	uint64_t time_ms; /* since 1970 */
};

struct proofs {
	struct proof *list; /* owned, in the order they were first put */
	size_t n, cap;
};

/* Sets the proof of that name. True when ok or text are other than before. */
bool proofs_put(
	struct proofs *p, const char *name, bool ok, const char *text, uint64_t time_ms);
/* Those of from that are named in names (NULL-terminated). */
void proofs_put_all(struct proofs *p, const struct proofs *from, char *const *names);
const struct proof *proofs_get(const struct proofs *p, const char *name);
/* Takes away those that are not in needed (NULL-terminated) nor "extra" (may be NULL). */
void proofs_keep(struct proofs *p, char *const *needed, const char *extra);
/* Is every needed one there and good? False for an empty or NULL list too. */
bool proofs_all_ok(const struct proofs *p, char *const *needed);
json_t *proofs_to_json(const struct proofs *p); /* new reference to an array */
void proofs_clear(struct proofs *p);
/* The text as it may be sent: printable, at most SAID_MAX bytes; caller frees. */
char *said(const char *text);
