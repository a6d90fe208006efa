/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The desired state names disks as the agent inventoried them, so what a disk says it is
 * comes from where the agent has it: common/diskid.h.
 */
#include "nodeagent/disks.h"

#include <blkid/blkid.h>
#include <dirent.h>
#include <fcntl.h>
#include <uuid/uuid.h>

#include "common/diskends.h"
#include "common/diskid.h"
#include "common/sysfs.h"

#define SIGNATURES_MAX 64

/*
 * What an encrypted disk becomes when it is open: its holder of our name, if device-mapper says
 * that it is LUKS.
 */
static char *open_mapping(const char *root, const char *disk, char **ret_name)
{
	_cleanup_free_ char *dir = xasprintf("%s/sys/block/%s/holders", root, disk);
	_cleanup_(sysfs_list_freep) char **holders = sysfs_list(dir);

	for (size_t i = 0; holders[i]; i++) {
		_cleanup_free_ char *dm =
			xasprintf("%s/sys/block/%s/dm", root, holders[i]);
		_cleanup_free_ char *name = sysfs_attr(dm, "name"),
				    *uuid = sysfs_attr(dm, "uuid");

		if (!name || !uuid || !str_startswith(name, DISKS_MAPPING) ||
			!str_startswith(uuid, "CRYPT-LUKS"))
			continue;
		*ret_name = TAKE_PTR(name);
		return xasprintf("%s/dev/%s", root, holders[i]);
	}
	return NULL;
}

static int is_name(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

void disks_list(const char *root, struct disk **ret, size_t *ret_n)
{
	_cleanup_free_ char *block = xasprintf("%s/sys/block", root);
	struct dirent **names = NULL;
	struct disk *list = NULL;
	size_t n = 0, cap = 0;
	int found = scandir(block, &names, is_name, alphasort);

	for (int i = 0; i < found; i++) {
		const char *name = names[i]->d_name;
		_cleanup_free_ char *dir = xasprintf("%s/%s", block, name);

		if (diskid_is_disk(dir, name)) {
			struct diskid id;
			char *mapping = NULL, *open = open_mapping(root, name, &mapping);

			diskid_read(root, name, &id);
			GROW(list, n, cap);
			list[n++] = (struct disk){.name = xstrdup(name),
				.path = open ? open : xasprintf("%s/dev/%s", root, name),
				.mapping = mapping,
				.serial = TAKE_PTR(id.serial),
				.wwn = TAKE_PTR(id.wwn),
				.size_bytes = id.size_bytes};
		}
		free(names[i]);
	}
	free(names);
	*ret = list;
	*ret_n = n;
}

void disks_free(struct disk *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].name);
		free(list[i].path);
		free(list[i].mapping);
		free(list[i].serial);
		free(list[i].wwn);
	}
	free(list);
}

static char *describe(const struct disk *list, size_t n)
{
	char *all = xstrdup("");

	for (size_t i = 0; i < n; i++) {
		char size[32], *next;

		format_size(list[i].size_bytes, size);
		next = xasprintf("%s%s%s (%s, serial %s, WWN %s)", all, i ? "; " : "",
			list[i].name, size, *list[i].serial ? list[i].serial : "none",
			*list[i].wwn ? list[i].wwn : "none");
		free(all);
		all = next;
	}
	return all;
}

int disks_find(const struct disk *list, size_t n, const struct order_disk *want,
	const struct disk **ret, char **reterr_msg)
{
	_cleanup_free_ char *there = NULL;
	const struct disk *found = NULL;
	unsigned hits = 0;

	for (size_t i = 0; i < n; i++) {
		if (!streq(list[i].serial, want->serial) ||
			!streq(list[i].wwn, want->wwn) ||
			list[i].size_bytes != want->size_bytes)
			continue;
		found = &list[i];
		hits++;
	}
	if (hits == 1) {
		*ret = found;
		return 0;
	}
	there = describe(list, n);
	*reterr_msg = xasprintf(
		"data disk with serial %s, WWN %s and %llu bytes: %s; this node has: "
		"%s. Was it replaced or pulled? A new disk needs a new inventory: ondol reinstall",
		*want->serial ? want->serial : "none", *want->wwn ? want->wwn : "none",
		(unsigned long long)want->size_bytes,
		hits ? "more than one disk says so" : "no disk says so",
		*there ? there : "no disk");
	return hits ? -ENOTUNIQ : -ENOENT;
}

int disks_match(const struct disk *list, size_t n, const struct order_disk *want,
	const struct disk **ret, char **reterr_msg)
{
	const struct disk *found;
	int r = disks_find(list, n, want, &found, reterr_msg);

	if (r < 0)
		return r;
	if (want->encrypt && !found->mapping) {
		*reterr_msg = xasprintf(
			"disk %s (%s) is to be encrypted, and is not open: its key comes from "
			"ondold. See why: journalctl -b -u ondol-noded",
			disks_name(found), found->path);
		return -ENOKEY;
	}
	*ret = found;
	return 0;
}

const char *disks_name(const struct disk *d)
{
	return *d->serial ? d->serial : d->wwn;
}

int disks_make_blank(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	int r = size < 0 ? -errno : diskends_zero(fd, 0, (uint64_t)size);

	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

void disks_uuid(const unsigned char space[static 16], const char *rack,
	const struct order_disk *disk, char ret[static 37])
{
	_cleanup_free_ char *name = xasprintf("%s\n%s\n%s\n%llu", rack, disk->serial,
		disk->wwn, (unsigned long long)disk->size_bytes);
	uuid_t id;

	uuid_generate_sha1(id, space, name, strlen(name));
	uuid_unparse_lower(id, ret);
}

/* ---- contents ---- */

static void probe_freep(blkid_probe *p)
{
	if (*p)
		blkid_free_probe(*p);
}

static void add_signature(char **all, const char *type, const char *label)
{
	_cleanup_free_ char *t = str_escape(type, 64),
			    *l = str_escape(label ? label : "", 64);
	char *next = xasprintf("%s%s%s%s%s%s", *all, **all ? ", " : "", t,
		*l ? " (label " : "", l, *l ? ")" : "");

	free(*all);
	*all = next;
}

static const char *value(blkid_probe p, const char *name)
{
	const char *v = NULL;

	return blkid_probe_lookup_value(p, name, &v, NULL) == 0 ? v : NULL;
}

static int probe_all(blkid_probe p, char **all, bool *pv_only)
{
	unsigned n = 0;
	int r;

	blkid_probe_enable_superblocks(p, 1);
	blkid_probe_set_superblocks_flags(p,
		BLKID_SUBLKS_LABEL | BLKID_SUBLKS_TYPE | BLKID_SUBLKS_MAGIC |
			BLKID_SUBLKS_BADCSUM);
	blkid_probe_enable_partitions(p, 1);
	blkid_probe_set_partitions_flags(p, BLKID_PARTS_MAGIC | BLKID_PARTS_FORCE_GPT);
	*pv_only = true;
	while (n < SIGNATURES_MAX && (r = blkid_do_probe(p)) == 0) {
		const char *type = value(p, "TYPE");

		if (!type)
			type = value(p, "PTTYPE");
		if (!type)
			continue;
		add_signature(all, type, value(p, "LABEL"));
		*pv_only = *pv_only && streq(type, "LVM2_member");
		n++;
	}
	*pv_only = *pv_only && n == 1;
	return n < SIGNATURES_MAX && r < 0 ? -EIO : 0;
}

/* What has no signature is blank only when the ends of the device are zero. */
static int add_unknown(int fd, char **all)
{
	off_t size = lseek(fd, 0, SEEK_END);
	int r = size < 0 ? -errno : diskends_check(fd, (uint64_t)size);

	if (r == DISKENDS_DATA)
		add_signature(all, DISKENDS_UNKNOWN, NULL);
	return MIN(r, 0);
}

int disks_contents(const char *path, char **ret_contents, bool *ret_pv_only)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_(probe_freep) blkid_probe p = NULL;
	_cleanup_free_ char *all = xstrdup("");
	bool pv_only;
	int r;

	if (fd < 0)
		return -errno;
	p = blkid_new_probe();
	if (!p || blkid_probe_set_device(p, fd, 0, 0) < 0)
		return -EIO;
	r = probe_all(p, &all, &pv_only);
	if (r == 0 && !*all)
		r = add_unknown(fd, &all);
	if (r < 0)
		return r;
	*ret_contents = TAKE_PTR(all);
	*ret_pv_only = pv_only;
	return 0;
}
