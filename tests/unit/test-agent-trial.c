/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "initramfs/trial.h"
#include "tests/unit/fakefs.h"

static void armed(void **state)
{
	_cleanup_free_ char *why = NULL, *text = NULL, *timer = NULL,
			    *mark = xasprintf("%s/" BOOT_TRIAL_MARK, (char *)*state);
	_cleanup_free_ char *
		wanted = xasprintf(
		       "%s/systemd/system/sysinit.target.wants/" BOOT_TRIAL_TIMER,
		       (char *)*state),
	       *service =
		       xasprintf("%s/systemd/system/ondol-trial.service", (char *)*state);

	assert_int_equal(trial_arm(*state, 900, &why), 0);
	assert_int_equal(trial_arm(*state, 900, &why), 0); /* again, over what is there */
	assert_int_equal(read_file(wanted, 4096, &timer, NULL), 0); /* through the link */
	assert_non_null(strstr(timer, "OnBootSec=900\n"));
	assert_int_equal(read_file(service, 4096, &text, NULL), 0);
	assert_non_null(strstr(text, "SuccessAction=reboot-force\n"));
	/* once it is kept, a timer that is started again does nothing */
	assert_non_null(strstr(timer, "ConditionPathExists=/run/" BOOT_TRIAL_MARK "\n"));
	assert_non_null(strstr(text, "ConditionPathExists=/run/" BOOT_TRIAL_MARK "\n"));
	assert_int_equal(access(mark, F_OK), 0);
}

static void not_there(void **state)
{
	_cleanup_free_ char *why = NULL;

	assert_true(trial_arm("/proc/nowhere", 900, &why) < 0);
	assert_non_null(strstr(why, "timer"));
}

static void watchdog(void **state)
{
	_cleanup_free_ char *none = xasprintf("%s/watchdog", (char *)*state),
			    *file = xasprintf("%s/file", (char *)*state);
	unsigned seconds = 0;

	assert_int_equal(trial_watchdog(none, 600, &seconds), -ENOENT);
	assert_int_equal(write_file_atomic(file, "", 0, 0644), 0);
	assert_int_equal(trial_watchdog(file, 600, &seconds), -ENOTTY);
	assert_int_equal(seconds, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(armed, fakefs_setup, fakefs_teardown),
		cmocka_unit_test(not_there),
		cmocka_unit_test_setup_teardown(watchdog, fakefs_setup, fakefs_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
