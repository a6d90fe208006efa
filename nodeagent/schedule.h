/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When noded converges, proves or carries out a task: one thing at a time. A pure state
 * machine; the clock (monotonic, ms) is passed in, noded.c does what it answers.
 */
#pragma once

#include "common/util.h"

#define SCHEDULE_STATES(X) X(IDLE) X(CONVERGING) X(PROVING) X(TASK)
#define SCHEDULE_EVENTS(X)                                                        \
	X(DESIRED) /* a desired state came that was not known */                  \
	X(TASK) /* a task waits */                                                \
	X(DRIFT) /* a unit of the role changed its state */                       \
	X(CONTACT) /* ondold answers again */                                     \
	X(DONE) /* what was begun is done, and all is well */                     \
	X(FAILED) /* what was begun found or left something wrong on this node */ \
	X(NO_SERVER) /* nothing is wrong here, but ondold does not answer */      \
	X(TICK) /* time passed */

#define X(name) SCHED_S_##name,
enum sched_state { SCHEDULE_STATES(X) };
#undef X
#define X(name) SCHED_E_##name,
enum sched_event { SCHEDULE_EVENTS(X) };
#undef X

enum sched_action { SCHED_NOTHING, SCHED_CONVERGE, SCHED_PROVE, SCHED_RUN_TASK };

#define SCHED_PROVE_MS 60000 /* between proofs while all is well */
#define SCHED_PROVE_AGAIN_MS 15000 /* and while it is not */
#define SCHED_RESTS 4 /* at least so many times as long as the proof took */
#define SCHED_SETTLE_MS 500 /* units change state in bursts */
#define SCHED_RETRY_MIN_MS 15000 /* before a failed converge is tried again */
#define SCHED_RETRY_MAX_MS 300000

struct schedule {
	enum sched_state state;
	bool converge; /* wanted as soon as idle */
	bool task; /* wanted as soon as idle */
	uint64_t began_ms; /* what goes on */
	uint64_t prove_at; /* 0: not planned */
	uint64_t converge_at; /* 0: not planned */
	uint64_t retry_ms; /* the next back-off; 0: none yet */
	bool no_server; /* the last proof failed for want of ondold only */
};

/* Applies the event and answers what to begin now; the answer's end is a later event. */
enum sched_action schedule_step(struct schedule *s, enum sched_event e, uint64_t now_ms);
/* When TICK is due next; UINT64_MAX: nothing is planned. */
uint64_t schedule_next(const struct schedule *s);
const char *sched_state_str(enum sched_state state);

/* Reconnecting: 1 s, doubled up to 15 s. previous_ms 0: the first wait. */
uint64_t backoff_ms(uint64_t previous_ms);
