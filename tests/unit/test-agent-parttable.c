/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "initramfs/parttable.h"
#include "tests/unit/fakefs.h"

#define RACK "3f2a9c01-77de-8b04"
#define SWAP_BYTES (8ull << 30)
#define DISK_BYTES (480103981056ull) /* a 480 GB drive; the file is sparse */

static void test_names(void **state)
{
	_cleanup_free_ char *a = parttable_part_name("sda", 2),
			    *b = parttable_part_name("nvme0n1", 4);

	assert_string_equal(a, "sda2");
	assert_string_equal(b, "nvme0n1p4");
}

static void test_crc(void **state)
{
	assert_int_equal(parttable_crc32("123456789", 9), 0xcbf43926);
	assert_int_equal(parttable_crc32("", 0), 0);
}

static void test_plan(void **state)
{
	struct part_plan p[PART_COUNT];
	_cleanup_free_ char *why = NULL;
	uint64_t at = PART_ALIGN_BYTES;

	assert_int_equal(parttable_plan(DISK_BYTES, false, 0, p, &why), 0);
	assert_int_equal(parttable_count(p), PART_SWAP);
	for (size_t i = 0; i < PART_SWAP; i++) {
		assert_true(p[i].start_bytes == at);
		assert_int_equal(p[i].size_bytes % PART_ALIGN_BYTES, 0);
		at += p[i].size_bytes;
	}
	assert_true(at <= DISK_BYTES - PART_ALIGN_BYTES);
	assert_true(at > DISK_BYTES - 3 * PART_ALIGN_BYTES);
	assert_string_equal(p[PART_STATE].label, "ondol-state");
}

/* Swap takes from the state; slots stay where they are, so that a reinstall finds its old image. */
static void test_plan_with_swap(void **state)
{
	struct part_plan without[PART_COUNT], p[PART_COUNT];
	_cleanup_free_ char *why = NULL;

	assert_int_equal(parttable_plan(DISK_BYTES, false, 0, without, &why), 0);
	assert_int_equal(parttable_plan(DISK_BYTES, false, SWAP_BYTES + 1, p, &why), 0);
	assert_int_equal(parttable_count(p), PART_COUNT);
	assert_true(p[PART_B].start_bytes == without[PART_B].start_bytes);
	assert_true(p[PART_STATE].start_bytes == without[PART_STATE].start_bytes);
	assert_true(
		p[PART_STATE].size_bytes + SWAP_BYTES == without[PART_STATE].size_bytes);
	assert_true(p[PART_SWAP].start_bytes ==
		p[PART_STATE].start_bytes + p[PART_STATE].size_bytes);
	assert_true(p[PART_SWAP].size_bytes == SWAP_BYTES);
	assert_int_equal(
		parttable_plan(20ull << 30, false, 4 * SWAP_BYTES, p, &why), -ENOSPC);
	assert_non_null(strstr(why, "needs at least 53.2 GB"));
}

static void test_too_small(void **state)
{
	struct part_plan p[PART_COUNT];
	_cleanup_free_ char *why = NULL;

	assert_int_equal(parttable_plan(16000000000, false, 0, p, &why), -ENOSPC);
	assert_non_null(strstr(why, "has 16.0 GB and needs at least 18.8 GB"));
}

/* An odd number of sectors at the end must not push the state into the second header. */
static void test_odd_sizes(void **state)
{
	for (uint64_t extra = 0; extra < 2 * PART_ALIGN_BYTES; extra += 65536 + 512) {
		uint64_t size = (20ull << 30) + extra;
		struct part_plan p[PART_COUNT];
		_cleanup_free_ char *why = NULL;

		assert_int_equal(parttable_plan(size, false, 0, p, &why), 0);
		assert_true(p[PART_STATE].start_bytes + p[PART_STATE].size_bytes <=
			size - 33 * 4096);
	}
}

static void write_table(int fd, struct part_plan p[static PART_COUNT])
{
	_cleanup_free_ char *why = NULL;

	assert_int_equal(parttable_plan(DISK_BYTES, false, SWAP_BYTES, p, &why), 0);
	assert_int_equal(parttable_write(fd, "disk", RACK, p, &why), 0);
}

static void test_write_and_verify(void **state)
{
	_cleanup_close_ int fd = fakefs_disk(*state, DISK_BYTES);
	struct part_plan p[PART_COUNT], other[PART_COUNT];
	_cleanup_free_ char *why = NULL, *why2 = NULL;

	write_table(fd, p);
	for (size_t i = 0; i < PART_COUNT; i++)
		assert_int_equal(strlen(p[i].uuid), 36);
	assert_string_not_equal(p[PART_A].uuid, p[PART_B].uuid);
	assert_int_equal(parttable_verify(fd, DISK_BYTES, 512, p, &why), 0);
	memcpy(other, p, sizeof(p));
	other[PART_B].label = "ondol-c";
	assert_int_equal(parttable_verify(fd, DISK_BYTES, 512, other, &why), -EIO);
	assert_non_null(strstr(why, "another label"));
	memcpy(other, p, sizeof(p));
	other[PART_SWAP].size_bytes = 0;
	assert_int_equal(parttable_verify(fd, DISK_BYTES, 512, other, &why2), -EIO);
	assert_non_null(strstr(why2, "more partitions than planned"));
}

/* One flipped byte anywhere in what counts is found, in the second copy as in the first. */
static void flip(int fd, uint64_t at, const struct part_plan p[static PART_COUNT],
	const char *words)
{
	_cleanup_free_ char *why = NULL;
	uint8_t b;

	assert_int_equal(pread(fd, &b, 1, (off_t)at), 1);
	b ^= 0x10;
	assert_int_equal(pwrite(fd, &b, 1, (off_t)at), 1);
	assert_int_equal(parttable_verify(fd, DISK_BYTES, 512, p, &why), -EIO);
	assert_non_null(strstr(why, words));
	b ^= 0x10;
	assert_int_equal(pwrite(fd, &b, 1, (off_t)at), 1);
}

static void test_damage(void **state)
{
	_cleanup_close_ int fd = fakefs_disk(*state, DISK_BYTES);
	struct part_plan p[PART_COUNT];
	_cleanup_free_ char *why = NULL;

	write_table(fd, p);
	flip(fd, 512, p, "first header: it is not a GPT header");
	flip(fd, 512 + 40, p, "first header: its checksum is wrong");
	flip(fd, 1024 + 32, p, "first header: the checksum of its entries");
	flip(fd, DISK_BYTES - 512 + 3, p, "second header: it is not a GPT header");
	flip(fd, DISK_BYTES - 512 + 24, p, "second header: its checksum");
	flip(fd, DISK_BYTES - 33 * 512 + 128 + 56, p,
		"second header: the checksum of its entries");
	assert_int_equal(parttable_verify(fd, DISK_BYTES, 512, p, &why), 0);
}

static void test_blank_disk(void **state)
{
	_cleanup_free_ char *path = xasprintf("%s/disk", (char *)*state);
	_cleanup_close_ int fd = fakefs_disk(*state, DISK_BYTES),
			    read_only = open(path, O_RDONLY | O_CLOEXEC);
	struct part_plan p[PART_COUNT];
	_cleanup_free_ char *why = NULL, *why2 = NULL;

	assert_int_equal(parttable_plan(DISK_BYTES, false, 0, p, &why), 0);
	assert_int_equal(parttable_verify(fd, DISK_BYTES, 512, p, &why), -EIO);
	assert_true(parttable_write(read_only, "disk", RACK, p, &why2) < 0);
	assert_non_null(why2);
}

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, fakefs_setup, fakefs_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_names),
		cmocka_unit_test(test_crc), cmocka_unit_test(test_plan),
		cmocka_unit_test(test_plan_with_swap), cmocka_unit_test(test_too_small),
		cmocka_unit_test(test_odd_sizes), WITH_TREE(test_write_and_verify),
		WITH_TREE(test_damage), WITH_TREE(test_blank_disk)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
