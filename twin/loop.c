/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LO_FLAGS_AUTOCLEAR is set in the same call that attaches: there is no moment in which a
 * kill would leave the device behind.
 */
#include "twin/loop.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define TRIES 64 /* someone else may take the free one first */

struct loop_shared {
	dev_t dev;
	ino_t ino;
	struct loop loop;
};

static int try_attach(int control, int file, bool read_only, struct loop *ret)
{
	struct loop_config config = {.fd = (uint32_t)file,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR |
			(read_only ? (uint32_t)LO_FLAGS_READ_ONLY : 0)};
	int number = ioctl(control, LOOP_CTL_GET_FREE);
	_cleanup_close_ int fd = -1;
	char path[32];

	if (number < 0)
		return -errno;
	snprintf(path, sizeof(path), "/dev/loop%d", number);
	fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, LOOP_CONFIGURE, &config) < 0)
		return -errno;
	*ret = (struct loop){.fd = TAKE_FD(fd), .number = (unsigned)number};
	return 0;
}

int loop_attach(const char *path, bool read_only, struct loop *ret)
{
	_cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	_cleanup_close_ int file =
		open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	int r = -EBUSY;

	if (control < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	if (file < 0)
		return -errno;
	for (unsigned i = 0; i < TRIES && r == -EBUSY; i++)
		r = try_attach(control, file, read_only, ret);
	return r;
}

void loop_clear(struct loop *l)
{
	util_closep(&l->fd);
	l->fd = -1;
}

int loop_pool_get(struct loop_pool *p, const char *path, unsigned *ret)
{
	struct loop_shared new = {0};
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return -errno;
	for (size_t i = 0; i < p->n; i++)
		if (p->list[i].dev == st.st_dev && p->list[i].ino == st.st_ino) {
			*ret = p->list[i].loop.number;
			return 0;
		}
	r = loop_attach(path, true, &new.loop);
	if (r < 0)
		return r;
	new.dev = st.st_dev;
	new.ino = st.st_ino;
	GROW(p->list, p->n, p->cap);
	p->list[p->n++] = new;
	*ret = new.loop.number;
	return 0;
}

void loop_pool_clear(struct loop_pool *p)
{
	for (size_t i = 0; i < p->n; i++)
		loop_clear(&p->list[i].loop);
	free(p->list);
	*p = (struct loop_pool){0};
}
