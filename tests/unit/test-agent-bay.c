/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "initramfs/bay.h"
#include "tests/unit/fakefs.h"

#define PCI "/sys/devices/pci0000:00/0000:00:1f.2"

/* /sys/block/NAME whose device link points at path */
static void disk(const char *root, const char *name, const char *path)
{
	_cleanup_free_ char *link = xasprintf("/sys/block/%s/device", name);

	fakefs_link(root, link, path);
}

static void test_path_info(void **state)
{
	int bay = 7;

	assert_int_equal(
		bay_from_path_info(
			"[0:1:0:0]  Direct-Access  PORT: 1I BOX: 1 BAY: 3 Active\n",
			&bay),
		0);
	assert_int_equal(bay, 3);
	assert_int_equal(bay_from_path_info("Port: 1I Box: 1 Bay: 12", &bay), 0);
	assert_int_equal(bay, 12);
	/* two paths to one drive; two paths that contradict each other; none */
	assert_int_equal(bay_from_path_info("BAY: 4 Active\nBAY: 4 Inactive\n", &bay), 0);
	assert_int_equal(bay, 4);
	assert_int_equal(
		bay_from_path_info("BAY: 4 Active\nBAY: 5 Inactive\n", &bay), -ENOENT);
	assert_int_equal(bay_from_path_info("[0:1:0:0] Direct-Access", &bay), -ENOENT);
	assert_int_equal(bay_from_path_info("BAY: x", &bay), -ENOENT);
	assert_int_equal(bay_from_path_info("BAY: 99999999999", &bay), -ENOENT);
	assert_int_equal(bay_from_path_info("BAY: 0", &bay), -ENOENT);
}

static void test_smart_array(void **state)
{
	disk(*state, "sda", PCI "/host0/target0:1:0/0:1:0:0");
	fakefs_put(*state, PCI "/host0/target0:1:0/0:1:0:0/path_info",
		"[0:1:0:0]  Direct-Access  PORT: 1I BOX: 1 BAY: 2 Active\n");
	assert_int_equal(bay_of_disk(*state, "sda"), 2);
}

static void test_sas(void **state)
{
	disk(*state, "sdb", PCI "/host0/port-0:0/end_device-0:0/target0:0:0/0:0:0:0");
	assert_int_equal(bay_of_disk(*state, "sdb"), -1);
	fakefs_put(*state, "/sys/class/sas_device/end_device-0:0/bay_identifier", "5\n");
	assert_int_equal(bay_of_disk(*state, "sdb"), 5);
}

static void test_enclosure(void **state)
{
	disk(*state, "sdc", PCI "/host3/target3:0:9/3:0:9:0");
	fakefs_put(*state, PCI "/host3/target3:0:9/3:0:9:0/enclosure_device:Slot 08/slot",
		"8\n");
	assert_int_equal(bay_of_disk(*state, "sdc"), 8);
}

static void test_sata(void **state)
{
	disk(*state, "sdd", PCI "/ata4/host3/target3:0:0/3:0:0:0");
	assert_int_equal(bay_of_disk(*state, "sdd"), -1);
	fakefs_put(*state, "/sys/class/ata_port/ata4/port_no", "2\n");
	assert_int_equal(bay_of_disk(*state, "sdd"), 2);
}

static void test_nvme(void **state)
{
	disk(*state, "nvme0n1",
		"/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0/nvme/nvme0");
	assert_int_equal(bay_of_disk(*state, "nvme0n1"), -1);
	fakefs_put(*state, "/sys/bus/pci/slots/7/address", "0000:3d:00\n");
	fakefs_put(*state, "/sys/bus/pci/slots/3/address", "0000:3b:00\n");
	assert_int_equal(bay_of_disk(*state, "nvme0n1"), 3);
}

/* A drive behind a switch in the slot: the nearest slot above counts. */
static void test_nvme_above(void **state)
{
	disk(*state, "nvme0n1",
		"/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0/0000:3c:04.0/nvme/nvme0");
	fakefs_put(*state, "/sys/bus/pci/slots/6/address", "0000:3b:00\n");
	assert_int_equal(bay_of_disk(*state, "nvme0n1"), 6);
}

/* Firmware that does not number its slots, or gives one number twice, tells nothing. */
static void test_nvme_unclear(void **state)
{
	disk(*state, "nvme0n1",
		"/sys/devices/pci0000:00/0000:00:03.0/0000:01:00.0/nvme/nvme0");
	disk(*state, "nvme1n1",
		"/sys/devices/pci0000:00/0000:00:04.0/0000:02:00.0/nvme/nvme1");
	disk(*state, "nvme2n1",
		"/sys/devices/pci0000:00/0000:00:05.0/0000:03:00.0/nvme/nvme2");
	fakefs_put(*state, "/sys/bus/pci/slots/0/address", "0000:01:00\n");
	fakefs_put(*state, "/sys/bus/pci/slots/0-2/address", "0000:02:00\n");
	fakefs_put(*state, "/sys/bus/pci/slots/4/address", "0000:03:00\n");
	fakefs_put(*state, "/sys/bus/pci/slots/5/address", "0000:03:00\n");
	assert_int_equal(bay_of_disk(*state, "nvme0n1"), -1);
	assert_int_equal(bay_of_disk(*state, "nvme1n1"), -1);
	assert_int_equal(bay_of_disk(*state, "nvme2n1"), -1);
}

static void test_nvme_subsystem(void **state)
{
	const char *subsys = "/sys/devices/virtual/nvme-subsystem/nvme-subsys0";

	disk(*state, "nvme0n1", subsys);
	fakefs_link(*state, "/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme3",
		"/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0/nvme/nvme3");
	fakefs_put(*state, "/sys/bus/pci/slots/9/address", "0000:3b:00\n");
	assert_int_equal(bay_of_disk(*state, "nvme0n1"), 9);
}

static void test_scsi_target(void **state)
{
	disk(*state, "sde",
		"/sys/devices/pci0000:00/0000:00:05.0/virtio2/host6/target6:0:2/6:0:2:0");
	assert_int_equal(bay_of_disk(*state, "sde"), 2);
	disk(*state, "sdf",
		"/sys/devices/pci0000:00/0000:00:05.0/virtio2/host6/target6:0:0/6:0:0:0");
	assert_int_equal(bay_of_disk(*state, "sdf"), -1);
	/* a RAID controller's target numbers are its own */
	disk(*state, "sdg", PCI "/host7/target7:0:2/7:0:2:0");
	assert_int_equal(bay_of_disk(*state, "sdg"), -1);
}

static void test_nothing(void **state)
{
	assert_int_equal(bay_of_disk(*state, "sdz"), -1);
	disk(*state, "sdh",
		"/sys/devices/pci0000:00/0000:00:14.0/usb2/2-1/host9/target9:0:0/9:0:0:0");
	assert_int_equal(bay_of_disk(*state, "sdh"), -1);
}

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, fakefs_setup, fakefs_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_path_info),
		WITH_TREE(test_smart_array), WITH_TREE(test_sas),
		WITH_TREE(test_enclosure), WITH_TREE(test_sata), WITH_TREE(test_nvme),
		WITH_TREE(test_nvme_above), WITH_TREE(test_nvme_unclear),
		WITH_TREE(test_nvme_subsystem), WITH_TREE(test_scsi_target),
		WITH_TREE(test_nothing)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
