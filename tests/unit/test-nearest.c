/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "common/nearest.h"

static void test_nearest(void **state)
{
	static const char *const list[] = {
		"check", "plan", "apply", "status", "why", NULL};

	assert_string_equal(nearest_word("chekc", list), "check");
	assert_string_equal(nearest_word("aply", list), "apply");
	assert_string_equal(nearest_word("statsu", list), "status");
	assert_string_equal(nearest_word("why", list), "why");
	assert_null(nearest_word("reboot", list));
	assert_null(nearest_word("x", list));
	assert_null(nearest_word("", list));
	assert_null(
		nearest_word("a-word-that-is-longer-than-any-command-could-be", list));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
