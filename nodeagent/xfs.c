/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each disk for itself: find it, look at it, decide (xfsdisk.c, pure), act. mkfs.xfs
 * without -f refuses a disk with a signature, so even one that changed since our look is
 * safe. Nothing is written down: a run that was cut short finds either a blank disk, or
 * our unfinished superblock (mkfs.xfs writes it before all else), or the file system.
 * The directory below a mount is immutable, so that Swift can never fill the node's own
 * disk in the place of a missing one.
 */
#include "nodeagent/xfs.h"

#include <fcntl.h>
#include <fts.h>
#include <linux/fs.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "common/diskends.h"
#include "common/log.h"
#include "common/run.h"
#include "nodeagent/disks.h"
#include "nodeagent/openers.h"
#include "nodeagent/patience.h"
#include "nodeagent/xfsdisk.h"

#define MKFS_TIMEOUT_MS 120000
#define MAX_MOUNTINFO (4 * 1024 * 1024)
#define SWIFT_USER "swift"
/* Swift itself stops writing when no more than this is free (its fallocate_reserve). */
#define FULL_PERCENT 1

struct data_disk {
	const struct disk *found; /* borrowed */
	char label[13], uuid[37];
	char *place; /* owned: "/srv/node/d1" */
	bool mounted; /* it, at its place */
};

static void data_disk_clear(struct data_disk *d)
{
	free(d->place);
}

struct disk_list {
	struct disk *list;
	size_t n;
};

static void disk_list_clear(struct disk_list *l)
{
	disks_free(l->list, l->n);
}

static int read_mounts(char **ret, char **reterr_msg)
{
	int r = read_file("/proc/self/mountinfo", MAX_MOUNTINFO, ret, NULL);

	if (r < 0)
		*reterr_msg = xasprintf("/proc/self/mountinfo: %s", strerror(-r));
	return r;
}

static bool same_device(const struct xfs_mount *m, const struct disk *d)
{
	struct stat st;

	return stat(d->path, &st) == 0 && S_ISBLK(st.st_mode) &&
		major(st.st_rdev) == m->major && minor(st.st_rdev) == m->minor;
}

/* Is the disk at its place? -EBUSY and text when something else is. */
static int look_at_place(struct data_disk *d, char **reterr_msg)
{
	_cleanup_free_ char *mounts = NULL;
	struct xfs_mount m;
	int r = read_mounts(&mounts, reterr_msg);

	if (r < 0)
		return r;
	d->mounted = false;
	if (!xfsdisk_mount_at(mounts, d->place, &m))
		return 0;
	d->mounted = m.xfs && same_device(&m, d->found);
	if (d->mounted)
		return 0;
	*reterr_msg = xasprintf("another file system (device %u:%u) is mounted at %s, "
				"expected disk %s (%s). If it may go: umount %s",
		m.major, m.minor, d->place, disks_name(d->found), d->found->path,
		d->place);
	return -EBUSY;
}

/* The n-th data disk, from 1. */
static int find_disk(const struct desired *d, const char *dir, const struct disk_list *l,
	unsigned n, struct data_disk *ret, char **reterr_msg)
{
	const struct order_disk *want = &d->data_disks[n - 1];
	struct data_disk one = {0};
	int r = disks_match(l->list, l->n, want, &one.found, reterr_msg);

	if (r < 0)
		return r;
	xfsdisk_label(n, one.label);
	xfsdisk_uuid(d->rack, want, one.uuid);
	one.place = xasprintf("%s/%s", dir, xfsdisk_place(one.label));
	r = look_at_place(&one, reterr_msg);
	if (r < 0)
		data_disk_clear(&one);
	else
		*ret = one;
	return r;
}

static int no_disks(char **ret_text)
{
	*ret_text = xstrdup(
		"objects need data disks, and the desired state names none: give the "
		"node's profile a disk with use = data in rack.ini");
	return -EBUSY;
}

/* ---- looking ---- */

/* 1 when the disk begins with an XFS. */
static int read_super(const char *path, struct xfs_super *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint8_t data[XFSDISK_SUPER_BYTES];
	ssize_t n = fd < 0 ? -1 : pread(fd, data, sizeof(data), 0);

	if (n < 0)
		return -errno;
	return xfsdisk_parse(data, (size_t)n, ret);
}

static int decide(const struct data_disk *d, enum xfs_action *ret, char **reterr_msg)
{
	_cleanup_free_ char *contents = NULL;
	struct xfs_super super;
	bool pv_only;
	int r = disks_contents(d->found->path, &contents, &pv_only);
	int has = r < 0 ? r : read_super(d->found->path, &super);

	if (has < 0) {
		*reterr_msg = xasprintf("%s (serial %s) cannot be read: %s. Is the disk "
					"failing? See: dmesg",
			d->found->path, disks_name(d->found), strerror(-has));
		return -EIO;
	}
	*ret = xfsdisk_decide(&(struct xfs_disk){.device = d->found->path,
				      .serial = disks_name(d->found),
				      .contents = contents,
				      .label = d->label,
				      .uuid = d->uuid,
				      .super = has ? &super : NULL},
		reterr_msg);
	return 0;
}

/* ---- making and mounting ---- */

static int make_fs(const struct data_disk *d, bool again, char **reterr_msg)
{
	_cleanup_free_ char *uuid = xasprintf("uuid=%s", d->uuid), *said = NULL;
	/* -K: a blank disk has nothing to discard, and some take minutes over it. */
	const char *argv[] = {"mkfs.xfs", "-q", "-K", "-L", d->label, "-i", "size=512",
		"-m", uuid, d->found->path, again ? "-f" : NULL, NULL};
	int r = run_ok(argv, patience_ms(MKFS_TIMEOUT_MS), &said);

	if (r < 0)
		*reterr_msg = xasprintf("disk %s: %s", disks_name(d->found), said);
	return r;
}

/* What cannot hold the flag (a file system without it) is no reason to fail. */
static void set_immutable(const char *dir, bool on)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int flags = 0;

	if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
		flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
		if (ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0)
			return;
	}
	log_debug("%s cannot be made immutable: %s", dir, strerror(errno));
}

static int make_place(const char *dir, const char *place, char **reterr_msg)
{
	int r = mkdir_p(dir, 0755);

	if (r == 0 && mkdir(place, 0755) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0) {
		set_immutable(place, false);
		if (chown(place, 0, 0) < 0 || chmod(place, 0755) < 0)
			r = -errno;
		set_immutable(place, true);
	}
	if (r < 0)
		*reterr_msg = xasprintf("%s: %s", place, strerror(-r));
	return r;
}

static const char *mount_advice(int error)
{
	switch (error) {
	case ENODEV:
		return "This kernel has no XFS. See: modprobe xfs";
	case EUCLEAN:
		return "The file system is damaged. Unmounted as it is now: xfs_repair";
	default:
		return "See: dmesg";
	}
}

/* mount(2) loads the kernel's module by itself. */
static int mount_disk(const struct data_disk *d, char **reterr_msg)
{
	unsigned long flags =
		MS_NOATIME | MS_NODIRATIME | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mount(d->found->path, d->place, "xfs", flags, NULL) == 0)
		return 0;
	*reterr_msg = xasprintf("disk %s (%s) cannot be mounted at %s: %s. %s",
		disks_name(d->found), d->found->path, d->place, strerror(errno),
		mount_advice(errno));
	return -EIO;
}

/* The root of the file system is Swift's as soon as there is a Swift. */
static int give_to_swift(const char *place, char **reterr_msg)
{
	const struct passwd *swift = getpwnam(SWIFT_USER);
	struct stat st;

	if (!swift)
		return 0;
	if (stat(place, &st) < 0 ||
		((st.st_uid != swift->pw_uid || st.st_gid != swift->pw_gid) &&
			chown(place, swift->pw_uid, swift->pw_gid) < 0)) {
		*reterr_msg = xasprintf("%s cannot be given to user %s: %s", place,
			SWIFT_USER, strerror(errno));
		return -EIO;
	}
	return 0;
}

static int enter_disk(const struct data_disk *d, const char *dir, char **reterr_msg)
{
	enum xfs_action action = XFS_MOUNT;
	int r = 0;

	if (!d->mounted) {
		r = decide(d, &action, reterr_msg);
		if (r == 0 && action == XFS_REFUSE)
			r = -EBUSY;
		if (r == 0 && action != XFS_MOUNT)
			r = make_fs(d, action == XFS_REMAKE, reterr_msg);
		if (r == 0)
			r = make_place(dir, d->place, reterr_msg);
		if (r == 0)
			r = mount_disk(d, reterr_msg);
	}
	return r == 0 ? give_to_swift(d->place, reterr_msg) : r;
}

/*
 * Only the hardware's failures: what a person has to decide about is never passed over. A disk that
 * luks.c left closed before is one that cannot be read.
 */
static bool is_lost(int r)
{
	return r == -ENOENT || r == -EIO || r == -ENOKEY;
}

int xfs_enter(const struct desired *d, const char *dir, char **ret_text)
{
	_cleanup_(disk_list_clear) struct disk_list l = {0};
	char *wrong = NULL;
	unsigned up = 0;
	int worst = 0;

	if (d->n_data_disks == 0)
		return no_disks(ret_text);
	disks_list("", &l.list, &l.n);
	for (unsigned i = 1; i <= d->n_data_disks; i++) {
		_cleanup_(data_disk_clear) struct data_disk one = {0};
		char *why = NULL;
		int r = find_disk(d, dir, &l, i, &one, &why);

		if (r == 0)
			r = enter_disk(&one, dir, &why);
		if (r == 0)
			up++;
		else
			text_add(&wrong, why);
		if (r < 0 && (worst == 0 || is_lost(worst)))
			worst = r;
	}
	if (worst == 0)
		return xfs_check(d, dir, ret_text);
	*ret_text = wrong;
	return up > 0 && is_lost(worst) ? 0 : worst;
}

/* ---- the proof ---- */

/* Really writes, to where no name is: a disk that fails says so at the fsync. */
static int try_write(const char *place)
{
	static const char block[4096] = "ondol";
	_cleanup_close_ int fd = open(place, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : write_all(fd, block, sizeof(block));

	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

static int judge_space(const struct data_disk *d, const char *place, char **ret_text)
{
	char size[32];
	struct statvfs v;
	uint64_t total, avail;

	if (statvfs(d->place, &v) < 0) {
		*ret_text = xasprintf("%s: %s. See: dmesg", d->place, strerror(errno));
		return -EIO;
	}
	total = (uint64_t)v.f_blocks * v.f_frsize;
	avail = (uint64_t)v.f_bavail * v.f_frsize;
	format_size(total, size);
	if (avail / FULL_PERCENT < total / 100) {
		char free_text[32];

		format_size(avail, free_text);
		*ret_text = xasprintf(
			"%s (%s) is full: %s of %s are free, and Swift keeps %d %% back. Give "
			"the rack more disks, or delete objects",
			place, disks_name(d->found), free_text, size, FULL_PERCENT);
		return -ENOSPC;
	}
	*ret_text = xasprintf("%s %s on %s (%s), %u %% used", place, size,
		disks_name(d->found), d->found->path,
		total ? (unsigned)((total - avail) / (total / 100)) : 0);
	return 0;
}

static int check_disk(const struct data_disk *d, char **ret_text)
{
	const char *place = xfsdisk_place(d->label);
	_cleanup_free_ char *mounts = NULL;
	struct xfs_mount m;
	int r;

	if (!d->mounted) {
		*ret_text = xasprintf("disk %s (%s) is not mounted at %s. See why: "
				      "journalctl -b -u ondol-noded",
			disks_name(d->found), d->found->path, d->place);
		return -ENODEV;
	}
	r = read_mounts(&mounts, ret_text);
	if (r < 0)
		return r;
	r = judge_space(d, place, ret_text);
	if (r < 0)
		return r;
	r = xfsdisk_mount_at(mounts, d->place, &m) && m.read_only ? -EROFS
								  : try_write(d->place);
	if (r < 0) {
		free(*ret_text);
		*ret_text = xasprintf(
			"%s (%s, disk %s) cannot be written: %s. Is the disk failing? See: "
			"dmesg",
			d->place, d->found->path, disks_name(d->found), strerror(-r));
	}
	return r;
}

int xfs_check(const struct desired *d, const char *dir, char **ret_text)
{
	_cleanup_(disk_list_clear) struct disk_list l = {0};
	_cleanup_free_ char *good = NULL;
	char *wrong = NULL;
	int worst = 0;

	if (d->n_data_disks == 0)
		return no_disks(ret_text);
	disks_list("", &l.list, &l.n);
	for (unsigned i = 1; i <= d->n_data_disks; i++) {
		_cleanup_(data_disk_clear) struct data_disk one = {0};
		char *text = NULL;
		int r = find_disk(d, dir, &l, i, &one, &text);

		if (r == 0)
			r = check_disk(&one, &text);
		text_add(r < 0 ? &wrong : &good, text);
		worst = worst ? worst : r;
	}
	*ret_text = wrong ? wrong : TAKE_PTR(good);
	return worst;
}

/* ---- leaving ---- */

/* What Swift's daemons make by themselves, objects or none. */
static bool is_bookkeeping(const char *name)
{
	return str_startswith(name, "hashes.") || str_startswith(name, ".lock") ||
		str_startswith(name, "auditor_status_");
}

int xfs_tree_is_empty(const char *dir)
{
	_cleanup_free_ char *path = xstrdup(dir);
	char *const roots[] = {path, NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	FTSENT *e;
	int r = 1;

	if (!tree)
		return -errno;
	while (r == 1 && (errno = 0, e = fts_read(tree)) != NULL) {
		if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR ||
			e->fts_info == FTS_NS)
			r = e->fts_errno ? -e->fts_errno : -EIO;
		else if (e->fts_info != FTS_D && e->fts_info != FTS_DP &&
			!(e->fts_info == FTS_F && is_bookkeeping(e->fts_name)))
			r = 0;
	}
	if (r == 1 && errno)
		r = -errno;
	fts_close(tree);
	return r;
}

static int unmount(const char *place, char **reterr_msg)
{
	_cleanup_free_ char *who = NULL;
	struct stat st;
	int known = stat(place, &st), r;

	if (umount2(place, UMOUNT_NOFOLLOW) == 0)
		return 0;
	r = -errno;
	who = r == -EBUSY && known == 0 ? openers_text(st.st_dev) : NULL;
	*reterr_msg = xasprintf("%s cannot be unmounted: %s; in use by %s", place,
		strerror(-r), who ? who : "nobody that /proc shows. See: findmnt");
	return r;
}

static void say_kept(const struct disk *d, const char *label, const char *why, char **all)
{
	text_add(all,
		xasprintf(
			"disk %s (%s, label %s) %s and is left as it is. If that may go: "
			"wipefs -a %s && pvcreate %s",
			disks_name(d), d->path, label, why, d->path, d->path));
}

/* Unmounted now. empty: as xfs_tree_is_empty. */
static void leave_contents(const struct data_disk *d, int empty, char **all)
{
	_cleanup_free_ char *why = NULL;
	int r;

	if (empty < 0) {
		why = xasprintf("cannot be read whole (%s)", strerror(-empty));
		say_kept(d->found, d->label, why, all);
		return;
	}
	if (!empty) {
		say_kept(d->found, d->label, "holds objects", all);
		return;
	}
	r = disks_make_blank(d->found->path);
	if (r == 0) {
		text_add(all,
			xasprintf("disk %s (%s) held no object and is blank",
				disks_name(d->found), d->found->path));
		return;
	}
	why = xasprintf("held no object, but cannot be overwritten (%s),", strerror(-r));
	say_kept(d->found, d->label, why, all);
}

static int leave_disk(const struct data_disk *d, const char *dir, char **all)
{
	_cleanup_free_ char *why = NULL;
	char *failed = NULL;
	int empty, r = 0;

	if (!d->mounted)
		r = make_place(dir, d->place, &why);
	if (r == 0 && !d->mounted)
		r = mount_disk(d, &why);
	if (r < 0) { /* nobody uses it, so the role can be left all the same */
		failed = xasprintf("cannot be looked into (%s)", why);
		say_kept(d->found, d->label, failed, all);
		free(failed);
		return 0;
	}
	empty = xfs_tree_is_empty(d->place);
	r = unmount(d->place, &failed);
	if (r < 0)
		text_add(all, failed);
	else
		leave_contents(d, empty, all);
	return r;
}

/* Is the disk one that this rack gave an XFS? */
static bool recognise(const struct desired *d, const char *dir, const struct disk *disk,
	struct data_disk *ret)
{
	const struct order_disk id = {
		.serial = disk->serial, .wwn = disk->wwn, .size_bytes = disk->size_bytes};
	struct xfs_super super;
	const char *place;

	if (read_super(disk->path, &super) != 1 || super.unfinished)
		return false;
	*ret = (struct data_disk){.found = disk};
	xfsdisk_uuid(d->rack, &id, ret->uuid);
	place = xfsdisk_place(super.label);
	if (!place || !streq(super.uuid, ret->uuid))
		return false;
	memcpy(ret->label, super.label, sizeof(ret->label));
	ret->place = xasprintf("%s/%s", dir, place);
	return true;
}

/* What is still mounted is of a disk that answers no longer, or of somebody else's making. */
static int leave_rest(const char *dir, char **all)
{
	_cleanup_free_ char *mounts = NULL;
	_cleanup_(strv_freep) char **places = NULL;
	char *why = NULL;
	int r = read_mounts(&mounts, &why);

	places = r == 0 ? xfsdisk_mounts_below(mounts, dir) : NULL;
	for (char **p = places; r == 0 && p && *p; p++)
		r = unmount(*p, &why);
	if (why)
		text_add(all, why);
	return r;
}

static void remove_places(const char *dir)
{
	for (unsigned i = 1; i <= RACK_MAX_DISKS; i++) {
		_cleanup_free_ char *place = xasprintf("%s/d%u", dir, i);

		if (access(place, F_OK) == 0) {
			set_immutable(place, false);
			(void)rmdir(place);
		}
	}
	(void)rmdir(dir);
}

int xfs_leave(const struct desired *d, const char *dir, char **ret_text)
{
	_cleanup_(disk_list_clear) struct disk_list l = {0};
	char *all = NULL;
	int r = 0;

	disks_list("", &l.list, &l.n);
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		_cleanup_(data_disk_clear) struct data_disk one = {0};
		char *why = NULL;

		if (!recognise(d, dir, &l.list[i], &one))
			continue;
		if (look_at_place(&one, &why) < 0)
			say_kept(one.found, one.label, why, &all);
		else
			r = leave_disk(&one, dir, &all);
		free(why);
	}
	if (r == 0)
		r = leave_rest(dir, &all);
	if (r == 0)
		remove_places(dir);
	*ret_text = all ? all : xasprintf("no data disk has a file system of %s", dir);
	return r;
}
