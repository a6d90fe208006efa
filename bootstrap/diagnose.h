/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the events of a node's last run amount to: causes, each with its evidence and what
 * to do about it. Pure: events in, findings out; no clock, no I/O. The words that events
 * carry are those of their writers, which diagnose.c lists; a test holds the two together.
 */
#pragma once

#include "bootstrap/fsm.h"
#include "bootstrap/store.h"

#define DIAG_MAX_EVIDENCE 4
#define DIAG_MAX_FINDINGS 8

struct diag_evidence {
	int64_t id; /* of the event */
	uint64_t time_ms; /* since 1970 */
	char *type, *text; /* owned */
};

struct diag_finding {
	const char *cause; /* a word for programs: "bmc-password" */
	const char *title; /* a sentence */
	const char *todo; /* what to do, in order */
	bool is_note; /* explains something, but nothing is wrong because of it */
	/* borrowed from the diagnosis */
	const struct diag_evidence *evidence[DIAG_MAX_EVIDENCE];
	size_t n_evidence;
};

struct diagnosis;

struct diagnosis *diagnosis_new(void);
void diagnosis_free(struct diagnosis *d);
void diagnosis_freep(struct diagnosis **d);

/* The next event, oldest first, of the node or of the rack as a whole; nothing is kept of *ev. */
void diagnosis_feed(struct diagnosis *d, const struct store_event *ev);

/*
 * What follows for a node that is in this state since then; now_ms since 1970. The most
 * telling comes first. Returns how many were written to ret.
 */
size_t diagnosis_findings(const struct diagnosis *d, enum fsm_state state,
	uint64_t now_ms, struct diag_finding ret[static DIAG_MAX_FINDINGS]);
