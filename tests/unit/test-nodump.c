/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that crash on purpose; the kernel says of each whether it has dumped its memory. */
#include "tests/unit/harness.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/nodump.h"

enum crash { CRASH_BEFORE, CRASH_AFTER, CRASH_CHILD_BEFORE, CRASH_CHILD_AFTER };

/* As a machine may be set up on which somebody looks for a bug. */
static bool allow_cores(void)
{
	static const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

	return setrlimit(RLIMIT_CORE, &all) == 0 &&
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

static void crash(enum crash how)
{
	if (!allow_cores())
		_exit(1);
	if (how == CRASH_AFTER || how == CRASH_CHILD_AFTER)
		nodump();
	if (how == CRASH_CHILD_BEFORE || how == CRASH_CHILD_AFTER)
		execl("/bin/sh", "sh", "-c", "kill -ABRT $$", NULL);
	signal(SIGABRT, SIG_DFL);
	kill(getpid(), SIGABRT);
	_exit(2);
}

/* The wait status of a process that crashed in a folder of its own. */
static int crashed(enum crash how)
{
	char dir[] = "/tmp/test-nodump.XXXXXX";
	int status;
	pid_t pid;

	assert_non_null(mkdtemp(dir));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (chdir(dir) == 0)
			crash(how);
		_exit(3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	remove_tree(dir);
	return status;
}

/* Does a crash leave a core dump here at all? Else there is nothing to be seen. */
static void need_cores(void)
{
	int status = crashed(CRASH_BEFORE);

	if (!WIFSIGNALED(status) || !WCOREDUMP(status))
		skip();
	status = crashed(CRASH_CHILD_BEFORE);
	assert_true(WIFSIGNALED(status) && WCOREDUMP(status));
}

static void a_crash_leaves_none(void **state)
{
	int status;

	need_cores();
	status = crashed(CRASH_AFTER);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_false(WCOREDUMP(status));
}

static void nor_does_that_of_a_child(void **state)
{
	int status;

	need_cores();
	status = crashed(CRASH_CHILD_AFTER);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_false(WCOREDUMP(status));
}

/* Also where cores go to a program, which is not to be tried on a machine that others use. */
static void the_limit_is_the_one_that_counts(void **state)
{
	struct rlimit before, now;
	int dumpable = prctl(PR_GET_DUMPABLE);

	assert_int_equal(getrlimit(RLIMIT_CORE, &before), 0);
	nodump();
	assert_int_equal(getrlimit(RLIMIT_CORE, &now), 0);
	assert_int_equal(now.rlim_max, MIN(before.rlim_max, (rlim_t)1));
	assert_int_equal(now.rlim_cur, now.rlim_max);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
	nodump(); /* again is fine */
	assert_int_equal(prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crash_leaves_none),
		cmocka_unit_test(nor_does_that_of_a_child),
		cmocka_unit_test(the_limit_is_the_one_that_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
