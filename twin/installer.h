/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The installing agent of a container node, made of the real agent's parts: same node
 * API, same inventory and disk check, same partition table and identity. Only the image
 * is not written but linked, since a container's root is a directory. Blocks.
 *
 * An installed system disk is: the partition table in its file, DISKS/NODE/slot-a.erofs,
 * and DISKS/NODE/state, which is what the state partition holds.
 */
#pragma once

#include "images/cmdline.h"
#include "twin/plan.h"

/* Returns when the installed system is to be started. What fails is told and tried again. */
void installer_run(const struct twin_plan *p, const struct twin_node *n,
	const struct boot_args *args);
/* Is there a system on the disk that starts? */
bool installer_is_installed(const struct twin_node *n);
char *installer_state_dir(const struct twin_node *n); /* caller frees */
