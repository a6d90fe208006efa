/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one network port that the agent talks through: found by MAC, given the address of
 * the kernel command line, awaited until its link is up. Blocks, by events, with
 * deadlines. No DHCP: the boot loader has had its lease, and that address is ours.
 */
#pragma once

#include "images/cmdline.h"
#include "initramfs/devices.h"

/* 0, or -ETIMEDOUT / -errno with *reterr_msg naming the suspect; caller frees both. */
int link_up(struct devices *d, const struct boot_args *a, char **ret_interface,
	char **reterr_msg);
/* Gives the other ports until deadline_ms to find their link, for the inventory's sake. */
void link_await_others(struct devices *d, uint64_t deadline_ms);
