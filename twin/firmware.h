/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands before the system of a container node: firmware with a boot order, and the
 * network boot loader, which may start the installer. Speaks on stderr (the console).
 */
#pragma once

#include "twin/plan.h"
#include "twin/power.h"

/* Returns when the installed system is to be started, however long that takes. Blocks. */
void firmware_run(
	const struct twin_plan *p, const struct twin_node *n, enum boot_device first);
