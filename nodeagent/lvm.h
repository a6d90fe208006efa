/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The volume group of a storage node, on exactly the data disks that the desired state
 * names. A disk with anything foreign on it is refused; a group that holds logical volumes
 * is never removed. LVM's own programs do the work, as children with a deadline each.
 * Blocks: for workers (work.h). All return 0 or a negative errno and set *ret_text in
 * both cases: what is there, or what is wrong and what to do; caller frees.
 */
#pragma once

#include "common/order.h"

/* Makes the group, or adds its missing disks; nothing to do is fine too. */
int lvm_enter(const struct desired *d, const char *vg, char **ret_text);
/*
 * Removes the group and its PVs when it is empty and on this node's data disks alone, as
 * lvm_enter() would have made it; 0 also when it is kept, and says so.
 */
int lvm_leave(const struct desired *d, const char *vg, char **ret_text);
/* Is the group there, of exactly these disks, with a size? */
int lvm_check(const struct desired *d, const char *vg, char **ret_text);
