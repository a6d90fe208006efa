/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "tests/unit/fsm-node.h"

static void test_retry(void **state)
{
	struct fsm_node f = powering();
	struct fsm_output out;
	char words[32];

	step(&f, FSM_EV_POWERED);
	out = run_out(&f);
	assert_int_equal(f.state, FSM_RETRY);
	assert_true(out.actions & FSM_DO_REVOKE_BOOT && out.actions & FSM_DO_ABORT_POWER);
	assert_false(fsm_holds_slot(&f)); /* who is well goes first */
	assert_true(fsm_is_cancellable(&f) && fsm_is_installing(&f));
	assert_non_null(strstr(out.reason, "no DHCP request"));
	fsm_try_words(&f, &policy, f.entered_ms, words);
	assert_true(str_startswith(words, "2nd try in 3"));
	fsm_try_words(&f, &policy, fsm_deadline(&f, &policy) - 1, words);
	assert_string_equal(words, "2nd try in 1 s");
	next_try(&f);
	fsm_try_words(&f, &policy, NOW, words);
	assert_string_equal(words, "");
	step(&f, FSM_EV_POWERED);
	run_out(&f);
	fsm_try_words(&f, &policy, fsm_deadline(&f, &policy), words);
	assert_string_equal(words, "3rd try in 0 s");
	next_try(&f);
	step(&f, FSM_EV_POWERED);
	out = run_out(&f);
	assert_int_equal(f.state, FSM_FAILED);
	assert_true(str_startswith(out.reason, "tried 3 times, the last time: no DHCP"));
	to(&f, FSM_EV_INSTALL, FSM_IDLE);
	assert_int_equal(f.tries, 0);
}

static void test_no_retries(void **state)
{
	struct fsm_node f = powering();

	policy.retries = 0;
	to(&f, FSM_EV_POWER_FAILED, FSM_FAILED); /* and no reset either */
	f = powering();
	step(&f, FSM_EV_POWERED);
	run_out(&f);
	assert_int_equal(f.state, FSM_FAILED);
}

/* Twice as long each time, never longer than the longest and a quarter, each node its own. */
static void test_backoff(void **state)
{
	uint64_t before = 0;
	unsigned differ = 0;

	policy.retries = 9;
	for (unsigned tries = 1; tries <= 9; tries++) {
		struct fsm_node f = at(FSM_RETRY);
		unsigned base = MIN(FSM_BACKOFF_MS << (tries - 1), FSM_BACKOFF_MAX_MS);
		uint64_t pause;

		f.tries = tries;
		pause = fsm_deadline(&f, &policy) - NOW;
		assert_in_range(pause, base, base + base / 4);
		assert_true(tries > 4 || pause > before);
		assert_int_equal(fsm_deadline(&f, &policy) - NOW, pause);
		policy.patience_percent = 200;
		assert_int_equal(fsm_deadline(&f, &policy) - NOW, 2 * pause);
		policy.patience_percent = 100;
		policy.seed++;
		differ += fsm_deadline(&f, &policy) - NOW != pause;
		before = pause;
	}
	assert_true(differ >= 8);
}

/* What another power cycle cannot mend is told at once. */
static void test_hopeless(void **state)
{
	static const enum fsm_event hopeless[] = {
		FSM_EV_DHCP_BIOS, FSM_EV_DHCP_OTHER_PORT, FSM_EV_ORDER_BLOCKED};
	struct fsm_node f;

	for (size_t i = 0; i < ARRAY_SIZE(hopeless); i++) {
		f = powering();
		step(&f, FSM_EV_POWERED);
		stays(&f, hopeless[i]);
		run_out(&f);
		assert_int_equal(f.state, FSM_FAILED);
	}
	/* it came further than that afterwards */
	f = powering();
	step(&f, FSM_EV_POWERED);
	stays(&f, FSM_EV_DHCP_BIOS);
	stays(&f, FSM_EV_TFTP_SENT);
	run_out(&f);
	assert_int_equal(f.state, FSM_RETRY);
}

/* A person must look: the agent has refused, or has been refused. */
static void test_agents_word_is_final(void **state)
{
	static const enum fsm_event final[] = {
		FSM_EV_AGENT_FAILED, FSM_EV_REFUSED, FSM_EV_IDENTITY_MISMATCH};

	for (size_t i = 0; i < ARRAY_SIZE(final); i++) {
		struct fsm_node f = powering();

		step(&f, FSM_EV_POWERED);
		step(&f, FSM_EV_AGENT_UP);
		to(&f, final[i], FSM_FAILED);
	}
}

static void test_agent_is_retried_before_its_order(void **state)
{
	struct fsm_node f = powering();

	step(&f, FSM_EV_POWERED);
	step(&f, FSM_EV_BOOT_SCRIPT);
	step(&f, FSM_EV_AGENT_UP);
	run_out(&f);
	assert_int_equal(f.state, FSM_RETRY);
	next_try(&f);
	assert_int_equal(f.boots, 0);
	/* the agent had its order, died, came up again and hangs: the disk is half written */
	f = installing();
	step(&f, FSM_EV_BOOT_SCRIPT);
	step(&f, FSM_EV_AGENT_UP);
	assert_non_null(strstr(fsm_disk_words(&f), "half written"));
	run_out(&f);
	assert_int_equal(f.state, FSM_FAILED);
	f = installing();
	run_out(&f);
	assert_int_equal(f.state, FSM_FAILED); /* it may still be writing */
}

/* The disk was full when its order was to be kept: it is not switched off as one without. */
static void test_lost_order(void **state)
{
	struct fsm_node f = ready();

	step(&f, FSM_EV_INSTALL);
	step(&f, FSM_EV_SLOT);
	step(&f, FSM_EV_POWERED);
	step(&f, FSM_EV_AGENT_UP);
	to(&f, FSM_EV_AGENT_PROGRESS, FSM_INSTALLING);
	assert_true(f.ordered && !f.had_system);
	run_out(&f);
	assert_int_equal(f.state, FSM_FAILED);
}

/* After an order a retry is one of the boots that the run has anyway. */
static void test_boots_bound_tries_after_an_order(void **state)
{
	struct fsm_node f = installing();

	policy.retries = 9;
	step(&f, FSM_EV_BOOT_SCRIPT);
	assert_int_equal(f.boots, 2);
	run_out(&f);
	next_try(&f);
	assert_true(f.ordered);
	assert_int_equal(f.boots, 2);
	step(&f, FSM_EV_POWERED);
	step(&f, FSM_EV_BOOT_SCRIPT);
	run_out(&f);
	assert_int_equal(f.state, FSM_FAILED);
	assert_non_null(strstr(fsm_disk_words(&f), "half written"));
}

static void test_first_boot_is_not_repeated(void **state)
{
	struct fsm_node f = installing();

	step(&f, FSM_EV_AGENT_INSTALLED);
	step(&f, FSM_EV_AGENT_KEXEC);
	run_out(&f);
	assert_int_equal(f.state, FSM_FAILED);
	assert_true(f.installed);
}

/* Ten minutes of POST: it is not switched off when it comes at last. */
static void test_late_boot(void **state)
{
	struct fsm_node f = powering();

	step(&f, FSM_EV_POWERED);
	run_out(&f);
	assert_true(fsm_wants_netboot(&f));
	to(&f, FSM_EV_BOOT_SCRIPT, FSM_NETBOOT);
	assert_int_equal(f.tries, 2);
	assert_int_equal(f.boots, 1);
	run_out(&f);
	to(&f, FSM_EV_BOOT_SCRIPT, FSM_NETBOOT);
	run_out(&f);
	assert_int_equal(f.state, FSM_FAILED); /* not for ever */
}

static void test_refused_login(void **state)
{
	struct fsm_node f = powering();

	to(&f, FSM_EV_POWER_REFUSED, FSM_FAILED);
	/* on a later try */
	f = powering();
	step(&f, FSM_EV_POWER_FAILED);
	next_try(&f);
	to(&f, FSM_EV_POWER_REFUSED, FSM_FAILED);
	/* when the agent was faster than the BMC, and then hangs */
	f = powering();
	step(&f, FSM_EV_AGENT_UP);
	stays(&f, FSM_EV_POWER_REFUSED);
	run_out(&f);
	assert_int_equal(f.state, FSM_FAILED);
	/* ... or boots once more */
	f = powering();
	step(&f, FSM_EV_AGENT_UP);
	stays(&f, FSM_EV_POWER_REFUSED);
	to(&f, FSM_EV_BOOT_SCRIPT, FSM_NETBOOT);
	run_out(&f);
	assert_int_equal(f.state, FSM_FAILED);
}

/* The BMC's log is read where the hardware may have something to say. */
static void test_event_log(void **state)
{
	struct fsm_node f = powering();

	assert_true(step(&f, FSM_EV_POWERED).actions & FSM_DO_READ_SEL);
	assert_true(run_out(&f).actions & FSM_DO_READ_SEL);
	f = powering();
	assert_false(step(&f, FSM_EV_POWER_REFUSED).actions & FSM_DO_READ_SEL);
	f = powering();
	step(&f, FSM_EV_AGENT_UP);
	assert_false(step(&f, FSM_EV_IDENTITY_MISMATCH).actions & FSM_DO_READ_SEL);
	f = installing();
	assert_true(step(&f, FSM_EV_AGENT_FAILED).actions & FSM_DO_READ_SEL);
	f = installing();
	step(&f, FSM_EV_AGENT_INSTALLED);
	step(&f, FSM_EV_NODED_UP);
	assert_true(step(&f, FSM_EV_REPORT_READY).actions & FSM_DO_READ_SEL);
	/* a BMC that has refused is left alone, whatever else fails */
	f = powering();
	step(&f, FSM_EV_AGENT_UP);
	step(&f, FSM_EV_POWER_REFUSED);
	assert_int_equal(run_out(&f).actions & FSM_DO_READ_SEL, 0);
	assert_int_equal(f.state, FSM_FAILED);
}

static void use_up(struct fsm_node *f)
{
	for (unsigned i = 0; i < policy.retries; i++) {
		to(f, FSM_EV_POWER_FAILED, FSM_RETRY);
		next_try(f);
	}
}

static void test_bmc_reset(void **state)
{
	struct fsm_node f = powering();
	struct fsm_output out;

	use_up(&f);
	out = step_at(&f, FSM_EV_POWER_FAILED, "BMC 10.77.1.12 does not answer", NOW);
	assert_int_equal(f.state, FSM_BMC_RESET);
	assert_true(out.actions & FSM_DO_RESET_BMC);
	assert_false(out.actions & FSM_DO_POWER);
	assert_true(
		fsm_is_cancellable(&f) && fsm_is_installing(&f) && !fsm_holds_slot(&f));
	to(&f, FSM_EV_BMC_BACK, FSM_IDLE);
	to(&f, FSM_EV_SLOT, FSM_POWERING);
	assert_int_equal(f.tries, policy.retries + 2);
	out = step_at(&f, FSM_EV_POWER_FAILED, "BMC 10.77.1.12 does not answer", NOW);
	assert_int_equal(f.state, FSM_MAINTENANCE);
	assert_string_equal(out.reason,
		"resetting its BMC was the last thing to try, and did "
		"not help: BMC 10.77.1.12 does not answer");
	/* when it helped, what fails later is another's fault */
	f = powering();
	use_up(&f);
	step(&f, FSM_EV_POWER_FAILED);
	step(&f, FSM_EV_BMC_BACK);
	step(&f, FSM_EV_SLOT);
	step(&f, FSM_EV_POWERED);
	out = run_out(&f);
	assert_int_equal(f.state, FSM_FAILED);
	assert_true(str_startswith(out.reason, "tried 4 times, the last time: no DHCP"));
}

/* The same by the deadlines: a BMC that says nothing at all. */
static void test_bmc_reset_by_deadline(void **state)
{
	struct fsm_node f = powering();
	struct fsm_output out;

	for (unsigned i = 0; i < policy.retries; i++) {
		run_out(&f);
		next_try(&f);
	}
	out = run_out(&f);
	assert_int_equal(f.state, FSM_BMC_RESET);
	assert_true(out.actions & FSM_DO_RESET_BMC);
	out = run_out(&f);
	assert_int_equal(f.state, FSM_MAINTENANCE);
	assert_non_null(strstr(out.reason, "did not answer within 8m00s of its reset"));
	f = at(FSM_BMC_RESET);
	to(&f, FSM_EV_POWER_FAILED, FSM_MAINTENANCE);
	f = at(FSM_BMC_RESET);
	to(&f, FSM_EV_POWER_REFUSED, FSM_FAILED);
}

/* The server started although its BMC did not say so: the reset is called off. */
static void test_boots_while_the_bmc_is_reset(void **state)
{
	struct fsm_node f = powering();
	struct fsm_output out;

	use_up(&f);
	step(&f, FSM_EV_POWER_FAILED);
	out = step(&f, FSM_EV_BOOT_SCRIPT);
	assert_int_equal(f.state, FSM_NETBOOT);
	assert_int_equal(out.actions, FSM_DO_ABORT_POWER);
	run_out(&f);
	assert_int_equal(f.state, FSM_FAILED);
}

static void test_cancelled_in_a_pause(void **state)
{
	struct fsm_node f = ready();

	step(&f, FSM_EV_INSTALL);
	step(&f, FSM_EV_SLOT);
	step(&f, FSM_EV_POWER_FAILED);
	assert_true(f.had_system);
	to(&f, FSM_EV_CANCEL, FSM_CANCELLED);
	assert_true(f.installed); /* its old system is untouched */
	f = at(FSM_BMC_RESET);
	assert_true(step(&f, FSM_EV_CANCEL).actions & FSM_DO_ABORT_POWER);
	assert_int_equal(f.state, FSM_CANCELLED);
}

/* Killed between keeping power.refused and acting upon it: it is not asked again. */
static void test_lost_refusal(void **state)
{
	struct fsm_node f = powering();

	assert_false(fsm_lost_refusal(&f));
	fsm_replay_event(&f, FSM_EV_POWER_REFUSED, NOW);
	assert_true(fsm_lost_refusal(&f));
	to(&f, FSM_EV_POWER_REFUSED, FSM_FAILED);
	assert_false(fsm_lost_refusal(&f));
}

/* However long ondold was away in a pause: the try comes when it was to come, or at once. */
static void test_pause_outlives_a_restart(void **state)
{
	struct fsm_node f = powering();
	uint64_t due;

	step(&f, FSM_EV_POWER_FAILED);
	due = fsm_deadline(&f, &policy);
	assert_int_equal(fsm_resume(&f, &policy, NOW + 5000), 0);
	assert_int_equal(fsm_deadline(&f, &policy), due);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_retry),
		T(test_no_retries),
		T(test_backoff),
		T(test_hopeless),
		T(test_agents_word_is_final),
		T(test_agent_is_retried_before_its_order),
		T(test_lost_order),
		T(test_boots_bound_tries_after_an_order),
		T(test_first_boot_is_not_repeated),
		T(test_late_boot),
		T(test_refused_login),
		T(test_event_log),
		T(test_bmc_reset),
		T(test_bmc_reset_by_deadline),
		T(test_boots_while_the_bmc_is_reset),
		T(test_cancelled_in_a_pause),
		T(test_lost_refusal),
		T(test_pause_outlives_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
