/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "tests/unit/twin-rack.h"
#include "twin/qemu.h"

/* The whole command line, blanks between words. */
static char *command_line_of(const struct twin_plan *p, const char *node,
	enum twin_accel accel, enum boot_device first)
{
	_cleanup_(args_clear) struct args a = {0};
	char *line = xstrdup("");

	qemu_args(&a, p, twin_plan_node(p, node), accel, first);
	assert_null(a.v[a.n]);
	for (size_t i = 0; i < a.n; i++) {
		char *longer = xasprintf("%s%s ", line, a.v[i]);

		free(line);
		line = longer;
	}
	return line;
}

static char *command_line(const struct rack *rack, const char *node,
	enum twin_accel accel, enum boot_device first)
{
	_cleanup_(twin_plan_freep) struct twin_plan *p = twin_plan_of(rack, 0);

	return command_line_of(p, node, accel, first);
}

static void expect_has(const char *line, const char *want)
{
	if (!strstr(line, want))
		fail_msg("expected \"%s\" in: %s", want, line);
}

static void expect_not(const char *line, const char *what)
{
	if (strstr(line, what))
		fail_msg("did not expect \"%s\" in: %s", what, line);
}

static void identity_is_the_declared_one(void **state)
{
	_cleanup_free_ char *l =
		command_line(example_rack, "hp02", TWIN_ACCEL_TCG, BOOT_DISK);

	expect_has(l,
		"-smbios type=1,manufacturer=HPE,product=ProLiant DL360 Gen10,serial=CZJ0010002,"
		"uuid=39383838-3738-5a43-4a30-303130303102");
	expect_has(l, "-uuid 39383838-3738-5a43-4a30-303130303102 ");
	expect_has(l, "-smbios type=0,vendor=HPE,");
	expect_has(l, "-smbios type=3,manufacturer=HPE,serial=CZJ0010002 ");
}

static void disks_sit_in_their_bays(void **state)
{
	_cleanup_free_ char *l =
		command_line(example_rack, "hp02", TWIN_ACCEL_TCG, BOOT_DISK);

	expect_has(l, "ide-hd,drive=disk1,bus=ide.0,serial=TWhp02-1,wwn=0x5000c500");
	expect_has(l, "ide-hd,drive=disk2,bus=ide.1,serial=TWhp02-2,wwn=0x5000c500");
	expect_has(l, "pcie-root-port,id=bay3,chassis=3,slot=3,");
	expect_has(l, "nvme,id=nvme3,serial=TWhp02-3,bus=bay3 ");
	expect_has(l, "nvme-ns,drive=disk3,bus=nvme3,nsid=1,eui64=0x5000c500");
	expect_has(l,
		"node-name=disk1,cache.no-flush=on,discard=unmap,detect-zeroes=unmap,"
		"file.driver=file,file.filename=/var/t/hp02/disk1.raw ");
	expect_not(l, "ich9-ahci,");
	expect_not(l, "virtio-scsi");
}

static void boot_order_follows_the_choice(void **state)
{
	_cleanup_free_ char *disk = command_line(
				    example_rack, "hp01", TWIN_ACCEL_TCG, BOOT_DISK),
			    *net = command_line(
				    example_rack, "hp01", TWIN_ACCEL_TCG, BOOT_NETWORK);

	expect_has(disk, "model=VK000480GWTWIN,bootindex=1 ");
	expect_has(disk, "host_mtu=1500,bootindex=4 ");
	expect_has(net, "host_mtu=1500,bootindex=1 ");
	expect_has(net, "model=VK000480GWTWIN,bootindex=2 ");
	expect_has(net, "host_mtu=9000 "); /* nic.2 never boots */
}

static void nics_are_the_declared_ones(void **state)
{
	_cleanup_free_ char *l =
		command_line(example_rack, "hp01", TWIN_ACCEL_TCG, BOOT_DISK);

	expect_has(l, "tap,id=net1,ifname=hp01.1,script=no,downscript=no,vnet_hdr=off ");
	expect_has(l,
		"virtio-net-pci,id=nic1,netdev=net1,mac=94:40:c9:00:01:01,addr=0x2,romfile=,");
	expect_has(l,
		"virtio-net-pci,id=nic2,netdev=net2,mac=94:40:c9:00:01:02,addr=0x3,romfile=,");
}

static void a_reset_ends_the_process(void **state)
{
	_cleanup_free_ char *l =
		command_line(example_rack, "hp01", TWIN_ACCEL_TCG, BOOT_DISK);

	expect_has(l, "-action reboot=shutdown,");
}

static void accelerators(void **state)
{
	_cleanup_free_ char *tcg = command_line(
				    example_rack, "hp01", TWIN_ACCEL_TCG, BOOT_DISK),
			    *kvm = command_line(
				    example_rack, "hp01", TWIN_ACCEL_KVM, BOOT_DISK);

	expect_has(tcg, "-accel tcg,thread=single,");
	expect_has(kvm, "-accel kvm ");
	expect_has(kvm, "-smp cpus=2,");
	expect_has(kvm, "-m 512 ");
}

static void other_buses(void **state)
{
	_cleanup_(
		rack_freep) struct rack *sas = example_with(NULL, "disk.1.bus  = sata",
						"disk.1.bus = sas"),
					*far = example_with(NULL, "disk.2.use",
						"disk.8.use  = spare\ndisk.8.bus = sata\n"
						"disk.8.size = 1T\ndisk.2.use");
	_cleanup_free_ char *s = command_line(sas, "hp01", TWIN_ACCEL_TCG, BOOT_DISK),
			    *f = command_line(far, "hp01", TWIN_ACCEL_TCG, BOOT_DISK);

	expect_has(s, "virtio-scsi-pci,id=sas,");
	expect_has(s,
		"scsi-hd,drive=disk1,bus=sas.0,scsi-id=1,lun=0,serial=TWhp01-1,wwn=0x5000c500");
	expect_has(f, "ich9-ahci,id=sata1,addr=0x19 ");
	expect_has(f, "ide-hd,drive=disk8,bus=sata1.1,");
}

static void broken_things(void **state)
{
	_cleanup_(twin_plan_freep) struct twin_plan *p = twin_plan_of(example_rack, 0);
	_cleanup_free_ char *l = NULL, *msg = NULL;
	struct twin_fault *f = twin_plan_node(p, "hp01")->fault;

	assert_int_equal(
		fault_parse("no-disk=2 bad-disk=1 clock=2011-03-01 serial=CZJ0010009 "
			    "uuid=39383838-3738-5a43-4a30-303130303109",
			f, &msg),
		0);
	l = command_line_of(p, "hp01", TWIN_ACCEL_TCG, BOOT_DISK);
	expect_not(l, "disk2");
	expect_has(l, "node-name=disk1,cache.no-flush=on,file.driver=blkdebug,");
	expect_has(l, "file.image.filename=/var/t/hp01/disk1.raw ");
	expect_has(l, "node-name=disk3,cache.no-flush=on,discard=unmap,");
	expect_has(l, "-rtc base=2011-03-01T00:00:00 ");
	expect_has(l, "serial=CZJ0010009,uuid=39383838-3738-5a43-4a30-303130303109,");
	expect_not(l, "CZJ0010001");
}

static void commas_are_doubled(void **state)
{
	_cleanup_(rack_freep) struct rack *r = example_with(
		NULL, "product = ProLiant DL360 Gen10", "product = ProLiant, DL360");
	_cleanup_free_ char *l = command_line(r, "hp01", TWIN_ACCEL_TCG, BOOT_DISK),
			    *e = qemu_escape("a,b,,c");

	expect_has(l, "product=ProLiant,, DL360,serial=");
	assert_string_equal(e, "a,,b,,,,c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_is_the_declared_one),
		cmocka_unit_test(disks_sit_in_their_bays),
		cmocka_unit_test(boot_order_follows_the_choice),
		cmocka_unit_test(nics_are_the_declared_ones),
		cmocka_unit_test(a_reset_ends_the_process),
		cmocka_unit_test(accelerators),
		cmocka_unit_test(other_buses),
		cmocka_unit_test(broken_things),
		cmocka_unit_test(commas_are_doubled),
	};

	return cmocka_run_group_tests(tests, example_setup, example_teardown);
}
