/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity is what the disk says (serial, WWN), never the kernel's name for it: names
 * swap between boots, and an empty card reader likes to be sda.
 */
#include "initramfs/disks.h"

#include <fcntl.h>

#include "common/diskid.h"
#include "common/sysfs.h"
#include "initramfs/bay.h"
#include "initramfs/blk.h"

#define DISKS_MAX 256

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
	struct diskid id;

	diskid_read(root, name, &id);
	*d = (struct inv_disk){
		.name = xstrdup(name),
		.serial = TAKE_PTR(id.serial),
		.wwn = TAKE_PTR(id.wwn),
		.model = sysfs_text(device, "model", 128),
		.bus = id.bus,
		.bay = bay_of_disk(root, name),
		.size_bytes = id.size_bytes,
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

		if (!diskid_is_disk(dir, names[i]))
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
