/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discard tells the disk that nothing on it counts any more; what it reads as afterwards is the
 * disk's business. secure has the disk make it unreadable: ATA's and SCSI's secure discard, or
 * NVMe's Format with "user data erase" (NVM Express base specification 2.0, 5.14: secure erase
 * settings). zero overwrites. None of them falls back on another: who asks for one of them has
 * a reason.
 */
#include "initramfs/erase.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define DISCARD_BYTES \
	(UINT64_C(16) << 30) /* of one request: firmware is slow to answer large ones */
#define NVME_IDENTIFY 0x06
#define NVME_IDENTIFY_BYTES 4096
#define NVME_FORMAT 0x80
#define NVME_SES_USER_DATA (1u << 9) /* CDW10, bits 9 to 11 */
#define NVME_FORMAT_TIMEOUT_MS (30u * 60 * 1000)

static int zero_range(int fd, uint64_t at, uint64_t len)
{
	uint64_t range[2] = {at, len};
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISBLK(st.st_mode))
		return ioctl(fd, BLKZEROOUT, range) < 0 ? -errno : 0;
	return fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, (off_t)at,
		       (off_t)len) < 0
		? -errno
		: 0;
}

static int discard_range(int fd, uint64_t at, uint64_t len)
{
	uint64_t range[2] = {at, len};

	return ioctl(fd, BLKDISCARD, range) < 0 ? -errno : 0;
}

static int secure_range(int fd, uint64_t at, uint64_t len)
{
	uint64_t range[2] = {at, len};

	return ioctl(fd, BLKSECDISCARD, range) < 0 ? -errno : 0;
}

/* In pieces, so that it can be told how far it is. */
static int each_range(int fd, int (*range)(int fd, uint64_t at, uint64_t len),
	uint64_t step, uint64_t size_bytes,
	void (*progress)(void *userdata, uint64_t done, uint64_t total), void *userdata)
{
	for (uint64_t at = 0; at < size_bytes; at += step) {
		uint64_t len = MIN(step, size_bytes - at);
		int r = range(fd, at, len);

		if (r < 0)
			return r;
		progress(userdata, at + len, size_bytes);
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* The namespace keeps its LBA format: which one that is stands in what it says of itself. */
static int nvme_format(int fd, unsigned nsid)
{
	_cleanup_free_ uint8_t *ns = xcalloc(1, NVME_IDENTIFY_BYTES);
	struct nvme_admin_cmd identify = {.opcode = NVME_IDENTIFY,
		.nsid = nsid,
		.addr = (uint64_t)(uintptr_t)ns,
		.data_len = NVME_IDENTIFY_BYTES};
	struct nvme_admin_cmd format = {.opcode = NVME_FORMAT,
		.nsid = nsid,
		.timeout_ms = NVME_FORMAT_TIMEOUT_MS};
	int r = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &identify);

	if (r == 0) {
		/* byte 26, FLBAS: bits 0 to 3 the format, bit 4 where metadata go; byte 29, DPS */
		format.cdw10 = NVME_SES_USER_DATA | (ns[26] & 0x1fu) |
			((uint32_t)(ns[29] & 0x0fu) << 5);
		r = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &format);
	}
	return r < 0    ? -errno
		: r > 0 ? -EOPNOTSUPP
			: 0; /* above 0: the drive's own status */
}

static int secure(int fd, uint64_t size_bytes,
	void (*progress)(void *userdata, uint64_t done, uint64_t total), void *userdata)
{
	int nsid = ioctl(fd, NVME_IOCTL_ID);
	int r;

	if (nsid <= 0)
		return each_range(
			fd, secure_range, DISCARD_BYTES, size_bytes, progress, userdata);
	r = nvme_format(fd, (unsigned)nsid);
	if (r == 0)
		progress(userdata, size_bytes, size_bytes);
	return r;
}

int erase_disk(int fd, enum disk_erase how, uint64_t size_bytes,
	void (*progress)(void *userdata, uint64_t done, uint64_t total), void *userdata,
	char **reterr_msg)
{
	int r = 0;

	switch (how) {
	case DISK_ERASE_NONE:
		break;
	case DISK_ERASE_DISCARD:
		r = each_range(
			fd, discard_range, DISCARD_BYTES, size_bytes, progress, userdata);
		break;
	case DISK_ERASE_SECURE:
		r = secure(fd, size_bytes, progress, userdata);
		break;
	case DISK_ERASE_ZERO:
		r = each_range(
			fd, zero_range, ERASE_STEP_BYTES, size_bytes, progress, userdata);
		break;
	}
	if (r == -EOPNOTSUPP || r == -ENOTTY || r == -EINVAL) {
		*reterr_msg =
			xasprintf("the disk cannot be erased by %s: declare another "
				  "erase of it in rack.ini, such as zero",
				disk_erase_str(how));
		return -EOPNOTSUPP;
	}
	if (r < 0)
		*reterr_msg = xasprintf("%s: %s. The disk may be failing or locked.",
			disk_erase_str(how), strerror(-r));
	return r;
}
