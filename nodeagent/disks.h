/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding a data disk on the running node by what it says it is, and what is on it. The
 * identity is read as the agent inventoried it (common/diskid.h). Reading a disk may
 * block, so this runs in a worker (work.h).
 */
#pragma once

#include "common/order.h"

struct disk {
	char *name; /* kernel name, now: "nvme0n1" */
	char *path; /* "/dev/nvme0n1" */
	char *serial; /* "" when it says none */
	char *wwn; /* lower case hex, "" when none */
	uint64_t size_bytes;
};

/* Every disk with a device behind it, below root ("" on a node). The caller frees the list. */
void disks_list(const char *root, struct disk **ret, size_t *ret_n);
void disks_free(struct disk *list, size_t n);
/*
 * The one disk of the list with exactly that serial, WWN and size; borrowed. -ENOENT or
 * -ENOTUNIQ with *reterr_msg: what was looked for and what is there; caller frees.
 */
int disks_match(const struct disk *list, size_t n, const struct order_disk *want,
	const struct disk **ret, char **reterr_msg);
/*
 * What libblkid finds on the device: "" when it is blank, else "gpt, ext4 (label data)", or
 * "unknown-data" when libblkid has no name for it and its ends are not zero.
 * *ret_pv_only: all of it is one LVM member. The caller frees *ret_contents.
 */
int disks_contents(const char *path, char **ret_contents, bool *ret_pv_only);
