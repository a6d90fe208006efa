/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives are sparse files of exactly the declared size: a rack of ten with 2.9 TB each
 * takes no room until a node writes.
 */
#include "twin/files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "twin/qemu.h"
#include "twin/rundir.h"

#define MAX_FIRMWARE (64 * 1024 * 1024)

static int make_disk(const struct twin_disk *d, char **reterr_msg)
{
	_cleanup_close_ int fd = open(d->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		goto fail;
	if (st.st_size != 0 && (uint64_t)st.st_size != d->size_bytes) {
		*reterr_msg = xasprintf(
			"%s was kept from an earlier time and has %lld bytes; "
			"declared are %llu: remove it, or take another --disks directory",
			d->path, (long long)st.st_size,
			(unsigned long long)d->size_bytes);
		return -EEXIST;
	}
	if (ftruncate(fd, (off_t)d->size_bytes) < 0)
		goto fail;
	return 0;
fail:
	*reterr_msg =
		xasprintf("the drive %s could not be made: %s", d->path, strerror(errno));
	return -EIO;
}

int files_make_nvram(const char *path, char **reterr_msg)
{
	_cleanup_free_ char *data = NULL;
	size_t len;
	int r;

	if (access(path, F_OK) == 0)
		return 0;
	r = read_file(TWIN_FIRMWARE_VARS, MAX_FIRMWARE, &data, &len);
	if (r < 0) {
		*reterr_msg = xasprintf(
			"%s: %s (package ovmf)", TWIN_FIRMWARE_VARS, strerror(-r));
		return r;
	}
	r = write_file_atomic(path, data, len, 0600);
	if (r < 0)
		*reterr_msg = xasprintf("%s: %s", path, strerror(-r));
	return r;
}

int files_make(const struct twin_plan *p, char **reterr_msg)
{
	for (size_t i = 0; i < p->n_nodes; i++) {
		const struct twin_node *n = &p->nodes[i];
		int r = mkdir_p(n->dir, 0700), held;

		if (r < 0)
			*reterr_msg = xasprintf("%s: %s", n->dir, strerror(-r));
		if (r == 0)
			r = rundir_make_disk_dir(n->disk_dir, reterr_msg);
		if (r == 0) /* never closed: as long as the rack's last process lives */
			r = rundir_hold_disks(n->disk_dir, &held, reterr_msg);
		if (r == 0 && p->form == TWIN_MACHINES)
			r = files_make_nvram(n->nvram, reterr_msg);
		for (size_t j = 0; j < n->n_disks && r == 0; j++)
			r = make_disk(&n->disks[j], reterr_msg);
		if (r < 0)
			return r;
	}
	return 0;
}
