/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"
#include "tests/unit/fsm-policy.h"

#include "common/rackpace.h"

/* Reads text; the problems as lines, caller frees. */
static char *pace_of(const char *text, struct rack *r)
{
	_cleanup_(conf_freep) struct conf *c = NULL;
	struct problems p = {0};
	char *out = xstrdup("");

	assert_int_equal(conf_parse("rack.ini", text, strlen(text), &p, &c), 0);
	rackpace_read(r, c, &p);
	conf_report_unused(c, &p);
	for (size_t i = 0; i < p.n; i++) {
		_cleanup_free_ char *line = problem_format(&p.list[i]), *before = out;

		out = xasprintf("%s%s\n", before, line);
	}
	problems_clear(&p);
	return out;
}

static void expect(const char *text, const char *want)
{
	struct rack r = {0};
	_cleanup_free_ char *got = pace_of(text, &r);

	if (want ? !strstr(got, want) : *got)
		fail_msg("expected \"%s\", got \"%s\"", want ? want : "", got);
}

/* What the tests of the state machine take for the usual policy is what a rack gets. */
static void defaults(void **state)
{
	struct rack r = {0};
	_cleanup_free_ char *problems = pace_of("", &r);

	assert_string_equal(problems, "");
	assert_int_equal(r.deadlines.powering_ms, usual.limits[FSM_POWERING].total_ms);
	assert_int_equal(
		r.deadlines.resetting_bmc_ms, usual.limits[FSM_BMC_RESET].total_ms);
	assert_int_equal(
		r.deadlines.network_booting_ms, usual.limits[FSM_NETBOOT].total_ms);
	assert_int_equal(r.deadlines.agent_ms, usual.limits[FSM_AGENT].total_ms);
	assert_int_equal(
		r.deadlines.installing_ms, usual.limits[FSM_INSTALLING].total_ms);
	assert_int_equal(
		r.deadlines.installing_stall_ms, usual.limits[FSM_INSTALLING].stall_ms);
	assert_int_equal(
		r.deadlines.first_boot_ms, usual.limits[FSM_FIRST_BOOT].total_ms);
	assert_int_equal(
		r.deadlines.configuring_stall_ms, usual.limits[FSM_CONFIGURING].stall_ms);
}

static void given(void **state)
{
	struct rack r = {0};
	_cleanup_free_ char *problems =
		pace_of("[Deadlines]\npowering = 90s\nNetwork-Booting = 20m\n"
			"agent = 1500ms\ninstalling = 1h\n"
			"installing-stall = 24h\nfirst-boot = 1s\n",
			&r);

	assert_non_null(strstr(problems,
		"rack.ini:6: [deadlines] installing-stall: expected at "
		"most what installing may take altogether (1h00m)"));
	assert_int_equal(r.deadlines.powering_ms, 90000);
	assert_int_equal(r.deadlines.network_booting_ms, 1200000);
	assert_int_equal(r.deadlines.agent_ms, 1500);
	assert_int_equal(r.deadlines.installing_ms, 3600000);
	assert_int_equal(r.deadlines.first_boot_ms, 1000);
	assert_int_equal(r.deadlines.configuring_stall_ms, 900000);
}

static void bounds(void **state)
{
	static const char *const bad[] = {"0", "0s", "999ms", "25h", "86400001ms", "6",
		"6min", "-1s", "1 m", "1.5m", "99999999999999999999h", "m", ""};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text =
			xasprintf("[deadlines]\nagent = %s\n", bad[i]);
		_cleanup_free_ char *want = xasprintf(
			"rack.ini:2: [deadlines] agent: expected a time from 1s to 24h, such as "
			"90s, 6m or 1h, found %s%s%s\n",
			*bad[i] ? "\"" : "", *bad[i] ? bad[i] : "nothing",
			*bad[i] ? "\"" : "");

		expect(text, want);
	}
	expect("[deadlines]\nagent = 24h\n", NULL);
	expect("[deadlines]\nagent = 1s\n", NULL);
	/* the default of the other is not held against the one that is given */
	expect("[deadlines]\ninstalling = 1m\n", NULL);
	expect("[deadlines]\ninstalling-stall = 16m\n",
		"at most what installing may take");
	expect("[deadlines]\nready = 1m\n",
		"rack.ini:2: [deadlines] ready: there is no such key");
	expect("[deadlines]\nagent = 2m\nagent = 3m\n", "agent");
}

static void interval(void **state)
{
	static const char *const bad[] = {"-1s", "61s", "2m", "1", "fast", ""};
	struct rack r = {0};

	free(pace_of("", &r));
	assert_int_equal(r.power_on_interval_ms, 1000);
	free(pace_of("[deploy]\npower_on_interval = 250ms\n", &r));
	assert_int_equal(r.power_on_interval_ms, 250);
	free(pace_of("[deploy]\npower_on_interval = 0s\n", &r));
	assert_int_equal(r.power_on_interval_ms, 0);
	free(pace_of("[deploy]\npower_on_interval = 1m\n", &r));
	assert_int_equal(r.power_on_interval_ms, 60000);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text =
			xasprintf("[deploy]\npower_on_interval = %s\n", bad[i]);

		expect(text,
			"rack.ini:2: [deploy] power_on_interval: expected a time from 0s to "
			"1m, such as 500ms or 2s, found ");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(given),
		cmocka_unit_test(bounds),
		cmocka_unit_test(interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
