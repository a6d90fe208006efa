/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which drive bay a disk sits in, from what its driver says in sysfs. Reads only sysfs.
 * A bay decides, with size and bus, which disk gets erased: where the node says nothing
 * clear, the answer is "cannot tell", never a guess.
 */
#pragma once

#include "common/util.h"

/* Of the disk /sys/block/NAME below root ("" on a node): bay 1.., or -1: cannot be told. */
int bay_of_disk(const char *root, const char *name);

/* "[0:1:0:0]  Direct-Access  PORT: 1I BOX: 1 BAY: 3 Active": 3. 0 or -ENOENT. Pure. */
int bay_from_path_info(const char *text, int *ret_bay);
