/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "common/diskid.h"
#include "tests/unit/fakefs.h"

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
		_cleanup_free_ char *wwn = diskid_wwn(cases[i].wwid);

		assert_string_equal(wwn, cases[i].wwn);
	}
}

static void test_vpd_serial(void **state)
{
	static const uint8_t page[] = "\x00\x80\x00\x08  SYS1  ";
	_cleanup_free_ char *serial = diskid_vpd_serial(page, 12);

	assert_string_equal(serial, "SYS1");
	assert_null(diskid_vpd_serial(page, 11)); /* says more than there is */
	assert_null(diskid_vpd_serial(page, 3));
	assert_null(diskid_vpd_serial((const uint8_t *)"\x00\x83\x00\x00", 4));
}

static void read_disk(const char *root, const char *name, struct diskid *ret)
{
	diskid_clear(ret);
	diskid_read(root, name, ret);
}

/* Page 80h counts last: what the driver or virtio-blk says in clear goes first. */
static void test_serial(void **state)
{
	_cleanup_(diskid_clear) struct diskid id = {0};

	fakefs_link(*state, "/sys/block/sda/device", "/sys/devices/pci0/host0/0:0:0:0");
	read_disk(*state, "sda", &id);
	assert_string_equal(id.serial, "");
	fakefs_put_bytes(
		*state, "/sys/block/sda/device/vpd_pg80", "\x00\x80\x00\x04SYS1", 8);
	read_disk(*state, "sda", &id);
	assert_string_equal(id.serial, "SYS1");
	fakefs_put(*state, "/sys/block/sda/serial", "VIRT1");
	read_disk(*state, "sda", &id);
	assert_string_equal(id.serial, "VIRT1");
	fakefs_put(*state, "/sys/block/sda/device/serial", "  NV   1\x01 \n");
	read_disk(*state, "sda", &id);
	assert_string_equal(id.serial, "NV 1?");
}

static void test_size(void **state)
{
	static const struct {
		const char *sectors;
		uint64_t bytes;
	} cases[] = {
		{"937703088\n", 480103981056}, {"0\n", 0}, {"rubbish\n", 0},
		{"36028797018963967\n", UINT64_MAX - 511},
		{"36028797018963968\n", 0}, /* more bytes than can be counted */
	};
	_cleanup_(diskid_clear) struct diskid id = {0};

	read_disk(*state, "sda", &id);
	assert_int_equal(id.size_bytes, 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fakefs_put(*state, "/sys/block/sda/size", cases[i].sectors);
		read_disk(*state, "sda", &id);
		assert_true(id.size_bytes == cases[i].bytes);
	}
}

#define UUID_WWID "uuid.12345678-9abc-def0-1234-56789abcdef0\n"
#define MADE_UP_WWID "nvme.1b36-4e5631-51454d55-00000001\n"
#define NO_EUI "00 00 00 00 00 00 00 00\n"
#define NO_NGUID "00000000-0000-0000-0000-000000000000\n"

static void test_namespace(void **state)
{
	static const struct {
		const char *wwid, *eui, *nguid, *wwn; /* NULL: no such attribute */
	} cases[] = {
		{"eui.0025385B71B0A1C2\n", "50 00 c5 00 a1 b2 c3 03\n", NULL,
			"0025385b71b0a1c2"},
		{MADE_UP_WWID, "50 00 C5 00 a1 b2 c3 03\n", NULL, "5000c500a1b2c303"},
		{NULL, "50 00 c5 00 a1 b2 c3 03\n", NULL, "5000c500a1b2c303"},
		{MADE_UP_WWID, NO_EUI, "6479a7f0-1122-3344-5566-778899aabbcc\n",
			"6479a7f0112233445566778899aabbcc"},
		{MADE_UP_WWID, NULL, "64 79 a7 f0 11 22 33 44 55 66 77 88 99 aa bb cc\n",
			"6479a7f0112233445566778899aabbcc"},
		{UUID_WWID, "50 00 c5 00 a1 b2 c3 03\n",
			"6479a7f0-1122-3344-5566-778899aabbcc\n", "5000c500a1b2c303"},
		{UUID_WWID, NO_EUI, NO_NGUID, "123456789abcdef0123456789abcdef0"},
		{UUID_WWID, NULL, NULL, "123456789abcdef0123456789abcdef0"},
		{MADE_UP_WWID, NO_EUI, NO_NGUID, ""},
		{MADE_UP_WWID, "\n", "-\n", ""},
		{MADE_UP_WWID, NULL, NULL, ""},
		{NULL, NULL, NULL, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *root = xasprintf("%s/%zu", (char *)*state, i);
		_cleanup_(diskid_clear) struct diskid id = {0};

		if (cases[i].wwid)
			fakefs_put(root, "/sys/block/nvme0n1/wwid", cases[i].wwid);
		if (cases[i].eui)
			fakefs_put(root, "/sys/block/nvme0n1/eui", cases[i].eui);
		if (cases[i].nguid)
			fakefs_put(root, "/sys/block/nvme0n1/nguid", cases[i].nguid);
		diskid_read(root, "nvme0n1", &id);
		assert_string_equal(id.wwn, cases[i].wwn);
	}
}

static enum disk_bus bus_of(
	const char *root, const char *name, const char *path, const char *vendor)
{
	_cleanup_free_ char *block = xasprintf("/sys/block/%s/device", name);
	_cleanup_free_ char *attr = xasprintf("%s/vendor", path);
	_cleanup_(diskid_clear) struct diskid id = {0};

	fakefs_link(root, block, path);
	fakefs_put(root, attr, vendor);
	diskid_read(root, name, &id);
	return id.bus;
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

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, fakefs_setup, fakefs_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_wwn),
		cmocka_unit_test(test_vpd_serial), WITH_TREE(test_serial),
		WITH_TREE(test_size), WITH_TREE(test_namespace), WITH_TREE(test_bus)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
