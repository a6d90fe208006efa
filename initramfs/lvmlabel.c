/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format is that of LVM2's text metadata (lib/format_text/layout.h and label.h of its
 * sources): a label in one of the first four sectors says where the header of the physical
 * volume is; that ends in two lists of areas, data and metadata, each closed by a zero; a
 * metadata area's header says where in it the present text begins, and the text begins with
 * the group's name. Numbers are little-endian.
 */
#include "initramfs/lvmlabel.h"

#include <ctype.h>

#define SECTOR 512
#define LABEL_SECTORS 4
#define UUID_BYTES 32
#define AREAS_MAX 16
#define MDA_HEADER_BYTES 512
#define MDA_MAGIC " LVM2 x[5A%r0N*>"

static bool read_at(int fd, uint64_t at, void *buf, size_t len)
{
	return at <= INT64_MAX - len && pread(fd, buf, len, (off_t)at) == (ssize_t)len;
}

/* The header of the physical volume, after the label that leads to it; NULL: there is none. */
static const uint8_t *find_header(const uint8_t *head)
{
	for (size_t i = 0; i < LABEL_SECTORS; i++) {
		const uint8_t *label = head + i * SECTOR;
		uint64_t offset = read_le(label + 20, 4);

		if (memcmp(label, "LABELONE", 8) != 0 ||
			memcmp(label + 24, "LVM2 001", 8) != 0)
			continue;
		if (offset > SECTOR - UUID_BYTES - 8)
			return NULL;
		return label + offset;
	}
	return NULL;
}

/* Behind the list of areas at *at, which is moved on; its first area's offset, 0: none. */
static bool read_areas(const uint8_t **at, const uint8_t *end, uint64_t *ret_first)
{
	*ret_first = 0;
	for (size_t i = 0; i < AREAS_MAX && end - *at >= 16; i++) {
		uint64_t offset = read_le(*at, 8);

		*at += 16;
		if (offset == 0)
			return true;
		if (i == 0)
			*ret_first = offset;
	}
	return false;
}

/* Where on the disk the text of the present metadata begins; 0: it is not told. */
static uint64_t find_text(int fd, uint64_t start_bytes)
{
	uint8_t head[LABEL_SECTORS * SECTOR + SECTOR], mda[MDA_HEADER_BYTES];
	const uint8_t *at;
	uint64_t area, text;

	if (!read_at(fd, start_bytes, head, sizeof(head)))
		return 0;
	at = find_header(head);
	if (!at)
		return 0;
	at += UUID_BYTES + 8;
	if (!read_areas(&at, head + sizeof(head), &area) ||
		!read_areas(&at, head + sizeof(head), &area) || area == 0 ||
		area > INT64_MAX / 4 || start_bytes > INT64_MAX / 4)
		return 0;
	if (!read_at(fd, start_bytes + area, mda, sizeof(mda)) ||
		memcmp(mda + 4, MDA_MAGIC, 16) != 0)
		return 0;
	text = read_le(mda + 40, 8);
	return text == 0 || text > INT64_MAX / 4 ? 0 : start_bytes + area + text;
}

void lvmlabel_group(int fd, uint64_t start_bytes, char ret[static LVMLABEL_NAME_MAX])
{
	uint64_t at = find_text(fd, start_bytes);
	char text[LVMLABEL_NAME_MAX + 2] = "";
	size_t len = 0;

	ret[0] = '\0';
	if (at == 0 || !read_at(fd, at, text, sizeof(text) - 1))
		return;
	while (isalnum((unsigned char)text[len]) ||
		(text[len] && strchr("+_.-", text[len])))
		len++;
	if (len > 0 && len < LVMLABEL_NAME_MAX && str_startswith(text + len, " {"))
		snprintf(ret, LVMLABEL_NAME_MAX, "%.*s", (int)len, text);
}
