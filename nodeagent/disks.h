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
	/* where its data are: "/dev/nvme0n1", or "/dev/dm-0" when it is encrypted and open */
	char *path;
	char *mapping; /* of an open one, as device-mapper has it: "ondol-3f2a9c01"; NULL: none */
	char *serial; /* "" when it says none */
	char *wwn; /* lower case hex, "" when none */
	uint64_t size_bytes;
};

/* Its serial, else its WWN; borrowed. */
const char *disks_name(const struct disk *d);
/* Zeroes both ends of a device: that is what blank means (diskends.h). 0 or -errno. */
int disks_make_blank(const char *path);

#define DISKS_MAPPING "ondol-" /* names of our mappings begin so (luks.h) */

/* Every disk with a device behind it, below root ("" on a node). The caller frees the list. */
void disks_list(const char *root, struct disk **ret, size_t *ret_n);
void disks_free(struct disk *list, size_t n);
/*
 * The one disk of the list with exactly that serial, WWN and size; borrowed. -ENOENT or
 * -ENOTUNIQ with *reterr_msg: what was looked for and what is there; caller frees.
 */
int disks_find(const struct disk *list, size_t n, const struct order_disk *want,
	const struct disk **ret, char **reterr_msg);
/* The same, to be used. -ENOKEY: it is to be encrypted, and is not open. */
int disks_match(const struct disk *list, size_t n, const struct order_disk *want,
	const struct disk **ret, char **reterr_msg);
/*
 * A UUID (RFC 4122, version 5) made of the rack and of what the disk says it is, so that a node
 * that was installed anew knows its disks again. space: what it is for; never to be changed. Pure.
 */
void disks_uuid(const unsigned char space[static 16], const char *rack,
	const struct order_disk *disk, char ret[static 37]);
/*
 * What libblkid finds on the device: "" when it is blank, else "gpt, ext4 (label data)", or
 * "unknown-data" when libblkid has no name for it and its ends are not zero.
 * *ret_pv_only: all of it is one LVM member. The caller frees *ret_contents.
 */
int disks_contents(const char *path, char **ret_contents, bool *ret_pv_only);
