/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that is run to its end, and what becomes of it when its deadline passes or its
 * worker is killed. Whether any of them still runs is told by a pipe that all inherit.
 */
#include "tests/unit/harness.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/run.h"

#define PATIENCE_MS 20000

/* Runs the script in a worker, as noded's are: a group of its own. *ret_alive: the pipe. */
static pid_t worker(const char *script, unsigned timeout_ms, int *ret_alive)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		_cleanup_free_ char *text = xasprintf("alive=%d; %s", fds[1], script);
		const char *const argv[] = {"bash", "-c", text, NULL};
		_cleanup_(run_result_clear) struct run_result res = {0};

		close(fds[0]);
		setpgid(0, 0);
		run_share_group();
		_exit(run_child(argv, NULL, NULL, timeout_ms, &res) == 0 &&
					res.timed_out && res.status == 137
				? 7
				: 1);
	}
	close(fds[1]);
	*ret_alive = fds[0];
	return pid;
}

static void expect_byte(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(read(fd, &c, 1), 1);
}

static void expect_that_none_is_left(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(read(fd, &c, 1), 0);
	close(fd);
}

static void what_a_killed_worker_runs_ends_with_it(_unused_ void **state)
{
	int alive, status;
	pid_t pid = worker("sleep 60 & echo >&$alive; wait", 60000, &alive);

	expect_byte(alive);
	assert_int_equal(kill(-pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	expect_that_none_is_left(alive);
}

/* The worker itself goes on after the deadline of what it runs, and tells that by its exit code. */
static void expect_a_deadline_met(const char *script)
{
	int alive, status;
	pid_t pid = worker(script, 300, &alive);

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	expect_that_none_is_left(alive);
}

static void a_deadline_in_a_worker_ends_all_but_the_worker(_unused_ void **state)
{
	expect_a_deadline_met("sleep 60 & wait");
}

static void who_does_not_heed_a_deadline_in_a_worker_is_killed(_unused_ void **state)
{
	expect_a_deadline_met("trap '' TERM; exec sleep 60");
}

static void who_heeds_a_deadline_in_a_worker_was_late_all_the_same(_unused_ void **state)
{
	expect_a_deadline_met("trap 'exit 0' TERM; sleep 60 & wait");
}

static void a_deadline_elsewhere_ends_the_program_s_group(_unused_ void **state)
{
	const char *const argv[] = {"bash", "-c", "trap '' TERM; sleep 60 & wait", NULL};
	_cleanup_(run_result_clear) struct run_result res = {0};
	uint64_t began = now_mono_ms();

	assert_int_equal(run_child(argv, NULL, NULL, 300, &res), 0);
	assert_true(res.timed_out);
	assert_int_equal(res.status, 128 + SIGKILL);
	assert_true(now_mono_ms() - began < PATIENCE_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_killed_worker_runs_ends_with_it),
		cmocka_unit_test(a_deadline_in_a_worker_ends_all_but_the_worker),
		cmocka_unit_test(who_does_not_heed_a_deadline_in_a_worker_is_killed),
		cmocka_unit_test(who_heeds_a_deadline_in_a_worker_was_late_all_the_same),
		cmocka_unit_test(a_deadline_elsewhere_ends_the_program_s_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
