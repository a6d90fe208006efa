/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/sysroot.h"

#include <sys/stat.h>

char *sysroot_dir(const struct twin_node *n)
{
	return xasprintf("%s/server", n->dir);
}

static int put(const char *root, const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *parent = xasprintf("%s/%s", root, dir);
	_cleanup_free_ char *path = xasprintf("%s/%s", parent, name);
	_cleanup_free_ char *line = xasprintf("%s\n", text);
	int r = mkdir_p(parent, 0755);

	return r < 0 ? r : write_file_atomic(path, line, strlen(line), 0444);
}

static int put_number(const char *root, const char *dir, const char *name, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	return put(root, dir, name, text);
}

static int link_to(const char *root, const char *path, const char *target)
{
	_cleanup_free_ char *where = xasprintf("%s/%s", root, path), *parent = NULL;
	int r;

	parent = xstrndup(where, (size_t)(strrchr(where, '/') - where));
	r = mkdir_p(parent, 0755);
	if (r == 0 && unlink(where) < 0 && errno != ENOENT)
		r = -errno;
	return r < 0 ? r : symlink(target, where) < 0 ? -errno : 0;
}

/* Where common/diskid.h looks for each kind of drive. */
static int put_identity(const char *root, const char *dir, const struct twin_disk *d)
{
	_cleanup_free_ char *device = xasprintf("%s/device", dir);
	_cleanup_free_ char *wwid =
		xasprintf("%s.%s", d->bus == DISK_BUS_NVME ? "eui" : "naa", d->wwn);
	int r;

	if (d->bus == DISK_BUS_VIRTIO)
		return put(root, dir, "serial", d->serial);
	r = put(root, device, "serial", d->serial);
	if (r == 0)
		r = put(root, d->bus == DISK_BUS_NVME ? dir : device, "wwid", wwid);
	if (r == 0 && d->bus != DISK_BUS_NVME)
		r = put(root, device, "vendor", d->bus == DISK_BUS_SATA ? "ATA" : "HPE");
	if (r == 0 && d->bus != DISK_BUS_NVME)
		r = put(root, device, "type", "0");
	return r;
}

static int make_disk(const char *root, const struct twin_disk *d, int loop)
{
	_cleanup_free_ char *dir = xasprintf("sys/block/%s", d->name);
	_cleanup_free_ char *device = xasprintf("%s/device", dir);
	_cleanup_free_ char *queue = xasprintf("%s/queue", dir);
	_cleanup_free_ char *node = xasprintf("dev/%s", d->name);
	_cleanup_free_ char *target =
		loop < 0 ? xstrdup(d->path) : xasprintf("/dev/loop%d", loop);
	int r = put(root, device, "model", "TWIN");

	if (r == 0)
		r = put_identity(root, dir, d);
	if (r == 0)
		r = put_number(root, dir, "size", d->size_bytes / 512);
	if (r == 0)
		r = put(root, dir, "removable", "0");
	if (r == 0)
		r = put(root, dir, "ro", "0");
	if (r == 0)
		r = put(root, queue, "rotational", "0");
	if (r == 0)
		r = put(root, queue, "logical_block_size", "512");
	return r == 0 ? link_to(root, node, target) : r;
}

static int make_smbios(
	const char *root, const struct twin_plan *p, const struct twin_node *n)
{
	static const char dir[] = "sys/class/dmi/id";
	_cleanup_free_ char *memory =
		xasprintf("MemTotal: %llu kB", (unsigned long long)p->memory_mib * 1024);
	int r = put(root, dir, "sys_vendor", n->rack->profile->vendor);

	if (r == 0)
		r = put(root, dir, "product_name", n->rack->profile->product);
	if (r == 0)
		r = put(root, dir, "product_serial",
			n->rack->serial ? n->rack->serial : "");
	if (r == 0)
		r = put(root, dir, "product_uuid", n->uuid);
	if (r == 0)
		r = put(root, dir, "bios_version", "U32");
	if (r == 0)
		r = put(root, "proc", "meminfo", memory);
	if (r == 0)
		r = link_to(root, "proc/cpuinfo", "/proc/cpuinfo");
	return r == 0 ? put(root, "sys/firmware/efi", "fw_platform_size", "64") : r;
}

int sysroot_make(const struct twin_plan *p, const struct twin_node *n, const int *loops,
	char **reterr_msg)
{
	_cleanup_free_ char *root = sysroot_dir(n);
	int r = make_smbios(root, p, n);

	for (size_t i = 0; i < n->n_disks && r == 0; i++)
		r = make_disk(root, &n->disks[i], loops[i]);
	if (r < 0)
		*reterr_msg = xasprintf("%s could not be filled: %s", root, strerror(-r));
	return r;
}
