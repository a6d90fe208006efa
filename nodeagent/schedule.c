/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A failed converge is repeated with a growing wait: most of what it fails for (a disk
 * with somebody's data, machines that still run) ends when a person has acted. A proof
 * that fails leads to a converge, since that puts back what was lost; a proof that fails
 * only because ondold is away does not, for nothing here would get better by it.
 */
#include "nodeagent/schedule.h"

const char *sched_state_str(enum sched_state state)
{
#define X(name) [SCHED_S_##name] = #name,
	static const char *const names[] = {SCHEDULE_STATES(X)};
#undef X

	return names[state];
}

static void plan_retry(struct schedule *s, uint64_t now_ms)
{
	s->retry_ms = s->retry_ms ? MIN(s->retry_ms * 2, (uint64_t)SCHED_RETRY_MAX_MS)
				  : SCHED_RETRY_MIN_MS;
	s->converge_at = now_ms + s->retry_ms;
}

/* A proof that was asked for meanwhile, for a drift, comes no later for it. */
static void plan_proof(struct schedule *s, uint64_t at_ms)
{
	if (s->prove_at == 0 || at_ms < s->prove_at)
		s->prove_at = at_ms;
}

/* Where proving takes long, the services have enough to do without it. */
static uint64_t pause_ms(const struct schedule *s, enum sched_state was,
	enum sched_event e, uint64_t now_ms)
{
	uint64_t pause = e == SCHED_E_DONE ? SCHED_PROVE_MS : SCHED_PROVE_AGAIN_MS;

	return was == SCHED_S_PROVING ? MAX(pause, (now_ms - s->began_ms) * SCHED_RESTS)
				      : pause;
}

static void ended(struct schedule *s, enum sched_event e, uint64_t now_ms)
{
	enum sched_state was = s->state;

	s->state = SCHED_S_IDLE;
	s->no_server = e == SCHED_E_NO_SERVER;
	if (was == SCHED_S_CONVERGING) {
		s->prove_at = now_ms;
		if (e == SCHED_E_FAILED)
			plan_retry(s, now_ms);
		else
			s->converge_at = 0;
		return;
	}
	plan_proof(s, now_ms + pause_ms(s, was, e, now_ms));
	if (e == SCHED_E_DONE && was == SCHED_S_PROVING && s->converge_at == 0)
		s->retry_ms = 0;
	if (e == SCHED_E_FAILED && was == SCHED_S_PROVING && s->converge_at == 0)
		plan_retry(s, now_ms);
}

static void apply(struct schedule *s, enum sched_event e, uint64_t now_ms)
{
	switch (e) {
	case SCHED_E_DESIRED:
		s->converge = true;
		s->retry_ms = 0;
		break;
	case SCHED_E_TASK:
		s->task = true;
		break;
	case SCHED_E_DRIFT:
		if (s->state != SCHED_S_CONVERGING)
			s->prove_at = now_ms + SCHED_SETTLE_MS;
		break;
	case SCHED_E_CONTACT:
		if (s->no_server)
			s->prove_at = now_ms;
		break;
	case SCHED_E_DONE:
	case SCHED_E_FAILED:
	case SCHED_E_NO_SERVER:
		if (s->state != SCHED_S_IDLE)
			ended(s, e, now_ms);
		break;
	case SCHED_E_TICK:
		break;
	}
}

static enum sched_action begin(struct schedule *s, uint64_t now_ms)
{
	s->began_ms = now_ms;
	if (s->converge || (s->converge_at && s->converge_at <= now_ms)) {
		s->converge = false;
		s->converge_at = 0;
		s->state = SCHED_S_CONVERGING;
		return SCHED_CONVERGE;
	}
	if (s->task) {
		s->task = false;
		s->state = SCHED_S_TASK;
		return SCHED_RUN_TASK;
	}
	if (s->prove_at && s->prove_at <= now_ms) {
		s->prove_at = 0;
		s->state = SCHED_S_PROVING;
		return SCHED_PROVE;
	}
	return SCHED_NOTHING;
}

enum sched_action schedule_step(struct schedule *s, enum sched_event e, uint64_t now_ms)
{
	apply(s, e, now_ms);
	return s->state == SCHED_S_IDLE ? begin(s, now_ms) : SCHED_NOTHING;
}

uint64_t schedule_next(const struct schedule *s)
{
	uint64_t next = UINT64_MAX;

	if (s->state != SCHED_S_IDLE)
		return next;
	if (s->prove_at)
		next = s->prove_at;
	if (s->converge_at && s->converge_at < next)
		next = s->converge_at;
	return next;
}

uint64_t backoff_ms(uint64_t previous_ms)
{
	if (previous_ms == 0)
		return 1000;
	return MIN(previous_ms * 2, (uint64_t)15000);
}
