/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds a measured disk by its identity: the kernel gives a name and number to another
 * device only after the last open one is closed, so the disk is kept open from the
 * measurement to the last write, and compared again before each time it is written to.
 */
#pragma once

#include "common/inventory.h"

struct diskpin {
	int fd; /* owned; open for reading only, -1: none */
	char *name, *serial, *wwn; /* owned */
	uint64_t size_bytes;
};

/*
 * Opens ROOT/dev/NAME of a disk just found, and checks that it still is that disk. root
 * is "" on a node. -ENODEV when it is another one, or -errno, with *reterr_msg.
 */
int diskpin_open(const char *root, const struct inv_disk *found, struct diskpin *ret,
	char **reterr_msg);
/*
 * Does NAME still mean the open disk, and does that say the same serial, WWN and size?
 * 0, or -ENODEV with *reterr_msg.
 */
int diskpin_check(const char *root, const struct diskpin *pin, char **reterr_msg);
/* The same for another open descriptor: 0 when it is the block device that is held. */
int diskpin_is_fd(const struct diskpin *pin, int fd);
void diskpin_clear(struct diskpin *pin);
