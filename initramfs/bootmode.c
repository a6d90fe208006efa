/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root is an overlay: the slot below, read-only, and above it what the node has become, on
 * the state partition (statefs.h). Partitions are found by PARTUUID in the tables on the disks
 * themselves; there is no udev to have made links, and names mean nothing. Of a mirrored
 * system a partition is two, joined by md; one of them is enough when the other disk does not
 * come.
 *
 * In the installed system the parts stay visible: /run/ondol-boot/slot (the image as
 * written) and /var/lib/ondol/state (the whole state partition).
 */
#include "initramfs/bootmode.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>

#include "common/log.h"
#include "common/sysfs.h"
#include "initramfs/blk.h"
#include "initramfs/devices.h"
#include "initramfs/mirror.h"
#include "initramfs/mounts.h"
#include "initramfs/parttable.h"
#include "initramfs/statefs.h"
#include "initramfs/trial.h"

#define ROOT_DIR "/sysroot"
#define SLOT_DIR "/run/ondol-boot/slot"
#define STATE_DIR "/run/ondol-boot/state"
#define STATE_IN_ROOT ROOT_DIR "/var/lib/ondol/state"
#define PARTITIONS_DEADLINE_MS \
	180000 /* SAS controllers count minutes when disks are bad */
#define OTHER_HALF_DEADLINE_MS 60000 /* of a mirror, before it is started without */

struct partition {
	const char *uuid; /* borrowed */
	char *device; /* owned: "/dev/sda2"; NULL: not found yet */
	char *label; /* owned */
};

struct volume { /* the root slot or the state: a partition, or an array of two */
	enum part_id id; /* of the array; of the slot it is known by its label only */
	struct partition parts[MIRROR_HALVES];
	size_t n; /* 1, or 2: mirrored */
	const char *device; /* borrowed or literal: what is mounted */
};

struct search {
	struct devices *devices;
	uint64_t seen; /* generation of the devices last looked at; 0: never */
	struct volume slot, state;
	struct volume swap; /* n 0: none */
	struct volume other; /* n 0: none. The slot that does not run, for an update */
};

static void volume_of(const struct boot_parts *parts, struct volume *ret)
{
	ret->n = parts->n;
	for (size_t i = 0; i < parts->n; i++)
		ret->parts[i].uuid = parts->uuid[i];
}

static void volume_clear(struct volume *v)
{
	for (size_t i = 0; i < v->n; i++) {
		free(v->parts[i].device);
		free(v->parts[i].label);
	}
}

static void search_clear(struct search *s)
{
	devices_free(s->devices);
	volume_clear(&s->slot);
	volume_clear(&s->state);
	volume_clear(&s->swap);
	volume_clear(&s->other);
}

static size_t n_found(const struct volume *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++)
		n += v->parts[i].device != NULL;
	return n;
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

static void look_for(const char *disk, struct volume *v)
{
	for (size_t i = 0; i < v->n; i++)
		look_on_disk(disk, &v->parts[i]);
}

static void look(struct search *s)
{
	_cleanup_(sysfs_list_freep) char **disks = NULL;
	uint64_t now = devices_generation(s->devices) + 1;

	if (s->seen == now)
		return;
	s->seen = now;
	disks = sysfs_list("/sys/block");
	for (size_t i = 0; disks[i]; i++) {
		_cleanup_free_ char *dir = xasprintf("/sys/block/%s", disks[i]);

		if (!sysfs_exists(dir, "device") || sysfs_attr_u64(dir, "size", 0) == 0)
			continue;
		look_for(disks[i], &s->slot);
		look_for(disks[i], &s->state);
		look_for(disks[i], &s->swap);
		look_for(disks[i], &s->other);
	}
}

static bool all_found(void *userdata)
{
	struct search *s = userdata;

	look(s);
	return n_found(&s->slot) == s->slot.n && n_found(&s->state) == s->state.n &&
		n_found(&s->swap) == s->swap.n && n_found(&s->other) == s->other.n;
}

static bool enough_found(void *userdata)
{
	struct search *s = userdata;

	look(s);
	return n_found(&s->slot) > 0 && n_found(&s->state) > 0;
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

static char *describe_missing(const struct search *s)
{
	bool slot = !n_found(&s->slot), state = !n_found(&s->state);

	return xasprintf("%s%s%s%s%s", slot ? "the root slot " : "",
		slot ? s->slot.parts[0].uuid : "", slot && state ? " and " : "",
		state ? "the state partition " : "", state ? s->state.parts[0].uuid : "");
}

static int find_partitions(struct search *s, char **reterr_msg)
{
	_cleanup_free_ char *there = NULL, *missing = NULL;
	uint64_t begin = now_mono_ms();
	int r = 0;

	if (s->slot.n > 1)
		r = devices_wait(
			s->devices, begin + OTHER_HALF_DEADLINE_MS, all_found, s);
	if (s->slot.n > 1 && r == 0)
		return 0;
	r = devices_wait(s->devices, begin + PARTITIONS_DEADLINE_MS, enough_found, s);
	if (r == 0)
		return 0;
	there = describe_disks();
	missing = describe_missing(s);
	*reterr_msg = xasprintf("%s did not appear within %d s; disks here: %s. Is the "
				"system disk in its bay? A reinstall makes it anew.",
		missing, PARTITIONS_DEADLINE_MS / 1000, *there ? there : "none");
	return r;
}

static const struct partition *first_found(const struct volume *v)
{
	return v->parts[0].device ? &v->parts[0] : &v->parts[1];
}

/* Of a mirror: its array, from what was found of it. */
static int volume_open(struct volume *v, char **reterr_msg)
{
	const char *halves[MIRROR_HALVES];
	size_t n = 0;
	int r;

	v->device = first_found(v)->device;
	if (v->n == 1)
		return 0;
	for (size_t i = 0; i < v->n; i++)
		if (v->parts[i].device)
			halves[n++] = v->parts[i].device;
	if (n < v->n)
		log_warn("the mirror of %s has lost a half: starting without it",
			v->device);
	r = mirror_start(v->id, halves, n, reterr_msg);
	v->device = mirror_device(v->id);
	return r;
}

/* "ondol-a" → "a", and which array that is when it is one */
static int slot_name(struct volume *slot, const char **ret, char **reterr_msg)
{
	const struct partition *p = first_found(slot);

	slot->id = streq(p->label, "ondol-b") ? PART_B : PART_A;
	if (streq(p->label, "ondol-a") || streq(p->label, "ondol-b")) {
		*ret = p->label + strlen("ondol-");
		return 0;
	}
	*reterr_msg = xasprintf(
		"the root slot %s is labelled \"%s\", expected ondol-a or ondol-b",
		p->device, p->label);
	return -EINVAL;
}

static int mount_overlay(char **reterr_msg)
{
	static const char upper[] = STATE_DIR "/" STATEFS_UPPER,
			  work[] = STATE_DIR "/" STATEFS_WORK,
			  options[] = "lowerdir=" SLOT_DIR ",upperdir=" STATE_DIR
				      "/" STATEFS_UPPER ",workdir=" STATE_DIR
				      "/" STATEFS_WORK "," STATEFS_OVERLAY;
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

static int mount_root(struct search *s, char **reterr_msg)
{
	const char *name;
	int r = slot_name(&s->slot, &name, reterr_msg);

	if (r == 0)
		r = volume_open(&s->slot, reterr_msg);
	if (r == 0)
		r = volume_open(&s->state, reterr_msg);
	if (r < 0)
		return r;
	log_info("starting slot %s on %s, state on %s", name, s->slot.device,
		s->state.device);
	r = mounts_add(s->slot.device, SLOT_DIR, "erofs", MS_RDONLY, NULL, reterr_msg);
	if (r == 0)
		r = mounts_add(
			s->state.device, STATE_DIR, "ext4", MS_NOATIME, NULL, reterr_msg);
	if (r == 0)
		r = mount_overlay(reterr_msg);
	if (r == 0)
		r = mounts_add(
			STATE_DIR, STATE_IN_ROOT, "none", MS_BIND, NULL, reterr_msg);
	return r;
}

/* A node without its swap is slower, and starts all the same. */
static void start_swap(struct search *s)
{
	_cleanup_free_ char *why = NULL;
	int r = 0;

	if (s->swap.n == 0)
		return;
	if (!n_found(&s->swap)) {
		log_warn("the swap partition %s is not there: starting without it",
			s->swap.parts[0].uuid);
		return;
	}
	r = volume_open(&s->swap, &why);
	if (r == 0 && swapon(s->swap.device, 0) < 0)
		r = -errno;
	if (r < 0)
		log_warn("no swap on %s: %s; starting without it", s->swap.device,
			why ? why : strerror(-r));
	else
		log_info("swap on %s", s->swap.device);
}

/* Of a mirror: its array, which nothing else assembles. Without it there is no update. */
static void start_other(struct search *s)
{
	_cleanup_free_ char *why = NULL;

	s->other.id = s->slot.id == PART_A ? PART_B : PART_A;
	if (n_found(&s->other) > 0 && volume_open(&s->other, &why) < 0)
		log_warn("the other slot's mirror: %s; starting without it", why);
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

/* As soon as its driver is there. Without one, a hang is for people. */
static void arm_watchdog(unsigned trial_s)
{
	unsigned seconds;
	int r = trial_watchdog(TRIAL_WATCHDOG, trial_s, &seconds);

	if (r == 0)
		log_info(
			"the watchdog resets this server in %u s, unless systemd takes it "
			"over",
			seconds);
	else
		log_warn("no watchdog guards this trial: %s; an image that hangs before "
			 "systemd needs a power cycle",
			strerror(-r));
}

int bootmode_run(const struct boot_args *args, char **reterr_msg)
{
	_cleanup_(search_clear) struct search s = {
		.state.id = PART_STATE, .swap.id = PART_SWAP};
	int r;

	volume_of(&args->slot, &s.slot);
	volume_of(&args->state, &s.state);
	volume_of(&args->swap, &s.swap);
	volume_of(&args->other, &s.other);
	r = devices_new(DEVICES_STORAGE, &s.devices, reterr_msg);
	if (r < 0)
		return r;
	devices_coldplug(s.devices);
	if (args->trial_s)
		arm_watchdog(args->trial_s);
	r = find_partitions(&s, reterr_msg);
	if (r == 0)
		r = mount_root(&s, reterr_msg);
	if (r == 0) {
		start_swap(&s);
		start_other(&s);
	}
	if (r == 0 && args->trial_s)
		r = trial_arm("/run", args->trial_s, reterr_msg);
	return r < 0 ? r : switch_root(reterr_msg);
}
