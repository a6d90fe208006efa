/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "initramfs/disks.h"
#include "tests/unit/fakefs.h"

#define SATA "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0"

static void test_wwn(void **state)
{
	static const struct {
		const char *wwid, *wwn;
	} cases[] = {
		{"naa.5000C500a1B2C301", "5000c500a1b2c301"},
		{"eui.0025385b71b0a1c2", "0025385b71b0a1c2"},
		{"uuid.12345678-9abc-def0-1234-56789abcdef0",
			"123456789abcdef0123456789abcdef0"},
		{"t10.ATA     QEMU HARDDISK                           SYS1", ""},
		{"nvme.1b36-4e5631-51454d55", ""},
		{"", ""},
		{NULL, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *wwn = disks_wwn(cases[i].wwid);

		assert_string_equal(wwn, cases[i].wwn);
	}
}

static void test_vpd_serial(void **state)
{
	static const uint8_t page[] = "\x00\x80\x00\x08  SYS1  ";
	_cleanup_free_ char *serial = disks_vpd_serial(page, 12);

	assert_string_equal(serial, "SYS1");
	assert_null(disks_vpd_serial(page, 11)); /* says more than there is */
	assert_null(disks_vpd_serial(page, 3));
	assert_null(disks_vpd_serial((const uint8_t *)"\x00\x83\x00\x00", 4));
}

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
	assert_int_equal(d->n_signatures, 1);
	assert_string_equal(d->signatures[0].type, "unreadable");
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
	assert_int_equal(inv->disks[0].n_signatures, 0);
	assert_non_null(disks_unfit(&inv->disks[0]));
}

static enum disk_bus bus_of(
	const char *root, const char *name, const char *path, const char *vendor)
{
	_cleanup_(inventory_freep) struct inventory *inv = xcalloc(1, sizeof(*inv));
	_cleanup_free_ char *block = xasprintf("/sys/block/%s/device", name);
	_cleanup_free_ char *attr = xasprintf("%s/vendor", path);

	fakefs_link(root, block, path);
	fakefs_put(root, attr, vendor);
	disks_collect(root, inv);
	for (size_t i = 0; i < inv->n_disks; i++)
		if (streq(inv->disks[i].name, name))
			return inv->disks[i].bus;
	return DISK_BUS_OTHER;
}

static void test_bus(void **state)
{
	assert_int_equal(bus_of(*state, "nvme0n1", "/sys/devices/pci0/nvme/nvme0", ""),
		DISK_BUS_NVME);
	assert_int_equal(
		bus_of(*state, "vda", "/sys/devices/pci0/virtio1", ""), DISK_BUS_VIRTIO);
	assert_int_equal(bus_of(*state, "sda", "/sys/devices/pci0/host0/0:0:0:0", "HP"),
		DISK_BUS_SAS);
	assert_int_equal(bus_of(*state, "sdb", "/sys/devices/pci0/host0/0:0:1:0", "ATA"),
		DISK_BUS_SATA);
	assert_int_equal(
		bus_of(*state, "sdc", "/sys/devices/pci0/host1/rport-1:0-0/1:0:0:0",
			"3PARdata"),
		DISK_BUS_OTHER);
	assert_int_equal(bus_of(*state, "sdd",
				 "/sys/devices/platform/host2/session1/2:0:0:0", "LIO"),
		DISK_BUS_OTHER);
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_wwn),
		cmocka_unit_test(test_vpd_serial), WITH_TREE(test_collect),
		WITH_TREE(test_card_reader), WITH_TREE(test_bus),
		cmocka_unit_test(test_unfit)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
