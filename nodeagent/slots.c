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
	free(s->other_uuid);
	free(s->esp_device);
	*s = (struct slots){0};
}

/* "sda4": the partition of that PARTUUID; NULL: none. Caller frees. */
static char *partition_of(const char *root, const char *uuid)
{
	_cleanup_free_ char *dir = xasprintf("%s/dev/disk/by-partuuid", root);

	return sysfs_link_name(dir, uuid);
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

static int find_others(const char *root, struct slots *s, char **reterr_msg)
{
	_cleanup_free_ char *state = partition_of(root, s->args->state.uuid[0]),
			    *slot = partition_of(root, s->args->slot.uuid[0]),
			    *label = NULL, *other = NULL, *esp = NULL, *wanted = NULL;

	label = slot ? label_of(root, slot) : NULL;
	if (state && label && (streq(label, "ondol-a") || streq(label, "ondol-b"))) {
		snprintf(s->current, sizeof(s->current), "%s", label + strlen("ondol-"));
		snprintf(s->other, sizeof(s->other), "%s",
			streq(s->current, "a") ? "b" : "a");
		wanted = xasprintf("ondol-%s", s->other);
		other = neighbour(root, state, wanted);
		esp = neighbour(root, state, "ondol-esp");
	}
	if (state && slot &&
		(!is_mounted_at(root, state, RUNNING_STATE) ||
			!is_mounted_at(root, slot, RUNNING_SLOT))) {
		*reterr_msg = xasprintf(
			"%s and %s are not what the system runs on: is there a copy of its disk "
			"in another bay? Take it out",
			slot, state);
		return -ENODEV;
	}
	s->other_uuid = other ? uuid_of(root, other) : NULL;
	if (!s->other_uuid || !esp) {
		*reterr_msg = xasprintf(
			"the other slot and the EFI partition are not found beside the slot "
			"that runs (%s, \"%s\"): reinstall the node",
			slot ? slot : "not there either", label ? label : "");
		return -ENODEV;
	}
	s->current_device = xasprintf("%s/dev/%s", root, slot);
	s->other_device = xasprintf("%s/dev/%s", root, other);
	s->esp_device = xasprintf("%s/dev/%s", root, esp);
	return 0;
}

int slots_find(const char *root, struct slots *ret, char **reterr_msg)
{
	struct slots s = {0};
	int r = read_args(root, &s.args, reterr_msg);

	if (r == 0 && s.args->state.n > 1) {
		*reterr_msg = xstrdup(
			"a system on a mirror is not updated in place yet: reinstall the node");
		r = -EOPNOTSUPP;
	}
	if (r == 0)
		r = find_others(root, &s, reterr_msg);
	if (r < 0) {
		slots_clear(&s);
		return r;
	}
	*ret = s;
	return 0;
}
