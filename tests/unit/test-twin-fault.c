/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "twin/fault.h"

static struct twin_fault parsed(const char *words)
{
	_cleanup_free_ char *msg = NULL;
	struct twin_fault f;

	if (fault_parse(words, &f, &msg) < 0)
		fail_msg("%s", msg);
	return f;
}

static void refused(const char *words)
{
	_cleanup_free_ char *msg = NULL;
	struct twin_fault f = {.power_ignored = true};

	assert_int_equal(fault_parse(words, &f, &msg), -EINVAL);
	assert_non_null(msg);
	assert_true(f.power_ignored); /* untouched */
}

static void no_word_mends_all(void **state)
{
	struct twin_fault f = parsed(""), none = {0};

	assert_memory_equal(&f, &none, sizeof(f));
	assert_false(fault_changes_machine(&f));
}

static void the_bmcs_faults(void **state)
{
	struct twin_fault f = parsed("power-ignored boot-ignored");

	assert_true(f.power_ignored);
	assert_true(f.boot_ignored);
	assert_false(fault_changes_machine(&f));
}

static void the_machines_faults(void **state)
{
	struct twin_fault f =
		parsed("no-disk=1 bad-disk=2 bad-disk=3 clock=2011-03-01 serial=X1 "
		       "uuid=39383838-3738-5a43-4a30-303130303101");

	assert_int_equal(f.no_disks, 1u << 1);
	assert_int_equal(f.bad_disks, 1u << 2 | 1u << 3);
	assert_string_equal(f.clock, "2011-03-01T00:00:00");
	assert_string_equal(f.serial, "X1");
	assert_string_equal(f.uuid, "39383838-3738-5a43-4a30-303130303101");
	assert_true(fault_changes_machine(&f));
}

static void what_is_not_understood(void **state)
{
	refused("power");
	refused("power-ignored=1");
	refused("no-disk");
	refused("no-disk=");
	refused("no-disk=0");
	refused("bad-disk=32");
	refused("clock=yesterday");
	refused("clock=2011-03-01T10:00:00");
	refused("clock=2011-3-1");
	refused("serial=");
	refused("serial=a\tb");
	refused("serial=123456789012345678901234567890123");
	refused("uuid=39383838-3738-5a43-4a30-30313030310");
	refused("uuid=39383838-3738-5a43-4a30+303130303101");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_word_mends_all),
		cmocka_unit_test(the_bmcs_faults),
		cmocka_unit_test(the_machines_faults),
		cmocka_unit_test(what_is_not_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
