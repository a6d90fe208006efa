/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of work.h: what `ondol-noded work OP [ARG]` does. Each blocks, reads the
 * desired state and the role files by itself, and prints one result line.
 *
 *   guests-none            no virtual machine runs here
 *   libvirt-networks       makes the role's libvirt networks, removes others of ours
 *   libvirt-check          the proof "libvirt"
 *   kvm-modules            loads KVM for this CPU
 *   vg-enter, vg-check     the role's volume group; the proof "volume-group"
 *   vg-leave VG            gives a group up, when it is empty
 *   guest                  the proof "guest"
 */
#pragma once

#include "common/order.h"
#include "common/roledef.h"

int workops_main(const char *op, const char *arg); /* exit status */

/* Loads the role files and finds the desired one; *ret_def is borrowed from *ret_roles. */
int role_load(const struct desired *d, struct roledefs **ret_roles,
	const struct roledef **ret_def, char **reterr_msg);
