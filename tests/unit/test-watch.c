/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/watch.h"
#include "common/jsonx.h"

/* A status of two nodes; parts are JSON members that are put into hp02. */
static struct status_view *status(const char *parts)
{
	_cleanup_free_ char *msg = NULL;
	_cleanup_free_ char *text = xasprintf(
		"{\"version\": \"0\", \"rack\": \"r\", \"now\": 5000, \"nodes\": ["
		"{\"name\": \"hp01\", \"role\": \"controller\", \"state\": \"ready\", \"since\": 10,"
		" \"phases\": [{\"state\": \"powering\", \"ms\": 2000},"
		" {\"state\": \"installing\", \"ms\": 30000}]},"
		"{\"name\": \"hp02\", \"role\": \"storage\", \"kind\": \"block\" %s}]}",
		parts);
	_cleanup_(jx_freep) json_t *json = jx_parse(text, strlen(text), &msg);
	struct status_view *s = NULL;

	if (!json || status_view_parse(json, &s, &msg) < 0)
		fail_msg("%s", msg);
	return s;
}

#define INSTALLING(percent)                                                          \
	", \"state\": \"installing\", \"step\": \"writing image\", \"since\": 100, " \
	"\"progress\": {\"done\": " #percent "000000, \"total\": 100000000},"        \
	"\"phases\": [{\"state\": \"installing\", \"ms\": 4000}]"

static void changes_are(struct watch *w, const char *parts, const char *expected)
{
	_cleanup_(status_view_freep) struct status_view *s = status(parts);
	_cleanup_free_ char *text = NULL;

	watch_feed(w, s, 1000);
	text = watch_changes(w, s, "T ", true);
	assert_string_equal(text, expected);
}

static void test_changes(void **state)
{
	struct watch *w = watch_new(NULL);

	changes_are(w, ", \"state\": \"powering\", \"step\": \"power on\"",
		"T hp01 ready\nT hp02 powering: power on\n");
	changes_are(w, ", \"state\": \"powering\", \"step\": \"power on\"", "");
	changes_are(w, INSTALLING(1), "T hp02 installing: writing image 1 %\n");
	changes_are(w, INSTALLING(9), "");
	changes_are(w, INSTALLING(40), "T hp02 installing: writing image 40 %\n");
	changes_are(w, ", \"state\": \"installing\", \"step\": \"writing image\"", "");
	changes_are(w, ", \"state\": \"failed\", \"reason\": \"no disk\\u001b[2J\"",
		"T hp02 failed: no disk\\x1b[2J\n");
	/* a pause is told once, not with every second */
	changes_are(w,
		", \"state\": \"retrying\", \"retry\": {\"try\": 2, \"of\": 3, \"at\": 9000,"
		" \"cause\": \"no DHCP\"}",
		"T hp02 retrying: before the 2nd try: no DHCP\n");
	changes_are(w,
		", \"state\": \"retrying\", \"retry\": {\"try\": 2, \"of\": 3, \"at\": 9000,"
		" \"cause\": \"no DHCP\"}",
		"");
	watch_free(w);
}

static void test_changes_of_some(void **state)
{
	static const char *const nodes[] = {"hp02", NULL};
	struct watch *w = watch_new(nodes);

	changes_are(w, ", \"state\": \"idle\"", "T hp02 idle\n");
	watch_free(w);
}

static void test_lines(void **state)
{
	_cleanup_(status_view_freep) struct status_view *s = status(INSTALLING(50));
	struct watch *w = watch_new(NULL);
	char **lines = NULL;
	size_t n;

	watch_feed(w, s, 1000);
	n = watch_lines(w, s, 7000, 90, false, true, &lines);
	assert_int_equal(n, 2);
	/* ready: the time of its run stands still; installing: it runs on */
	assert_string_equal(lines[0],
		"hp01  controller     ready                                                           "
		"  32s");
	assert_non_null(strstr(lines[1],
		"  installing       [##########...........]  50 %     50/100 MB"));
	assert_non_null(strstr(lines[1], "10s"));
	assert_int_equal(text_width(lines[1]), 90);
	watch_lines_free(lines, n);
	status_view_freep(&s);
	/* the pause runs on: the status is of 5000, two seconds ago */
	s = status(
		", \"state\": \"retrying\", \"retry\": {\"try\": 2, \"of\": 3, \"at\": 9000,"
		" \"cause\": \"no DHCP\"}");
	watch_feed(w, s, 1000);
	n = watch_lines(w, s, 3000, 90, false, true, &lines);
	assert_non_null(strstr(lines[1], "  retrying         2nd try in 2 s: no DHCP"));
	watch_lines_free(lines, n);
	watch_free(w);
}

static enum goal_result check(enum goal_kind kind, uint64_t after_ms, const char *parts)
{
	_cleanup_(status_view_freep) struct status_view *s = status(parts);
	struct goal g = {.node = "hp02", .kind = kind, .after_ms = after_ms};

	return goal_check(&g, status_view_node(s, "hp02"));
}

static void test_goal_run(void **state)
{
	/* what it was before the run began does not count */
	assert_int_equal(check(GOAL_RUN, 500, ", \"state\": \"ready\", \"since\": 499"),
		GOAL_GOING);
	assert_int_equal(check(GOAL_RUN, 500, ", \"state\": \"failed\", \"since\": 499"),
		GOAL_GOING);
	assert_int_equal(check(GOAL_RUN, 500, ", \"state\": \"idle\", \"since\": 600"),
		GOAL_GOING);
	assert_int_equal(check(GOAL_RUN, 500, ", \"state\": \"agent\", \"since\": 600"),
		GOAL_GOING);
	assert_int_equal(check(GOAL_RUN, 500, ", \"state\": \"ready\", \"since\": 500"),
		GOAL_REACHED);
	assert_int_equal(check(GOAL_RUN, 500, ", \"state\": \"failed\", \"since\": 501"),
		GOAL_FAILED);
	assert_int_equal(
		check(GOAL_RUN, 500, ", \"state\": \"cancelled\", \"since\": 501"),
		GOAL_FAILED);
	assert_int_equal(
		check(GOAL_RUN, 500, ", \"state\": \"maintenance\", \"since\": 501"),
		GOAL_FAILED);
	assert_int_equal(
		check(GOAL_RUN, 500, ", \"state\": \"retrying\", \"since\": 501"),
		GOAL_GOING);
}

/* The looking ends when the node asks, or goes on as somebody has agreed to it. */
static void test_goal_look(void **state)
{
	assert_int_equal(check(GOAL_LOOK, 500, ", \"state\": \"agent\", \"since\": 600"),
		GOAL_GOING);
	assert_int_equal(
		check(GOAL_LOOK, 500, ", \"state\": \"inventoried\", \"since\": 499"),
		GOAL_GOING);
	assert_int_equal(
		check(GOAL_LOOK, 500,
			", \"state\": \"inventoried\", \"since\": 600, \"asks\": true"),
		GOAL_REACHED);
	assert_int_equal(
		check(GOAL_LOOK, 500, ", \"state\": \"installing\", \"since\": 600"),
		GOAL_REACHED);
	assert_int_equal(check(GOAL_LOOK, 500, ", \"state\": \"failed\", \"since\": 600"),
		GOAL_FAILED);
	assert_int_equal(
		check(GOAL_LOOK, 500, ", \"state\": \"maintenance\", \"since\": 600"),
		GOAL_FAILED);
	/* who waits for the installation waits on */
	assert_int_equal(
		check(GOAL_RUN, 500,
			", \"state\": \"inventoried\", \"since\": 600, \"asks\": true"),
		GOAL_GOING);
	assert_int_equal(
		check(GOAL_SETTLED, 500, ", \"state\": \"inventoried\", \"asks\": true"),
		GOAL_RESTING);
}

static void test_goal_reported(void **state)
{
	assert_int_equal(
		check(GOAL_REPORTED, 500,
			", \"state\": \"ready\", \"since\": 1, \"revision\": 3, \"reported\": 2"),
		GOAL_GOING);
	assert_int_equal(
		check(GOAL_REPORTED, 500,
			", \"state\": \"ready\", \"since\": 1, \"revision\": 3, \"reported\": 3"),
		GOAL_REACHED);
	assert_int_equal(
		check(GOAL_REPORTED, 500, ", \"state\": \"configuring\""), GOAL_GOING);
}

static void test_goal_settled(void **state)
{
	struct goal g = {.node = "hp77", .kind = GOAL_SETTLED};

	assert_int_equal(
		check(GOAL_SETTLED, 500, ", \"state\": \"ready\""), GOAL_REACHED);
	assert_int_equal(
		check(GOAL_SETTLED, 500, ", \"state\": \"enrol\""), GOAL_RESTING);
	assert_int_equal(check(GOAL_SETTLED, 500, ", \"state\": \"idle\""), GOAL_GOING);
	assert_int_equal(
		check(GOAL_SETTLED, 500, ", \"state\": \"maintenance\""), GOAL_RESTING);
	assert_int_equal(
		check(GOAL_SETTLED, 500, ", \"state\": \"installing\""), GOAL_GOING);
	assert_int_equal(
		check(GOAL_SETTLED, 500, ", \"state\": \"failed\""), GOAL_FAILED);
	assert_int_equal(goal_check(&g, NULL), GOAL_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_changes_of_some),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_goal_run),
		cmocka_unit_test(test_goal_look),
		cmocka_unit_test(test_goal_reported),
		cmocka_unit_test(test_goal_settled),
	};
	bool utf8;

	term_setup(&utf8);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
