/* SPDX-License-Identifier: Apache-2.0 */
/* A rack's directory through its life, with this very process as the rack. */
#include "tests/unit/harness.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "twin/rundir.h"

static char top[] = "/tmp/ondol-test-XXXXXX";
static char *dir, *disks;

static int setup(void **state)
{
	if (!mkdtemp(top))
		return -1;
	dir = xasprintf("%s/run", top);
	disks = xasprintf("%s/disks", top);
	return 0;
}

static int teardown(void **state)
{
	free(dir);
	free(disks);
	return remove_tree(top);
}

static void put(const char *base, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", base, name);

	assert_int_equal(write_file_atomic(path, "x", 1, 0600), 0);
}

static bool is_there(const char *base, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", base, name);

	return access(path, F_OK) == 0;
}

static void save(pid_t pid)
{
	char *nodes[] = {(char *)"hp01"};
	struct rundir_state s = {.rack = (char *)"dl360",
		.file = (char *)"rack.ini",
		.disks = disks,
		.nodes = nodes,
		.n_nodes = 1};

	assert_int_equal(rundir_identify(&s, pid), 0);
	assert_int_equal(rundir_save(dir, &s), 0);
	free(s.boot_id);
}

/* The rack's files and one that is not its own. */
static void make_files(void)
{
	_cleanup_free_ char *node = xasprintf("%s/hp01", disks),
			    *other = xasprintf("%s/nodes/x", dir);
	char *msg = NULL;

	assert_int_equal(rundir_make_disk_dir(node, &msg), 0);
	put(node, "disk1.raw");
	assert_int_equal(mkdir_p(other, 0700), 0);
	put(other, "console.log");
}

static int look(struct rundir_state **s)
{
	_cleanup_close_ int pidfd = -1;
	_cleanup_free_ char *msg = NULL;
	int r;

	*s = NULL;
	r = rundir_look(dir, s, &pidfd, &msg);
	assert_true((pidfd >= 0) == (r == RUNDIR_UP));
	return r;
}

static void one_life(void **state)
{
	_cleanup_(rundir_state_freep) struct rundir_state *s = NULL;
	int lock = -1, second = -1;

	assert_int_equal(look(&s), RUNDIR_ABSENT);
	assert_int_equal(rundir_lock(dir, &lock), 0);
	assert_int_equal(rundir_lock(dir, &second), -EBUSY);
	save(getpid());
	make_files();
	assert_int_equal(look(&s), RUNDIR_UP);
	assert_string_equal(s->rack, "dl360");
	assert_int_equal(s->n_nodes, 1);
	rundir_wipe_stale(dir); /* locked: nothing happens */
	assert_true(is_there(dir, "state.json"));
	util_closep(&lock);
	rundir_wipe_stale(dir);
	assert_false(is_there(top, "run"));
	assert_false(is_there(top, "disks"));
}

/* A pid that now belongs to another process is not taken for the rack's. */
static void recycled_pid(void **state)
{
	_cleanup_(rundir_state_freep) struct rundir_state *s = NULL;
	struct rundir_state *saved = NULL;
	char *msg = NULL;
	int lock = -1;

	assert_int_equal(rundir_lock(dir, &lock), 0);
	save(getpid());
	assert_int_equal(rundir_load(dir, &saved, &msg), 0);
	saved->start_ticks++;
	assert_int_equal(rundir_save(dir, saved), 0);
	assert_int_equal(look(&s), RUNDIR_ELSEWHERE); /* the lock is held */
	rundir_state_freep(&s);
	s = NULL;
	util_closep(&lock);
	assert_int_equal(look(&s), RUNDIR_STALE);
	free(saved->boot_id);
	saved->start_ticks--;
	saved->boot_id = xstrdup("00000000-0000-0000-0000-000000000000");
	assert_int_equal(rundir_save(dir, saved), 0);
	rundir_state_freep(&s);
	s = NULL;
	assert_int_equal(look(&s), RUNDIR_STALE); /* the machine restarted */
	rundir_state_free(saved);
	rundir_wipe_stale(dir);
	assert_false(is_there(top, "run"));
}

static void what_is_not_ours_stays(void **state)
{
	_cleanup_free_ char *foreign = xasprintf("%s/hp01", disks);
	_cleanup_free_ char *msg = NULL;
	int lock = -1;

	assert_int_equal(mkdir_p(foreign, 0700), 0);
	put(foreign, "precious");
	assert_int_equal(rundir_make_disk_dir(foreign, &msg), -EEXIST);
	assert_non_null(strstr(msg, "--disks"));
	assert_int_equal(rundir_lock(dir, &lock), 0);
	save(getpid());
	put(dir, "notes.txt");
	util_closep(&lock);
	rundir_wipe_stale(dir);
	assert_true(is_there(foreign, "precious"));
	assert_true(is_there(dir, "notes.txt"));
	assert_false(is_there(dir, "state.json"));
	assert_int_equal(remove_tree(foreign), 0);
	assert_int_equal(remove_tree(dir), 0);
}

static void a_directory_of_others_is_refused(void **state)
{
	int lock = -1;

	assert_int_equal(mkdir_p(dir, 0700), 0);
	put(dir, "nodes");
	assert_int_equal(rundir_lock(dir, &lock), -ENOTEMPTY);
	assert_int_equal(lock, -1);
	assert_false(is_there(dir, "lock"));
	put(dir, "lock"); /* someone's own file of that name */
	assert_int_equal(rundir_lock(dir, &lock), -ENOTEMPTY);
	rundir_wipe_stale(dir);
	assert_true(is_there(dir, "nodes"));
	assert_true(is_there(dir, "lock"));
	assert_int_equal(remove_tree(dir), 0);
}

static void kept_disks_stay_and_are_taken_again(void **state)
{
	_cleanup_free_ char *node = xasprintf("%s/hp01", disks);
	char *msg = NULL;
	int lock = -1;

	assert_int_equal(rundir_lock(dir, &lock), 0);
	save(getpid());
	make_files();
	assert_int_equal(rundir_keep_disks(dir), 0);
	util_closep(&lock);
	rundir_wipe_stale(dir);
	assert_true(is_there(node, "disk1.raw"));
	assert_false(is_there(top, "run"));
	assert_int_equal(rundir_make_disk_dir(node, &msg), 0);
	assert_int_equal(remove_tree(disks), 0);
}

static void damaged_state_is_said_and_left_alone(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "{\"schema\":2}",
		"{\"schema\":1,\"rack\":\"x\",\"file\":\"f\",\"disks\":\"/\",\"nodes\":[\"../..\"],"
		"\"pid\":2,\"start_ticks\":1,\"boot_id\":\"b\"}",
		"{\"schema\":1,\"rack\":\"x\",\"file\":\"f\",\"disks\":\"/\",\"nodes\":[],"
		"\"pid\":-1,\"start_ticks\":1,\"boot_id\":\"b\"}"};
	_cleanup_free_ char *path = xasprintf("%s/state.json", dir);

	assert_int_equal(mkdir_p(dir, 0700), 0);
	put(dir, "lock");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *msg = NULL;
		struct rundir_state *s = NULL;
		int pidfd = -1;

		assert_int_equal(
			write_file_atomic(path, bad[i], strlen(bad[i]), 0600), 0);
		assert_int_equal(rundir_look(dir, &s, &pidfd, &msg), -EINVAL);
		assert_null(s);
		assert_non_null(strstr(msg, "damaged"));
		rundir_wipe_stale(dir);
		assert_true(is_there(dir, "state.json"));
	}
	assert_int_equal(remove_tree(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_life),
		cmocka_unit_test(recycled_pid),
		cmocka_unit_test(what_is_not_ours_stays),
		cmocka_unit_test(a_directory_of_others_is_refused),
		cmocka_unit_test(kept_disks_stay_and_are_taken_again),
		cmocka_unit_test(damaged_state_is_said_and_left_alone),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
