/* SPDX-License-Identifier: Apache-2.0 */
/* One node's state machine in the hands of a test: it is stepped, and stands where a step left it. */
#pragma once

#include "tests/unit/fsm-policy.h"

static const struct fsm_names names = {
	"94:40:c9:00:02:01", "10.77.1.12", "10.77.0.2:8780", NULL};

#define NOW UINT64_C(1000000)

static struct fsm_policy policy; /* usual, unless the test decides otherwise */

static _unused_ int setup(void **state)
{
	policy = usual;
	return 0;
}

static _unused_ struct fsm_node at(enum fsm_state state)
{
	return (struct fsm_node){.state = state,
		.entered_ms = NOW,
		.moved_ms = NOW,
		.tries = 1,
		.agreed = true};
}

static _unused_ struct fsm_output step_at(
	struct fsm_node *f, enum fsm_event ev, const char *text, uint64_t now)
{
	struct fsm_output out;

	fsm_step(f, ev, text, &names, &policy, now, &out);
	*f = out.next;
	return out;
}

static _unused_ struct fsm_output step(struct fsm_node *f, enum fsm_event ev)
{
	return step_at(f, ev, "", NOW);
}

/* Steps and demands the state. */
static _unused_ void to(struct fsm_node *f, enum fsm_event ev, enum fsm_state want)
{
	struct fsm_output out = step(f, ev);

	assert_true(out.moved);
	assert_string_equal(fsm_state_str(f->state), fsm_state_str(want));
}

static _unused_ void stays(struct fsm_node *f, enum fsm_event ev)
{
	enum fsm_state before = f->state;
	struct fsm_output out = step(f, ev);

	assert_false(out.moved);
	assert_int_equal(f->state, before);
	assert_int_equal(out.actions, 0);
}

static _unused_ struct fsm_node installing(void)
{
	struct fsm_node f = at(FSM_ENROL);

	step(&f, FSM_EV_INSTALL);
	step(&f, FSM_EV_SLOT);
	step(&f, FSM_EV_POWERED);
	step(&f, FSM_EV_BOOT_SCRIPT);
	step(&f, FSM_EV_AGENT_UP);
	step(&f, FSM_EV_INVENTORY);
	step(&f, FSM_EV_ORDER_SENT);
	return f;
}

static _unused_ struct fsm_node ready(void)
{
	struct fsm_node f = installing();

	step(&f, FSM_EV_AGENT_INSTALLED);
	step(&f, FSM_EV_AGENT_KEXEC);
	step(&f, FSM_EV_NODED_UP);
	step(&f, FSM_EV_REPORT_READY);
	return f;
}

/* A node on its first try, powered. */
static _unused_ struct fsm_node powering(void)
{
	struct fsm_node f = at(FSM_ENROL);

	step(&f, FSM_EV_INSTALL);
	step(&f, FSM_EV_SLOT);
	assert_int_equal(f.tries, 1);
	return f;
}

static _unused_ struct fsm_output run_out(struct fsm_node *f)
{
	return step_at(f, FSM_EV_TIMEOUT, "", fsm_deadline(f, &policy));
}

/* From the pause to the next power-on. */
static _unused_ void next_try(struct fsm_node *f)
{
	unsigned tries = f->tries;

	assert_int_equal(f->state, FSM_RETRY);
	run_out(f);
	assert_int_equal(f->state, FSM_IDLE);
	assert_true(fsm_waits_for_slot(f) && fsm_is_installing(f));
	assert_int_equal(step(f, FSM_EV_SLOT).actions, FSM_DO_POWER);
	assert_int_equal(f->tries, tries + 1);
}

#define T(f) cmocka_unit_test_setup(f, setup)
