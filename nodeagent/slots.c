/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/slots.h"

#include <sys/stat.h>

#include "common/sysfs.h"

/* initramfs/bootmode.c */
#define RUNNING_SLOT "/run/ondol-boot/slot"
#define RUNNING_STATE "/var/lib/ondol/state"

void slots_clear(struct slots *s)
{
	boot_args_free(s->args);
	free(s->current_device);
	free(s->other_device);
	for (size_t i = 0; i < s->n_esp; i++)
		free(s->esp_device[i]);
	*s = (struct slots){0};
}

/* "sda4": the partition of that PARTUUID; NULL: none. Caller frees. */
static char *partition_of(const char *root, const char *uuid)
{
	_cleanup_free_ char *dir = xasprintf("%s/dev/disk/by-partuuid", root);

	return sysfs_link_name(dir, uuid);
}

/*
 * "md3": the array that a partition is a half of; NULL: none, or (whole) one that lacks a half: a
 * half that has failed stays a holder until it is taken out. Caller frees.
 */
static char *array_of(const char *root, const char *partition, bool whole)
{
	_cleanup_free_ char *dir =
		xasprintf("%s/sys/class/block/%s/holders", root, partition);
	_cleanup_(sysfs_list_freep) char **list = sysfs_list(dir);
	_cleanup_free_ char *md = NULL;

	if (!list[0] || !str_startswith(list[0], "md"))
		return NULL;
	md = xasprintf("%s/sys/block/%s/md", root, list[0]);
	return whole && sysfs_attr_u64(md, "degraded", 0) ? NULL : xstrdup(list[0]);
}

/* The PARTUUID that udev has linked to a partition; NULL: none. Caller frees. */
static char *uuid_of(const char *root, const char *partition)
{
	_cleanup_free_ char *dir = xasprintf("%s/dev/disk/by-partuuid", root);
	_cleanup_(sysfs_list_freep) char **list = sysfs_list(dir);

	for (size_t i = 0; list[i]; i++) {
		_cleanup_free_ char *name = sysfs_link_name(dir, list[i]);
		char uuid[37];

		if (streq_ptr(name, partition) && parse_uuid(list[i], uuid) == 0)
			return xstrdup(uuid);
	}
	return NULL;
}

/* The name in the table of a partition ("ondol-a"), as the kernel has read it. Caller frees. */
static char *label_of(const char *root, const char *partition)
{
	_cleanup_free_ char *dir = xasprintf("%s/sys/class/block/%s", root, partition);
	_cleanup_free_ char *text = sysfs_attr(dir, "uevent");
	const char *at = text ? strstr(text, "PARTNAME=") : NULL;

	if (!at || (at > text && at[-1] != '\n'))
		return NULL;
	at += strlen("PARTNAME=");
	return xstrndup(at, strcspn(at, "\n"));
}

/* The partition with that name on the disk of another one ("sda4"); NULL: none. Caller frees. */
static char *neighbour(const char *root, const char *partition, const char *label)
{
	_cleanup_free_ char *link = xasprintf("%s/sys/class/block/%s", root, partition);
	_cleanup_free_ char *path = realpath(link, NULL);
	char *slash = path ? strrchr(path, '/') : NULL;
	_cleanup_(sysfs_list_freep) char **list = NULL;

	if (!slash)
		return NULL;
	*slash = '\0'; /* the disk's directory, in which its partitions are */
	list = sysfs_list(path);
	for (size_t i = 0; list[i]; i++) {
		_cleanup_free_ char *found = label_of(root, list[i]);

		if (streq_ptr(found, label))
			return xstrdup(list[i]);
	}
	return NULL;
}

static int read_args(const char *root, struct boot_args **ret, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/proc/cmdline", root), *line = NULL,
			    *why = NULL;
	int r = read_line_file(path, &line);

	if (r == 0 && boot_args_parse(line, ret, &why) == 0 &&
		(*ret)->mode == BOOT_MODE_BOOT)
		return 0;
	*reterr_msg = xasprintf("this node was not started from a slot of its disk%s%s",
		why ? ": " : "", why ? why : "");
	return -EOPNOTSUPP;
}

/*
 * A copy of the disk in another bay has the same PARTUUIDs, and udev has one link for both: what
 * is found has to be what is mounted. Nothing is mounted below the root of a test.
 */
static bool is_mounted_at(const char *root, const char *partition, const char *dir)
{
	_cleanup_free_ char *path = xasprintf("%s/dev/%s", root, partition);
	struct stat device, mounted;

	if (*root)
		return true;
	return stat(path, &device) == 0 && stat(dir, &mounted) == 0 &&
		device.st_rdev == mounted.st_dev;
}

/* "sda4", or of a mirror the array: "md3"; NULL: it is not there as it is to be. Caller frees. */
static char *volume_of(const char *root, const struct boot_parts *parts, bool whole)
{
	char *volume = NULL;

	for (size_t i = 0; i < parts->n; i++) {
		_cleanup_free_ char *partition = partition_of(root, parts->uuid[i]);
		char *one = !partition || parts->n == 1
			? TAKE_PTR(partition)
			: array_of(root, partition, whole);

		if (!one && !whole)
			continue;
		if (!one || (volume && !streq(one, volume))) {
			free(one);
			free(volume);
			return NULL;
		}
		free(volume);
		volume = one;
	}
	return volume;
}

/* The EFI partition of each disk of the system; false: one is missing (whole), or all are. */
static bool find_esps(const char *root, bool whole, struct slots *s)
{
	for (size_t i = 0; i < s->args->slot.n; i++) {
		_cleanup_free_ char *part = partition_of(root, s->args->slot.uuid[i]);
		_cleanup_free_ char *esp =
			part ? neighbour(root, part, "ondol-esp") : NULL;

		if (!esp && whole)
			return false;
		if (esp)
			s->esp_device[s->n_esp++] = xasprintf("%s/dev/%s", root, esp);
	}
	return s->n_esp > 0;
}

/* The other slot's partitions: said at the start, or beside the one that runs. */
static bool find_other(const char *root, const char *slot_part, struct slots *s)
{
	_cleanup_free_ char *wanted = xasprintf("ondol-%s", s->other), *other = NULL,
			    *uuid = NULL;

	s->other_parts = s->args->other;
	if (s->args->slot.n > 1)
		return s->other_parts.n > 1;
	other = neighbour(root, slot_part, wanted);
	uuid = other ? uuid_of(root, other) : NULL;
	if (!uuid)
		return false;
	s->other_parts.n = 1;
	snprintf(s->other_parts.uuid[0], sizeof(s->other_parts.uuid[0]), "%s", uuid);
	return true;
}

/* Which of the two runs, by the name of its partition. */
static bool name_slots(const char *label, struct slots *s)
{
	if (!label || (!streq(label, "ondol-a") && !streq(label, "ondol-b")))
		return false;
	snprintf(s->current, sizeof(s->current), "%s", label + strlen("ondol-"));
	snprintf(s->other, sizeof(s->other), "%s", streq(s->current, "a") ? "b" : "a");
	return true;
}

/* The partition of the running slot, or that half of it which is there. Caller frees. */
static char *running_part(const char *root, const struct boot_parts *slot)
{
	char *part = partition_of(root, slot->uuid[0]);

	return part || slot->n < 2 ? part : partition_of(root, slot->uuid[1]);
}

static int find_others(const char *root, bool whole, struct slots *s, char **reterr_msg)
{
	_cleanup_free_ char *state = volume_of(root, &s->args->state, whole),
			    *slot = volume_of(root, &s->args->slot, whole),
			    *part = running_part(root, &s->args->slot),
			    *label = part ? label_of(root, part) : NULL, *other = NULL;
	bool named = name_slots(label, s);

	if (state && slot &&
		(!is_mounted_at(root, state, RUNNING_STATE) ||
			!is_mounted_at(root, slot, RUNNING_SLOT))) {
		*reterr_msg = xasprintf(
			"%s and %s are not what the system runs on: is there a copy of its disk "
			"in another bay? Take it out",
			slot, state);
		return -ENODEV;
	}
	if (named && state && find_other(root, part, s) && find_esps(root, whole, s))
		other = volume_of(root, &s->other_parts, whole);
	if ((!other || !slot) && s->args->slot.n > 1) {
		*reterr_msg =
			xstrdup("a half of the system's mirror is missing or has failed: "
				"reinstall the node once its disk is replaced");
		return -ENODEV;
	}
	if (!other) {
		*reterr_msg = xasprintf(
			"the other slot and the EFI partition are not found beside the slot "
			"that runs (%s, \"%s\"): reinstall the node",
			slot ? slot : "not there either", label ? label : "");
		return -ENODEV;
	}
	s->current_device = xasprintf("%s/dev/%s", root, slot);
	s->other_device = xasprintf("%s/dev/%s", root, other);
	return 0;
}

int slots_find(const char *root, bool whole, struct slots *ret, char **reterr_msg)
{
	struct slots s = {0};
	int r = read_args(root, &s.args, reterr_msg);

	if (r == 0 && s.args->slot.n > 1 && s.args->other.n < 2) {
		*reterr_msg =
			xstrdup("this system was installed on a mirror by an ondol "
				"that could not update one in place: reinstall the node");
		r = -EOPNOTSUPP;
	}
	if (r == 0)
		r = find_others(root, whole, &s, reterr_msg);
	if (r < 0) {
		slots_clear(&s);
		return r;
	}
	*ret = s;
	return 0;
}
