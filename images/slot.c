/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Through the page cache, so that decompressing goes on while the device writes; but each
 * window of it is waited for and dropped once the next one is under way. At most two
 * windows are dirty at any time, and an installation leaves the memory as it found it.
 */
#include "images/slot.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <linux/fs.h>

#include "images/manifest.h"

#define WINDOW_BYTES (8ull * 1024 * 1024)
#define HOLE_BYTES (64u * 1024) /* zeros are looked for in pieces of this size */

struct slot {
	int fd; /* owned */
	bool no_holes; /* the device said so */
	uint64_t window; /* start of the window being written */
	struct slot_stats stats;
};

static int size_of(int fd, uint64_t *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = (uint64_t)st.st_size;
	if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, ret) < 0)
		return -errno;
	return 0;
}

int slot_open(const char *path, uint64_t raw_bytes, struct slot **ret, char **reterr_msg)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
	uint64_t size = 0;
	int r = fd < 0 ? -errno : size_of(fd, &size);

	if (r < 0) {
		*reterr_msg = xasprintf("%s cannot be opened: %s", path, strerror(-r));
		return r;
	}
	if (raw_bytes > size) {
		*reterr_msg = xasprintf("the image has %llu bytes, the slot %llu",
			(unsigned long long)raw_bytes, (unsigned long long)size);
		return -ENOSPC;
	}
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->fd = TAKE_FD(fd);
	return 0;
}

static bool is_zero(const uint8_t *data, size_t len)
{
	return len > 0 && data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static int punch(struct slot *s, uint64_t offset, size_t len)
{
	if (s->no_holes)
		return -EOPNOTSUPP;
	if (fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
		    (off_t)len) == 0) {
		s->stats.hole_bytes += len;
		return 0;
	}
	s->no_holes = true;
	return -EOPNOTSUPP;
}

static int put(struct slot *s, uint64_t offset, const uint8_t *data, size_t len)
{
	s->stats.written_bytes += len;
	while (len > 0) {
		ssize_t n = pwrite(s->fd, data, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		offset += (uint64_t)n;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Starts the device on the window just filled, waits for the one before and forgets it. */
static int turn_window(struct slot *s)
{
	uint64_t filled = s->window;

	s->window += WINDOW_BYTES;
	(void)sync_file_range(s->fd, (off_t)filled, WINDOW_BYTES, SYNC_FILE_RANGE_WRITE);
	if (filled < WINDOW_BYTES)
		return 0;
	filled -= WINDOW_BYTES;
	if (sync_file_range(s->fd, (off_t)filled, WINDOW_BYTES,
		    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			    SYNC_FILE_RANGE_WAIT_AFTER) < 0)
		return -errno;
	(void)posix_fadvise(s->fd, (off_t)filled, WINDOW_BYTES, POSIX_FADV_DONTNEED);
	return 0;
}

/* Length of the run from data on that is all zero pieces, or all others. */
static size_t run_length(const uint8_t *data, size_t len, bool *ret_zero)
{
	size_t n = MIN(len, (size_t)HOLE_BYTES);

	*ret_zero = n == HOLE_BYTES && is_zero(data, n);
	while (n < len) {
		size_t piece = MIN(len - n, (size_t)HOLE_BYTES);

		if ((piece == HOLE_BYTES && is_zero(data + n, piece)) != *ret_zero)
			break;
		n += piece;
	}
	return n;
}

static int slot_write(void *userdata, uint64_t offset, const void *data, size_t len)
{
	struct slot *s = userdata;
	const uint8_t *p = data;
	int r = 0;

	if (offset < s->window || offset >= s->window + 2 * WINDOW_BYTES)
		s->window = offset - offset % WINDOW_BYTES; /* it goes on elsewhere */
	while (r == 0 && len > 0) {
		bool zero;
		size_t n = run_length(p, len, &zero);

		if (!zero || punch(s, offset, n) < 0)
			r = put(s, offset, p, n);
		offset += n;
		p += n;
		len -= n;
	}
	while (r == 0 && offset >= s->window + WINDOW_BYTES)
		r = turn_window(s);
	return r;
}

struct image_sink slot_sink(struct slot *s)
{
	return (struct image_sink){.write = slot_write, .userdata = s};
}

int slot_sync(struct slot *s)
{
	if (fsync(s->fd) < 0)
		return -errno;
	(void)posix_fadvise(s->fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}

void slot_rewind(struct slot *s)
{
	s->window = 0;
}

int slot_fd(const struct slot *s)
{
	return s->fd;
}

struct slot_stats slot_stats(const struct slot *s)
{
	return s->stats;
}

#define EROFS_SUPER 1024 /* bytes from the beginning; fields from there */
#define EROFS_MAGIC 0xe0f5e1e2
#define EROFS_BLKSZBITS 12
#define EROFS_BLOCKS 36

uint64_t slot_image_bytes(int fd, uint64_t at)
{
	uint8_t super[64];
	uint64_t bytes;

	if (pread(fd, super, sizeof(super), (off_t)(at + EROFS_SUPER)) !=
			(ssize_t)sizeof(super) ||
		read_le(super, 4) != EROFS_MAGIC || super[EROFS_BLKSZBITS] != 12)
		return 0;
	bytes = read_le(super + EROFS_BLOCKS, 4) << 12;
	return bytes <= IMAGE_MAX_RAW_BYTES ? bytes : 0;
}

void slot_free(struct slot *s)
{
	if (!s)
		return;
	util_closep(&s->fd);
	free(s);
}

void slot_freep(struct slot **s)
{
	slot_free(*s);
	*s = NULL;
}
