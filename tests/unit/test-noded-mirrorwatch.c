/* SPDX-License-Identifier: Apache-2.0 */
/* How the mirror of a system is told, from the kernel's own words about its arrays. */
#include "tests/unit/harness.h"

#include "nodeagent/mirrorwatch.h"
#include "tests/unit/fakefs.h"

static void put_array(
	const char *root, const char *name, const char *degraded, const char *action)
{
	_cleanup_free_ char *a = xasprintf("/sys/block/%s/md/degraded", name),
			    *b = xasprintf("/sys/block/%s/md/sync_action", name);

	fakefs_put(root, a, degraded);
	fakefs_put(root, b, action);
}

static void put_half(
	const char *root, const char *array, const char *half, const char *state)
{
	_cleanup_free_ char *a = xasprintf("/sys/block/%s/md/dev-%s/state", array, half);

	fakefs_put(root, a, state);
}

static void one_disk(void **state)
{
	assert_null(mirrorwatch_trouble(*state));
}

static void states(void **state)
{
	_cleanup_free_ char *lost = NULL, *anew = NULL;

	put_array(*state, "md1", "0\n", "idle\n");
	put_array(*state, "md3", "0\n", "idle\n");
	put_half(*state, "md3", "sda4", "in_sync\n");
	put_half(*state, "md3", "sdb4", "in_sync\n");
	put_array(*state, "md7", "1\n", "idle\n"); /* somebody else's */
	assert_null(mirrorwatch_trouble(*state));
	/* the one that failed is still listed */
	put_array(*state, "md3", "1\n", "idle\n");
	put_half(*state, "md3", "sdb4", "faulty,blocked\n");
	lost = mirrorwatch_trouble(*state);
	assert_non_null(strstr(
		lost, "lost a half: md3 is on sda4 alone; failed: sdb4. The node"));
	put_array(*state, "md3", "1\n", "recover\n");
	put_half(*state, "md3", "sdb4", "spare\n");
	anew = mirrorwatch_trouble(*state);
	assert_non_null(
		strstr(anew, "being made whole: md3, on sda4, is written to sdb4"));
}

/* This machine's system is on no such mirror: there is nothing to watch, and that is no error. */
static void nothing_to_watch(void **state)
{
	sd_event *event = NULL;
	struct mirrorwatch *w = NULL;

	if (access("/sys/block/md3/md", F_OK) == 0)
		skip();
	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(mirrorwatch_new(event, NULL, NULL, &w), 0);
	assert_null(w);
	mirrorwatch_free(w);
	sd_event_unref(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_disk, fakefs_setup, fakefs_teardown),
		cmocka_unit_test_setup_teardown(states, fakefs_setup, fakefs_teardown),
		cmocka_unit_test(nothing_to_watch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
