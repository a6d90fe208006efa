/* SPDX-License-Identifier: Apache-2.0 */
/* What a part owes before its node stops being that; where it owes nothing, nobody is asked. */
#include "tests/unit/harness.h"

#include "nodeagent/partwork.h"
#include "tests/unit/cloud-fake.h"

/* No node has a part of that name, so none has kept a password for it. */
#define PART "never-was"

static int leave(struct desired *d, const char *service, const char *op, char **ret_text)
{
	struct partdef part = {
		.name = (char *)PART, .service = (char *)service, .leave_op = (char *)op};
	struct partdefs defs = {.list = &part, .n = 1};
	struct role role = {.defs = &defs};

	return partwork_run("part-leave", PART, d, &role, ret_text);
}

static void a_part_that_was_never_entered_owes_nothing(_unused_ void **state)
{
	const char *const ops[] = {
		"neutron-agent", "nova-compute", "cinder-volume", "manila-share"};

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		struct desired *d = fake_rack("\"cinder\"");
		_cleanup_free_ char *text = NULL;

		assert_int_equal(leave(d, NULL, ops[i], &text), 0);
		assert_non_null(strstr(text, "never entered"));
		desired_free(d);
	}
}

static void a_service_that_the_cloud_has_no_more_is_owed_nothing(_unused_ void **state)
{
	struct desired *d = fake_rack("\"horizon\"");
	_cleanup_free_ char *text = NULL;

	assert_int_equal(leave(d, "cinder", "cinder-volume", &text), 0);
	assert_non_null(strstr(text, "no cinder any more"));
	desired_free(d);
}

static void a_duty_that_does_not_exist_is_an_error(_unused_ void **state)
{
	struct desired *d = fake_rack("\"cinder\"");
	_cleanup_free_ char *text = NULL;

	assert_int_equal(leave(d, NULL, "dance", &text), -ENOKEY);
	assert_non_null(text);
	desired_free(d);
}

static void a_part_without_a_duty_owes_nothing(_unused_ void **state)
{
	struct desired *d = fake_rack("\"horizon\"");
	_cleanup_free_ char *text = NULL;

	assert_int_equal(leave(d, NULL, NULL, &text), 0);
	desired_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_part_that_was_never_entered_owes_nothing),
		cmocka_unit_test(a_service_that_the_cloud_has_no_more_is_owed_nothing),
		cmocka_unit_test(a_duty_that_does_not_exist_is_an_error),
		cmocka_unit_test(a_part_without_a_duty_owes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
