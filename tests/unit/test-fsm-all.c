/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "tests/unit/fsm-node.h"

/* ---- after a restart ---- */

static bool is_turn(enum fsm_event e)
{
	return e == FSM_EV_SLOT || e == FSM_EV_TIMEOUT || e == FSM_EV_POWER_FAILED ||
		e == FSM_EV_BMC_BACK || e == FSM_EV_MAINTAIN_OFF;
}

/* Plays the events of a run into one machine live and into another by replay. */
static void test_replay_is_the_same(void **state)
{
	static const enum fsm_event run[] = {FSM_EV_INSTALL, FSM_EV_SLOT, FSM_EV_POWERED,
		FSM_EV_DHCP_DISCOVER, FSM_EV_BOOT_SCRIPT, FSM_EV_AGENT_UP,
		FSM_EV_BOOT_SCRIPT, FSM_EV_AGENT_UP, FSM_EV_INVENTORY, FSM_EV_ORDER_SENT,
		FSM_EV_AGENT_PROGRESS, FSM_EV_AGENT_INSTALLED, FSM_EV_AGENT_KEXEC,
		FSM_EV_NODED_UP, FSM_EV_REPORT_READY, FSM_EV_CONVERGE,
		FSM_EV_REPORT_READY, FSM_EV_INSTALL, FSM_EV_SLOT, FSM_EV_POWER_FAILED,
		/* a deadline, then an agent that dies with its order, and a BMC that is reset */
		FSM_EV_TIMEOUT, FSM_EV_SLOT, FSM_EV_POWERED, FSM_EV_BOOT_SCRIPT,
		FSM_EV_AGENT_UP, FSM_EV_ORDER_SENT, FSM_EV_BOOT_SCRIPT, FSM_EV_TIMEOUT,
		FSM_EV_TIMEOUT, FSM_EV_SLOT, FSM_EV_POWER_FAILED, FSM_EV_BMC_BACK,
		FSM_EV_SLOT, FSM_EV_POWER_FAILED, FSM_EV_MAINTAIN_OFF,
		/* another server in its place: looked at, and rebooted while it was asked about */
		FSM_EV_LOOK, FSM_EV_SLOT, FSM_EV_POWERED, FSM_EV_BOOT_SCRIPT,
		FSM_EV_INVENTORY, FSM_EV_AGREED, FSM_EV_BOOT_SCRIPT, FSM_EV_DISKS_OTHER,
		FSM_EV_INVENTORY, FSM_EV_AGREED, FSM_EV_SLOT, FSM_EV_ORDER_SENT};
	struct fsm_node live = at(FSM_ENROL), folded = at(FSM_ENROL);

	for (size_t i = 0; i < ARRAY_SIZE(run); i++) {
		uint64_t now = run[i] == FSM_EV_TIMEOUT
			? fsm_deadline(&live, &policy)
			: MAX(live.entered_ms, NOW) + 1000;
		struct fsm_output out = step_at(&live, run[i], "", now);

		/* slots, deadlines and reports leave no event but the transition */
		if (run[i] != FSM_EV_SLOT && run[i] != FSM_EV_REPORT_READY &&
			run[i] != FSM_EV_TIMEOUT)
			fsm_replay_event(&folded, run[i], now);
		if (out.moved)
			fsm_replay_state(&folded, live.state, now);
		assert_true(out.moved || !is_turn(run[i]));
		assert_int_equal(folded.state, live.state);
		assert_int_equal(folded.entered_ms, live.entered_ms);
		assert_int_equal(folded.moved_ms, live.moved_ms);
		assert_int_equal(folded.installed, live.installed);
		assert_int_equal(folded.had_system, live.had_system);
		assert_int_equal(folded.want_install, live.want_install);
		assert_int_equal(folded.agreed, live.agreed);
		assert_int_equal(folded.looks, live.looks);
		assert_int_equal(folded.boots, live.boots);
		assert_int_equal(folded.tries, live.tries);
		assert_int_equal(folded.ordered, live.ordered);
		assert_int_equal(folded.bmc_was_reset, live.bmc_was_reset);
		assert_int_equal(
			fsm_deadline(&folded, &policy), fsm_deadline(&live, &policy));
	}
}

static void test_resume(void **state)
{
	for (unsigned s = 0; s < FSM_N_STATES; s++) {
		struct fsm_node f = {.state = (enum fsm_state)s, .entered_ms = NOW};
		unsigned actions = fsm_resume(&f, &policy, NOW);
		uint64_t due = fsm_deadline(&f, &policy);

		/* Only what wrote nothing yet is begun anew. */
		assert_int_equal(actions,
			s == FSM_POWERING            ? FSM_DO_POWER
				: s == FSM_BMC_RESET ? FSM_DO_RESET_BMC
				: s == FSM_IDLE      ? FSM_DO_SCHEDULE
						     : 0);
		assert_int_equal(f.state, s);
		/* However long ondold was away, the node has time to be heard. */
		assert_true(due == 0 || s == FSM_RETRY || due >= NOW + FSM_GRACE_MS);
	}
}

/* Killed after install.wanted was kept and before its transition was. */
static void test_lost_wish(void **state)
{
	struct fsm_node f = ready();

	assert_false(fsm_lost_wish(&f));
	fsm_replay_event(&f, FSM_EV_INSTALL, NOW);
	assert_true(fsm_lost_wish(&f) && f.had_system);
	to(&f, FSM_EV_INSTALL, FSM_IDLE);
	assert_true(f.had_system && !fsm_lost_wish(&f));
	step(&f, FSM_EV_SLOT);
	assert_false(fsm_lost_wish(&f)); /* this run goes on */
	fsm_replay_event(&f, FSM_EV_INSTALL, NOW);
	assert_true(fsm_lost_wish(&f));
}

/* ---- every state and every event ---- */

static bool forbidden(
	enum fsm_state from, enum fsm_event ev, const struct fsm_output *out)
{
	bool powers = out->actions & FSM_DO_POWER;
	enum fsm_state s = out->next.state;

	if (powers && !(from == FSM_IDLE && ev == FSM_EV_SLOT))
		return true; /* power is touched for a slot and nothing else */
	if (s == FSM_INSTALLING && from != FSM_INSTALLING && ev != FSM_EV_ORDER_SENT &&
		ev != FSM_EV_AGENT_PROGRESS)
		return true;
	if (s == FSM_READY && from != FSM_READY && ev != FSM_EV_REPORT_READY)
		return true;
	if (s == FSM_FAILED && from != FSM_FAILED && !(out->actions & FSM_DO_REVOKE_BOOT))
		return true; /* a failed node has no token */
	if ((out->actions & FSM_DO_RESET_BMC) &&
		!(from == FSM_POWERING && ev == FSM_EV_POWER_FAILED))
		return true; /* the deadline's turn is tested on its own */
	/* a node is set aside by people, or when its BMC's reset came to nothing */
	return s == FSM_MAINTENANCE && from != FSM_MAINTENANCE && ev != FSM_EV_MAINTAIN &&
		!(from == FSM_BMC_RESET && ev == FSM_EV_POWER_FAILED);
}

static void try_all(bool want, bool installed, bool agreed, unsigned boots)
{
	for (unsigned s = 0; s < FSM_N_STATES; s++)
		for (unsigned e = 0; e < FSM_N_EVENTS; e++) {
			struct fsm_node f = at((enum fsm_state)s);
			struct fsm_output out;

			f.want_install = want;
			f.installed = installed;
			f.agreed = agreed;
			f.boots = boots;
			out = step_at(&f, (enum fsm_event)e, "text", NOW + 1);
			assert_true(out.next.state < FSM_N_STATES);
			assert_true(out.moved || out.next.state == s);
			assert_true(out.moved || out.actions == 0);
			if (forbidden((enum fsm_state)s, (enum fsm_event)e, &out))
				fail_msg("%s + %s -> %s, actions %x", fsm_state_str(s),
					fsm_event_str(e), fsm_state_str(out.next.state),
					out.actions);
			if (e == FSM_EV_INSTALL || e == FSM_EV_LOOK)
				assert_int_equal(out.next.state, FSM_IDLE);
			if (e == FSM_EV_REMOVED)
				assert_true(out.actions & FSM_DO_DROP);
		}
}

static void test_all(void **state)
{
	for (unsigned i = 0; i < 32; i++)
		try_all(i & 1, i & 2, i & 4, i >> 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_replay_is_the_same),
		T(test_resume),
		T(test_lost_wish),
		T(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
