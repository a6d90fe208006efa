/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "tests/unit/fsm-node.h"

static const enum fsm_state waiting[] = {FSM_POWERING, FSM_NETBOOT, FSM_AGENT,
	FSM_INSTALLING, FSM_FIRST_BOOT, FSM_CONFIGURING};

static void test_deadlines(void **state)
{
	struct fsm_policy patient;

	policy.retries = 0;
	patient = policy;
	patient.patience_percent = 300;
	for (size_t i = 0; i < ARRAY_SIZE(waiting); i++) {
		struct fsm_node f = at(waiting[i]);
		uint64_t due = fsm_deadline(&f, &policy);
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
	static const enum fsm_state rest[] = {FSM_ENROL, FSM_IDLE, FSM_INVENTORIED,
		FSM_READY, FSM_FAILED, FSM_MAINTENANCE, FSM_CANCELLED};

	for (size_t i = 0; i < ARRAY_SIZE(rest); i++) {
		struct fsm_node f = at(rest[i]);

		assert_int_equal(fsm_deadline(&f, &policy), 0);
		assert_false(step_at(&f, FSM_EV_TIMEOUT, "", UINT64_MAX / 2).moved);
	}
}

/* The limits are the policy's: one that is short, one that is none. */
static void test_limits_are_given(void **state)
{
	struct fsm_policy own = usual;
	struct fsm_node f = at(FSM_AGENT);
	struct fsm_output out;

	own.retries = 0;
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
	uint64_t stall = fsm_deadline(&f, &policy);
	struct fsm_output out;

	assert_int_equal(stall, NOW + 180000);
	step_at(&f, FSM_EV_AGENT_PROGRESS, "", NOW + 170000);
	assert_int_equal(fsm_deadline(&f, &policy), NOW + 350000);
	step_at(&f, FSM_EV_AGENT_PROGRESS, "", NOW + 850000);
	assert_int_equal(fsm_deadline(&f, &policy), NOW + 900000); /* the state's own */
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
		assert_int_equal(fsm_deadline(&f, &policy), now + 15 * 60000);
	}
	/* a report that says nothing new is none */
	step_at(&f, FSM_EV_REPORT_BUSY, "", now + 1000);
	assert_int_equal(fsm_deadline(&f, &policy), now + 15 * 60000);
}

static void test_configuring_suspects(void **state)
{
	struct fsm_names waiting_names = names;
	struct fsm_node f = at(FSM_CONFIGURING);
	struct fsm_output out = step_at(&f, FSM_EV_TIMEOUT, "", NOW + 15 * 60000);

	assert_non_null(strstr(out.reason, "told no progress for 15m"));
	waiting_names.waits = "it waits for controller/keystone, and hp01 is failed";
	f = at(FSM_CONFIGURING);
	fsm_step(&f, FSM_EV_TIMEOUT, "", &waiting_names, &policy, NOW + 15 * 60000, &out);
	assert_int_equal(out.next.state, FSM_FAILED);
	assert_non_null(strstr(out.reason, "hp01 is failed (no change for 15m"));
}

static void suspect_is(enum fsm_event evidence, const char *word)
{
	struct fsm_node f = at(FSM_NETBOOT);
	struct fsm_output out;

	stays(&f, FSM_EV_DHCP_DISCOVER);
	stays(&f, evidence);
	out = step_at(&f, FSM_EV_TIMEOUT, "", fsm_deadline(&f, &policy));
	if (!strstr(out.reason, word))
		fail_msg("%s: no \"%s\" in \"%s\"", fsm_event_str(evidence), word,
			out.reason);
}

static void test_suspects(void **state)
{
	struct fsm_node f = at(FSM_NETBOOT);
	struct fsm_output out =
		step_at(&f, FSM_EV_TIMEOUT, "", fsm_deadline(&f, &policy));

	assert_int_equal(f.state, FSM_RETRY);
	assert_non_null(
		strstr(out.reason, "no DHCP request from 94:40:c9:00:02:01 within 6m"));
	suspect_is(FSM_EV_DHCP_OFFER, "another DHCP server");
	suspect_is(FSM_EV_DHCP_ACK, "nothing was fetched");
	suspect_is(FSM_EV_DHCP_BIOS, "UEFI");
	suspect_is(FSM_EV_TFTP_SENT, "HTTP");
	suspect_is(FSM_EV_DHCP_FOREIGN, "another DHCP server");
	suspect_is(FSM_EV_BOOT_SCRIPT, "not the kernel");
	suspect_is(FSM_EV_BOOT_KERNEL, "initramfs was not");
	suspect_is(FSM_EV_BOOT_INITRD, "agent was not heard");
	f = at(FSM_NETBOOT);
	stays(&f, FSM_EV_DHCP_OTHER_PORT);
	out = step_at(&f, FSM_EV_TIMEOUT, "", fsm_deadline(&f, &policy));
	assert_non_null(strstr(out.reason, "swapped"));
	f = at(FSM_NETBOOT);
	stays(&f, FSM_EV_TFTP_SENT); /* of the size */
	stays(&f, FSM_EV_TFTP_FAILED);
	out = step_at(&f, FSM_EV_TIMEOUT, "", fsm_deadline(&f, &policy));
	assert_non_null(strstr(out.reason, "transfer of iPXE broke off"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_deadlines),
		T(test_rest_has_no_deadline),
		T(test_limits_are_given),
		T(test_stall),
		T(test_configuring_progress),
		T(test_configuring_suspects),
		T(test_suspects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
