/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One prober per way of knowing, in a table, the most trustworthy first: what a
 * controller says of its own backplane, then the slot or port that the disk hangs on.
 * A new kind of hardware is a new function and a line in the table.
 */
#include "initramfs/bay.h"

#include <ctype.h>
#include <limits.h>

#include "common/parse.h"
#include "common/sysfs.h"

#define BAY_MAX 999

struct bay_disk {
	const char *root;
	const char *name;
	char *dir; /* owned: ROOT/sys/block/NAME */
	char *path; /* owned: where its device is, root cut: "/sys/devices/pci0000:00/..." */
};

static int bay_from_number(const char *s, int *ret_bay)
{
	unsigned n;
	int r = s ? parse_unsigned(s, 1, BAY_MAX, &n) : -ENOENT;

	if (r < 0)
		return -ENOENT;
	*ret_bay = (int)n;
	return 0;
}

/* The first part of a device path that begins with prefix: "ata3", "end_device-0:0:1". */
static char *path_part(const char *path, const char *prefix)
{
	size_t len;

	for (const char *p = path; *p; p += len) {
		p += strspn(p, "/");
		len = strcspn(p, "/");
		if (len > strlen(prefix) && str_startswith(p, prefix))
			return xstrndup(p, len);
	}
	return NULL;
}

int bay_from_path_info(const char *text, int *ret_bay)
{
	_cleanup_free_ char *number = NULL;
	const char *p = strcasestr(text, "bay:");

	if (!p)
		return -ENOENT;
	p += strlen("bay:");
	p += strspn(p, " ");
	number = xstrndup(p, strspn(p, "0123456789"));
	/* A disk with two paths is in one bay all the same, or we cannot tell. */
	p = strcasestr(p, "bay:");
	if (p) {
		int first, other;

		if (bay_from_number(number, &first) < 0 ||
			bay_from_path_info(p, &other) < 0 || first != other)
			return -ENOENT;
	}
	return bay_from_number(number, ret_bay);
}

/* hpsa and smartpqi: drives that are handed through as they are. */
static int bay_smart_array(const struct bay_disk *d, int *ret_bay)
{
	_cleanup_free_ char *device = xasprintf("%s/device", d->dir);
	_cleanup_free_ char *info = sysfs_attr(device, "path_info");

	return info ? bay_from_path_info(info, ret_bay) : -ENOENT;
}

/* SAS: the expander or controller says the bay of each end device. */
static int bay_sas(const struct bay_disk *d, int *ret_bay)
{
	_cleanup_free_ char *end_device = path_part(d->path, "end_device-");
	_cleanup_free_ char *dir = NULL, *bay = NULL;

	if (!end_device)
		return -ENOENT;
	dir = xasprintf("%s/sys/class/sas_device/%s", d->root, end_device);
	bay = sysfs_attr(dir, "bay_identifier");
	return bay_from_number(bay, ret_bay);
}

/* An enclosure that speaks SES: /sys/block/sda/device/enclosure_device:Slot 03/slot. */
static int bay_enclosure(const struct bay_disk *d, int *ret_bay)
{
	_cleanup_free_ char *device = xasprintf("%s/device", d->dir);
	_cleanup_(sysfs_list_freep) char **entries = sysfs_list(device);

	for (size_t i = 0; entries[i]; i++) {
		_cleanup_free_ char *dir = NULL, *slot = NULL;

		if (!str_startswith(entries[i], "enclosure_device:"))
			continue;
		dir = xasprintf("%s/%s", device, entries[i]);
		slot = sysfs_attr(dir, "slot");
		return bay_from_number(slot, ret_bay);
	}
	return -ENOENT;
}

/* AHCI: ports count from 1, as the bays of a backplane wired to them do. */
static int bay_sata_port(const struct bay_disk *d, int *ret_bay)
{
	_cleanup_free_ char *ata = path_part(d->path, "ata");
	_cleanup_free_ char *dir = NULL, *port = NULL;

	if (!ata || !isdigit((unsigned char)ata[3]))
		return -ENOENT;
	dir = xasprintf("%s/sys/class/ata_port/%s", d->root, ata);
	port = sysfs_attr(dir, "port_no");
	return bay_from_number(port, ret_bay);
}

/*
 * The PCI slot whose device is address "0000:3d:00" (no function). Slot names are the
 * firmware's: a plain number is one, "3-1" means that two slots claim the same, and 0 is
 * what firmware says that does not number its slots.
 */
static int slot_of_address(const char *root, const char *address, int *ret_bay)
{
	_cleanup_free_ char *slots = xasprintf("%s/sys/bus/pci/slots", root);
	_cleanup_(sysfs_list_freep) char **names = sysfs_list(slots);
	int found = -ENOENT;

	for (size_t i = 0; names[i]; i++) {
		_cleanup_free_ char *dir = xasprintf("%s/%s", slots, names[i]);
		_cleanup_free_ char *at = sysfs_attr(dir, "address");

		if (!at || !streq(at, address))
			continue;
		if (found == 0 || bay_from_number(names[i], ret_bay) < 0)
			return -ENOENT;
		found = 0;
	}
	return found;
}

static bool is_pci_address(const char *s, size_t len)
{
	static const char form[] = "xxxx:xx:xx.x";

	if (len != strlen(form))
		return false;
	for (size_t i = 0; i < len; i++)
		if (form[i] == 'x' ? !isxdigit((unsigned char)s[i]) : s[i] != form[i])
			return false;
	return true;
}

/* NVMe and virtio-blk: the slot of the device itself, or of the nearest bridge above. */
static int bay_pci_slot(const struct bay_disk *d, int *ret_bay)
{
	int r = -ENOENT;

	if (!str_startswith(d->name, "nvme") && !str_startswith(d->name, "vd"))
		return -ENOENT;
	for (const char *end = d->path + strlen(d->path); r < 0 && end > d->path;) {
		const char *p = memrchr(d->path, '/', (size_t)(end - d->path));

		if (!p)
			break;
		if (is_pci_address(p + 1, (size_t)(end - p - 1))) {
			_cleanup_free_ char *address =
				xstrndup(p + 1, strlen("xxxx:xx:xx"));

			r = slot_of_address(d->root, address, ret_bay);
		}
		end = p;
	}
	return r;
}

/* virtio-scsi, where no transport hands out numbers of its own: target 3 is bay 3. */
static int bay_scsi_target(const struct bay_disk *d, int *ret_bay)
{
	_cleanup_free_ char *hctl = sysfs_link_name(d->dir, "device");
	unsigned host, channel, target, lun;

	if (!str_startswith(d->name, "sd") || !strstr(d->path, "/virtio"))
		return -ENOENT;
	if (!hctl || sscanf(hctl, "%u:%u:%u:%u", &host, &channel, &target, &lun) != 4)
		return -ENOENT;
	if (target < 1 || target > BAY_MAX)
		return -ENOENT;
	*ret_bay = (int)target;
	return 0;
}

static const struct bay_prober {
	const char *name;
	int (*probe)(const struct bay_disk *d, int *ret_bay); /* 0 or -ENOENT */
} probers[] = {
	{"smart array path", bay_smart_array},
	{"sas bay", bay_sas},
	{"enclosure slot", bay_enclosure},
	{"sata port", bay_sata_port},
	{"pci slot", bay_pci_slot},
	{"scsi target", bay_scsi_target},
};

/*
 * Where the disk's device is. An NVMe drive with two ports is shown below its subsystem
 * and not below a controller; its first controller says where it is plugged in.
 */
static char *disk_path(const char *root, const char *dir)
{
	_cleanup_free_ char *path = sysfs_device_path(root, dir, "device");
	_cleanup_free_ char *device = xasprintf("%s/device", dir);
	_cleanup_(sysfs_list_freep) char **entries = NULL;

	if (!path || !strstr(path, "/nvme-subsys"))
		return TAKE_PTR(path);
	entries = sysfs_list(device);
	for (size_t i = 0; entries[i]; i++) {
		unsigned controller;
		char rest;

		if (sscanf(entries[i], "nvme%u%c", &controller, &rest) == 1)
			return sysfs_device_path(root, device, entries[i]);
	}
	return TAKE_PTR(path);
}

int bay_of_disk(const char *root, const char *name)
{
	_cleanup_free_ char *dir = xasprintf("%s/sys/block/%s", root, name);
	_cleanup_free_ char *path = disk_path(root, dir);
	struct bay_disk d = {.root = root, .name = name, .dir = dir, .path = path};
	int bay;

	for (size_t i = 0; path && i < ARRAY_SIZE(probers); i++)
		if (probers[i].probe(&d, &bay) == 0)
			return bay;
	return -1;
}
