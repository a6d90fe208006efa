/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ends of a disk, where nearly everything that uses one begins or leaves a copy.
 * Data that no library knows by name (random bytes, a chunk of a RAID, encryption without
 * a header) still shows there as bytes that are not zero. Blocks on the disk; at most
 * twice DISKENDS_BYTES are read or written.
 */
#pragma once

#include "common/util.h"

#define DISKENDS_BYTES (1024 * 1024) /* of each end */
#define DISKENDS_UNKNOWN "unknown-data" /* what such a disk is said to hold */

enum diskends_result { /* positive results */
	DISKENDS_DATA = 1, /* a byte that is not zero */
};

/* 0: both ends of the open disk are zero; DISKENDS_DATA; -errno: it cannot be read. */
int diskends_check(int fd, uint64_t size_bytes);
/* Zeroes both ends of an area of the open disk. 0 or -errno. The caller does the fsync. */
int diskends_zero(int fd, uint64_t start_bytes, uint64_t size_bytes);
