/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine has nothing by default (-nodefaults): what is here is what the rack
 * declares. Devices sit at fixed PCI addresses, so that a guest sees the same machine
 * whatever else changes. `-action reboot=shutdown` makes each reset a new process, which
 * is how a one-shot boot device stays one-shot.
 */
#include "twin/qemu.h"

#define PCI_FIRST_NIC 0x2 /* .. 0x5 */
#define PCI_RNG 0x6
#define PCI_SCSI 0x7
#define PCI_USB 0x8
#define PCI_FIRST_BAY 0x9 /* .. 0x18: a root port for each bay with a drive on PCIe */
#define PCI_FIRST_AHCI 0x19 /* .. 0x1a: bays past the chipset's six ports */
#define PCI_WATCHDOG 0x1b
#define AHCI_PORTS 6

char *qemu_escape(const char *s)
{
	char *out = xmalloc(2 * strlen(s) + 1), *o = out;

	for (; *s; s++) {
		if (*s == ',')
			*o++ = ',';
		*o++ = *s;
	}
	*o = '\0';
	return out;
}

/*
 * Translated code, MiB. When it is full all of it is thrown away, so it grows with what a
 * server of that memory runs.
 */
static unsigned code_cache_mib(const struct twin_plan *p)
{
	return MIN(MAX(p->memory_mib / 8, 256u), 768u);
}

static void add_machine(struct args *a, const struct twin_plan *p,
	const struct twin_node *n, enum twin_accel accel)
{
	args_add(a, TWIN_QEMU);
	args_opt(a, "-name", "guest=%s,debug-threads=on", n->rack->name);
	args_add(a, "-nodefaults");
	args_add(a, "-no-user-config");
	args_opt(a, "-display", "none");
	args_opt(a, "-machine", "q35,smm=off,vmport=off");
	if (accel == TWIN_ACCEL_KVM)
		args_opt(a, "-accel", "kvm");
	else
		/* One thread, however many CPUs: with several, QEMU 7.2 may keep running what it
		 * has translated while another CPU was patching it. A kernel that turns a static
		 * key then meets its own breakpoint for ever. */
		args_opt(a, "-accel", "tcg,thread=single,tb-size=%u", code_cache_mib(p));
	/* Emulated, "rep movsb" goes byte by byte: a kernel that takes it for fast clears and
	 * copies its pages eight times slower than with "rep movsq". */
	args_opt(a, "-cpu", "%s", accel == TWIN_ACCEL_KVM ? "max" : "max,-erms,-fsrm");
	args_opt(a, "-smp", "cpus=%u,sockets=1,cores=%u,threads=1", p->cpus, p->cpus);
	args_opt(a, "-m", "%u", p->memory_mib);
	if (*n->fault->clock)
		args_opt(a, "-rtc", "base=%s", n->fault->clock);
	args_opt(a, "-action", "reboot=shutdown,shutdown=poweroff,panic=none");
	/* Hot-plug slots by PCIe itself: their number is the bay, in /sys/bus/pci/slots. */
	args_opt(a, "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off");
	args_opt(a, "-drive", "if=pflash,unit=0,format=raw,readonly=on,file=%s",
		TWIN_FIRMWARE_CODE);
	args_opt(a, "-drive", "if=pflash,unit=1,format=raw,file=%s", n->nvram);
	/* PXE over IPv4 only: nobody on these networks would answer the others. */
	args_opt(a, "-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=no");
}

static void add_identity(struct args *a, const struct twin_node *n)
{
	const struct twin_fault *f = n->fault;
	const char *uuid = *f->uuid ? f->uuid : n->uuid;
	_cleanup_free_ char *vendor = qemu_escape(n->rack->profile->vendor);
	_cleanup_free_ char *product = qemu_escape(n->rack->profile->product);
	_cleanup_free_ char *serial =
		qemu_escape(*f->serial ? f->serial : n->rack->serial);

	args_opt(a, "-uuid", "%s", uuid);
	args_opt(a, "-smbios",
		"type=0,vendor=%s,version=U32,date=10/27/2023,release=2.90,uefi=on",
		vendor);
	args_opt(a, "-smbios",
		"type=1,manufacturer=%s,product=%s,serial=%s,uuid=%s,sku=%s,"
		"family=ProLiant",
		vendor, product, serial, uuid, "P19766-B21");
	args_opt(a, "-smbios", "type=2,manufacturer=%s,product=%s,serial=%s", vendor,
		product, serial);
	args_opt(a, "-smbios", "type=3,manufacturer=%s,serial=%s", vendor, serial);
}

/* The supervisor listens on monitor and serial; a person may use qmp.sock. */
static void add_channels(struct args *a, const struct twin_node *n)
{
	args_opt(a, "-chardev", "socket,id=monitor,path=%s/monitor.sock", n->dir);
	args_opt(a, "-mon", "chardev=monitor,mode=control");
	args_opt(a, "-qmp", "unix:%s/qmp.sock,server=on,wait=off", n->dir);
	args_opt(a, "-chardev", "socket,id=serial,path=%s/serial.sock", n->dir);
	args_opt(a, "-serial", "chardev:serial");
	args_opt(a, "-chardev", "socket,id=kcs,host=127.0.0.1,port=%u,reconnect=1",
		n->kcs_port);
	args_opt(a, "-device", "ipmi-bmc-extern,id=bmc,chardev=kcs");
	args_opt(a, "-device", "isa-ipmi-kcs,bmc=bmc");
	args_opt(a, "-device", "virtio-rng-pci,addr=%#x", PCI_RNG);
	args_opt(a, "-device", "i6300esb,addr=%#x",
		PCI_WATCHDOG); /* resets the server, as iLO's */
}

static void add_nic(
	struct args *a, const struct twin_nic *nic, size_t i, unsigned bootindex)
{
	char mac[18], boot[32] = "";

	format_mac(&nic->mac, mac);
	if (bootindex)
		snprintf(boot, sizeof(boot), ",bootindex=%u", bootindex);
	args_opt(a, "-netdev",
		"tap,id=net%zu,ifname=%s,script=no,downscript=no,vnet_hdr=off", i + 1,
		nic->tap);
	/* The firmware has its own driver: no option ROM. Nobody finishes checksums here. */
	args_opt(a, "-device",
		"virtio-net-pci,id=nic%zu,netdev=net%zu,mac=%s,addr=%#zx,romfile=,"
		"csum=off,guest_csum=off,gso=off,host_mtu=%u%s",
		i + 1, i + 1, mac, PCI_FIRST_NIC + i, nic->mtu, boot);
}

static bool has_bus(const struct twin_node *n, enum disk_bus bus, unsigned min_bay)
{
	for (size_t i = 0; i < n->n_disks; i++)
		if (n->disks[i].bus == bus && n->disks[i].bay >= min_bay)
			return true;
	return false;
}

static void add_controllers(struct args *a, const struct twin_node *n)
{
	for (unsigned k = 1; k * AHCI_PORTS < RACK_MAX_DISKS; k++)
		if (has_bus(n, DISK_BUS_SATA, k * AHCI_PORTS + 1))
			args_opt(a, "-device", "ich9-ahci,id=sata%u,addr=%#x", k,
				PCI_FIRST_AHCI + k - 1);
	if (has_bus(n, DISK_BUS_SAS, 0) || has_bus(n, DISK_BUS_OTHER, 0))
		args_opt(a, "-device", "virtio-scsi-pci,id=sas,addr=%#x", PCI_SCSI);
	if (has_bus(n, DISK_BUS_USB, 0))
		args_opt(a, "-device", "qemu-xhci,id=usb,addr=%#x", PCI_USB);
}

static void add_root_port(struct args *a, const struct twin_disk *d)
{
	args_opt(a, "-device",
		"pcie-root-port,id=bay%u,chassis=%u,slot=%u,bus=pcie.0,addr=%#x", d->bay,
		d->bay, d->bay, PCI_FIRST_BAY + d->bay - 1);
}

static void add_sata(struct args *a, const struct twin_disk *d, unsigned bootindex)
{
	unsigned controller = (d->bay - 1) / AHCI_PORTS, port = (d->bay - 1) % AHCI_PORTS;
	char bus[32] = "ide";

	if (controller)
		snprintf(bus, sizeof(bus), "sata%u", controller);
	args_opt(a, "-device",
		"ide-hd,drive=disk%u,bus=%s.%u,serial=%s,wwn=0x%s,"
		"model=VK000480GWTWIN,bootindex=%u",
		d->bay, bus, port, d->serial, d->wwn, bootindex);
}

/*
 * OVMF gives up on the whole boot order at a namespace's device path, so that a boot from
 * the network would end up on the disk. A system drive is therefore the older form, which
 * has a place in the order but no EUI-64; the others are namespaces without a place.
 */
static void add_nvme(struct args *a, const struct twin_disk *d, unsigned bootindex)
{
	if (d->system) {
		args_opt(a, "-device",
			"nvme,id=nvme%u,drive=disk%u,serial=%s,bus=bay%u,bootindex=%u",
			d->bay, d->bay, d->serial, d->bay, bootindex);
		return;
	}
	args_opt(a, "-device", "nvme,id=nvme%u,serial=%s,bus=bay%u", d->bay, d->serial,
		d->bay);
	args_opt(a, "-device", "nvme-ns,drive=disk%u,bus=nvme%u,nsid=1,eui64=0x%s",
		d->bay, d->bay, d->wwn);
}

/* Reads are good, writes are answered with an I/O error: a drive that wore out. */
static void add_bad_blocks(struct args *a, const struct twin_disk *d, const char *path)
{
	args_opt(a, "-blockdev",
		"driver=raw,node-name=disk%u,cache.no-flush=on,file.driver=blkdebug,"
		"file.inject-error.0.event=none,file.inject-error.0.iotype=write,"
		"file.inject-error.0.errno=5,file.inject-error.1.event=none,"
		"file.inject-error.1.iotype=write-zeroes,file.inject-error.1.errno=5,"
		"file.image.driver=file,file.image.filename=%s",
		d->bay, path);
}

static void add_blocks(struct args *a, const struct twin_disk *d, bool bad)
{
	_cleanup_free_ char *path = qemu_escape(d->path);

	if (bad) {
		add_bad_blocks(a, d, path);
		return;
	}
	args_opt(a, "-blockdev",
		"driver=raw,node-name=disk%u,cache.no-flush=on,discard=unmap,"
		"detect-zeroes=unmap,file.driver=file,file.filename=%s",
		d->bay, path);
}

static void add_disk(struct args *a, const struct twin_disk *d, unsigned bootindex)
{
	switch (d->bus) {
	case DISK_BUS_SATA:
		add_sata(a, d, bootindex);
		break;
	case DISK_BUS_NVME:
		add_root_port(a, d);
		add_nvme(a, d, bootindex);
		break;
	case DISK_BUS_VIRTIO:
		add_root_port(a, d);
		args_opt(a, "-device",
			"virtio-blk-pci,drive=disk%u,bus=bay%u,serial=%s,"
			"bootindex=%u",
			d->bay, d->bay, d->serial, bootindex);
		break;
	case DISK_BUS_USB:
		args_opt(a, "-device",
			"usb-storage,drive=disk%u,bus=usb.0,serial=%s,bootindex=%u",
			d->bay, d->serial, bootindex);
		break;
	case DISK_BUS_SAS:
	case DISK_BUS_OTHER:
		args_opt(a, "-device",
			"scsi-hd,drive=disk%u,bus=sas.0,scsi-id=%u,lun=0,serial=%s,"
			"wwn=0x%s,vendor=HPE,product=TWIN,bootindex=%u",
			d->bay, d->bay, d->serial, d->wwn, bootindex);
		break;
	}
}

static void add_drive(struct args *a, const struct twin_node *n,
	const struct twin_disk *d, unsigned bootindex)
{
	uint32_t bit = UINT32_C(1) << d->bay;

	if (n->fault->no_disks & bit)
		return;
	add_blocks(a, d, n->fault->bad_disks & bit);
	add_disk(a, d, bootindex);
}

void qemu_args(struct args *a, const struct twin_plan *p, const struct twin_node *n,
	enum twin_accel accel, enum boot_device first)
{
	unsigned index = first == BOOT_NETWORK ? 2 : 1;

	add_machine(a, p, n, accel);
	add_identity(a, n);
	add_channels(a, n);
	add_controllers(a, n);
	for (size_t i = 0; i < n->n_disks; i++)
		add_drive(a, n, &n->disks[i], index++);
	for (size_t i = 0; i < n->n_nics; i++)
		add_nic(a, &n->nics[i], i, i > 0 ? 0 : first == BOOT_NETWORK ? 1 : index);
}
