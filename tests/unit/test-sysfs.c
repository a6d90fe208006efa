/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "common/sysfs.h"
#include "tests/unit/fakefs.h"

static char *clean(const char *text, size_t max)
{
	return sysfs_clean(xstrdup(text), max);
}

static void test_clean(void **state)
{
	_cleanup_free_ char *a = clean("  QEMU   HARDDISK \n", 64),
			    *b = clean("S\x01\xff"
				       "1",
				    64);
	_cleanup_free_ char *c = clean("abcdef", 3), *d = clean("   ", 64),
			    *e = clean("ab cd", 3);

	assert_string_equal(a, "QEMU HARDDISK");
	assert_string_equal(b, "S??1");
	assert_string_equal(c, "abc");
	assert_string_equal(d, "");
	assert_string_equal(e, "ab");
	assert_null(sysfs_clean(NULL, 3));
}

static void test_attributes(void **state)
{
	_cleanup_free_ char *text = NULL, *missing = NULL;

	fakefs_put(*state, "/size", " 1000215216\n");
	fakefs_put(*state, "/speed", "-1\n");
	text = sysfs_attr(*state, "size");
	assert_string_equal(text, "1000215216");
	assert_int_equal(sysfs_attr_u64(*state, "size", 0), 1000215216);
	assert_int_equal(sysfs_attr_u64(*state, "speed", 5), 5);
	assert_int_equal(sysfs_attr_u64(*state, "none", 6), 6);
	assert_null(sysfs_attr(*state, "none"));
	missing = sysfs_text(*state, "none", 10);
	assert_string_equal(missing, "");
	assert_true(sysfs_exists(*state, "size"));
	assert_false(sysfs_exists(*state, "none"));
}

static void test_links(void **state)
{
	_cleanup_free_ char *name = NULL, *path = NULL;

	fakefs_link(*state, "/sys/class/net/eth0/driver", "/sys/bus/pci/drivers/tg3");
	name = sysfs_link_name(*state, "sys/class/net/eth0/driver");
	assert_string_equal(name, "tg3");
	path = sysfs_device_path(*state, *state, "sys/class/net/eth0/driver");
	assert_string_equal(path, "/sys/bus/pci/drivers/tg3");
	assert_null(sysfs_link_name(*state, "sys"));
	assert_null(sysfs_device_path(*state, *state, "nothing"));
}

static void test_list(void **state)
{
	_cleanup_(sysfs_list_freep) char **list = NULL,
					 **none = sysfs_list("/nonexistent");

	fakefs_put(*state, "/sda10", "");
	fakefs_put(*state, "/sda2", "");
	list = sysfs_list(*state);
	assert_string_equal(list[0], "sda2");
	assert_string_equal(list[1], "sda10");
	assert_null(list[2]);
	assert_null(none[0]);
}

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, fakefs_setup, fakefs_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_clean),
		WITH_TREE(test_attributes), WITH_TREE(test_links), WITH_TREE(test_list)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
