/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/promcheck.h"

#include "bootstrap/metrics.h"

/* A server's daemon that has nothing yet: all of it is there all the same. */
static void nothing_yet(void **state)
{
	struct metrics_counts counts = {0};
	struct metrics m = {.counts = &counts,
		.version = "1.0",
		.images_free_bytes = UINT64_MAX,
		.state_free_bytes = UINT64_MAX};
	_cleanup_free_ char *text = metrics_text(&m);

	assert_prom_good(text);
	assert_non_null(strstr(text, "\nondol_build_info{version=\"1.0\"} 1\n"));
	assert_null(strstr(text, "\nondol_rack_info{"));
	assert_non_null(strstr(text, "\nondol_nodes{state=\"ready\"} 0\n"));
	assert_null(strstr(text, "\nondol_node_"));
	assert_null(strstr(text, "\nondol_folder_free_bytes{"));
	assert_non_null(strstr(text, "\nondol_installs_total{result=\"failed\"} 0\n"));
}

static const struct metrics_node nodes[] = {
	{.name = "hp01",
		.role = "controller",
		.kind = "",
		.state = FSM_READY,
		.since_ms = 1000000,
		.last_seen_ms = 1059500,
		.power = IPMI_POWER_ON,
		.bmc_reachable = 1},
	{.name = "hp02",
		.role = "storage",
		.kind = "block",
		.state = FSM_INSTALLING,
		.since_ms = 2000000, /* the clock was set back since */
		.has_progress = true,
		.done = 3,
		.total = 4,
		.power = IPMI_POWER_OFF,
		.bmc_reachable = 0},
	{.name = "hp03",
		.role = "compute",
		.kind = "",
		.state = FSM_READY,
		.since_ms = 1000,
		.silent = true,
		.has_progress = true, /* of nothing: no ratio */
		.bmc_reachable = -1},
};

static void has(const char *text, const char *line)
{
	_cleanup_free_ char *whole = xasprintf("\n%s\n", line);

	if (!strstr(text, whole))
		fail_msg("expected %s", line);
}

static void a_rack(void **state)
{
	struct metrics_counts counts = {
		.http[METRICS_PAGE].answered[4] = 7, .refused[METRICS_REFUSED_TRIES] = 2};
	struct metrics m = {.counts = &counts,
		.version = "1.0",
		.rack = "lab",
		.rack_revision = 4,
		.now_ms = 1060000,
		.nodes = nodes,
		.n_nodes = ARRAY_SIZE(nodes),
		.dnsmasq_up = true,
		.listens[METRICS_NODES] = true,
		.held[METRICS_NODES] = 3,
		.consoles = 1,
		.max_consoles = 48,
		.store_bytes = 4096,
		.store_events = 12,
		.events_dropped = 3,
		.images_free_bytes = 5,
		.state_free_bytes = 6,
		.process = {.cpu_ms = 1234, .resident_bytes = 8, .open_fds = 9}};
	_cleanup_free_ char *text = metrics_text(&m);
	static const char *const lines[] = {"ondol_rack_info{rack=\"lab\"} 1",
		"ondol_rack_revision 4", "ondol_nodes{state=\"ready\"} 2",
		"ondol_nodes{state=\"installing\"} 1", "ondol_nodes{state=\"failed\"} 0",
		"ondol_node_state{node=\"hp02\",state=\"installing\"} 1",
		"ondol_node_info{node=\"hp02\",role=\"storage\",kind=\"block\"} 1",
		"ondol_node_ready{node=\"hp01\"} 1", "ondol_node_ready{node=\"hp02\"} 0",
		"ondol_node_state_seconds{node=\"hp01\"} 60",
		"ondol_node_state_seconds{node=\"hp02\"} 0",
		"ondol_node_silent{node=\"hp03\"} 1",
		"ondol_node_last_report_timestamp_seconds{node=\"hp01\"} 1059.5",
		"ondol_node_install_progress_ratio{node=\"hp02\"} 0.75",
		"ondol_node_power_known{node=\"hp03\"} 0",
		"ondol_node_power_on{node=\"hp01\"} 1",
		"ondol_node_power_on{node=\"hp02\"} 0",
		"ondol_node_bmc_reachable{node=\"hp02\"} 0",
		"ondol_http_requests_total{listener=\"page\",class=\"4xx\"} 7",
		"ondol_http_requests_held{listener=\"nodes\"} 3",
		"ondol_listener_up{listener=\"nodes\"} 1",
		"ondol_listener_up{listener=\"page\"} 0",
		"ondol_sign_in_failures_total{reason=\"too-many-tries\"} 2",
		"ondol_folder_free_bytes{folder=\"images\"} 5", "ondol_dnsmasq_up 1",
		"ondol_store_events 12", "ondol_events_dropped_total 3",
		"process_cpu_seconds_total 1.234", "process_open_fds 9"};

	assert_prom_good(text);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		has(text, lines[i]);
	assert_null(strstr(text, "last_report_timestamp_seconds{node=\"hp02\""));
	assert_null(strstr(text, "progress_ratio{node=\"hp03\""));
	assert_null(strstr(text, "power_on{node=\"hp03\""));
	assert_null(strstr(text, "bmc_reachable{node=\"hp03\""));
}

static void events(void **state)
{
	struct metrics_counts c = {0};

	metrics_count_event(&c, "ondold");
	metrics_count_event(&c, "console");
	metrics_count_event(&c, "console");
	metrics_count_event(&c, "\"}");
	assert_int_equal(c.events[METRICS_ONDOLD], 1);
	assert_int_equal(c.events[METRICS_CONSOLE], 2);
	assert_int_equal(c.events[METRICS_OTHER], 1);
}

static void ipmi(void **state)
{
	struct metrics_counts c = {0};
	struct metrics m = {.counts = &c, .version = ""};
	_cleanup_free_ char *text = NULL;

	metrics_count_ipmi(&c, IPMI_FAULT_NONE, 100);
	metrics_count_ipmi(&c, IPMI_FAULT_NONE, 101);
	metrics_count_ipmi(&c, IPMI_FAULT_UNREACHABLE, 20000);
	metrics_count_ipmi(&c, IPMI_FAULT_OTHER, 1000000);
	metrics_count_ipmi(&c, IPMI_FAULT_NO_TOOL, 0);
	text = metrics_text(&m);
	assert_prom_good(text);
	has(text, "ondol_ipmi_commands_total{result=\"ok\"} 2");
	has(text, "ondol_ipmi_commands_total{result=\"no-tool\"} 1");
	has(text, "ondol_ipmi_command_duration_seconds_bucket{le=\"0.1\"} 1");
	has(text, "ondol_ipmi_command_duration_seconds_bucket{le=\"0.25\"} 2");
	has(text, "ondol_ipmi_command_duration_seconds_bucket{le=\"20\"} 3");
	has(text, "ondol_ipmi_command_duration_seconds_bucket{le=\"90\"} 3");
	has(text, "ondol_ipmi_command_duration_seconds_count 4");
	has(text, "ondol_ipmi_command_duration_seconds_sum 1020.201");
}

static void installs(void **state)
{
	static const struct {
		enum fsm_state began, from, to;
		int counted; /* -1: not an install's end */
	} cases[] = {
		{FSM_POWERING, FSM_CONFIGURING, FSM_READY, METRICS_RESULT_READY},
		{FSM_POWERING, FSM_NETBOOT, FSM_FAILED, METRICS_RESULT_FAILED},
		{FSM_POWERING, FSM_POWERING, FSM_FAILED, METRICS_RESULT_FAILED},
		{FSM_POWERING, FSM_INSTALLING, FSM_CANCELLED, METRICS_RESULT_CANCELLED},
		{FSM_POWERING, FSM_FAILED, FSM_READY,
			METRICS_RESULT_READY}, /* after all */
		{FSM_POWERING, FSM_READY, FSM_FAILED, -1},
		{FSM_POWERING, FSM_READY, FSM_CANCELLED, -1}, /* it left the rack */
		{FSM_POWERING, FSM_FAILED, FSM_CANCELLED, -1},
		{FSM_POWERING, FSM_AGENT, FSM_INSTALLING, -1},
		{FSM_POWERING, FSM_NETBOOT, FSM_RETRY, -1},
		{FSM_POWERING, FSM_BMC_RESET, FSM_MAINTENANCE, METRICS_RESULT_FAILED},
		{FSM_POWERING, FSM_CONFIGURING, FSM_MAINTENANCE,
			-1}, /* somebody's wish */
		{FSM_CONFIGURING, FSM_CONFIGURING, FSM_READY, -1},
		{FSM_CONFIGURING, FSM_CONFIGURING, FSM_FAILED, -1},
		{FSM_ENROL, FSM_IDLE, FSM_CANCELLED, -1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct metrics_counts c = {0};

		metrics_count_transition(&c, cases[i].began, cases[i].from, cases[i].to);
		for (int r = 0; r < METRICS_N_RESULTS; r++)
			assert_int_equal(c.installs[r], r == cases[i].counted);
	}
}

/* The largest rack: the number of series is bounded by it, and the text stays within reason. */
static void many_nodes(void **state)
{
	static struct metrics_node many[10000];
	static char names[10000][16];
	struct metrics_counts counts = {0};
	struct metrics m = {.counts = &counts,
		.version = "1.0",
		.nodes = many,
		.n_nodes = ARRAY_SIZE(many)};
	_cleanup_free_ char *text = NULL, *wrong = NULL;
	size_t samples;

	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		snprintf(names[i], sizeof(names[i]), "node-%zu", i);
		many[i] = nodes[i % ARRAY_SIZE(nodes)];
		many[i].name = names[i];
	}
	text = metrics_text(&m);
	wrong = promcheck(text, &samples);
	assert_string_equal(wrong, "");
	assert_true(samples > 10000 * 8 && samples < 10000 * 14);
	assert_true(strlen(text) < 16u << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_yet),
		cmocka_unit_test(a_rack),
		cmocka_unit_test(events),
		cmocka_unit_test(ipmi),
		cmocka_unit_test(installs),
		cmocka_unit_test(many_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
