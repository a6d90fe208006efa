/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only the ends are looked at, never samples between them: the ends are what a wipe
 * zeroes, and an installation that broke right after its wipe must find a blank disk
 * again although the old system's data is still in the middle.
 */
#include "common/diskends.h"

#define PIECE_BYTES (64 * 1024)

static bool is_zero(const uint8_t *data, size_t len)
{
	return len > 0 && data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static int check_range(int fd, uint64_t offset, size_t len)
{
	_cleanup_free_ uint8_t *buf = xmalloc(PIECE_BYTES);

	while (len > 0) {
		ssize_t n = pread(fd, buf, MIN(len, (size_t)PIECE_BYTES), (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		if (!is_zero(buf, (size_t)n))
			return DISKENDS_DATA;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

int diskends_check(int fd, uint64_t size_bytes)
{
	size_t len = (size_t)MIN(size_bytes, (uint64_t)DISKENDS_BYTES);
	int r = check_range(fd, 0, len);

	return r != 0 ? r : check_range(fd, size_bytes - len, len);
}

static int zero_range(int fd, uint64_t offset, size_t len)
{
	_cleanup_free_ uint8_t *zeros = xcalloc(1, len);

	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(fd, zeros + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

int diskends_zero(int fd, uint64_t start_bytes, uint64_t size_bytes)
{
	size_t len = (size_t)MIN(size_bytes, (uint64_t)DISKENDS_BYTES);
	int r = zero_range(fd, start_bytes, len);

	if (r < 0)
		return r;
	return zero_range(fd, start_bytes + size_bytes - len, len);
}
