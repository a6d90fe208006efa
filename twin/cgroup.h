/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroups of container nodes: one each in systemd's hierarchy, in the unified one and,
 * where it is (cgroup v1), in that of devices, so that a container opens no drive but its
 * own. cgroups outlive their processes: what was made stands in DIR/cgroups.
 */
#pragma once

#include "twin/plan.h"

/* Makes the rack's cgroups below the caller's and notes them. -errno with *reterr_msg. */
int cgroup_make(const char *dir, char **reterr_msg);
/*
 * The calling process moves into those of the node. loops: the block devices that are
 * its own. *ret_fenced: others cannot be opened. -errno with *reterr_msg.
 */
int cgroup_join(const char *dir, const char *node, const unsigned *loops, size_t n_loops,
	bool *ret_fenced, char **reterr_msg);
/* Behind the device fence of a node that runs, and into nothing else of it. 0 or -errno. */
int cgroup_enter_fence(const char *dir, const char *node);
/* Removes those of one node (NULL: the rack's own too), as far as no process is in them. */
void cgroup_remove(const char *dir, const char *node);
