/* SPDX-License-Identifier: Apache-2.0 */
/* When a controller takes its data back from a backup. */
#include "tests/unit/harness.h"

#include "nodeagent/backup.h"

static void a_new_controller_takes_its_data_back(_unused_ void **state)
{
	assert_int_equal(backup_decide(false, NULL, "aa"), RESTORE_BEGIN);
	assert_int_equal(backup_decide(false, "aa", "aa"), RESTORE_BEGIN);
	assert_int_equal(backup_decide(false, "bb", "aa"), RESTORE_BEGIN);
}

static void a_running_cloud_stays_as_it_is(_unused_ void **state)
{
	assert_int_equal(backup_decide(true, NULL, "aa"), RESTORE_NOTHING);
}

static void what_was_cut_short_is_begun_again(_unused_ void **state)
{
	assert_int_equal(backup_decide(true, "aa", "aa"), RESTORE_BEGIN);
	assert_int_equal(backup_decide(true, "bb", "aa"), RESTORE_REFUSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_controller_takes_its_data_back),
		cmocka_unit_test(a_running_cloud_stays_as_it_is),
		cmocka_unit_test(what_was_cut_short_is_begun_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
