/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "initramfs/disks.h"
#include "tests/unit/fakefs.h"

#define SATA "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0"

static void sata_disk(const char *root)
{
	fakefs_link(root, "/sys/block/sda/device", SATA);
	fakefs_put_bytes(root, SATA "/vpd_pg80", "\x00\x80\x00\x04SYS1", 8);
	fakefs_put(root, SATA "/wwid", "naa.5000c500a1b2c301\n");
	fakefs_put(root, SATA "/model", "MK000480GZXRA   \n");
	fakefs_put(root, SATA "/vendor", "ATA     \n");
	fakefs_put(root, SATA "/type", "0\n");
	fakefs_put(root, "/sys/class/ata_port/ata1/port_no", "1\n");
	fakefs_put(root, "/sys/block/sda/size", "937703088\n");
	fakefs_put(root, "/sys/block/sda/removable", "0\n");
	fakefs_put(root, "/sys/block/sda/ro", "0\n");
	fakefs_put(root, "/sys/block/sda/queue/logical_block_size", "512\n");
	fakefs_put(root, "/sys/block/sda/queue/rotational", "0\n");
}

static void test_collect(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = xcalloc(1, sizeof(*inv));
	const struct inv_disk *d;

	sata_disk(*state);
	fakefs_put(*state, "/sys/block/loop0/size", "100\n"); /* no device behind these */
	fakefs_put(*state, "/sys/block/dm-0/size", "100\n");
	fakefs_link(*state, "/sys/block/sr0/device", "/sys/devices/x/0:0:1:0");
	fakefs_link(*state, "/sys/block/nvme0c0n1/device", "/sys/devices/y/nvme0");
	fakefs_put(*state, "/sys/block/nvme0c0n1/hidden", "1\n");
	disks_collect(*state, inv);
	assert_int_equal(inv->n_disks, 1);
	d = &inv->disks[0];
	assert_string_equal(d->name, "sda");
	assert_string_equal(d->serial, "SYS1");
	assert_string_equal(d->wwn, "5000c500a1b2c301");
	assert_string_equal(d->model, "MK000480GZXRA");
	assert_int_equal(d->bus, DISK_BUS_SATA);
	assert_int_equal(d->bay, 1);
	assert_int_equal(d->size_bytes, 480103981056);
	assert_int_equal(d->sector_bytes, 512);
	assert_false(d->rotational);
	/* there is no device node, so it may not pass as blank */
	assert_int_equal(d->holds.n, 1);
	assert_string_equal(d->holds.list[0].type, "unreadable");
}

/* The empty SD slot of a DL360 is sda. It is listed, and never installed to. */
static void test_card_reader(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = xcalloc(1, sizeof(*inv));

	fakefs_link(*state, "/sys/block/sda/device",
		"/sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/host1/target1:0:0/1:0:0:0");
	fakefs_put(*state, "/sys/block/sda/size", "0\n");
	fakefs_put(*state, "/sys/block/sda/removable", "1\n");
	disks_collect(*state, inv);
	assert_int_equal(inv->n_disks, 1);
	assert_int_equal(inv->disks[0].bus, DISK_BUS_USB);
	assert_int_equal(inv->disks[0].holds.n, 0);
	assert_non_null(disks_unfit(&inv->disks[0]));
}

/* The same namespace as in test-noded-disks.c, with the same answer. */
static void test_namespace(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = xcalloc(1, sizeof(*inv));

	fakefs_link(*state, "/sys/block/nvme1n1/device", "/sys/devices/pci0/nvme/nvme1");
	fakefs_put(*state, "/sys/block/nvme1n1/device/serial", "NV2\n");
	fakefs_put(*state, "/sys/block/nvme1n1/wwid",
		"nvme.1b36-4e5632-51454d55-00000001\n");
	fakefs_put(*state, "/sys/block/nvme1n1/eui", "50 00 c5 00 a1 b2 c3 03\n");
	fakefs_put(*state, "/sys/block/nvme1n1/size", "2048\n");
	disks_collect(*state, inv);
	assert_int_equal(inv->n_disks, 1);
	assert_string_equal(inv->disks[0].serial, "NV2");
	assert_string_equal(inv->disks[0].wwn, "5000c500a1b2c303");
	assert_int_equal(inv->disks[0].bus, DISK_BUS_NVME);
	assert_int_equal(inv->disks[0].size_bytes, 2048 * 512);
}

static void test_unfit(void **state)
{
	struct inv_disk d = {.size_bytes = 1, .bus = DISK_BUS_SATA};

	assert_null(disks_unfit(&d));
	d.removable = true;
	assert_non_null(disks_unfit(&d));
	d = (struct inv_disk){.size_bytes = 1, .read_only = true};
	assert_non_null(disks_unfit(&d));
	d = (struct inv_disk){.size_bytes = 1, .bus = DISK_BUS_USB};
	assert_non_null(disks_unfit(&d));
}

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, fakefs_setup, fakefs_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {WITH_TREE(test_collect),
		WITH_TREE(test_card_reader), WITH_TREE(test_namespace),
		cmocka_unit_test(test_unfit)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
