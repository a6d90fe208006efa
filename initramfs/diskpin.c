/* SPDX-License-Identifier: Apache-2.0 */
#include "initramfs/diskpin.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/diskid.h"
#include "common/sysfs.h"

void diskpin_clear(struct diskpin *pin)
{
	util_closep(&pin->fd);
	free(pin->name);
	free(pin->serial);
	free(pin->wwn);
	*pin = (struct diskpin){.fd = -1};
}

/* /dev/NAME and /sys/block/NAME are both the device that is open. */
static bool is_same_device(const char *root, const struct diskpin *pin)
{
	_cleanup_free_ char *path = xasprintf("%s/dev/%s", root, pin->name);
	_cleanup_free_ char *dir = xasprintf("%s/sys/block/%s", root, pin->name);
	_cleanup_free_ char *dev = sysfs_attr(dir, "dev"), *held = NULL;
	struct stat open_now, named;

	if (fstat(pin->fd, &open_now) < 0 || stat(path, &named) < 0)
		return false;
	held = xasprintf("%u:%u", major(open_now.st_rdev), minor(open_now.st_rdev));
	return named.st_rdev == open_now.st_rdev && dev && streq(dev, held);
}

int diskpin_check(const char *root, const struct diskpin *pin, char **reterr_msg)
{
	_cleanup_(diskid_clear) struct diskid now = {0};

	if (!is_same_device(root, pin)) {
		*reterr_msg = xasprintf(
			"disk %s (serial %s) went away or changed its name since it was "
			"measured, and was not written to now. Was it pulled or replaced?",
			pin->name, *pin->serial ? pin->serial : "none");
		return -ENODEV;
	}
	diskid_read(root, pin->name, &now);
	if (streq(now.serial, pin->serial) && streq(now.wwn, pin->wwn) &&
		now.size_bytes == pin->size_bytes)
		return 0;
	*reterr_msg = xasprintf(
		"disk %s was measured as serial %s, WWN %s, %llu bytes and now says "
		"serial %s, WWN %s, %llu bytes. It was not written to now. Was it replaced?",
		pin->name, *pin->serial ? pin->serial : "none",
		*pin->wwn ? pin->wwn : "none", (unsigned long long)pin->size_bytes,
		*now.serial ? now.serial : "none", *now.wwn ? now.wwn : "none",
		(unsigned long long)now.size_bytes);
	return -ENODEV;
}

int diskpin_open(const char *root, const struct inv_disk *found, struct diskpin *ret,
	char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/dev/%s", root, found->name);
	_cleanup_(diskpin_clear) struct diskpin pin = {
		.fd = open(path, O_RDONLY | O_CLOEXEC),
		.name = xstrdup(found->name),
		.serial = xstrdup(found->serial),
		.wwn = xstrdup(found->wwn),
		.size_bytes = found->size_bytes};
	int r;

	if (pin.fd < 0) {
		r = -errno;
		*reterr_msg = xasprintf(
			"disk %s cannot be opened: %s", found->name, strerror(-r));
		return r;
	}
	r = diskpin_check(root, &pin, reterr_msg);
	if (r < 0)
		return r;
	*ret = pin;
	pin = (struct diskpin){.fd = -1};
	return 0;
}

int diskpin_is_fd(const struct diskpin *pin, int fd)
{
	struct stat held, st;

	if (fstat(pin->fd, &held) < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISBLK(st.st_mode) && st.st_rdev == held.st_rdev ? 0 : -ENODEV;
}
