/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on a disk, by libblkid: file systems, RAID and LVM members, partition tables
 * and what is in their partitions; finding a partition; taking all of it away. Works on
 * an open disk and its bytes alone, never on names or the kernel's idea of partitions.
 */
#pragma once

#include "common/inventory.h"

struct blk_part {
	int number; /* 1.. */
	char *label; /* owned; GPT name, "" when none */
	uint64_t start_bytes, size_bytes;
};
void blk_part_clear(struct blk_part *p);

/*
 * Adds to d->holds what is on the disk. A partition without any is of type
 * "empty", or what its type in the table says it is ("vmware_vsan", "windows_ldm", ...);
 * a disk that cannot be read is of type "unreadable" and one whose ends hold bytes that
 * libblkid has no name for "unknown-data", so that neither passes as blank.
 */
void blk_signatures(int fd, struct inv_disk *d);
/* The partition with that PARTUUID (lower case). 0, -ENOENT, -errno. blk_part_clear *ret. */
int blk_find_part(int fd, const char *uuid, struct blk_part *ret);
/*
 * Takes away every signature on the disk and its partitions, both ends of each zeroed,
 * and looks again. fd is open for writing. -EIO when something is still there.
 */
int blk_wipe(int fd, uint64_t size_bytes, char **reterr_msg);
/*
 * The same for an area, as of a partition that is to be made: what an earlier one left in the
 * middle of the disk would be found where the new one begins. 0 or -errno; does not look again.
 */
int blk_wipe_area(int fd, uint64_t start_bytes, uint64_t size_bytes);
