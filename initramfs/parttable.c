/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libfdisk writes; what counts is what is on the disk afterwards, so both headers and
 * both entry arrays are read back and compared with the plan by code of its own. A stale
 * second header is the classic way for an old table to come back.
 */
#include "initramfs/parttable.h"

#include <ctype.h>
#include <libfdisk/libfdisk.h>

#include "common/rackid.h"

#define TYPE_ESP "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
#define TYPE_LINUX_RAID "A19D880F-05FC-4D3B-A006-743F0F84911E"
#define TYPE_SWAP "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"
#define TYPE_LINUX "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
#define GPT_ENTRY_BYTES 128
#define GPT_ENTRIES_MAX 1024

char *parttable_part_name(const char *disk, int number)
{
	size_t len = strlen(disk);
	bool digit = len > 0 && isdigit((unsigned char)disk[len - 1]);

	return xasprintf("%s%s%d", disk, digit ? "p" : "", number);
}

int parttable_plan(uint64_t disk_bytes, bool mirrored, uint64_t swap_bytes,
	struct part_plan ret[static PART_COUNT], char **reterr_msg)
{
	const char *type = mirrored ? TYPE_LINUX_RAID : TYPE_LINUX;
	const struct part_plan plan[PART_COUNT] = {
		{"ondol-esp", TYPE_ESP, 0, PART_ESP_BYTES, ""},
		{"ondol-a", type, 0, PART_SLOT_BYTES, ""},
		{"ondol-b", type, 0, PART_SLOT_BYTES, ""},
		{"ondol-state", type, 0, 0, ""},
		{"ondol-swap", mirrored ? type : TYPE_SWAP, 0, 0, ""},
	};
	uint64_t at = PART_ALIGN_BYTES,
		 swap = swap_bytes / PART_ALIGN_BYTES * PART_ALIGN_BYTES,
		 need = PART_ESP_BYTES + 2 * PART_SLOT_BYTES + PART_STATE_MIN_BYTES +
		2 * PART_ALIGN_BYTES;

	if (disk_bytes < need || disk_bytes - need < swap) {
		char has[32], wants[32];

		format_size(disk_bytes, has);
		format_size(need + swap, wants);
		*reterr_msg = xasprintf(
			"the system disk has %s and needs at least %s", has, wants);
		return -ENOSPC;
	}
	for (size_t i = 0; i < PART_COUNT; i++) {
		ret[i] = plan[i];
		ret[i].start_bytes = at;
		at += plan[i].size_bytes;
	}
	/* The second header takes the disk's last sectors: leave it a whole alignment unit. */
	ret[PART_STATE].size_bytes =
		(disk_bytes - at) / PART_ALIGN_BYTES * PART_ALIGN_BYTES -
		PART_ALIGN_BYTES - swap;
	ret[PART_SWAP].size_bytes = swap;
	ret[PART_SWAP].start_bytes =
		ret[PART_STATE].start_bytes + ret[PART_STATE].size_bytes;
	return 0;
}

size_t parttable_count(const struct part_plan plan[static PART_COUNT])
{
	return plan[PART_SWAP].size_bytes ? PART_COUNT : PART_SWAP;
}

/* ---- writing ---- */

static void context_freep(struct fdisk_context **cxt)
{
	if (*cxt)
		fdisk_unref_context(*cxt);
}

static int add_partition(
	struct fdisk_context *cxt, size_t number, const struct part_plan *p)
{
	struct fdisk_label *label = fdisk_get_label(cxt, NULL);
	unsigned long sector = fdisk_get_sector_size(cxt);
	struct fdisk_partition *pa = fdisk_new_partition();
	struct fdisk_parttype *type =
		fdisk_label_get_parttype_from_string(label, p->type);
	size_t got;
	int r;

	fdisk_partition_set_partno(pa, number);
	fdisk_partition_set_start(pa, p->start_bytes / sector);
	fdisk_partition_set_size(pa, p->size_bytes / sector);
	fdisk_partition_set_name(pa, p->label);
	r = type ? fdisk_partition_set_type(pa, type) : -EINVAL;
	if (r == 0)
		r = fdisk_add_partition(cxt, pa, &got);
	if (r == 0 && got != number)
		r = -EINVAL;
	fdisk_unref_partition(pa);
	return r;
}

static int read_uuid(struct fdisk_context *cxt, size_t number, char ret[static 37])
{
	struct fdisk_partition *pa = NULL;
	int r = fdisk_get_partition(cxt, number, &pa);
	const char *uuid = r == 0 ? fdisk_partition_get_uuid(pa) : NULL;

	if (r == 0 && (!uuid || strlen(uuid) != 36))
		r = -EINVAL;
	for (size_t i = 0; r == 0 && i < 37; i++)
		ret[i] = (char)tolower((unsigned char)uuid[i]);
	if (pa)
		fdisk_unref_partition(pa);
	return r;
}

static int write_table(struct fdisk_context *cxt, const char *rack_id,
	struct part_plan plan[static PART_COUNT])
{
	int r = fdisk_create_disklabel(cxt, "gpt");
	size_t n = parttable_count(plan);
	char guid[37];

	rackid_disk_guid(rack_id, guid);
	if (r == 0)
		r = fdisk_set_disklabel_id_from_string(cxt, guid);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_partition(cxt, i, &plan[i]);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_uuid(cxt, i, plan[i].uuid);
	if (r == 0)
		r = fdisk_write_disklabel(cxt);
	return r;
}

int parttable_write(int fd, const char *path, const char *rack_id,
	struct part_plan plan[static PART_COUNT], char **reterr_msg)
{
	_cleanup_(context_freep) struct fdisk_context *cxt = fdisk_new_context();
	int r;

	if (!cxt)
		return -ENOMEM;
	fdisk_disable_dialogs(cxt, 1);
	r = fdisk_assign_device_by_fd(cxt, fd, path, 0);
	if (r == 0)
		r = write_table(cxt, rack_id, plan);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r < 0) {
		*reterr_msg = xasprintf("the partition table of %s cannot be written: %s",
			path, strerror(-r));
		return r;
	}
	r = fdisk_reread_partition_table(cxt);
	if (r < 0)
		*reterr_msg = xasprintf(
			"the kernel does not take the new partition table of %s: %s. "
			"Something on the disk is in use.",
			path, strerror(-r));
	return r;
}

/* ---- reading back ---- */

uint32_t parttable_crc32(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t crc = 0xffffffff;

	while (len-- > 0) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static int read_at(int fd, void *buf, size_t len, uint64_t offset)
{
	ssize_t n = pread(fd, buf, len, (off_t)offset);

	return n == (ssize_t)len ? 0 : n < 0 ? -errno : -EIO;
}

/* A GUID's first three fields are little-endian on disk. */
static void format_guid(const uint8_t *g, char ret[static 37])
{
	snprintf(ret, 37, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		(unsigned)read_le(g, 4), (unsigned)read_le(g + 4, 2),
		(unsigned)read_le(g + 6, 2), g[8], g[9], g[10], g[11], g[12], g[13],
		g[14], g[15]);
}

static const char *check_entry(
	const uint8_t *e, unsigned sector_bytes, const struct part_plan *p)
{
	char type[37], uuid[37];
	size_t i;

	format_guid(e, type);
	format_guid(e + 16, uuid);
	if (strcasecmp(type, p->type) != 0 || !streq(uuid, p->uuid))
		return "a partition has another type or UUID";
	if (read_le(e + 32, 8) * sector_bytes != p->start_bytes ||
		(read_le(e + 40, 8) + 1) * sector_bytes != p->start_bytes + p->size_bytes)
		return "a partition is elsewhere or of another size";
	for (i = 0; p->label[i]; i++)
		if (read_le(e + 56 + 2 * i, 2) != (uint8_t)p->label[i])
			break;
	return p->label[i] || read_le(e + 56 + 2 * i, 2) ? "a partition has another label"
							 : NULL;
}

static const char *check_entries(int fd, const uint8_t *header, unsigned sector_bytes,
	const struct part_plan plan[static PART_COUNT])
{
	uint64_t n = read_le(header + 80, 4), size = read_le(header + 84, 4);
	size_t planned = parttable_count(plan);
	_cleanup_free_ uint8_t *entries = NULL;

	if (n < planned || n > GPT_ENTRIES_MAX || size != GPT_ENTRY_BYTES)
		return "the number or size of its entries is odd";
	entries = xmalloc((size_t)(n * size));
	if (read_at(fd, entries, (size_t)(n * size),
		    read_le(header + 72, 8) * sector_bytes) < 0)
		return "its entries cannot be read";
	if (parttable_crc32(entries, (size_t)(n * size)) != read_le(header + 88, 4))
		return "the checksum of its entries is wrong";
	for (size_t i = 0; i < planned; i++) {
		const char *wrong =
			check_entry(entries + i * size, sector_bytes, &plan[i]);

		if (wrong)
			return wrong;
	}
	for (size_t i = planned * size; i < n * size; i++)
		if (entries[i])
			return "there are more partitions than planned";
	return NULL;
}

const char *parttable_check_header(int fd, uint64_t at, uint64_t other,
	unsigned sector_bytes, const struct part_plan plan[static PART_COUNT])
{
	uint8_t h[92];
	uint32_t crc;

	if (read_at(fd, h, sizeof(h), at * sector_bytes) < 0)
		return "it cannot be read";
	if (memcmp(h, "EFI PART", 8) != 0 || read_le(h + 12, 4) != sizeof(h))
		return "it is not a GPT header";
	crc = (uint32_t)read_le(h + 16, 4);
	memset(h + 16, 0, 4);
	if (parttable_crc32(h, sizeof(h)) != crc)
		return "its checksum is wrong";
	if (read_le(h + 24, 8) != at || read_le(h + 32, 8) != other)
		return "it does not know where it is";
	return check_entries(fd, h, sector_bytes, plan);
}

int parttable_verify(int fd, uint64_t disk_bytes, unsigned sector_bytes,
	const struct part_plan plan[static PART_COUNT], char **reterr_msg)
{
	uint64_t last = disk_bytes / sector_bytes - 1;
	const char *first = parttable_check_header(fd, 1, last, sector_bytes, plan);
	const char *second = parttable_check_header(fd, last, 1, sector_bytes, plan);

	if (!first && !second)
		return 0;
	*reterr_msg = xasprintf(
		"the partition table was written and reads back wrong: %s header: %s. "
		"The disk may be failing.",
		first ? "first" : "second", first ? first : second);
	return -EIO;
}
