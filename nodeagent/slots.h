/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two root slots of an installed node (docs/protocol.md, "A system disk"): which one runs,
 * and which can be written. Found from the kernel command line by PARTUUID, as the initramfs
 * found them, and by the partitions' names on that same disk. Reads /proc, /sys and /dev.
 */
#pragma once

#include "images/cmdline.h"

struct slots {
	struct boot_args *args; /* owned: what the running slot was started with */
	char current[8], other[8]; /* "a" and "b", or the other way round */
	char *current_device, *other_device,
		*other_uuid; /* owned: "/dev/sda3"; its PARTUUID */
	char *esp_device; /* owned */
};

/*
 * root: "" on a node. -EOPNOTSUPP with *reterr_msg where nothing can be updated: the node was not
 * started from a slot (a container), or its system is mirrored; caller frees both.
 */
int slots_find(const char *root, struct slots *ret, char **reterr_msg);
void slots_clear(struct slots *s);
