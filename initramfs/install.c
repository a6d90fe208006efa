/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of steps, each of which leaves the disk in a state that the next installation
 * can begin from. Nothing on the disk can be started before the image's digest matched
 * and the node's identity is written: the boot loader comes last.
 */
#include "initramfs/install.h"

#include <fcntl.h>
#include <sys/mount.h>

#include "common/log.h"
#include "common/run.h"
#include "common/sysfs.h"
#include "images/cast.h"
#include "images/delta.h"
#include "images/esp.h"
#include "images/kexec.h"
#include "images/signature.h"
#include "initramfs/blk.h"
#include "initramfs/diskpin.h"
#include "initramfs/disks.h"
#include "initramfs/erase.h"
#include "initramfs/mirror.h"
#include "initramfs/mounts.h"
#include "initramfs/parttable.h"
#include "initramfs/statefs.h"
#include "initramfs/steps.h"
#include "initramfs/swaparea.h"
#include "initramfs/target.h"

#define SLOT_DIR "/run/install/slot"
#define ESP_DIR "/run/install/esp"
#define STATE_DIR "/run/install/state"
#define PARTITIONS_DEADLINE_MS 20000
#define MKFS_TIMEOUT_MS 300000
#define INSTALLED_TOLD_MS 120000 /* after it noded has to prove the installation */

struct target { /* a disk that is written to: the system disk, or its mirror */
	struct diskpin disk; /* open from the first step on */
	unsigned sector_bytes;
	struct part_plan plan[PART_COUNT];
};

struct install {
	struct devices *devices;
	struct server *server;
	const struct boot_args *args;
	const struct install_order *order;
	struct target targets[ORDER_MAX_TARGETS]; /* as many as the order has */
	uint64_t erased_bytes, erase_bytes; /* of the disks before; of all. 0: no erase */
	enum part_id slot; /* that is written: PART_A or PART_B */
	uint64_t old_bytes; /* of the image that the other slot had; 0: none to be had */
	const struct delta *image; /* borrowed: on its way, while it is */
	uint64_t fetched_bytes; /* of it */
	char *cmdline; /* of the installed system; owned */
};

static bool is_mirrored(const struct install *in)
{
	return in->order->n_targets > 1;
}

static char *part_of(const struct target *t, enum part_id id)
{
	_cleanup_free_ char *name = parttable_part_name(t->disk.name, (int)id + 1);

	return xasprintf("/dev/%s", name);
}

/* What is mounted and written: the partition, or the array that it is half of. Not of the ESP. */
static char *part_path(const struct install *in, enum part_id id)
{
	return is_mirrored(in) ? xstrdup(mirror_device(id))
			       : part_of(&in->targets[0], id);
}

/* One step on each of the disks. */
static int on_each(struct install *in,
	int (*step)(struct install *in, struct target *t, char **reterr_msg),
	char **reterr_msg)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->order->n_targets; i++)
		r = step(in, &in->targets[i], reterr_msg);
	return r;
}

static const char *slot_name(const struct install *in)
{
	return in->slot == PART_A ? "a" : "b";
}

static enum part_id other_slot(const struct install *in)
{
	return in->slot == PART_A ? PART_B : PART_A;
}

/* ---- the disk ---- */

/*
 * An image that this rack's system disk has already stays where it is, but for its ends, which
 * are wiped: the new one goes to the other slot, and takes from it what both have.
 */
static void choose_slot(struct install *in, const struct inv_disk *system)
{
	const struct target *t = &in->targets[0];

	in->slot = PART_A;
	if (is_mirrored(in) || in->order->erase != DISK_ERASE_NONE ||
		!inv_disk_is_ours(system, in->order->rack_id))
		return;
	in->old_bytes = slot_image_bytes(t->disk.fd, t->plan[PART_A].start_bytes);
	if (in->old_bytes)
		in->slot = PART_B;
	else
		in->old_bytes = slot_image_bytes(t->disk.fd, t->plan[PART_B].start_bytes);
}

static int step_measure(void *userdata, char **reterr_msg)
{
	struct install *in = userdata;
	_cleanup_(inventory_freep) struct inventory *inv = xcalloc(1, sizeof(*inv));
	const struct inv_disk *system = NULL;
	uint64_t smallest = UINT64_MAX;
	int r = 0;

	disks_collect("", inv);
	for (size_t i = 0; r == 0 && i < in->order->n_targets; i++) {
		struct target *t = &in->targets[i];
		const struct inv_disk *found = NULL;

		r = target_find(inv, in->order, i, &found, reterr_msg);
		if (r == 0)
			r = diskpin_open("", found, &t->disk, reterr_msg);
		if (r < 0)
			return r;
		system = system ? system : found;
		t->sector_bytes = found->sector_bytes;
		smallest = MIN(smallest, t->disk.size_bytes);
		if (in->order->erase != DISK_ERASE_NONE)
			in->erase_bytes += t->disk.size_bytes;
	}
	for (size_t i = 0; r == 0 && i < in->order->n_targets; i++)
		r = parttable_plan(smallest, is_mirrored(in), in->order->swap_bytes,
			in->targets[i].plan, reterr_msg);
	if (r == 0)
		choose_slot(in, system);
	return r;
}

/* "md0 on sda2": what the kernel has built on the disk; NULL: nothing. Caller frees. */
static char *holder_of(const char *disk)
{
	_cleanup_free_ char *dir = xasprintf("/sys/block/%s", disk);
	_cleanup_(sysfs_list_freep) char **entries = sysfs_list(dir);
	_cleanup_free_ char *own = xasprintf("%s/holders", dir);
	_cleanup_(sysfs_list_freep) char **holders = sysfs_list(own);

	if (holders[0])
		return xasprintf("%s on %s", holders[0], disk);
	for (size_t i = 0; entries[i]; i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s/holders", dir, entries[i]);
		_cleanup_(sysfs_list_freep) char **of_part = NULL;

		if (!str_startswith(entries[i], disk))
			continue;
		of_part = sysfs_list(path);
		if (of_part[0])
			return xasprintf("%s on %s", of_part[0], entries[i]);
	}
	return NULL;
}

/*
 * Opens the whole disk for nobody but us, when it is still the one that was measured;
 * asked last, because ondold may have kept us waiting since.
 */
static int open_disk(const struct target *t, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("/dev/%s", t->disk.name),
			    *holder = holder_of(t->disk.name);
	_cleanup_close_ int fd = -1;
	int r = 0;

	if (holder) {
		*reterr_msg = xasprintf("disk %s is in use: %s. Nothing was written.",
			t->disk.name, holder);
		return -EBUSY;
	}
	fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
	r = fd < 0 ? -errno : diskpin_is_fd(&t->disk, fd);
	if (r < 0) {
		*reterr_msg = xasprintf("disk %s cannot be opened for writing: %s",
			t->disk.name, strerror(-r));
		return r;
	}
	r = diskpin_check("", &t->disk, reterr_msg);
	return r < 0 ? r : TAKE_FD(fd);
}

static int wipe_disk(_unused_ struct install *in, struct target *t, char **reterr_msg)
{
	_cleanup_close_ int fd = open_disk(t, reterr_msg);

	return fd < 0 ? fd : blk_wipe(fd, t->disk.size_bytes, reterr_msg);
}

static int step_wipe(void *userdata, char **reterr_msg)
{
	return on_each(userdata, wipe_disk, reterr_msg);
}

static void on_progress(void *userdata, uint64_t done, uint64_t total)
{
	const struct install *in = userdata;

	server_progress(in->server, done, total, in->image ? in->image->cast_come : 0,
		in->image ? in->image->cast_lost : 0);
}

static void on_erase_progress(void *userdata, uint64_t done, _unused_ uint64_t total)
{
	struct install *in = userdata;

	server_progress(in->server, in->erased_bytes + done, in->erase_bytes, 0, 0);
}

/* The old signatures went first: an installation that breaks off here left a blank disk. */
static int erase_one(struct install *in, struct target *t, char **reterr_msg)
{
	_cleanup_close_ int fd = open_disk(t, reterr_msg);
	int r = fd < 0 ? fd
		       : erase_disk(fd, in->order->erase, t->disk.size_bytes,
				 on_erase_progress, in, reterr_msg);

	in->erased_bytes += t->disk.size_bytes;
	/* a disk may give back what it likes for what it discarded */
	return r < 0 ? r : blk_wipe(fd, t->disk.size_bytes, reterr_msg);
}

static int step_erase(void *userdata, char **reterr_msg)
{
	return on_each(userdata, erase_one, reterr_msg);
}

static bool is_wanted(const void *userdata, enum install_step step)
{
	const struct install *in = userdata;

	return (step != INSTALL_ERASE || in->order->erase != DISK_ERASE_NONE) &&
		(step != INSTALL_MIRROR || is_mirrored(in));
}

/* The kernel's partitions are those of the plan. */
static bool partitions_are_there(void *userdata)
{
	const struct target *t = userdata;

	for (size_t i = 0; i < parttable_count(t->plan); i++) {
		_cleanup_free_ char *name = parttable_part_name(t->disk.name, (int)i + 1);
		_cleanup_free_ char *dir = xasprintf("/sys/class/block/%s", name);
		_cleanup_free_ char *node = xasprintf("/dev/%s", name);

		if (sysfs_attr_u64(dir, "start", 0) * 512 != t->plan[i].start_bytes ||
			sysfs_attr_u64(dir, "size", 0) * 512 != t->plan[i].size_bytes ||
			access(node, F_OK) < 0)
			return false;
	}
	return true;
}

/*
 * The zeros and the table are on the disk when this returns (parttable_write does the
 * fsync): while the disk is held open, closing it here writes nothing out, and what came
 * later than the partitions' own data would destroy it.
 */
static int partition_disk(struct install *in, struct target *t, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("/dev/%s", t->disk.name);
	_cleanup_close_ int fd = open_disk(t, reterr_msg);
	int r = fd < 0 ? fd : 0;

	for (size_t i = 0; r == 0 && i < parttable_count(t->plan); i++)
		r = blk_wipe_area(fd, t->plan[i].start_bytes, t->plan[i].size_bytes);
	if (r < 0) {
		if (fd >= 0)
			*reterr_msg =
				xasprintf("%s cannot be written: %s", path, strerror(-r));
		return r;
	}
	r = parttable_write(fd, path, in->order->rack_id, t->plan, reterr_msg);
	if (r == 0)
		r = parttable_verify(
			fd, t->disk.size_bytes, t->sector_bytes, t->plan, reterr_msg);
	if (r < 0)
		return r;
	r = devices_wait(in->devices, now_mono_ms() + PARTITIONS_DEADLINE_MS,
		partitions_are_there, t);
	if (r < 0)
		*reterr_msg =
			xasprintf("the new partitions of %s did not appear within %d s",
				path, PARTITIONS_DEADLINE_MS / 1000);
	return r;
}

static int step_partition(void *userdata, char **reterr_msg)
{
	return on_each(userdata, partition_disk, reterr_msg);
}

static int step_mirror(void *userdata, char **reterr_msg)
{
	static const enum part_id ids[] = {PART_A, PART_B, PART_STATE, PART_SWAP};
	const struct install *in = userdata;
	size_t n = ARRAY_SIZE(ids) - (in->order->swap_bytes ? 0 : 1);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		_cleanup_free_ char *one = part_of(&in->targets[0], ids[i]),
				    *other = part_of(&in->targets[1], ids[i]);
		const char *const halves[] = {one, other};

		r = mirror_create(ids[i], halves, reterr_msg);
	}
	return r;
}

static int format_esp(_unused_ struct install *in, struct target *t, char **reterr_msg)
{
	_cleanup_free_ char *esp = part_of(t, PART_ESP);
	const char *const vfat[] = {
		"mkfs.vfat", "-F", "32", "-n", "ONDOL-ESP", esp, NULL};

	return run_ok(vfat, MKFS_TIMEOUT_MS, reterr_msg);
}

static int format_swap(const struct install *in, char **reterr_msg)
{
	_cleanup_free_ char *swap = NULL;
	int r;

	if (!in->order->swap_bytes)
		return 0;
	swap = part_path(in, PART_SWAP);
	r = swaparea_format(swap);
	if (r < 0)
		*reterr_msg = xasprintf("no swap can be made on %s: %s. The disk may be "
					"failing.",
			swap, strerror(-r));
	return r;
}

static int step_format(void *userdata, char **reterr_msg)
{
	struct install *in = userdata;
	_cleanup_free_ char *state = part_path(in, PART_STATE);
	const char *const ext4[] = {"mke2fs", "-q", "-F", "-m", "1", "-t", "ext4", "-L",
		"ondol-state", "-E", "lazy_itable_init=1,lazy_journal_init=1", state,
		NULL};
	int r = on_each(in, format_esp, reterr_msg);

	if (r == 0)
		r = run_ok(ext4, MKFS_TIMEOUT_MS, reterr_msg);
	return r == 0 ? format_swap(in, reterr_msg) : r;
}

/* ---- the image ---- */

static void on_pause(void *userdata, unsigned ms, const char *why)
{
	struct install *in = userdata;

	log_warn("image: %s; trying again from where it broke in %u s", why,
		(ms + 999) / 1000);
	(void)devices_wait(in->devices, now_mono_ms() + ms, NULL, NULL);
}

static void on_listen(void *userdata)
{
	struct install *in = userdata;

	(void)server_event(
		in->server, CAST_LISTENS, "listens to the image's multicast", NULL);
}

/* How it came: for people, and for ondold, which sends no more for this node. */
static void on_listened(void *userdata)
{
	struct install *in = userdata;
	const struct delta *d = in->image;
	_cleanup_free_ char *text = NULL;

	if (d->cast_come == 0)
		text = xstrdup(
			"nothing of the image came by multicast: is it let through "
			"by the switch? It is fetched");
	else
		text = xasprintf("%llu of the image's %llu parts came by multicast "
				 "(%llu datagrams were lost)",
			(unsigned long long)d->cast_frames, (unsigned long long)d->frames,
			(unsigned long long)d->cast_lost);
	(void)server_event(in->server, CAST_LISTENED, text, NULL);
}

static int step_image(void *userdata, char **reterr_msg)
{
	struct install *in = userdata;
	const struct order_image *im = &in->order->image;
	_cleanup_free_ char *path = part_path(in, in->slot),
			    *old = part_path(in, other_slot(in)),
			    *url = server_url(in->server, im->path),
			    *blocks = im->blocks_path
		? server_url(in->server, im->blocks_path)
		: NULL;
	_cleanup_close_ int source = in->old_bytes ? open(old, O_RDONLY | O_CLOEXEC) : -1;
	_cleanup_(slot_freep) struct slot *slot = NULL;
	struct delta d = {.image = {.url = url,
				  .size_bytes = im->size_bytes,
				  .raw_bytes = im->raw_bytes,
				  .sha256 = im->sha256,
				  .on_progress = on_progress,
				  .on_pause = on_pause,
				  .userdata = in},
		.blocks_url = blocks,
		.blocks_sha256 = im->blocks_sha256,
		.raw_sha256 = im->raw_sha256,
		.source = source,
		.source_bytes = in->old_bytes,
		.cast_group = im->cast_group,
		.cast_port = im->cast_port,
		.cast_address = in->args->address,
		.on_listen = on_listen,
		.on_listened = on_listened};
	int r = slot_open(path, im->raw_bytes, &slot, reterr_msg);

	in->image = &d;
	if (r == 0)
		r = delta_write(&d, slot, reterr_msg);
	in->image = NULL;
	in->fetched_bytes = d.fetched_bytes;
	if (r == 0)
		log_info("slot %s: %llu of the image's %llu bytes were fetched",
			slot_name(in), (unsigned long long)d.fetched_bytes,
			(unsigned long long)im->size_bytes);
	return r;
}

/* ---- what makes it a node ---- */

static int mount_at(const char *path, const char *where, const char *type,
	unsigned long flags, const char **ret_mounted, char **reterr_msg)
{
	int r = mounts_add(path, where, type, flags, NULL, reterr_msg);

	if (r == 0)
		*ret_mounted = where;
	return r;
}

static int mount_slot(struct install *in, const char **ret_mounted, char **reterr_msg)
{
	_cleanup_free_ char *path = part_path(in, in->slot);

	return mount_at(path, SLOT_DIR, "erofs", MS_RDONLY, ret_mounted, reterr_msg);
}

/* Each disk starts by itself: firmware takes whichever it finds. */
static int fill_esp(struct install *in, struct target *t, char **reterr_msg)
{
	_cleanup_free_ char *path = part_of(t, PART_ESP);
	_cleanup_(mounts_removep) const char *esp = NULL;
	int r = mount_at(path, ESP_DIR, "vfat", 0, &esp, reterr_msg);

	if (r == 0)
		r = esp_install(ESP_DIR, SLOT_DIR, slot_name(in),
			in->order->image.version, in->cmdline, reterr_msg);
	if (r < 0)
		return r;
	r = mounts_remove(TAKE_PTR(esp));
	if (r < 0)
		*reterr_msg = xasprintf(
			"the EFI partition cannot be unmounted: %s", strerror(-r));
	return r;
}

static void collect_uuids(
	const struct install *in, enum part_id id, struct boot_parts *ret)
{
	*ret = (struct boot_parts){.n = in->order->n_targets};
	for (size_t i = 0; i < ret->n; i++)
		memcpy(ret->uuid[i], in->targets[i].plan[id].uuid, sizeof(ret->uuid[i]));
}

static int step_bootable(void *userdata, char **reterr_msg)
{
	struct install *in = userdata;
	_cleanup_(mounts_removep) const char *slot = NULL;
	struct boot_args boot = {.node = in->args->node,
		.consoles = in->args->consoles,
		.image = in->order->image.version};
	int r = mount_slot(in, &slot, reterr_msg);

	collect_uuids(in, in->slot, &boot.slot);
	collect_uuids(in, PART_STATE, &boot.state);
	if (in->order->swap_bytes)
		collect_uuids(in, PART_SWAP, &boot.swap);
	if (is_mirrored(in))
		collect_uuids(in, other_slot(in), &boot.other);
	in->cmdline = cmdline_for_boot(&boot);
	return r < 0 ? r : on_each(in, fill_esp, reterr_msg);
}

static int step_identity(void *userdata, char **reterr_msg)
{
	struct install *in = userdata;
	struct statefs_node node = {
		in->args->node, in->args->api, server_identity(in->server)};
	_cleanup_free_ char *path = part_path(in, PART_STATE);
	_cleanup_(mounts_removep) const char *state = NULL;
	int r = mount_at(path, STATE_DIR, "ext4", 0, &state, reterr_msg);

	if (r == 0)
		r = statefs_fill(STATE_DIR, &node, in->order, reterr_msg);
	if (r < 0)
		return r;
	r = mounts_remove(TAKE_PTR(state));
	if (r < 0)
		*reterr_msg = xasprintf(
			"the state partition cannot be unmounted: %s", strerror(-r));
	return r;
}

/* ---- starting it ---- */

/* How much memory this program took at most, for the console. */
static void log_memory(void)
{
	_cleanup_free_ char *status = sysfs_attr("/proc/self", "status");
	const char *peak = status ? strstr(status, "VmHWM:") : NULL;

	if (peak)
		log_info("memory of the agent at most:%.*s", (int)strcspn(peak + 6, "\n"),
			peak + 6);
}

static int load_kernel(struct install *in, char **reterr_msg)
{
	_cleanup_(mounts_removep) const char *slot = NULL;
	int r = mount_slot(in, &slot, reterr_msg);

	return r == 0 ? esp_load_kernel(SLOT_DIR, in->cmdline, reterr_msg) : r;
}

static int start_installed(struct install *in, char **reterr_msg)
{
	_cleanup_free_ char *why = NULL, *text = NULL;
	int r = load_kernel(in, &why);

	log_memory();
	if (r == 0) {
		(void)server_event(
			in->server, "agent.kexec", "starting the installed system", NULL);
		r = kexec_start();
		why = xasprintf("kexec: %s", strerror(-r));
	}
	text = xasprintf("%s; rebooting through the firmware instead", why);
	(void)server_event(in->server, "agent.kexec", text, NULL);
	r = kexec_reboot();
	*reterr_msg =
		xasprintf("the node can neither kexec nor reboot: %s. Power-cycle it.",
			strerror(-r));
	return r;
}

static void tell_step(void *userdata, const char *step)
{
	struct install *in = userdata;

	(void)server_event(in->server, "agent.step", step, NULL);
}

static const struct install_how how = {
	.tell = tell_step,
	.run[INSTALL_MEASURE] = step_measure,
	.is_wanted = is_wanted,
	.run[INSTALL_WIPE] = step_wipe,
	.run[INSTALL_ERASE] = step_erase,
	.run[INSTALL_PARTITION] = step_partition,
	.run[INSTALL_MIRROR] = step_mirror,
	.run[INSTALL_FORMAT] = step_format,
	.run[INSTALL_IMAGE] = step_image,
	.run[INSTALL_IDENTITY] = step_identity,
	.run[INSTALL_BOOTABLE] = step_bootable,
};

/* What an installation before this one, in the same boot, may have left. */
static void undo_leftovers(void)
{
	static const char *const dirs[] = {SLOT_DIR, ESP_DIR, STATE_DIR};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		(void)mounts_remove(dirs[i]);
	mirror_stop_all();
}

static void clear(struct install *in)
{
	for (size_t i = 0; i < ARRAY_SIZE(in->targets); i++)
		diskpin_clear(&in->targets[i].disk);
	free(in->cmdline);
}

int install_run(struct devices *devices, struct server *server,
	const struct boot_args *args, const struct install_order *order,
	char **reterr_msg)
{
	_cleanup_(clear) struct install in = {.devices = devices,
		.server = server,
		.args = args,
		.order = order,
		.targets = {{.disk.fd = -1}, {.disk.fd = -1}}};
	const struct diskpin *system = &in.targets[0].disk, *second = &in.targets[1].disk;
	const char *mirror = NULL;
	int r;

	undo_leftovers();
	r = image_trusted("", &order->image, reterr_msg);
	if (r == 0)
		r = install_steps(&how, &in, reterr_msg);
	if (r < 0)
		return r;
	if (is_mirrored(&in))
		mirror = *second->serial ? second->serial : second->wwn;
	(void)server_event_insist(server, "agent.installed", order->image.version,
		json_pack("{s:s, s:s, s:s*, s:I, s:I}", "serial", system->serial, "wwn",
			system->wwn, "mirror", mirror, "bytes",
			(json_int_t)order->image.raw_bytes, "fetched",
			(json_int_t)in.fetched_bytes),
		INSTALLED_TOLD_MS);
	return start_installed(&in, reterr_msg);
}
