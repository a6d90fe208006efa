/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a physical volume of LVM is, which libblkid does not tell: the name of its volume group,
 * as its metadata have it. All bytes are a stranger's.
 */
#pragma once

#include "common/util.h"

#define LVMLABEL_NAME_MAX 128 /* with its end */

/* start_bytes: where the volume begins on the open disk. "" when there is none, or it is odd. */
void lvmlabel_group(int fd, uint64_t start_bytes, char ret[static LVMLABEL_NAME_MAX]);
