/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/tar.h"

/* Fields of POSIX's ustar header: offset and length. */
enum {
	NAME = 0,
	MODE = 100,
	UID = 108,
	GID = 116,
	SIZE = 124,
	MTIME = 136,
	CHECKSUM = 148,
	TYPE = 156,
	MAGIC = 257,
	UNAME = 265,
	GNAME = 297,
	PREFIX = 345
};

static void octal(unsigned char *at, unsigned digits, uint64_t value)
{
	for (unsigned i = digits; i > 0; i--) {
		at[i - 1] = (unsigned char)('0' + (value & 7));
		value >>= 3;
	}
}

static unsigned checksum(const unsigned char *block)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < TAR_BLOCK; i++)
		sum += i >= CHECKSUM && i < CHECKSUM + 8 ? ' ' : block[i];
	return sum;
}

static void put_size(unsigned char *at, uint64_t size)
{
	if (size < UINT64_C(1) << 33) {
		octal(at, 11, size);
		return;
	}
	at[0] = 0x80; /* GNU: the rest is a big-endian number */
	for (unsigned i = 0; i < 8; i++)
		at[11 - i] = (unsigned char)(size >> (8 * i));
}

void tar_header(const char *name, uint64_t size_bytes, uint64_t mtime_s,
	unsigned char ret[static TAR_BLOCK])
{
	/* fields that are full have no NUL: POSIX.1-1988, ustar */
	/* NOLINTBEGIN(bugprone-not-null-terminated-result) */
	memset(ret, 0, TAR_BLOCK);
	memcpy(ret + NAME, name, MIN(strlen(name), (size_t)TAR_MAX_NAME));
	octal(ret + MODE, 7, 0600);
	octal(ret + UID, 7, 0);
	octal(ret + GID, 7, 0);
	put_size(ret + SIZE, size_bytes);
	octal(ret + MTIME, 11, mtime_s);
	ret[TYPE] = '0';
	memcpy(ret + MAGIC,
		"ustar\0"
		"00",
		8);
	memcpy(ret + UNAME, "root", 4);
	memcpy(ret + GNAME, "root", 4);
	/* NOLINTEND(bugprone-not-null-terminated-result) */
	octal(ret + CHECKSUM, 6, checksum(ret));
	ret[CHECKSUM + 7] = ' ';
}

static int get_octal(const unsigned char *at, unsigned len, uint64_t *ret)
{
	uint64_t v = 0;
	unsigned i = 0;

	while (i < len && at[i] >= '0' && at[i] <= '7')
		v = v << 3 | (uint64_t)(at[i++] - '0');
	if (i == 0)
		return -EINVAL;
	for (; i < len; i++)
		if (at[i] != 0 && at[i] != ' ')
			return -EINVAL;
	*ret = v;
	return 0;
}

static int get_size(const unsigned char *at, uint64_t *ret)
{
	uint64_t v = 0;

	if (at[0] != 0x80)
		return get_octal(at, 12, ret);
	for (unsigned i = 1; i < 4; i++)
		if (at[i])
			return -EINVAL;
	for (unsigned i = 4; i < 12; i++)
		v = v << 8 | at[i];
	if (v > INT64_MAX)
		return -EINVAL;
	*ret = v;
	return 0;
}

static bool is_zero(const unsigned char *block)
{
	for (unsigned i = 0; i < TAR_BLOCK; i++)
		if (block[i])
			return false;
	return true;
}

int tar_read_header(const unsigned char block[static TAR_BLOCK], struct tar_entry *ret)
{
	struct tar_entry e = {.size_bytes = 0};
	uint64_t sum;

	if (is_zero(block))
		return 0;
	if (memcmp(block + MAGIC, "ustar", 5) != 0 || block[TYPE] != '0' ||
		block[PREFIX] || block[NAME + TAR_MAX_NAME] || !block[NAME])
		return -EINVAL;
	if (get_octal(block + CHECKSUM, 8, &sum) < 0 || sum != checksum(block) ||
		get_size(block + SIZE, &e.size_bytes) < 0)
		return -EINVAL;
	memcpy(e.name, block + NAME, TAR_MAX_NAME);
	*ret = e;
	return 1;
}

unsigned tar_padding(uint64_t size_bytes)
{
	return (unsigned)((TAR_BLOCK - size_bytes % TAR_BLOCK) % TAR_BLOCK);
}
