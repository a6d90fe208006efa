/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/ipmisteps.h"

static const char *const identify[] = {"chassis", "identify", "5", NULL};

/* Every operation ends, and each of its steps has words whatever the power is, or none on purpose. */
static void all_end(void **state)
{
	for (unsigned op = IPMI_STATUS; op <= IPMI_SOL_OFF; op++) {
		const enum ipmi_step *s = ipmi_op_steps((enum ipmi_op)op);
		unsigned n = 0;

		for (; s[n] != STEP_END; n++) {
			assert_true(n < 16);
			assert_non_null(ipmi_step_words(s[n], (enum ipmi_op)op,
				IPMI_POWER_UNKNOWN, false, identify));
		}
		assert_true(n > 0);
	}
	assert_null(ipmi_step_words(STEP_END, IPMI_ON, IPMI_POWER_ON, false, identify));
}

static void nothing_to_send(void **state)
{
	assert_null(
		ipmi_step_words(STEP_OFF, IPMI_NETBOOT, IPMI_POWER_OFF, false, identify));
	assert_null(
		ipmi_step_words(STEP_SOFT, IPMI_SOFT, IPMI_POWER_OFF, false, identify));
	assert_null(ipmi_step_words(STEP_ON, IPMI_ON, IPMI_POWER_ON, false, identify));
	assert_non_null(
		ipmi_step_words(STEP_OFF, IPMI_NETBOOT, IPMI_POWER_ON, false, identify));
}

static void words(void **state)
{
	assert_string_equal(ipmi_step_words(STEP_SET_PXE, IPMI_NETBOOT, IPMI_POWER_OFF,
				    false, identify)[1],
		"bootdev");
	assert_string_equal(ipmi_step_words(STEP_SET_PXE, IPMI_NETBOOT, IPMI_POWER_OFF,
				    true, identify)[0],
		"raw");
	assert_string_equal(ipmi_step_words(STEP_TEXT, IPMI_SENSORS, IPMI_POWER_ON, false,
				    identify)[0],
		"sensor");
	assert_ptr_equal(
		ipmi_step_words(STEP_TEXT, IPMI_IDENTIFY, IPMI_POWER_ON, false, identify),
		identify);
	assert_string_equal(ipmi_step_words(STEP_TEXT, IPMI_SEL_CLEAR, IPMI_POWER_ON,
				    false, identify)[1],
		"clear");
}

static void names(void **state)
{
	enum ipmi_op op;

	assert_int_equal(ipmi_op_parse("bmc-reset", &op), 0);
	assert_int_equal(op, IPMI_COLD_RESET);
	assert_int_equal(ipmi_op_parse("netboot", &op), -EINVAL); /* not by itself */
	assert_int_equal(ipmi_op_parse("sensors", &op), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all_end),
		cmocka_unit_test(nothing_to_send), cmocka_unit_test(words),
		cmocka_unit_test(names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
