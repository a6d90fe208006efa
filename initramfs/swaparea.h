/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A swap area: its first page says what it is. The format is the kernel's, union swap_header of
 * include/linux/swap.h, version 1; mkswap(8) writes the same.
 */
#pragma once

#include "common/util.h"

#define SWAPAREA_LABEL "ondol-swap"

/* Makes the block device one, of its whole length. Blocks. 0 or -errno; -ENOSPC: below ten pages. */
int swaparea_format(const char *path);
