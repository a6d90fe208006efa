/* SPDX-License-Identifier: Apache-2.0 */
#include "initramfs/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "common/log.h"

int mounts_add(const char *what, const char *where, const char *type, unsigned long flags,
	const char *options, char **reterr_msg)
{
	int r = mkdir_p(where, 0755);

	if (r == 0 && mount(what, where, type, flags, options) < 0)
		r = -errno;
	if (r < 0)
		*reterr_msg = xasprintf("%s (%s) cannot be mounted on %s: %s", what, type,
			where, strerror(-r));
	return r;
}

int mounts_remove(const char *where)
{
	if (umount2(where, UMOUNT_NOFOLLOW) == 0 || errno == EINVAL || errno == ENOENT)
		return 0;
	return -errno;
}

void mounts_removep(const char **where)
{
	int r = *where ? mounts_remove(*where) : 0;

	if (r < 0)
		log_warn("%s cannot be unmounted: %s; going on", *where, strerror(-r));
	*where = NULL;
}

static bool is_mount_point(const char *path)
{
	_cleanup_free_ char *above = xasprintf("%s/..", path);
	struct stat a, b;

	return stat(path, &a) == 0 && stat(above, &b) == 0 && a.st_dev != b.st_dev;
}

/* Without it messages have nowhere to go; with it blocking, XOFF would stop the boot. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		fd = open("/dev/null", O_RDWR);
	for (int i = 0; fd >= 0 && i <= STDERR_FILENO; i++)
		if (fd != i)
			(void)dup2(fd, i);
	if (fd > STDERR_FILENO)
		close(fd);
}

int mounts_early(char **reterr_msg)
{
	static const struct {
		const char *where, *type;
		unsigned long flags;
		const char *options;
	} table[] = {
		{"/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
		{"/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
		{"/dev", "devtmpfs", MS_NOSUID, "mode=0755"},
		{"/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=20%"},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(table); i++)
		if (!is_mount_point(table[i].where))
			r = mounts_add(table[i].type, table[i].where, table[i].type,
				table[i].flags, table[i].options, reterr_msg);
	open_console();
	return r;
}
