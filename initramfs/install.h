/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out an install order: measures again, wipes, partitions, formats, writes the
 * image and the identity, makes it bootable, starts it. Tells ondold of each step. Blocks throughout.
 */
#pragma once

#include "images/cmdline.h"
#include "initramfs/devices.h"
#include "initramfs/server.h"

/*
 * Does not return when all went well: the node is then in its installed system, by kexec
 * or, where that fails, by a reboot. Otherwise -errno with *reterr_msg: the step and why;
 * nothing stays mounted or open, and another order can be carried out.
 */
int install_run(struct devices *devices, struct server *server,
	const struct boot_args *args, const struct install_order *order,
	char **reterr_msg);
