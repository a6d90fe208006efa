/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with a part's units when its files changed, by the part files of this tree. */
#include "tests/unit/harness.h"

#include "nodeagent/parts.h"

static void sockets_are_restarted_for_their_own_files_alone(_unused_ void **state)
{
	static const struct {
		const char *part, *unit;
		bool restarts;
	} cases[] = {
		{"nova-compute", "iscsid.socket", false},
		{"nova-compute", "nova-compute.service", true},
		{"rabbitmq", "epmd.socket", true},
		{"rabbitmq", "rabbitmq-server.service", true},
		{"rabbitmq", "other.socket", false},
	};
	_cleanup_(problems_clear) struct problems problems = {0};
	_cleanup_(partdefs_freep) struct partdefs *defs = NULL;

	assert_int_equal(partdefs_load("roles", &problems, &defs), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct partdef *part = partdefs_find(defs, cases[i].part);

		assert_non_null(part);
		assert_int_equal(parts_restarts(part, cases[i].unit), cases[i].restarts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_restarted_for_their_own_files_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
