/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "tests/unit/fsm-policy.h"

static const struct fsm_names names = {
	"94:40:c9:00:02:01", "10.77.1.12", "10.77.0.2:8780", NULL};

#define NOW UINT64_C(1000000)

static struct fsm_node at(enum fsm_state state)
{
	return (struct fsm_node){.state = state, .entered_ms = NOW, .moved_ms = NOW};
}

static struct fsm_output step_at(
	struct fsm_node *f, enum fsm_event ev, const char *text, uint64_t now)
{
	struct fsm_output out;

	fsm_step(f, ev, text, &names, &usual, now, &out);
	*f = out.next;
	return out;
}

static struct fsm_output step(struct fsm_node *f, enum fsm_event ev)
{
	return step_at(f, ev, "", NOW);
}

/* Steps and demands the state. */
static void to(struct fsm_node *f, enum fsm_event ev, enum fsm_state want)
{
	struct fsm_output out = step(f, ev);

	assert_true(out.moved);
	assert_string_equal(fsm_state_str(f->state), fsm_state_str(want));
}

static void stays(struct fsm_node *f, enum fsm_event ev)
{
	enum fsm_state before = f->state;
	struct fsm_output out = step(f, ev);

	assert_false(out.moved);
	assert_int_equal(f->state, before);
	assert_int_equal(out.actions, 0);
}

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

static struct fsm_node installing(void)
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

static struct fsm_node ready(void)
{
	struct fsm_node f = installing();

	step(&f, FSM_EV_AGENT_INSTALLED);
	step(&f, FSM_EV_AGENT_KEXEC);
	step(&f, FSM_EV_NODED_UP);
	step(&f, FSM_EV_REPORT_READY);
	return f;
}

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
		step_at(&f, FSM_EV_POWER_FAILED, "BMC 10.77.1.12 refuses", NOW);

	assert_int_equal(f.state, FSM_FAILED);
	assert_string_equal(out.reason, "BMC 10.77.1.12 refuses");
	assert_true(out.actions & FSM_DO_REVOKE_BOOT);
}

/* ---- deadlines ---- */

static const enum fsm_state waiting[] = {FSM_POWERING, FSM_NETBOOT, FSM_AGENT,
	FSM_INSTALLING, FSM_FIRST_BOOT, FSM_CONFIGURING};

static void test_deadlines(void **state)
{
	struct fsm_policy patient = usual;

	patient.patience_percent = 300;
	for (size_t i = 0; i < ARRAY_SIZE(waiting); i++) {
		struct fsm_node f = at(waiting[i]);
		uint64_t due = fsm_deadline(&f, &usual);
		struct fsm_output out;

		assert_true(due > NOW);
		out = step_at(&f, FSM_EV_TIMEOUT, "", due - 1);
		assert_false(out.moved);
		out = step_at(&f, FSM_EV_TIMEOUT, "", due);
		assert_true(out.moved);
		assert_int_equal(f.state, FSM_FAILED);
		assert_true(strlen(out.reason) > 20);
		assert_true(out.actions & FSM_DO_SCHEDULE);
		f = at(waiting[i]);
		assert_int_equal(fsm_deadline(&f, &patient) - NOW, 3 * (due - NOW));
	}
}

static void test_rest_has_no_deadline(void **state)
{
	static const enum fsm_state rest[] = {FSM_ENROL, FSM_IDLE, FSM_READY, FSM_FAILED,
		FSM_MAINTENANCE, FSM_CANCELLED};

	for (size_t i = 0; i < ARRAY_SIZE(rest); i++) {
		struct fsm_node f = at(rest[i]);

		assert_int_equal(fsm_deadline(&f, &usual), 0);
		assert_false(step_at(&f, FSM_EV_TIMEOUT, "", UINT64_MAX / 2).moved);
	}
}

/* The limits are the policy's: one that is short, one that is none. */
static void test_limits_are_given(void **state)
{
	struct fsm_policy own = usual;
	struct fsm_node f = at(FSM_AGENT);
	struct fsm_output out;

	own.limits[FSM_AGENT] = (struct fsm_limit){1000, 0};
	own.limits[FSM_INSTALLING] = (struct fsm_limit){0, 5000};
	assert_int_equal(fsm_deadline(&f, &own), NOW + 1000);
	fsm_step(&f, FSM_EV_TIMEOUT, "", &names, &own, NOW + 1000, &out);
	assert_int_equal(out.next.state, FSM_FAILED);
	assert_non_null(strstr(out.reason, "within 1.0s"));
	f = at(FSM_INSTALLING);
	f.moved_ms = NOW + 7000;
	assert_int_equal(fsm_deadline(&f, &own), NOW + 12000);
	f = at(FSM_NETBOOT);
	own.limits[FSM_NETBOOT] = (struct fsm_limit){0, 0};
	assert_int_equal(fsm_deadline(&f, &own), 0);
}

static void test_stall(void **state)
{
	struct fsm_node f = at(FSM_INSTALLING);
	uint64_t stall = fsm_deadline(&f, &usual);
	struct fsm_output out;

	assert_int_equal(stall, NOW + 180000);
	step_at(&f, FSM_EV_AGENT_PROGRESS, "", NOW + 170000);
	assert_int_equal(fsm_deadline(&f, &usual), NOW + 350000);
	step_at(&f, FSM_EV_AGENT_PROGRESS, "", NOW + 850000);
	assert_int_equal(fsm_deadline(&f, &usual), NOW + 900000); /* the state's own */
	out = step_at(&f, FSM_EV_TIMEOUT, "", NOW + 900000);
	assert_non_null(strstr(out.reason, "too slow"));
	f = at(FSM_INSTALLING);
	out = step_at(&f, FSM_EV_TIMEOUT, "", stall);
	assert_non_null(strstr(out.reason, "wrote nothing for 3m"));
}

/* A cloud takes as long as it takes: only standing still is a failure. */
static void test_configuring_progress(void **state)
{
	static const enum fsm_event moves[] = {FSM_EV_NODED_STEP, FSM_EV_NODED_WARNING,
		FSM_EV_NODED_MOVED, FSM_EV_NODED_UP};
	struct fsm_node f = at(FSM_CONFIGURING);
	uint64_t now = NOW;

	for (size_t i = 0; i < 40; i++) {
		now += 14 * 60000;
		step_at(&f, moves[i % ARRAY_SIZE(moves)], "", now);
		assert_int_equal(f.state, FSM_CONFIGURING);
		assert_int_equal(fsm_deadline(&f, &usual), now + 15 * 60000);
	}
	/* a report that says nothing new is none */
	step_at(&f, FSM_EV_REPORT_BUSY, "", now + 1000);
	assert_int_equal(fsm_deadline(&f, &usual), now + 15 * 60000);
}

static void test_configuring_suspects(void **state)
{
	struct fsm_names waiting_names = names;
	struct fsm_node f = at(FSM_CONFIGURING);
	struct fsm_output out = step_at(&f, FSM_EV_TIMEOUT, "", NOW + 15 * 60000);

	assert_non_null(strstr(out.reason, "told no progress for 15m"));
	waiting_names.waits = "it waits for controller/keystone, and hp01 is failed";
	f = at(FSM_CONFIGURING);
	fsm_step(&f, FSM_EV_TIMEOUT, "", &waiting_names, &usual, NOW + 15 * 60000, &out);
	assert_int_equal(out.next.state, FSM_FAILED);
	assert_non_null(strstr(out.reason, "hp01 is failed (no change for 15m"));
}

static void suspect_is(enum fsm_event evidence, const char *word)
{
	struct fsm_node f = at(FSM_NETBOOT);
	struct fsm_output out;

	stays(&f, FSM_EV_DHCP_DISCOVER);
	stays(&f, evidence);
	out = step_at(&f, FSM_EV_TIMEOUT, "", fsm_deadline(&f, &usual));
	if (!strstr(out.reason, word))
		fail_msg("%s: no \"%s\" in \"%s\"", fsm_event_str(evidence), word,
			out.reason);
}

static void test_suspects(void **state)
{
	struct fsm_node f = at(FSM_NETBOOT);
	struct fsm_output out = step_at(&f, FSM_EV_TIMEOUT, "", fsm_deadline(&f, &usual));

	assert_non_null(
		strstr(out.reason, "no DHCP request from 94:40:c9:00:02:01 within 6m"));
	suspect_is(FSM_EV_DHCP_OFFER, "another DHCP server");
	suspect_is(FSM_EV_DHCP_ACK, "nothing was fetched");
	suspect_is(FSM_EV_DHCP_BIOS, "UEFI");
	suspect_is(FSM_EV_TFTP_SENT, "HTTP");
	suspect_is(FSM_EV_BOOT_SCRIPT, "not the kernel");
	suspect_is(FSM_EV_BOOT_KERNEL, "initramfs was not");
	suspect_is(FSM_EV_BOOT_INITRD, "agent was not heard");
	f = at(FSM_NETBOOT);
	stays(&f, FSM_EV_DHCP_OTHER_PORT);
	out = step_at(&f, FSM_EV_TIMEOUT, "", fsm_deadline(&f, &usual));
	assert_non_null(strstr(out.reason, "swapped"));
}

/* ---- after a restart ---- */

/* Plays the events of a run into one machine live and into another by replay. */
static void test_replay_is_the_same(void **state)
{
	static const enum fsm_event run[] = {FSM_EV_INSTALL, FSM_EV_SLOT, FSM_EV_POWERED,
		FSM_EV_DHCP_DISCOVER, FSM_EV_BOOT_SCRIPT, FSM_EV_AGENT_UP,
		FSM_EV_BOOT_SCRIPT, FSM_EV_AGENT_UP, FSM_EV_INVENTORY, FSM_EV_ORDER_SENT,
		FSM_EV_AGENT_PROGRESS, FSM_EV_AGENT_INSTALLED, FSM_EV_AGENT_KEXEC,
		FSM_EV_NODED_UP, FSM_EV_REPORT_READY, FSM_EV_CONVERGE,
		FSM_EV_REPORT_READY, FSM_EV_INSTALL, FSM_EV_SLOT, FSM_EV_POWER_FAILED};
	struct fsm_node live = at(FSM_ENROL), folded = at(FSM_ENROL);

	for (size_t i = 0; i < ARRAY_SIZE(run); i++) {
		uint64_t now = NOW + i * 1000;
		struct fsm_output out = step_at(&live, run[i], "", now);

		/* slots and reports leave no event but the transition */
		if (run[i] != FSM_EV_SLOT && run[i] != FSM_EV_REPORT_READY)
			fsm_replay_event(&folded, run[i], now);
		if (out.moved)
			fsm_replay_state(&folded, live.state, now);
		assert_int_equal(folded.state, live.state);
		assert_int_equal(folded.entered_ms, live.entered_ms);
		assert_int_equal(folded.moved_ms, live.moved_ms);
		assert_int_equal(folded.installed, live.installed);
		assert_int_equal(folded.had_system, live.had_system);
		assert_int_equal(folded.want_install, live.want_install);
		assert_int_equal(folded.boots, live.boots);
	}
}

static void test_resume(void **state)
{
	for (unsigned s = 0; s < FSM_N_STATES; s++) {
		struct fsm_node f = {.state = (enum fsm_state)s};
		unsigned actions = fsm_resume(&f, &usual, NOW);
		uint64_t due = fsm_deadline(&f, &usual);

		/* Only what wrote nothing yet is begun anew. */
		assert_int_equal(actions,
			s == FSM_POWERING       ? FSM_DO_POWER
				: s == FSM_IDLE ? FSM_DO_SCHEDULE
						: 0);
		assert_int_equal(f.state, s);
		/* However long ondold was away, the node has time to be heard. */
		assert_true(due == 0 || due >= NOW + FSM_GRACE_MS);
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
	if (s == FSM_INSTALLING && from != FSM_INSTALLING && ev != FSM_EV_ORDER_SENT)
		return true;
	if (s == FSM_READY && from != FSM_READY && ev != FSM_EV_REPORT_READY)
		return true;
	if (s == FSM_FAILED && from != FSM_FAILED && !(out->actions & FSM_DO_REVOKE_BOOT))
		return true; /* a failed node has no token */
	/* only people set a node aside */
	return s == FSM_MAINTENANCE && from != FSM_MAINTENANCE && ev != FSM_EV_MAINTAIN;
}

static void try_all(bool want, bool installed, unsigned boots)
{
	for (unsigned s = 0; s < FSM_N_STATES; s++)
		for (unsigned e = 0; e < FSM_N_EVENTS; e++) {
			struct fsm_node f = at((enum fsm_state)s);
			struct fsm_output out;

			f.want_install = want;
			f.installed = installed;
			f.boots = boots;
			out = step_at(&f, (enum fsm_event)e, "text", NOW + 1);
			assert_true(out.next.state < FSM_N_STATES);
			assert_true(out.moved || out.next.state == s);
			assert_true(out.moved || out.actions == 0);
			if (forbidden((enum fsm_state)s, (enum fsm_event)e, &out))
				fail_msg("%s + %s -> %s, actions %x", fsm_state_str(s),
					fsm_event_str(e), fsm_state_str(out.next.state),
					out.actions);
			if (e == FSM_EV_INSTALL)
				assert_int_equal(out.next.state, FSM_IDLE);
			if (e == FSM_EV_REMOVED)
				assert_true(out.actions & FSM_DO_DROP);
		}
}

static void test_all(void **state)
{
	for (unsigned i = 0; i < 16; i++)
		try_all(i & 1, i & 2, i >> 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_install),
		cmocka_unit_test(test_role_change),
		cmocka_unit_test(test_never_installed_does_not_recover),
		cmocka_unit_test(test_untouched_system_stays),
		cmocka_unit_test(test_touched_system_is_gone),
		cmocka_unit_test(test_lost_installed),
		cmocka_unit_test(test_removed_has_no_system),
		cmocka_unit_test(test_reinstall_forgets),
		cmocka_unit_test(test_boots_are_counted),
		cmocka_unit_test(test_early_agent),
		cmocka_unit_test(test_boot_order_was_lost),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_rest_has_no_deadline),
		cmocka_unit_test(test_limits_are_given),
		cmocka_unit_test(test_stall),
		cmocka_unit_test(test_configuring_progress),
		cmocka_unit_test(test_configuring_suspects),
		cmocka_unit_test(test_suspects),
		cmocka_unit_test(test_replay_is_the_same),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_lost_wish),
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
