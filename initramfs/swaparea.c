/* SPDX-License-Identifier: Apache-2.0 */
#include "initramfs/swaparea.h"

#include <fcntl.h>
#include <uuid/uuid.h>

#define PAGE_BYTES 4096 /* x86-64 has no other */
#define AREA_MIN_PAGES 10
/* in the page: 1024 bytes for boot loaders, then the header; the magic is its end */
#define AT_VERSION 1024
#define AT_LAST_PAGE 1028
#define AT_UUID 1036
#define AT_LABEL 1052
#define LABEL_BYTES 16

static const uint8_t magic[] = {'S', 'W', 'A', 'P', 'S', 'P', 'A', 'C', 'E', '2'};

static int write_header(int fd, uint64_t pages)
{
	uint8_t page[PAGE_BYTES] = {0};

	write_le(page + AT_VERSION, 1, 4);
	write_le(page + AT_LAST_PAGE, MIN(pages - 1, UINT32_MAX), 4);
	uuid_generate(page + AT_UUID);
	snprintf((char *)page + AT_LABEL, LABEL_BYTES, "%s", SWAPAREA_LABEL);
	memcpy(page + PAGE_BYTES - sizeof(magic), magic, sizeof(magic));
	if (pwrite(fd, page, sizeof(page), 0) != (ssize_t)sizeof(page))
		return errno ? -errno : -EIO;
	return fsync(fd) < 0 ? -errno : 0;
}

int swaparea_format(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (size < 0)
		return -errno;
	errno = 0;
	return size < AREA_MIN_PAGES * PAGE_BYTES
		? -ENOSPC
		: write_header(fd, (uint64_t)size / PAGE_BYTES);
}
