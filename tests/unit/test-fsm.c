/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "tests/unit/fsm-policy.h"

static const struct fsm_names names = {
	"94:40:c9:00:02:01", "10.77.1.12", "10.77.0.2:8780", NULL};

#define NOW UINT64_C(1000000)

static struct fsm_policy policy; /* usual, unless the test decides otherwise */

static int setup(void **state)
{
	policy = usual;
	return 0;
}

static struct fsm_node at(enum fsm_state state)
{
	return (struct fsm_node){
		.state = state, .entered_ms = NOW, .moved_ms = NOW, .tries = 1};
}

static struct fsm_output step_at(
	struct fsm_node *f, enum fsm_event ev, const char *text, uint64_t now)
{
	struct fsm_output out;

	fsm_step(f, ev, text, &names, &policy, now, &out);
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

/* ---- deadlines ---- */

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
	static const enum fsm_state rest[] = {FSM_ENROL, FSM_IDLE, FSM_READY, FSM_FAILED,
		FSM_MAINTENANCE, FSM_CANCELLED};

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
	struct fsm_output out = step_at(&f, FSM_EV_TIMEOUT, "", fsm_deadline(&f, &policy));

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

/* ---- tries ---- */

/* A node on its first try, powered. */
static struct fsm_node powering(void)
{
	struct fsm_node f = at(FSM_ENROL);

	step(&f, FSM_EV_INSTALL);
	step(&f, FSM_EV_SLOT);
	assert_int_equal(f.tries, 1);
	return f;
}

static struct fsm_output run_out(struct fsm_node *f)
{
	return step_at(f, FSM_EV_TIMEOUT, "", fsm_deadline(f, &policy));
}

/* From the pause to the next power-on. */
static void next_try(struct fsm_node *f)
{
	unsigned tries = f->tries;

	assert_int_equal(f->state, FSM_RETRY);
	run_out(f);
	assert_int_equal(f->state, FSM_IDLE);
	assert_true(fsm_waits_for_slot(f) && fsm_is_installing(f));
	assert_int_equal(step(f, FSM_EV_SLOT).actions, FSM_DO_POWER);
	assert_int_equal(f->tries, tries + 1);
}

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
	assert_true(fsm_is_cancellable(&f) && fsm_is_installing(&f) && !fsm_holds_slot(&f));
	to(&f, FSM_EV_BMC_BACK, FSM_IDLE);
	to(&f, FSM_EV_SLOT, FSM_POWERING);
	assert_int_equal(f.tries, policy.retries + 2);
	out = step_at(&f, FSM_EV_POWER_FAILED, "BMC 10.77.1.12 does not answer", NOW);
	assert_int_equal(f.state, FSM_MAINTENANCE);
	assert_string_equal(out.reason, "resetting its BMC was the last thing to try, and did "
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
		FSM_EV_SLOT, FSM_EV_POWER_FAILED, FSM_EV_MAINTAIN_OFF};
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

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_names),
		T(test_install),
		T(test_role_change),
		T(test_never_installed_does_not_recover),
		T(test_untouched_system_stays),
		T(test_touched_system_is_gone),
		T(test_lost_installed),
		T(test_removed_has_no_system),
		T(test_reinstall_forgets),
		T(test_boots_are_counted),
		T(test_early_agent),
		T(test_boot_order_was_lost),
		T(test_reasons),
		T(test_deadlines),
		T(test_rest_has_no_deadline),
		T(test_limits_are_given),
		T(test_stall),
		T(test_configuring_progress),
		T(test_configuring_suspects),
		T(test_suspects),
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
		T(test_replay_is_the_same),
		T(test_resume),
		T(test_lost_wish),
		T(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
