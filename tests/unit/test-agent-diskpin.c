/* SPDX-License-Identifier: Apache-2.0 */
/* In a made-up tree /dev/sda is a link to a device that is really there. */
#include "tests/unit/harness.h"

#include "initramfs/diskpin.h"
#include "tests/unit/fakefs.h"

static const struct inv_disk sda = {.name = (char *)"sda",
	.serial = (char *)"S1",
	.wwn = (char *)"5000c5",
	.size_bytes = 4096};

static void node_is(const char *root, const char *device, const char *dev)
{
	_cleanup_free_ char *path = xasprintf("%s/dev/sda", root);

	fakefs_parents(path);
	(void)unlink(path);
	assert_int_equal(symlink(device, path), 0);
	fakefs_put(root, "/sys/block/sda/dev", dev);
}

static void says(
	const char *root, const char *serial, const char *wwid, const char *sectors)
{
	fakefs_put(root, "/sys/block/sda/serial", serial);
	fakefs_put(root, "/sys/block/sda/wwid", wwid);
	fakefs_put(root, "/sys/block/sda/size", sectors);
}

static void expect_refused(const char *root, const struct diskpin *pin, const char *words)
{
	_cleanup_free_ char *why = NULL;

	assert_int_equal(diskpin_check(root, pin, &why), -ENODEV);
	assert_non_null(strstr(why, words));
}

/* Whatever changes between measuring and writing is noticed. */
static void test_check(void **state)
{
	_cleanup_(diskpin_clear) struct diskpin pin = {.fd = -1};
	_cleanup_free_ char *why = NULL, *gone = xasprintf("%s/dev/sda", (char *)*state);

	node_is(*state, "/dev/null", "1:3\n");
	says(*state, "S1", "naa.5000C5", "8\n");
	assert_int_equal(diskpin_open(*state, &sda, &pin, &why), 0);
	assert_int_equal(diskpin_check(*state, &pin, &why), 0);
	says(*state, "S2", "naa.5000C5", "8\n");
	expect_refused(*state, &pin, "now says serial S2");
	says(*state, "S1", "naa.5000C6", "8\n");
	expect_refused(*state, &pin, "WWN 5000c6");
	says(*state, "S1", "naa.5000C5", "16\n");
	expect_refused(*state, &pin, "8192 bytes");
	says(*state, "S1", "naa.5000C5", "8\n");
	node_is(*state, "/dev/null", "1:5\n");
	expect_refused(*state, &pin, "changed its name");
	node_is(*state, "/dev/zero", "1:5\n");
	expect_refused(*state, &pin, "changed its name");
	node_is(*state, "/dev/null", "1:3\n");
	assert_int_equal(diskpin_check(*state, &pin, &why), 0);
	assert_int_equal(unlink(gone), 0);
	expect_refused(*state, &pin, "went away");
}

static void test_open(void **state)
{
	_cleanup_(diskpin_clear) struct diskpin pin = {.fd = -1};
	_cleanup_free_ char *missing = NULL, *other = NULL;

	assert_int_equal(diskpin_open(*state, &sda, &pin, &missing), -ENOENT);
	assert_non_null(missing);
	node_is(*state, "/dev/null", "1:3\n");
	says(*state, "S9", "naa.5000C5", "8\n");
	assert_int_equal(diskpin_open(*state, &sda, &pin, &other), -ENODEV);
	assert_non_null(strstr(other, "measured as serial S1"));
	assert_int_equal(pin.fd, -1);
	assert_null(pin.name);
}

/* No block device, or another one, is written to. */
static void test_is_fd(void **state)
{
	_cleanup_(diskpin_clear) struct diskpin pin = {
		.fd = open("/dev/null", O_RDONLY | O_CLOEXEC)};
	_cleanup_close_ int same = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_int_equal(diskpin_is_fd(&pin, same), -ENODEV);
	assert_int_equal(diskpin_is_fd(&pin, -1), -EBADF);
}

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, fakefs_setup, fakefs_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {WITH_TREE(test_check), WITH_TREE(test_open),
		cmocka_unit_test(test_is_fd)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
