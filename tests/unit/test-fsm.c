/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "tests/unit/fsm-node.h"

/* ---- names ---- */

static void test_names(void **state)
{
	for (unsigned i = 0; i < FSM_N_STATES; i++) {
		enum fsm_state s;

		assert_int_equal(
			fsm_state_parse(fsm_state_str((enum fsm_state)i), &s), 0);
		assert_int_equal(s, i);
	}
	for (unsigned i = 0; i < FSM_N_EVENTS; i++) {
		enum fsm_event e;

		assert_int_equal(
			fsm_event_parse(fsm_event_str((enum fsm_event)i), &e), 0);
		assert_int_equal(e, i);
	}
	assert_true(FSM_N_EVENTS <= 64); /* evidence is one bit each */
	assert_int_equal(fsm_state_parse("readyy", &(enum fsm_state){0}), -EINVAL);
	assert_int_equal(fsm_event_parse("", &(enum fsm_event){0}), -EINVAL);
}

/* ---- the way of an install ---- */

static void test_install(void **state)
{
	struct fsm_node f = at(FSM_ENROL);
	struct fsm_output out;

	stays(&f, FSM_EV_SLOT);
	to(&f, FSM_EV_INSTALL, FSM_IDLE);
	assert_true(fsm_waits_for_slot(&f));
	assert_false(fsm_wants_netboot(&f));
	out = step(&f, FSM_EV_SLOT);
	assert_int_equal(f.state, FSM_POWERING);
	assert_int_equal(out.actions, FSM_DO_POWER);
	assert_true(fsm_holds_slot(&f) && fsm_wants_netboot(&f));
	to(&f, FSM_EV_POWERED, FSM_NETBOOT);
	stays(&f, FSM_EV_DHCP_DISCOVER);
	stays(&f, FSM_EV_DHCP_ACK);
	stays(&f, FSM_EV_TFTP_SENT);
	stays(&f, FSM_EV_BOOT_SCRIPT);
	stays(&f, FSM_EV_BOOT_KERNEL);
	stays(&f, FSM_EV_BOOT_INITRD);
	to(&f, FSM_EV_AGENT_UP, FSM_AGENT);
	stays(&f, FSM_EV_INVENTORY);
	to(&f, FSM_EV_ORDER_SENT, FSM_INSTALLING);
	stays(&f, FSM_EV_AGENT_KEXEC); /* nothing is written yet */
	stays(&f, FSM_EV_AGENT_PROGRESS);
	stays(&f, FSM_EV_AGENT_INSTALLED);
	assert_false(fsm_wants_netboot(&f));
	stays(&f,
		FSM_EV_BOOT_SCRIPT); /* kexec failed and it rebooted: its disk is next */
	to(&f, FSM_EV_AGENT_KEXEC, FSM_FIRST_BOOT);
	assert_true(fsm_holds_slot(&f));
	to(&f, FSM_EV_NODED_UP, FSM_CONFIGURING);
	assert_false(fsm_holds_slot(&f));
	stays(&f, FSM_EV_REPORT_BUSY);
	out = step(&f, FSM_EV_REPORT_READY);
	assert_int_equal(f.state, FSM_READY);
	assert_true(out.actions & FSM_DO_REVOKE_BOOT);
	assert_true(f.installed);
}

/* ---- what no agent had seen ---- */

static struct fsm_node looking(void)
{
	struct fsm_node f = at(FSM_ENROL);

	to(&f, FSM_EV_LOOK, FSM_IDLE);
	to(&f, FSM_EV_SLOT, FSM_POWERING);
	to(&f, FSM_EV_POWERED, FSM_NETBOOT);
	step(&f, FSM_EV_BOOT_SCRIPT);
	to(&f, FSM_EV_AGENT_UP, FSM_AGENT);
	return f;
}

static void test_never_seen_is_asked_about(void **state)
{
	struct fsm_node f = looking();
	struct fsm_output out = step(&f, FSM_EV_INVENTORY);

	assert_int_equal(f.state, FSM_INVENTORIED);
	assert_int_equal(out.actions, FSM_DO_SCHEDULE); /* its slot is another's */
	assert_true(fsm_asks(&f) && fsm_is_installing(&f) && fsm_is_cancellable(&f));
	assert_false(fsm_holds_slot(&f) || fsm_waits_for_slot(&f));
	assert_true(fsm_wants_netboot(&f));
	assert_int_equal(fsm_deadline(&f, &policy), 0); /* people sleep */
	stays(&f, FSM_EV_SLOT);
	out = step(&f, FSM_EV_AGREED);
	assert_int_equal(out.actions, FSM_DO_SCHEDULE);
	assert_true(fsm_waits_for_slot(&f) && !fsm_asks(&f));
	to(&f, FSM_EV_SLOT, FSM_AGENT); /* not powered again */
	assert_true(fsm_holds_slot(&f) && fsm_seen(&f, FSM_EV_INVENTORY));
	to(&f, FSM_EV_ORDER_SENT, FSM_INSTALLING);
}

/* He has agreed to what was seen, not to what came later. */
static void test_asked_anew(void **state)
{
	struct fsm_node f = looking();

	step(&f, FSM_EV_INVENTORY);
	step(&f, FSM_EV_AGREED);
	stays(&f, FSM_EV_INVENTORY); /* the same: ondold was away for a moment */
	assert_true(f.agreed);
	to(&f, FSM_EV_DISKS_OTHER, FSM_INVENTORIED);
	assert_true(fsm_asks(&f));
	step(&f, FSM_EV_AGREED);
	to(&f, FSM_EV_BOOT_SCRIPT, FSM_NETBOOT);
	stays(&f, FSM_EV_DISKS_OTHER);
	to(&f, FSM_EV_INVENTORY, FSM_INVENTORIED);
	step(&f, FSM_EV_AGREED);
	to(&f, FSM_EV_SLOT, FSM_AGENT); /* a disk is swapped before the order */
	stays(&f, FSM_EV_DISKS_OTHER);
	to(&f, FSM_EV_INVENTORY, FSM_INVENTORIED);
	step(&f, FSM_EV_AGREED);
	to(&f, FSM_EV_SLOT, FSM_AGENT);
	to(&f, FSM_EV_ORDER_SENT,
		FSM_INSTALLING); /* from here on they differ by our own hand */
	to(&f, FSM_EV_BOOT_SCRIPT, FSM_NETBOOT);
	stays(&f, FSM_EV_DISKS_OTHER);
	to(&f, FSM_EV_INVENTORY, FSM_AGENT);
	to(&f, FSM_EV_INSTALL, FSM_IDLE); /* it is known by now */
	assert_true(f.agreed && !fsm_asks(&f));
}

/* Who asks for weeks may be reset as often. */
static void test_waiting_is_no_failed_boot(void **state)
{
	struct fsm_node f = looking();

	step(&f, FSM_EV_INVENTORY);
	for (unsigned i = 0; i < 2 * FSM_MAX_BOOTS; i++) {
		to(&f, FSM_EV_BOOT_SCRIPT, FSM_NETBOOT);
		to(&f, FSM_EV_INVENTORY, FSM_INVENTORIED);
	}
}

/* The yes is kept, and ondold killed before it acts on it. */
static void test_yes_outlives_ondold(void **state)
{
	struct fsm_node f = looking();

	step(&f, FSM_EV_INVENTORY);
	fsm_replay_event(&f, FSM_EV_AGREED, NOW);
	assert_true(fsm_waits_for_slot(&f) && !fsm_lost_wish(&f));
	assert_int_equal(fsm_resume(&f, &policy, NOW), FSM_DO_SCHEDULE);
}

static void test_role_change(void **state)
{
	struct fsm_node f = ready();

	to(&f, FSM_EV_CONVERGE, FSM_CONFIGURING);
	to(&f, FSM_EV_CONVERGE, FSM_CONFIGURING);
	to(&f, FSM_EV_REPORT_READY, FSM_READY);
	to(&f, FSM_EV_REPORT_BUSY, FSM_CONFIGURING);
	to(&f, FSM_EV_NODED_FAILED, FSM_FAILED);
	to(&f, FSM_EV_REPORT_READY, FSM_READY); /* it got over it */
	to(&f, FSM_EV_NODED_FAILED, FSM_FAILED);
	to(&f, FSM_EV_CONVERGE, FSM_CONFIGURING);
}

static void test_never_installed_does_not_recover(void **state)
{
	struct fsm_node f = at(FSM_AGENT);

	to(&f, FSM_EV_AGENT_FAILED, FSM_FAILED);
	stays(&f, FSM_EV_REPORT_READY); /* of an older system */
	stays(&f, FSM_EV_NODED_UP);
	stays(&f, FSM_EV_CONVERGE);
	stays(&f, FSM_EV_AGENT_UP);
}

/* A reinstall that never reached the disk leaves the node what it was. */
static void test_untouched_system_stays(void **state)
{
	struct fsm_node f = ready();

	policy.retries = 0;
	step(&f, FSM_EV_INSTALL);
	step(&f, FSM_EV_INSTALL); /* impatience */
	step(&f, FSM_EV_SLOT);
	assert_false(f.installed);
	to(&f, FSM_EV_POWER_FAILED, FSM_FAILED);
	assert_true(f.installed);
	assert_false(f.want_install || f.had_system);
	to(&f, FSM_EV_NODED_UP, FSM_CONFIGURING);
	to(&f, FSM_EV_REPORT_READY, FSM_READY);
}

static void test_touched_system_is_gone(void **state)
{
	struct fsm_node f = ready();

	step(&f, FSM_EV_INSTALL);
	step(&f, FSM_EV_SLOT);
	step(&f, FSM_EV_POWERED);
	step(&f, FSM_EV_AGENT_UP);
	assert_true(f.had_system);
	step(&f, FSM_EV_ORDER_SENT);
	to(&f, FSM_EV_AGENT_FAILED, FSM_FAILED);
	assert_false(f.installed || f.had_system);
	stays(&f, FSM_EV_REPORT_READY);
}

static void test_lost_installed(void **state)
{
	struct fsm_node f = installing();

	to(&f, FSM_EV_NODED_UP, FSM_CONFIGURING);
	assert_true(f.installed);
	f = installing();
	to(&f, FSM_EV_AGENT_FAILED, FSM_FAILED);
	to(&f, FSM_EV_NODED_UP, FSM_CONFIGURING);
	assert_true(f.installed);
	f = installing();
	to(&f, FSM_EV_AGENT_FAILED, FSM_FAILED);
	step(&f, FSM_EV_INSTALL);
	stays(&f, FSM_EV_NODED_UP);
	assert_false(f.installed);
}

/* Set aside in the middle of its install, which goes on: what was installed is not forgotten. */
static void test_installed_while_set_aside(void **state)
{
	struct fsm_node f = installing();

	to(&f, FSM_EV_MAINTAIN, FSM_MAINTENANCE);
	assert_false(f.installed);
	stays(&f, FSM_EV_NODED_UP);
	assert_true(f.installed);
	to(&f, FSM_EV_MAINTAIN_OFF, FSM_CONFIGURING);
	f = installing();
	to(&f, FSM_EV_MAINTAIN, FSM_MAINTENANCE);
	to(&f, FSM_EV_MAINTAIN_OFF, FSM_ENROL);
	to(&f, FSM_EV_NODED_UP, FSM_CONFIGURING);
	assert_true(f.installed);
	f = at(FSM_ENROL); /* never ordered: whoever says so, it is not its system */
	stays(&f, FSM_EV_NODED_UP);
	assert_false(f.installed);
}

/* A node that left the rack takes its past along. */
static void test_removed_has_no_system(void **state)
{
	struct fsm_node f = ready();

	to(&f, FSM_EV_REMOVED, FSM_CANCELLED);
	step(&f, FSM_EV_INSTALL);
	assert_false(f.installed || f.had_system);
}

static void test_reinstall_forgets(void **state)
{
	struct fsm_node f = ready();

	to(&f, FSM_EV_INSTALL, FSM_IDLE);
	assert_false(f.installed);
	stays(&f, FSM_EV_REPORT_READY);
	stays(&f, FSM_EV_NODED_UP);
	stays(&f, FSM_EV_CONVERGE);
	to(&f, FSM_EV_SLOT, FSM_POWERING);
	assert_int_equal(f.evidence, 0);
	assert_int_equal(f.boots, 0);
	assert_false(f.want_install);
}

static void test_boots_are_counted(void **state)
{
	struct fsm_node f = installing();

	to(&f, FSM_EV_BOOT_SCRIPT, FSM_NETBOOT);
	to(&f, FSM_EV_AGENT_UP, FSM_AGENT);
	to(&f, FSM_EV_BOOT_SCRIPT, FSM_NETBOOT);
	to(&f, FSM_EV_AGENT_UP, FSM_AGENT);
	to(&f, FSM_EV_BOOT_SCRIPT, FSM_FAILED);
}

static void test_early_agent(void **state)
{
	struct fsm_node f = at(FSM_POWERING);

	stays(&f, FSM_EV_BOOT_SCRIPT);
	to(&f, FSM_EV_AGENT_UP, FSM_AGENT);
	stays(&f, FSM_EV_POWERED); /* the BMC is slower than the server */
}

static void test_boot_order_was_lost(void **state)
{
	struct fsm_node f = ready();
	struct fsm_output out;

	step(&f, FSM_EV_INSTALL);
	step(&f, FSM_EV_SLOT);
	stays(&f, FSM_EV_NODED_UP); /* still the old system, not off yet */
	step(&f, FSM_EV_POWERED);
	out = step(&f, FSM_EV_NODED_UP);
	assert_int_equal(f.state, FSM_FAILED);
	assert_non_null(strstr(out.reason, "boot order"));
}

static void test_reasons(void **state)
{
	struct fsm_node f = at(FSM_POWERING);
	struct fsm_output out =
		step_at(&f, FSM_EV_POWER_REFUSED, "BMC 10.77.1.12 refuses", NOW);

	assert_int_equal(f.state, FSM_FAILED);
	assert_string_equal(out.reason, "BMC 10.77.1.12 refuses");
	assert_true(out.actions & FSM_DO_REVOKE_BOOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_names),
		T(test_install),
		T(test_never_seen_is_asked_about),
		T(test_asked_anew),
		T(test_waiting_is_no_failed_boot),
		T(test_yes_outlives_ondold),
		T(test_role_change),
		T(test_never_installed_does_not_recover),
		T(test_untouched_system_stays),
		T(test_touched_system_is_gone),
		T(test_lost_installed),
		T(test_installed_while_set_aside),
		T(test_removed_has_no_system),
		T(test_reinstall_forgets),
		T(test_boots_are_counted),
		T(test_early_agent),
		T(test_boot_order_was_lost),
		T(test_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
