/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures, on files in place of disks: libblkid does not mind. */
#include "tests/unit/harness.h"

#include "common/rackid.h"
#include "initramfs/blk.h"
#include "initramfs/parttable.h"
#include "tests/unit/fakefs.h"

#define RACK "3f2a9c01-77de-8b04"
#define DISK_BYTES (20ull << 30)

/* The first bytes of an LVM physical volume, of swap space, of a disk that had both. */
static void put_lvm(int fd, uint64_t at)
{
	static const uint8_t label[] =
		"LABELONE\x01\0\0\0\0\0\0\0\0\0\0\0\x20\0\0\0LVM2 001AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

	assert_int_equal(
		pwrite(fd, label, sizeof(label) - 1, (off_t)at + 512), sizeof(label) - 1);
}

static void put_swap(int fd, uint64_t at)
{
	static const uint8_t version[] = {1, 0, 0, 0, 255, 0, 0, 0};

	assert_int_equal(pwrite(fd, version, 8, (off_t)at + 1024), 8);
	assert_int_equal(pwrite(fd, "SWAPSPACE2", 10, (off_t)at + 4086), 10);
}

static struct inventory *look(int fd)
{
	struct inventory *inv = xcalloc(1, sizeof(*inv));

	inv->disks = xcalloc(1, sizeof(*inv->disks));
	inv->n_disks = 1;
	inv->disks[0].size_bytes = DISK_BYTES;
	blk_signatures(fd, &inv->disks[0]);
	return inv;
}

static bool has(
	const struct inv_disk *d, const char *where, const char *type, const char *label)
{
	for (size_t i = 0; i < d->holds.n; i++)
		if (streq(d->holds.list[i].where, where) &&
			streq(d->holds.list[i].type, type) &&
			streq(d->holds.list[i].label, label))
			return true;
	return false;
}

static void partition(int fd, struct part_plan plan[static PART_COUNT])
{
	_cleanup_free_ char *why = NULL;

	assert_int_equal(parttable_plan(DISK_BYTES, false, 0, plan, &why), 0);
	assert_int_equal(parttable_write(fd, "disk", RACK, plan, &why), 0);
}

static void test_blank(void **state)
{
	_cleanup_close_ int fd = fakefs_disk(*state, DISK_BYTES);
	_cleanup_(inventory_freep) struct inventory *inv = look(fd);

	assert_true(inv_disk_is_blank(&inv->disks[0]));
}

/* Bytes without a name: at either end it is not blank, and a wipe makes it so. */
static void test_unknown(void **state)
{
	static const uint64_t at[] = {
		0, 700 * 1024, DISK_BYTES - 700 * 1024, DISK_BYTES - 1};
	_cleanup_close_ int fd = fakefs_disk(*state, DISK_BYTES);

	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		_cleanup_(inventory_freep) struct inventory *inv = NULL, *wiped = NULL;
		_cleanup_free_ char *why = NULL;

		assert_int_equal(pwrite(fd, "\x5a", 1, (off_t)at[i]), 1);
		inv = look(fd);
		assert_int_equal(inv->disks[0].holds.n, 1);
		assert_true(has(&inv->disks[0], "", "unknown-data", ""));
		assert_false(inv_disk_is_blank(&inv->disks[0]));
		assert_false(inv_disk_is_ours(&inv->disks[0], RACK));
		assert_int_equal(blk_wipe(fd, DISK_BYTES, &why), 0);
		wiped = look(fd);
		assert_true(inv_disk_is_blank(&wiped->disks[0]));
	}
}

/* A volume of VMFS 5 has its magics 1 and 2 MiB in: it does not come back with the table. */
static void test_deep_in_a_partition(void **state)
{
	static const uint64_t mib = 1 << 20;
	_cleanup_close_ int fd = fakefs_disk(*state, DISK_BYTES);
	_cleanup_(inventory_freep) struct inventory *inv = NULL, *wiped = NULL,
						    *again = NULL;
	_cleanup_free_ char *why = NULL;
	struct part_plan plan[PART_COUNT];
	off_t at;

	partition(fd, plan);
	at = (off_t)plan[PART_B].start_bytes;
	assert_int_equal(pwrite(fd, "\x0d\xd0\x01\xc0", 4, at + (off_t)mib), 4);
	assert_int_equal(pwrite(fd, "\x5e\xf1\xab\x2f", 4, at + (off_t)(2 * mib)), 4);
	inv = look(fd);
	assert_true(has(&inv->disks[0], "p3", "VMFS_volume_member", "ondol-b"));
	assert_int_equal(blk_wipe(fd, DISK_BYTES, &why), 0);
	wiped = look(fd);
	assert_true(inv_disk_is_blank(&wiped->disks[0]));
	partition(fd, plan);
	again = look(fd);
	assert_true(has(&again->disks[0], "p3", "empty", "ondol-b"));
}

/* An installation that broke after its wipe: the old slot's data is no reason to refuse. */
static void test_broken_off(void **state)
{
	_cleanup_close_ int fd = fakefs_disk(*state, DISK_BYTES);
	_cleanup_(inventory_freep) struct inventory *wiped = NULL, *again = NULL;
	_cleanup_free_ char *why = NULL;
	struct part_plan plan[PART_COUNT];

	partition(fd, plan);
	assert_int_equal(
		pwrite(fd, "\x5a", 1, (off_t)(plan[PART_A].start_bytes + (64u << 20))),
		1);
	assert_int_equal(blk_wipe(fd, DISK_BYTES, &why), 0);
	wiped = look(fd);
	assert_true(inv_disk_is_blank(&wiped->disks[0]));
	partition(fd, plan); /* and one that broke after its table */
	again = look(fd);
	assert_true(inv_disk_is_ours(&again->disks[0], RACK));
}

static void test_unreadable(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = look(-1);

	assert_false(inv_disk_is_blank(&inv->disks[0]));
	assert_false(inv_disk_is_ours(&inv->disks[0], RACK));
}

/* All signatures, not only the first that is found. */
static void test_two_on_one(void **state)
{
	_cleanup_close_ int fd = fakefs_disk(*state, DISK_BYTES);
	_cleanup_(inventory_freep) struct inventory *inv = NULL;

	put_lvm(fd, 0);
	put_swap(fd, 0);
	inv = look(fd);
	assert_true(has(&inv->disks[0], "", "LVM2_member", ""));
	assert_true(has(&inv->disks[0], "", "swap", ""));
	assert_int_equal(inv->disks[0].holds.n, 2);
}

static void test_ours_and_not(void **state)
{
	_cleanup_close_ int fd = fakefs_disk(*state, DISK_BYTES);
	_cleanup_(inventory_freep) struct inventory *inv = NULL, *later = NULL;
	struct part_plan plan[PART_COUNT];

	partition(fd, plan);
	put_swap(fd, plan[PART_STATE].start_bytes);
	inv = look(fd);
	assert_string_equal(inv->disks[0].holds.list[0].type, "gpt");
	assert_true(rackid_made(RACK, inv->disks[0].holds.list[0].label));
	assert_true(has(&inv->disks[0], "p2", "empty", "ondol-a"));
	assert_true(has(&inv->disks[0], "p4", "swap", "ondol-state"));
	assert_int_equal(inv->disks[0].holds.n, 5);
	assert_true(inv_disk_is_ours(&inv->disks[0], RACK));
	assert_false(inv_disk_is_ours(&inv->disks[0], "00000000-77de-8b04"));

	plan[PART_STATE].label = "precious";
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ftruncate(fd, (off_t)DISK_BYTES), 0);
	{
		_cleanup_free_ char *why = NULL;

		assert_int_equal(parttable_write(fd, "disk", RACK, plan, &why), 0);
	}
	later = look(fd);
	assert_false(inv_disk_is_ours(&later->disks[0], RACK));
}

static void test_find_part(void **state)
{
	_cleanup_close_ int fd = fakefs_disk(*state, DISK_BYTES);
	_cleanup_(blk_part_clear) struct blk_part part = {0};
	struct part_plan plan[PART_COUNT];

	assert_int_equal(blk_find_part(fd, "7226c13a-fd8b-aa45-897d-1064860b94ad", &part),
		-ENOENT);
	partition(fd, plan);
	assert_int_equal(blk_find_part(fd, "7226c13a-fd8b-aa45-897d-1064860b94ad", &part),
		-ENOENT);
	assert_int_equal(blk_find_part(fd, plan[PART_B].uuid, &part), 0);
	assert_int_equal(part.number, 3);
	assert_string_equal(part.label, "ondol-b");
	assert_true(part.start_bytes == plan[PART_B].start_bytes);
	assert_true(part.size_bytes == plan[PART_B].size_bytes);
	assert_int_equal(blk_find_part(-1, plan[PART_B].uuid, &part), -ENOENT);
}

/* A table with LVM in a partition: after the wipe nothing comes back with a new table. */
static void test_wipe(void **state)
{
	_cleanup_close_ int fd = fakefs_disk(*state, DISK_BYTES);
	_cleanup_(inventory_freep) struct inventory *inv = NULL, *again = NULL;
	_cleanup_free_ char *why = NULL;
	struct part_plan plan[PART_COUNT];

	partition(fd, plan);
	put_lvm(fd, plan[PART_A].start_bytes);
	put_swap(fd, plan[PART_STATE].start_bytes);
	assert_int_equal(blk_wipe(fd, DISK_BYTES, &why), 0);
	inv = look(fd);
	assert_true(inv_disk_is_blank(&inv->disks[0]));
	partition(fd, plan);
	again = look(fd);
	assert_true(has(&again->disks[0], "p2", "empty", "ondol-a"));
	assert_true(has(&again->disks[0], "p4", "empty", "ondol-state"));
}

static void test_wipe_fails(void **state)
{
	_cleanup_free_ char *path = xasprintf("%s/disk", (char *)*state), *why = NULL;
	_cleanup_close_ int fd = fakefs_disk(*state, DISK_BYTES),
			    read_only = open(path, O_RDONLY | O_CLOEXEC);

	put_lvm(fd, 0);
	assert_true(blk_wipe(read_only, DISK_BYTES, &why) < 0);
	assert_non_null(strstr(why, "could not be overwritten"));
}

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, fakefs_setup, fakefs_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {WITH_TREE(test_blank),
		WITH_TREE(test_unreadable), WITH_TREE(test_two_on_one),
		WITH_TREE(test_ours_and_not), WITH_TREE(test_find_part),
		WITH_TREE(test_wipe), WITH_TREE(test_unknown),
		WITH_TREE(test_deep_in_a_partition), WITH_TREE(test_broken_off),
		WITH_TREE(test_wipe_fails)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
