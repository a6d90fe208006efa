/* SPDX-License-Identifier: Apache-2.0 */
/* Each test is a short script: events, with the action and the state that must follow. */
#include "tests/unit/harness.h"

#include "twin/power.h"

struct step {
	enum power_event event;
	enum power_action action;
	enum power_state state;
};

static void play(enum power_state start, const struct step *steps, size_t n)
{
	enum power_state s = start;

	for (size_t i = 0; i < n; i++) {
		enum power_action a = power_step(&s, steps[i].event);

		if (a != steps[i].action || s != steps[i].state)
			fail_msg("step %zu: action %d in %s, expected %d in %s", i + 1,
				(int)a, power_state_str(s), (int)steps[i].action,
				power_state_str(steps[i].state));
	}
}
#define PLAY(start, ...)                                \
	do {                                            \
		const struct step _s[] = {__VA_ARGS__}; \
		play(start, _s, ARRAY_SIZE(_s));        \
	} while (0)

static void on_and_off(void **state)
{
	PLAY(POWER_OFF, {POWER_EV_POWER_ON, POWER_DO_START, POWER_STARTING},
		{POWER_EV_ALIVE, POWER_DO_NOTHING, POWER_ON},
		{POWER_EV_POWER_ON, POWER_DO_NOTHING, POWER_ON},
		{POWER_EV_POWER_OFF, POWER_DO_KILL, POWER_STOPPING},
		{POWER_EV_POWER_OFF, POWER_DO_NOTHING, POWER_STOPPING},
		{POWER_EV_ENDED, POWER_DO_NOTHING, POWER_OFF},
		{POWER_EV_POWER_OFF, POWER_DO_NOTHING, POWER_OFF});
}

static void off_is_off_only_when_the_process_has_ended(void **state)
{
	assert_true(power_is_on(POWER_STOPPING));
	assert_true(power_is_on(POWER_RESTARTING));
	assert_true(power_is_on(POWER_STARTING));
	assert_false(power_is_on(POWER_OFF));
}

static void a_reset_is_a_new_process(void **state)
{
	PLAY(POWER_ON, {POWER_EV_RESET, POWER_DO_KILL, POWER_RESTARTING},
		{POWER_EV_RESET, POWER_DO_NOTHING, POWER_RESTARTING},
		{POWER_EV_ENDED, POWER_DO_START, POWER_STARTING});
	PLAY(POWER_OFF, {POWER_EV_RESET, POWER_DO_REFUSE, POWER_OFF});
}

static void the_guest_reboots_or_powers_off(void **state)
{
	PLAY(POWER_ON, {POWER_EV_REBOOTED, POWER_DO_START, POWER_STARTING});
	PLAY(POWER_ON, {POWER_EV_ENDED, POWER_DO_NOTHING, POWER_OFF});
}

static void the_last_order_counts(void **state)
{
	PLAY(POWER_STOPPING, {POWER_EV_POWER_ON, POWER_DO_NOTHING, POWER_RESTARTING},
		{POWER_EV_POWER_OFF, POWER_DO_NOTHING, POWER_STOPPING},
		{POWER_EV_REBOOTED, POWER_DO_NOTHING, POWER_OFF});
}

static void soft_off_asks_the_guest(void **state)
{
	PLAY(POWER_ON, {POWER_EV_SOFT_OFF, POWER_DO_ACPI, POWER_ON},
		{POWER_EV_ENDED, POWER_DO_NOTHING, POWER_OFF});
	PLAY(POWER_STARTING, {POWER_EV_SOFT_OFF, POWER_DO_KILL, POWER_STOPPING});
	PLAY(POWER_OFF, {POWER_EV_SOFT_OFF, POWER_DO_NOTHING, POWER_OFF});
}

static void a_start_that_fails_is_off(void **state)
{
	PLAY(POWER_STARTING, {POWER_EV_ENDED, POWER_DO_NOTHING, POWER_OFF});
}

static void boot_devices_count_once(void **state)
{
	enum boot_device next = BOOT_NETWORK;

	assert_int_equal(boot_device_take(&next), BOOT_NETWORK);
	assert_int_equal(next, BOOT_DEFAULT);
	assert_int_equal(boot_device_take(&next), BOOT_DISK);
	assert_int_equal(next, BOOT_DEFAULT);
}

static void boot_devices_have_ipmi_sims_names(void **state)
{
	enum boot_device b = BOOT_DEFAULT;

	assert_int_equal(boot_device_from_ipmi("pxe", &b), 0);
	assert_int_equal(b, BOOT_NETWORK);
	assert_int_equal(boot_device_from_ipmi("default", &b), 0);
	assert_int_equal(b, BOOT_DISK);
	assert_string_equal(boot_device_ipmi(BOOT_DEFAULT), "none");
	assert_int_equal(boot_device_from_ipmi("cdrom", &b), -EINVAL);
	assert_int_equal(b, BOOT_DISK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_and_off),
		cmocka_unit_test(off_is_off_only_when_the_process_has_ended),
		cmocka_unit_test(a_reset_is_a_new_process),
		cmocka_unit_test(the_guest_reboots_or_powers_off),
		cmocka_unit_test(the_last_order_counts),
		cmocka_unit_test(soft_off_asks_the_guest),
		cmocka_unit_test(a_start_that_fails_is_off),
		cmocka_unit_test(boot_devices_count_once),
		cmocka_unit_test(boot_devices_have_ipmi_sims_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
