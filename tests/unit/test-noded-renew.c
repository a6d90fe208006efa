/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "nodeagent/renew.h"

static void when(_unused_ void **state)
{
	uint64_t end = UINT64_C(1800000000);

	assert_false(renew_is_due(end, end - RENEW_BEFORE_S - 1));
	assert_true(renew_is_due(end, end - RENEW_BEFORE_S));
	assert_true(renew_is_due(end, end + 1));
	assert_false(
		renew_is_due(0, end)); /* what is no certificate cannot be shown either */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(when)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
