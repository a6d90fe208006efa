/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container's kernel would show of its own server if it had one: /sys/block with
 * its drives and no others, SMBIOS, memory; a small tree of files below DIR/nodes/NODE.
 * The agent's code takes the inventory from it, and the container gets its /sys/block.
 */
#pragma once

#include "twin/plan.h"

/*
 * loops: by index of the disk, the number of its loop device; -1: none, the file itself is
 * looked at. -errno with *reterr_msg. Blocks on the file system.
 */
int sysroot_make(const struct twin_plan *p, const struct twin_node *n, const int *loops,
	char **reterr_msg);
char *sysroot_dir(const struct twin_node *n); /* caller frees */
