/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <blkid/blkid.h>

#include "initramfs/swaparea.h"
#include "tests/unit/fakefs.h"

#define AREA_BYTES (64ull << 20)

/* As libblkid reads it, which is no code of ours. */
static void test_format(void **state)
{
	_cleanup_close_ int fd = fakefs_disk(*state, AREA_BYTES);
	_cleanup_free_ char *path = xasprintf("/proc/self/fd/%d", fd);
	const char *type = NULL, *label = NULL, *uuid = NULL;
	blkid_probe p = blkid_new_probe();

	assert_int_equal(swaparea_format(path), 0);
	assert_non_null(p);
	assert_int_equal(blkid_probe_set_device(p, fd, 0, 0), 0);
	assert_int_equal(
		blkid_probe_set_superblocks_flags(
			p, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID),
		0);
	assert_int_equal(blkid_do_safeprobe(p), 0);
	assert_int_equal(blkid_probe_lookup_value(p, "TYPE", &type, NULL), 0);
	assert_int_equal(blkid_probe_lookup_value(p, "LABEL", &label, NULL), 0);
	assert_int_equal(blkid_probe_lookup_value(p, "UUID", &uuid, NULL), 0);
	assert_string_equal(type, "swap");
	assert_string_equal(label, SWAPAREA_LABEL);
	assert_int_equal(strlen(uuid), 36);
	blkid_free_probe(p);
}

/* What the kernel reads before it takes one: the last page, within the device. */
static void test_last_page(void **state)
{
	_cleanup_close_ int fd = fakefs_disk(*state, AREA_BYTES + 1000);
	_cleanup_free_ char *path = xasprintf("/proc/self/fd/%d", fd);
	uint8_t header[8];

	assert_int_equal(swaparea_format(path), 0);
	assert_int_equal(pread(fd, header, sizeof(header), 1024), sizeof(header));
	assert_int_equal(read_le(header, 4), 1);
	assert_int_equal(read_le(header + 4, 4), AREA_BYTES / 4096 - 1);
}

static void test_too_small(void **state)
{
	_cleanup_close_ int fd = fakefs_disk(*state, 9 * 4096);
	_cleanup_free_ char *path = xasprintf("/proc/self/fd/%d", fd);

	assert_int_equal(swaparea_format(path), -ENOSPC);
	assert_int_equal(swaparea_format("/nonexistent/disk"), -ENOENT);
}

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, fakefs_setup, fakefs_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TREE(test_format),
		WITH_TREE(test_last_page),
		WITH_TREE(test_too_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
