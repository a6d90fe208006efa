/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libblkid knows more on-disk formats than any list of ours; all that it can find is
 * asked for, not only the first, since one stale RAID superblock beside a new file system
 * is what breaks the next installation. It is given byte ranges of the open disk instead
 * of partition devices: those exist only after the kernel agreed with the table.
 */
#include "initramfs/blk.h"

#include <blkid/blkid.h>

#include "common/diskends.h"
#include "common/sysfs.h"
#include "initramfs/lvmlabel.h"

#define SIGNATURES_MAX 256
#define LABEL_MAX 128
#define SECTOR 512 /* libblkid's and sysfs's unit, whatever the disk's */

void blk_part_clear(struct blk_part *p)
{
	free(p->label);
	*p = (struct blk_part){0};
}

static void probe_freep(blkid_probe *pr)
{
	if (*pr)
		blkid_free_probe(*pr);
}

/* A probe of an area of the disk; size 0: up to its end. NULL when it cannot be read. */
static blkid_probe probe_new(int fd, uint64_t start_bytes, uint64_t size_bytes)
{
	blkid_probe pr = blkid_new_probe();

	if (!pr ||
		blkid_probe_set_device(pr, fd, (blkid_loff_t)start_bytes,
			(blkid_loff_t)size_bytes) < 0) {
		probe_freep(&pr);
		return NULL;
	}
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr,
		BLKID_SUBLKS_LABEL | BLKID_SUBLKS_TYPE | BLKID_SUBLKS_MAGIC |
			BLKID_SUBLKS_BADCSUM);
	blkid_probe_enable_partitions(pr, 1);
	blkid_probe_set_partitions_flags(pr, BLKID_PARTS_MAGIC | BLKID_PARTS_FORCE_GPT);
	return pr;
}

static void add_signature(
	struct inv_disk *d, const char *where, const char *type, const char *label)
{
	if (d->holds.n == SIGNATURES_MAX)
		return;
	d->holds.list = xrealloc(d->holds.list, d->holds.n + 1, sizeof(*d->holds.list));
	d->holds.list[d->holds.n++] = (struct inv_signature){xstrdup(where),
		sysfs_clean(xstrndup(type, 64), 64),
		sysfs_clean(xstrndup(label, LABEL_MAX), LABEL_MAX)};
}

/*
 * What tells one of its kind from another: a partition's name, where it has one; else what is
 * on it says it of itself. A name of ondol's own counts as a partition's alone.
 */
static const char *label_of(const char *part, const char *own)
{
	if (part && *part)
		return part;
	return own && !(part && str_startswith(own, "ondol-")) ? own : "";
}

/* Everything on one area. part: the partition's name; NULL: it is the whole disk. */
static size_t add_area(int fd, uint64_t start_bytes, uint64_t size_bytes,
	const char *where, const char *part, struct inv_disk *d)
{
	_cleanup_(probe_freep) blkid_probe pr = probe_new(fd, start_bytes, size_bytes);
	char group[LVMLABEL_NAME_MAX];
	size_t before = d->holds.n;
	int r = -1;

	while (pr && d->holds.n < SIGNATURES_MAX && (r = blkid_do_probe(pr)) == 0) {
		const char *type = NULL, *own = NULL;

		if (blkid_probe_lookup_value(pr, "TYPE", &type, NULL) == 0) {
			(void)blkid_probe_lookup_value(pr, "LABEL", &own, NULL);
		} else {
			(void)blkid_probe_lookup_value(pr, "PTTYPE", &type, NULL);
			(void)blkid_probe_lookup_value(pr, "PTUUID", &own, NULL);
		}
		if (type && streq(type, "LVM2_member")) {
			lvmlabel_group(fd, start_bytes, group);
			own = group;
		}
		if (type)
			add_signature(d, where, type, label_of(part, own));
	}
	if (r < 0)
		add_signature(d, where, "unreadable", part ? part : "");
	return d->holds.n - before;
}

static bool is_readable(int fd, uint64_t size_bytes)
{
	uint64_t ends[] = {0, size_bytes - SECTOR};
	uint8_t buf[SECTOR];

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (pread(fd, buf, sizeof(buf), (off_t)ends[i]) != sizeof(buf))
			return false;
	return true;
}

/*
 * What a partition is by its type in the table, where nothing in it says so: what others keep
 * there without a magic, or with one that libblkid does not know. GUIDs as their makers have
 * published them.
 */
static const char *part_kind(blkid_partition p)
{
	static const struct {
		const char *type, *kind;
	} kinds[] = {
		{"381cfccc-7288-11e0-92ee-000c2911d0b2", "vmware_vsan"},
		{"9d275380-40ad-11db-bf97-000c2911d1b8", "vmware_vmkcore"},
		{"aa31e02a-400f-11db-9590-000c2911d1b8", "vmware_vmfs"},
		{"37affc90-ef7d-4e96-91c3-2d7ae055b174", "gpfs"},
		{"5808c8aa-7e8f-42e0-85d2-e1e90434cfb3", "windows_ldm"},
		{"af9b60a0-1431-4f62-bc68-3311714a69ad", "windows_ldm"},
		{"e75caf8f-f680-4cee-afa3-b001e56efc2d", "windows_storage_spaces"},
		{"e3c9e316-0b5c-4db8-817d-f92df00215ae", "windows_reserved"},
		{"4fbd7e29-9d25-41b8-afd0-062c0ceff05d", "ceph_osd"},
		{"6a945a3b-1dd2-11b2-99a6-080020736631", "solaris_reserved"},
	};
	const char *type = blkid_partition_get_type_string(p);

	for (size_t i = 0; type && i < ARRAY_SIZE(kinds); i++)
		if (strcasecmp(type, kinds[i].type) == 0)
			return kinds[i].kind;
	return "empty";
}

static void part_from_blkid(blkid_partition p, struct blk_part *ret)
{
	const char *name = blkid_partition_get_name(p);

	*ret = (struct blk_part){.number = blkid_partition_get_partno(p),
		.label = xstrdup(name ? name : ""),
		.start_bytes = (uint64_t)blkid_partition_get_start(p) * SECTOR,
		.size_bytes = (uint64_t)blkid_partition_get_size(p) * SECTOR};
}

/* A disk without any name for what is on it is blank only when its ends are zero. */
static void add_unknown(int fd, struct inv_disk *d)
{
	int r = diskends_check(fd, d->size_bytes);

	if (r != 0)
		add_signature(
			d, "", r == DISKENDS_DATA ? DISKENDS_UNKNOWN : "unreadable", "");
}

void blk_signatures(int fd, struct inv_disk *d)
{
	_cleanup_(probe_freep) blkid_probe pr = NULL;
	blkid_partlist list;

	if (!is_readable(fd, d->size_bytes)) {
		add_signature(d, "", "unreadable", "");
		return;
	}
	(void)add_area(fd, 0, 0, "", NULL, d);
	pr = probe_new(fd, 0, 0);
	list = pr ? blkid_probe_get_partitions(pr) : NULL;
	for (int i = 0; list && i < blkid_partlist_numof_partitions(list); i++) {
		blkid_partition bp = blkid_partlist_get_partition(list, i);
		_cleanup_(blk_part_clear) struct blk_part part = {0};
		_cleanup_free_ char *where = NULL;

		part_from_blkid(bp, &part);
		where = xasprintf("p%d", part.number);
		if (part.size_bytes == 0 || blkid_partition_is_extended(bp) ||
			add_area(fd, part.start_bytes, part.size_bytes, where, part.label,
				d) == 0)
			add_signature(d, where, part_kind(bp), part.label);
	}
	if (d->holds.n == 0)
		add_unknown(fd, d);
}

int blk_find_part(int fd, const char *uuid, struct blk_part *ret)
{
	_cleanup_(probe_freep) blkid_probe pr = probe_new(fd, 0, 0);
	blkid_partlist list = pr ? blkid_probe_get_partitions(pr) : NULL;

	for (int i = 0; list && i < blkid_partlist_numof_partitions(list); i++) {
		blkid_partition bp = blkid_partlist_get_partition(list, i);
		const char *found = blkid_partition_get_uuid(bp);

		if (found && strcasecmp(found, uuid) == 0) {
			part_from_blkid(bp, ret);
			return 0;
		}
	}
	return -ENOENT;
}

/* What libblkid finds in an area of the disk (size 0: up to its end), magic by magic. */
static int wipe_magics(int fd, uint64_t start_bytes, uint64_t size_bytes)
{
	_cleanup_(probe_freep) blkid_probe pr = probe_new(fd, start_bytes, size_bytes);

	if (!pr)
		return -EIO;
	for (unsigned i = 0; i < SIGNATURES_MAX && blkid_do_probe(pr) == 0; i++)
		if (blkid_do_wipe(pr, 0) < 0)
			return errno ? -errno : -EIO;
	return 0;
}

int blk_wipe_area(int fd, uint64_t start_bytes, uint64_t size_bytes)
{
	int r = diskends_zero(fd, start_bytes, size_bytes);

	/* VMFS and LUKS have theirs further in */
	return r < 0 ? r : wipe_magics(fd, start_bytes, size_bytes);
}

static int wipe_parts(int fd, uint64_t disk_bytes)
{
	_cleanup_(probe_freep) blkid_probe pr = probe_new(fd, 0, 0);
	blkid_partlist list = pr ? blkid_probe_get_partitions(pr) : NULL;
	int r = 0;

	for (int i = 0; r == 0 && list && i < blkid_partlist_numof_partitions(list);
		i++) {
		_cleanup_(blk_part_clear) struct blk_part part = {0};

		part_from_blkid(blkid_partlist_get_partition(list, i), &part);
		/* A table that claims more than the disk has is only rubbish to be wiped. */
		if (part.size_bytes > 0 && part.start_bytes < disk_bytes &&
			part.size_bytes <= disk_bytes - part.start_bytes)
			r = blk_wipe_area(fd, part.start_bytes, part.size_bytes);
	}
	return r;
}

int blk_wipe(int fd, uint64_t size_bytes, char **reterr_msg)
{
	_cleanup_(inventory_freep) struct inventory *left = xcalloc(1, sizeof(*left));
	int r = wipe_parts(fd, size_bytes);

	left->disks = xcalloc(1, sizeof(*left->disks));
	left->n_disks = 1;
	left->disks[0].size_bytes = size_bytes;
	if (r == 0)
		r = blk_wipe_area(fd, 0, size_bytes);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r < 0) {
		*reterr_msg =
			xasprintf("old signatures could not be overwritten: %s. The disk "
				  "may be failing or locked.",
				strerror(-r));
		return r;
	}
	blk_signatures(fd, &left->disks[0]);
	if (left->disks[0].holds.n > 0) {
		_cleanup_free_ char *contents = inv_disk_contents(&left->disks[0]);

		*reterr_msg = xasprintf(
			"the disk was wiped and still shows %s: expected nothing. "
			"The disk may be failing or locked.",
			contents);
		return -EIO;
	}
	return 0;
}
