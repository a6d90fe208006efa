/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root is an overlay: the slot below, read-only, and the state partition's
 * root/SLOT/upper above. Partitions are found by PARTUUID in the tables on the disks
 * themselves; there is no udev to have made links, and names mean nothing.
 *
 * In the installed system the parts stay visible: /run/ondol-boot/slot (the image as
 * written) and /var/lib/ondol/state (the whole state partition).
 */
#include "initramfs/bootmode.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/sysfs.h"
#include "initramfs/blk.h"
#include "initramfs/devices.h"
#include "initramfs/mounts.h"
#include "initramfs/parttable.h"

#define ROOT_DIR "/sysroot"
#define SLOT_DIR "/run/ondol-boot/slot"
#define STATE_DIR "/run/ondol-boot/state"
#define STATE_IN_ROOT ROOT_DIR "/var/lib/ondol/state"
#define PARTITIONS_DEADLINE_MS \
	180000 /* SAS controllers count minutes when disks are bad */

struct partition {
	const char *uuid; /* borrowed */
	char *device; /* owned: "/dev/sda2"; NULL: not found yet */
	char *label; /* owned */
};

struct search {
	struct devices *devices;
	uint64_t seen; /* generation of the devices last looked at; 0: never */
	struct partition slot, state;
};

static void search_clear(struct search *s)
{
	devices_free(s->devices);
	free(s->slot.device);
	free(s->slot.label);
	free(s->state.device);
	free(s->state.label);
}

static void look_on_disk(const char *disk, struct partition *p)
{
	_cleanup_free_ char *path = xasprintf("/dev/%s", disk), *name = NULL,
			    *device = NULL;
	_cleanup_(blk_part_clear) struct blk_part found = {0};
	_cleanup_close_ int fd = -1;

	if (p->device)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || blk_find_part(fd, p->uuid, &found) < 0)
		return;
	name = parttable_part_name(disk, found.number);
	device = xasprintf("/dev/%s", name);
	if (access(device, F_OK) < 0)
		return; /* the kernel has not read the table yet; its event comes */
	p->device = TAKE_PTR(device);
	p->label = TAKE_PTR(found.label);
}

static bool all_found(void *userdata)
{
	struct search *s = userdata;
	_cleanup_(sysfs_list_freep) char **disks = NULL;
	uint64_t now = devices_generation(s->devices) + 1;

	if (s->seen == now)
		return false;
	s->seen = now;
	disks = sysfs_list("/sys/block");
	for (size_t i = 0; disks[i]; i++) {
		_cleanup_free_ char *dir = xasprintf("/sys/block/%s", disks[i]);

		if (!sysfs_exists(dir, "device") || sysfs_attr_u64(dir, "size", 0) == 0)
			continue;
		look_on_disk(disks[i], &s->slot);
		look_on_disk(disks[i], &s->state);
	}
	return s->slot.device && s->state.device;
}

static char *describe_disks(void)
{
	_cleanup_(sysfs_list_freep) char **disks = sysfs_list("/sys/block");
	char *all = xstrdup("");

	for (size_t i = 0; disks[i]; i++) {
		_cleanup_free_ char *dir = xasprintf("/sys/block/%s", disks[i]);
		char *joined;

		if (!sysfs_exists(dir, "device"))
			continue;
		joined = xasprintf("%s%s%s", all, *all ? " " : "", disks[i]);
		free(all);
		all = joined;
	}
	return all;
}

static int find_partitions(struct search *s, char **reterr_msg)
{
	_cleanup_free_ char *there = NULL;
	int r;

	devices_coldplug(s->devices);
	r = devices_wait(
		s->devices, now_mono_ms() + PARTITIONS_DEADLINE_MS, all_found, s);
	if (r == 0)
		return 0;
	there = describe_disks();
	*reterr_msg = xasprintf(
		"%s %s%s%s did not appear within %d s; disks here: %s. Is the "
		"system disk in its bay? A reinstall makes it anew.",
		s->slot.device ? "the state partition" : "the root slot",
		s->slot.device ? s->state.uuid : s->slot.uuid,
		s->slot.device || s->state.device ? "" : " and the state partition ",
		s->slot.device || s->state.device ? "" : s->state.uuid,
		PARTITIONS_DEADLINE_MS / 1000, *there ? there : "none");
	return r;
}

/* "ondol-a" → "a" */
static int slot_name(const struct partition *slot, const char **ret, char **reterr_msg)
{
	if (str_startswith(slot->label, "ondol-") &&
		parse_hostname(slot->label + 6) == 0) {
		*ret = slot->label + 6;
		return 0;
	}
	*reterr_msg = xasprintf(
		"the root slot %s is labelled \"%s\", expected ondol-a or ondol-b",
		slot->device, slot->label);
	return -EINVAL;
}

static int mount_overlay(const char *name, char **reterr_msg)
{
	_cleanup_free_ char *upper = xasprintf(STATE_DIR "/root/%s/upper", name);
	_cleanup_free_ char *work = xasprintf(STATE_DIR "/root/%s/work", name);
	_cleanup_free_ char *options =
		xasprintf("lowerdir=" SLOT_DIR ",upperdir=%s,workdir=%s", upper, work);
	int r = mkdir_p(upper, 0755);

	if (r == 0)
		r = mkdir_p(work, 0755);
	if (r < 0) {
		*reterr_msg = xasprintf("%s cannot be made on the state partition: %s",
			upper, strerror(-r));
		return r;
	}
	return mounts_add("overlay", ROOT_DIR, "overlay", 0, options, reterr_msg);
}

static int mount_root(const struct search *s, char **reterr_msg)
{
	const char *name;
	int r = slot_name(&s->slot, &name, reterr_msg);

	if (r == 0)
		r = mounts_add(
			s->slot.device, SLOT_DIR, "erofs", MS_RDONLY, NULL, reterr_msg);
	if (r == 0)
		r = mounts_add(
			s->state.device, STATE_DIR, "ext4", MS_NOATIME, NULL, reterr_msg);
	if (r == 0)
		r = mount_overlay(name, reterr_msg);
	if (r == 0)
		r = mounts_add(
			STATE_DIR, STATE_IN_ROOT, "none", MS_BIND, NULL, reterr_msg);
	return r;
}

/* ---- leaving the initramfs ---- */

/* The initramfs is memory: what is not deleted before the switch stays taken for ever. */
static void remove_below(int dir_fd, dev_t dev)
{
	DIR *dir = fdopendir(dir_fd);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		struct stat st;

		if (streq(d->d_name, ".") || streq(d->d_name, "..") ||
			fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			st.st_dev != dev)
			continue;
		if (S_ISDIR(st.st_mode)) {
			int fd = openat(dirfd(dir), d->d_name,
				O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			if (fd >= 0)
				remove_below(fd, dev);
		}
		(void)unlinkat(
			dirfd(dir), d->d_name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
	}
	if (dir)
		closedir(dir);
	else
		close(dir_fd);
}

static int move_mounts(char **reterr_msg)
{
	static const char *const names[] = {"/dev", "/proc", "/sys", "/run"};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *to = xasprintf(ROOT_DIR "%s", names[i]);

		r = mkdir_p(to, 0755);
		if (r == 0 && mount(names[i], to, NULL, MS_MOVE, NULL) < 0)
			r = -errno;
		if (r < 0)
			*reterr_msg =
				xasprintf("%s cannot be moved into the new root: %s",
					names[i], strerror(-r));
	}
	return r;
}

static void console_for_init(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	for (int i = 0; fd >= 0 && i <= STDERR_FILENO; i++)
		(void)dup2(fd, i);
	if (fd > STDERR_FILENO)
		close(fd);
}

static int switch_root(char **reterr_msg)
{
	char *const argv[] = {(char *)"/sbin/init", NULL};
	struct stat old, new;
	int old_root, r = move_mounts(reterr_msg);

	if (r < 0)
		return r;
	old_root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (old_root < 0 || fstat(old_root, &old) < 0 || chdir(ROOT_DIR) < 0 ||
		stat(".", &new) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 ||
		chroot(".") < 0 || chdir("/") < 0) {
		*reterr_msg =
			xasprintf("the root cannot be switched: %s", strerror(errno));
		return -errno;
	}
	if (old.st_dev != new.st_dev)
		remove_below(old_root, old.st_dev);
	console_for_init();
	execv(argv[0], argv);
	*reterr_msg =
		xasprintf("the slot's /sbin/init cannot be started: %s", strerror(errno));
	return -errno;
}

int bootmode_run(const struct boot_args *args, char **reterr_msg)
{
	_cleanup_(search_clear) struct search s = {
		.slot.uuid = args->slot, .state.uuid = args->state};
	int r = devices_new(DEVICES_STORAGE, &s.devices, reterr_msg);

	if (r == 0)
		r = find_partitions(&s, reterr_msg);
	if (r < 0)
		return r;
	log_info("starting %s from %s (%s), state on %s", args->node, s.slot.device,
		s.slot.label, s.state.device);
	r = mount_root(&s, reterr_msg);
	return r < 0 ? r : switch_root(reterr_msg);
}
