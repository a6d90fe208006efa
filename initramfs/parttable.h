/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The partitions of a system disk (docs/protocol.md): where they go, written as GPT by
 * libfdisk, read back byte by byte. Blocks on the disk.
 */
#pragma once

#include "common/util.h"

enum part_id { PART_ESP, PART_A, PART_B, PART_STATE, PART_SWAP, PART_COUNT };

#define PART_ALIGN_BYTES (1024 * 1024)
#define PART_ESP_BYTES (512ull * 1024 * 1024)
#define PART_SLOT_BYTES (8ull * 1024 * 1024 * 1024)
#define PART_STATE_MIN_BYTES (1024ull * 1024 * 1024)

struct part_plan {
	const char *label; /* literal */
	const char *type; /* GPT type GUID, literal */
	uint64_t start_bytes; /* multiple of PART_ALIGN_BYTES */
	uint64_t size_bytes; /* so is this; 0: there is no such partition (swap) */
	char uuid[37]; /* PARTUUID, lower case; "" until written */
};

/*
 * Where they go on a disk of that size; mirrored: as halves of arrays, but for the ESP; swap_bytes
 * 0: no swap. -ENOSPC with *reterr_msg when the disk is too small. Pure.
 */
int parttable_plan(uint64_t disk_bytes, bool mirrored, uint64_t swap_bytes,
	struct part_plan ret[static PART_COUNT], char **reterr_msg);
/* How many there are: PART_COUNT, or one less without swap. */
size_t parttable_count(const struct part_plan plan[static PART_COUNT]);
/*
 * Writes the table to the disk that fd (open for writing) is, as one of the rack with that
 * identity (rackid.h), has the kernel read it, and fills the UUIDs in. path is only for
 * messages.
 */
int parttable_write(int fd, const char *path, const char *rack_id,
	struct part_plan plan[static PART_COUNT], char **reterr_msg);
/* Reads both copies of the table back and compares. -EIO with *reterr_msg. */
int parttable_verify(int fd, uint64_t disk_bytes, unsigned sector_bytes,
	const struct part_plan plan[static PART_COUNT], char **reterr_msg);

/* "sda" + 2: "sda2"; "nvme0n1" + 2: "nvme0n1p2"; caller frees. Pure. */
char *parttable_part_name(const char *disk, int number);
/*
 * Checks one GPT header, in sector at, and its entries against the plan; other is the
 * sector of the other header. A literal saying what is wrong, NULL: right.
 */
const char *parttable_check_header(int fd, uint64_t at, uint64_t other,
	unsigned sector_bytes, const struct part_plan plan[static PART_COUNT]);
uint32_t parttable_crc32(const void *data, size_t len); /* IEEE 802.3. Pure. */
