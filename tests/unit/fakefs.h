/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up sysfs, or any small tree, below a directory of its own that goes with the test. */
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include "common/util.h"

/* For cmocka's setup and teardown: *state is the root's path, owned. */
_unused_ static int fakefs_setup(void **state)
{
	char path[] = "/tmp/ondol-fakefs-XXXXXX";

	if (!mkdtemp(path))
		return -1;
	*state = xstrdup(path);
	return 0;
}

_unused_ static int fakefs_teardown(void **state)
{
	int r = remove_tree(*state);

	free(*state);
	return r;
}

/* An empty disk of so many bytes, ROOT/disk; its descriptor is the caller's. */
_unused_ static int fakefs_disk(const char *root, uint64_t size_bytes)
{
	_cleanup_free_ char *path = xasprintf("%s/disk", root);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)size_bytes) < 0)
		abort();
	return fd;
}

static void fakefs_parents(const char *path)
{
	_cleanup_free_ char *dir = xstrdup(path);

	*strrchr(dir, '/') = '\0';
	if (mkdir_p(dir, 0755) < 0)
		abort();
}

_unused_ static void fakefs_put_bytes(
	const char *root, const char *name, const void *data, size_t len)
{
	_cleanup_free_ char *path = xasprintf("%s%s", root, name);
	_cleanup_close_ int fd = -1;

	fakefs_parents(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write_all(fd, data, len) < 0)
		abort();
}

_unused_ static void fakefs_put(const char *root, const char *name, const char *text)
{
	fakefs_put_bytes(root, name, text, strlen(text));
}

/* A link at name to target, which is a path below root; target gets made as a directory. */
_unused_ static void fakefs_link(const char *root, const char *name, const char *target)
{
	_cleanup_free_ char *path = xasprintf("%s%s", root, name);
	_cleanup_free_ char *to = xasprintf("%s%s", root, target);

	fakefs_parents(path);
	if (mkdir_p(to, 0755) < 0 || symlink(to, path) < 0)
		abort();
}
