/* SPDX-License-Identifier: Apache-2.0 */
/* Mounting in the initramfs: the kernel's file systems, a console, and partitions. */
#pragma once

#include "common/util.h"

/*
 * /proc, /sys, /dev, /run and a console on fds 0 to 2, as far as they are not there yet.
 * For pid 1, first thing. A slow or stuck serial console never blocks the program.
 */
int mounts_early(char **reterr_msg);

/*
 * mount(2) with the directory made. -errno with *reterr_msg. options may be NULL; flags
 * are MS_*.
 */
int mounts_add(const char *what, const char *where, const char *type, unsigned long flags,
	const char *options, char **reterr_msg);
/* Unmounts where, if it is a mount point; -errno. */
int mounts_remove(const char *where);
/* What to undo when a scope ends: for _cleanup_(mounts_removep) const char *mounted. */
void mounts_removep(const char **where);
