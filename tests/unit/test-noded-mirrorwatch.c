/* SPDX-License-Identifier: Apache-2.0 */
/* How the mirror of a system is told, from the kernel's own words about its arrays. */
#include "tests/unit/harness.h"

#include "nodeagent/mirrorwatch.h"
#include "tests/unit/fakefs.h"

static void put_array(const char *root, const char *name, const char *degraded,
	const char *action, const char *half)
{
	_cleanup_free_ char *a = xasprintf("/sys/block/%s/md/degraded", name),
			    *b = xasprintf("/sys/block/%s/md/sync_action", name),
			    *c = xasprintf("/sys/block/%s/slaves/%s", name, half);

	fakefs_put(root, a, degraded);
	fakefs_put(root, b, action);
	fakefs_link(root, c, "/sys/devices/any");
}

static void one_disk(void **state)
{
	assert_null(mirrorwatch_trouble(*state));
}

static void states(void **state)
{
	_cleanup_free_ char *lost = NULL, *anew = NULL;

	put_array(*state, "md1", "0\n", "idle\n", "sda2");
	put_array(*state, "md3", "0\n", "idle\n", "sda4");
	put_array(*state, "md7", "1\n", "idle\n", "sdc1"); /* somebody else's */
	assert_null(mirrorwatch_trouble(*state));
	put_array(*state, "md3", "1\n", "idle\n", "sdb4");
	lost = mirrorwatch_trouble(*state);
	assert_non_null(strstr(lost, "lost a half: md3 is on sda4 sdb4 alone"));
	put_array(*state, "md3", "1\n", "recover\n", "sdc4");
	anew = mirrorwatch_trouble(*state);
	assert_non_null(strstr(anew, "being made whole: md3"));
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
