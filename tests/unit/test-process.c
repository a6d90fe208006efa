/* SPDX-License-Identifier: Apache-2.0 */
/* run_child and child_spawn against real processes. */
#include "tests/unit/harness.h"

#include <signal.h>

#include "common/child.h"
#include "common/run.h"

static void output_and_status(void **state)
{
	const char *const argv[] = {
		"sh", "-c", "echo out; echo err >&2; cat; echo $X; exit 3", NULL};
	const char *const env[] = {"X=y", NULL};
	_cleanup_(run_result_clear) struct run_result r = {0};

	assert_int_equal(run_child(argv, env, "in\n", 10000, &r), 0);
	assert_int_equal(r.status, 3);
	assert_false(r.timed_out);
	assert_string_equal(r.out, "out\nerr\nin\ny\n");
}

static void deadline(void **state)
{
	const char *const argv[] = {"sleep", "60", NULL};
	_cleanup_(run_result_clear) struct run_result r = {0};
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(run_child(argv, NULL, NULL, 50, &r), 0);
	assert_true(r.timed_out);
	assert_int_equal(r.status, 137);
	assert_int_equal(run_ok(argv, 50, &msg), -ETIMEDOUT);
	assert_non_null(strstr(msg, "sleep did not end"));
}

static void not_there(void **state)
{
	const char *const argv[] = {"/no/such/program", NULL};
	struct run_result r = {0};
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(run_child(argv, NULL, NULL, 1000, &r), -ENOENT);
	assert_int_equal(run_ok(argv, 1000, &msg), -ENOENT);
	assert_non_null(strstr(msg, "/no/such/program could not be started"));
}

static void much_output_is_cut(void **state)
{
	const char *const argv[] = {"head", "-c", "1000000", "/dev/zero", NULL};
	_cleanup_(run_result_clear) struct run_result r = {0};

	assert_int_equal(run_child(argv, NULL, NULL, 10000, &r), 0);
	assert_int_equal(r.status, 0);
	assert_int_equal(r.out_len, RUN_MAX_OUTPUT);
}

struct seen {
	sd_event *event;
	int status, lines;
	bool timed_out;
	char last[32];
};

static void on_line(struct child *c, const char *line, void *userdata)
{
	struct seen *s = userdata;

	s->lines++;
	snprintf(s->last, sizeof(s->last), "%.31s", line);
}

static void on_end(
	struct child *c, int status, bool timed_out, const char *out, void *userdata)
{
	struct seen *s = userdata;

	s->status = status;
	s->timed_out = timed_out;
	sd_event_exit(s->event, 0);
}

static struct seen run_in_loop(const char *script, unsigned timeout_ms)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct seen s = {0};
	struct child_spec spec = {.argv = argv,
		.timeout_ms = timeout_ms,
		.on_line = on_line,
		.on_exit = on_end,
		.userdata = &s};
	sigset_t chld, old;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &old);
	assert_true(sd_event_new(&s.event) >= 0);
	assert_int_equal(child_spawn(s.event, &spec, NULL), 0);
	sd_event_loop(s.event);
	sd_event_unref(s.event);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return s;
}

static void lines_in_loop(void **state)
{
	struct seen s = run_in_loop("echo a; echo b >&2; printf c; exit 4", 10000);

	assert_int_equal(s.status, 4);
	assert_int_equal(s.lines, 3);
	assert_string_equal(s.last, "c");
	assert_false(s.timed_out);
}

static void deadline_in_loop(void **state)
{
	struct seen s = run_in_loop("sleep 60", 50);

	assert_true(s.timed_out);
	assert_int_equal(s.status, 128 + SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_status),
		cmocka_unit_test(deadline),
		cmocka_unit_test(not_there),
		cmocka_unit_test(much_output_is_cut),
		cmocka_unit_test(lines_in_loop),
		cmocka_unit_test(deadline_in_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
