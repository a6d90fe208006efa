/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity is what the disk says (serial, WWN), never the kernel's name for it: names
 * swap between boots, and an empty card reader likes to be sda.
 */
#include "initramfs/disks.h"

#include <ctype.h>
#include <fcntl.h>

#include "initramfs/bay.h"
#include "initramfs/blk.h"
#include "initramfs/sysfs.h"

#define SCSI_TYPE_ROM 5
#define DISKS_MAX 256

char *disks_wwn(const char *wwid)
{
	static const char *const forms[] = {"naa.", "eui.", "uuid."};
	char *wwn = xstrdup("");

	for (size_t i = 0; wwid && i < ARRAY_SIZE(forms); i++) {
		size_t n = 0;

		if (!str_startswith(wwid, forms[i]))
			continue;
		free(wwn);
		wwn = xstrdup(wwid + strlen(forms[i]));
		for (const char *p = wwn; *p; p++)
			if (isxdigit((unsigned char)*p))
				wwn[n++] = (char)tolower((unsigned char)*p);
		wwn[MIN(n, (size_t)64)] = '\0';
		break;
	}
	return wwn;
}

char *disks_vpd_serial(const uint8_t *page, size_t len)
{
	size_t n;

	if (len < 4 || page[1] != 0x80)
		return NULL;
	n = (size_t)page[2] << 8 | page[3];
	if (n > len - 4)
		return NULL;
	return sysfs_clean(xstrndup((const char *)page + 4, n), 64);
}

static bool is_real_disk(const char *dir, const char *name)
{
	_cleanup_free_ char *device = xasprintf("%s/device", dir);

	if (!sysfs_exists(dir, "device") || sysfs_attr_u64(dir, "hidden", 0))
		return false;
	if (str_startswith(name, "sr") || str_startswith(name, "fd") ||
		strstr(name, "boot"))
		return false;
	return !str_startswith(name, "sd") ||
		sysfs_attr_u64(device, "type", 0) != SCSI_TYPE_ROM;
}

static enum disk_bus bus_of(const char *name, const char *path, const char *device)
{
	_cleanup_free_ char *vendor = NULL;

	if (str_startswith(name, "nvme"))
		return DISK_BUS_NVME;
	if (str_startswith(name, "vd"))
		return DISK_BUS_VIRTIO;
	if (!str_startswith(name, "sd") || !path)
		return DISK_BUS_OTHER;
	if (strstr(path, "/usb"))
		return DISK_BUS_USB;
	if (strstr(path, "/rport-") || strstr(path, "/session"))
		return DISK_BUS_OTHER; /* Fibre Channel, iSCSI: somebody else's storage */
	/* A SATA drive behind a SAS controller says "ATA" where SCSI ones name their maker. */
	vendor = sysfs_attr(device, "vendor");
	if (strstr(path, "/ata") || (vendor && streq(vendor, "ATA")))
		return DISK_BUS_SATA;
	return DISK_BUS_SAS;
}

/* NVMe says it beside its controller, virtio-blk beside the disk, SCSI in page 80h. */
static char *serial_of(const char *dir, const char *device)
{
	_cleanup_free_ uint8_t *page = NULL;
	char *serial = NULL;
	size_t len;

	if (sysfs_exists(device, "serial"))
		return sysfs_text(device, "serial", 64);
	if (sysfs_exists(dir, "serial"))
		return sysfs_text(dir, "serial", 64);
	if (sysfs_attr_bytes(device, "vpd_pg80", &page, &len) == 0)
		serial = disks_vpd_serial(page, len);
	return serial ? serial : xstrdup("");
}

static char *wwn_of(const char *dir, const char *device)
{
	_cleanup_free_ char *wwid = sysfs_attr(device, "wwid");

	if (!wwid)
		wwid = sysfs_attr(dir, "wwid");
	return disks_wwn(wwid);
}

static void read_signatures(const char *root, struct inv_disk *d)
{
	_cleanup_free_ char *path = xasprintf("%s/dev/%s", root, d->name);
	_cleanup_close_ int fd = -1;

	if (d->size_bytes == 0)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	blk_signatures(fd, d);
}

static void collect(
	const char *root, const char *dir, const char *name, struct inv_disk *d)
{
	_cleanup_free_ char *device = xasprintf("%s/device", dir);
	_cleanup_free_ char *queue = xasprintf("%s/queue", dir);
	_cleanup_free_ char *path = sysfs_device_path(root, dir, "device");

	*d = (struct inv_disk){
		.name = xstrdup(name),
		.serial = serial_of(dir, device),
		.wwn = wwn_of(dir, device),
		.model = sysfs_text(device, "model", 128),
		.bus = bus_of(name, path, device),
		.bay = bay_of_disk(root, name),
		.size_bytes = sysfs_attr_u64(dir, "size", 0) * 512,
		.sector_bytes =
			(unsigned)sysfs_attr_u64(queue, "logical_block_size", 512),
		.rotational = sysfs_attr_u64(queue, "rotational", 0) != 0,
		.removable = sysfs_attr_u64(dir, "removable", 0) != 0,
		.read_only = sysfs_attr_u64(dir, "ro", 0) != 0,
	};
	read_signatures(root, d);
}

void disks_collect(const char *root, struct inventory *inv)
{
	_cleanup_free_ char *block = xasprintf("%s/sys/block", root);
	_cleanup_(sysfs_list_freep) char **names = sysfs_list(block);
	size_t cap = 0;

	for (size_t i = 0; names[i] && inv->n_disks < DISKS_MAX; i++) {
		_cleanup_free_ char *dir = xasprintf("%s/%s", block, names[i]);

		if (!is_real_disk(dir, names[i]))
			continue;
		GROW(inv->disks, inv->n_disks, cap);
		collect(root, dir, names[i], &inv->disks[inv->n_disks++]);
	}
}

const char *disks_unfit(const struct inv_disk *d)
{
	if (d->removable)
		return "it is removable";
	if (d->read_only)
		return "it is read-only";
	if (d->size_bytes == 0)
		return "it has no medium";
	if (d->bus == DISK_BUS_USB)
		return "it is on USB";
	return NULL;
}
