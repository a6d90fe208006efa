/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders and desired states name a disk by the very strings read here, so a disk must
 * read the same in the installer and years later: each identity has one order of places.
 */
#include "common/diskid.h"

#include <ctype.h>

#include "common/sysfs.h"

#define ID_MAX 64
#define SCSI_TYPE_ROM 5
#define SECTOR_BYTES 512 /* what sysfs counts "size" in, whatever the disk's own */

/* The hexadecimal digits of s, in lower case, without what parts them. */
static char *hex_digits(const char *s)
{
	char *hex = xcalloc(1, ID_MAX + 1);
	size_t n = 0;

	for (; *s && n < ID_MAX; s++)
		if (isxdigit((unsigned char)*s))
			hex[n++] = (char)tolower((unsigned char)*s);
	return hex;
}

char *diskid_wwn(const char *wwid)
{
	static const char *const forms[] = {"naa.", "eui.", "uuid."};

	for (size_t i = 0; wwid && i < ARRAY_SIZE(forms); i++)
		if (str_startswith(wwid, forms[i]))
			return hex_digits(wwid + strlen(forms[i]));
	return xstrdup("");
}

char *diskid_vpd_serial(const uint8_t *page, size_t len)
{
	size_t n;

	if (len < 4 || page[1] != 0x80)
		return NULL;
	n = (size_t)page[2] << 8 | page[3];
	if (n > len - 4)
		return NULL;
	return sysfs_clean(xstrndup((const char *)page + 4, n), ID_MAX);
}

/* NVMe says it beside its controller, virtio-blk beside the disk, SCSI in page 80h. */
static char *serial_of(const char *dir, const char *device)
{
	_cleanup_free_ uint8_t *page = NULL;
	char *serial = NULL;
	size_t len;

	if (sysfs_exists(device, "serial"))
		return sysfs_text(device, "serial", ID_MAX);
	if (sysfs_exists(dir, "serial"))
		return sysfs_text(dir, "serial", ID_MAX);
	if (sysfs_attr_bytes(device, "vpd_pg80", &page, &len) == 0)
		serial = diskid_vpd_serial(page, len);
	return serial ? serial : xstrdup("");
}

/*
 * The EUI-64 of an NVMe namespace, "50 00 c5 00 …", else its NGUID, with dashes or
 * blanks; NULL when it has neither: zeros are how a namespace says so.
 */
static char *namespace_id(const char *dir)
{
	static const char *const names[] = {"eui", "nguid"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *text = sysfs_attr(dir, names[i]);
		_cleanup_free_ char *hex = text ? hex_digits(text) : NULL;

		if (hex && hex[strspn(hex, "0")])
			return TAKE_PTR(hex);
	}
	return NULL;
}

/*
 * The kernel's wwid of a namespace with a UUID is the UUID, and one made of vendor,
 * serial and model ("nvme.1b36-…") is no world wide name: what else it has goes first.
 */
static char *wwn_of(const char *dir, const char *device)
{
	_cleanup_free_ char *wwid = sysfs_attr(device, "wwid");
	char *wwn = NULL;

	if (!wwid)
		wwid = sysfs_attr(dir, "wwid");
	if (!wwid || !(str_startswith(wwid, "naa.") || str_startswith(wwid, "eui.")))
		wwn = namespace_id(dir);
	return wwn ? wwn : diskid_wwn(wwid);
}

static uint64_t size_of(const char *dir)
{
	uint64_t sectors = sysfs_attr_u64(dir, "size", 0);

	return sectors <= UINT64_MAX / SECTOR_BYTES ? sectors * SECTOR_BYTES : 0;
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

void diskid_read(const char *root, const char *name, struct diskid *ret)
{
	_cleanup_free_ char *dir = xasprintf("%s/sys/block/%s", root, name);
	_cleanup_free_ char *device = xasprintf("%s/device", dir);
	_cleanup_free_ char *path = sysfs_device_path(root, dir, "device");

	*ret = (struct diskid){.serial = serial_of(dir, device),
		.wwn = wwn_of(dir, device),
		.size_bytes = size_of(dir),
		.bus = bus_of(name, path, device)};
}

void diskid_clear(struct diskid *id)
{
	free(id->serial);
	free(id->wwn);
	*id = (struct diskid){0};
}

bool diskid_is_disk(const char *dir, const char *name)
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
