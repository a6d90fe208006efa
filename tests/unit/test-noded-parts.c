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

/* Only a part with units restarts them when telemetry comes or goes. */
static void who_notifies_says_so_in_its_own_part(_unused_ void **state)
{
	_cleanup_(problems_clear) struct problems problems = {0};
	_cleanup_(partdefs_freep) struct partdefs *defs = NULL;
	size_t found = 0;

	assert_int_equal(partdefs_load("roles", &problems, &defs), 0);
	for (size_t i = 0; i < defs->n; i++) {
		const struct partdef *part = &defs->list[i];

		for (size_t k = 0; k < part->n_sets; k++) {
			const struct part_set *s = &part->sets[k];

			if (!streq(s->section, "oslo_messaging_notifications"))
				continue;
			assert_non_null(part->units[0]);
			if (streq(s->list[0].value, "noop"))
				continue;
			assert_string_equal(s->list[0].key, "driver");
			assert_string_equal(s->list[0].value, "${notify}");
			found++;
		}
	}
	assert_int_equal(found, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_restarted_for_their_own_files_alone),
		cmocka_unit_test(who_notifies_says_so_in_its_own_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
