/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boot mode: mounts the slot and the state partition as the root of the installed system
 * and becomes its init. Runs in pid 1.
 */
#pragma once

#include "images/cmdline.h"

/* Returns only when it cannot, -errno with *reterr_msg: what was expected, what was there. */
int bootmode_run(const struct boot_args *args, char **reterr_msg);
