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
	char *current_device,
		*other_device; /* owned: "/dev/sda3", or a mirror's "/dev/md2" */
	struct boot_parts other_parts; /* of the other slot */
	char *esp_device[2]; /* owned; of a mirror each disk has one */
	size_t n_esp;
};

/*
 * root: "" on a node. -EOPNOTSUPP with *reterr_msg where nothing can be updated: the node was not
 * started from a slot (a container), or was installed as a mirror by an ondol that could not;
 * -ENODEV where it is to be whole and a half of a mirror is missing or failed; else what is there
 * is enough. Caller frees both.
 */
int slots_find(const char *root, bool whole, struct slots *ret, char **reterr_msg);
void slots_clear(struct slots *s);
