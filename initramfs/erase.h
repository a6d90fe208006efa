/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is declared as erase = ... of a disk: all of it, from the first byte to the last, before
 * anything new is written. Blocks on the disk, for as long as that takes.
 */
#pragma once

#include "common/rack.h"

/*
 * fd: the open disk (tests: a file, which knows zero alone). progress is told the bytes that are
 * done, at least every ERASE_STEP_BYTES but for what the disk does in one command.
 * -EOPNOTSUPP when the disk cannot do it that way, or -errno, with *reterr_msg. The bytes are on
 * the disk when this returns.
 */
#define ERASE_STEP_BYTES (UINT64_C(256) << 20)
int erase_disk(int fd, enum disk_erase how, uint64_t size_bytes,
	void (*progress)(void *userdata, uint64_t done, uint64_t total), void *userdata,
	char **reterr_msg);
