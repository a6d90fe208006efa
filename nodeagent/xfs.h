/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data disks of an object storage node: an XFS on each that the desired state names,
 * mounted at DIR/d1, DIR/d2, ... in its order. A disk with anything foreign on it is
 * refused; what holds files is never made blank. Mounting is ours and not fstab's, so
 * that a node that may no longer use a disk does not mount it.
 * Blocks: for workers (work.h). All return 0 or a negative errno and set *ret_text in
 * both cases: what is there, or what is wrong and what to do; caller frees.
 */
#pragma once

#include "common/order.h"

/*
 * Makes what file systems are missing and mounts all. A disk that is gone or does not
 * answer holds up nobody as long as another one is mounted: xfs_check names it.
 */
int xfs_enter(const struct desired *d, const char *dir, char **ret_text);
/*
 * Unmounts the node's disks, whatever d names now. One without a file of Swift's is made
 * blank, another keeps its data and is named. -EBUSY: somebody uses one, and who.
 */
int xfs_leave(const struct desired *d, const char *dir, char **ret_text);
/* Is every data disk mounted at its place, writable and not full? With sizes. */
int xfs_check(const struct desired *d, const char *dir, char **ret_text);

/*
 * Has the tree no file that somebody may want back? Directories and what Swift makes
 * anew by itself do not count. 1 yes, 0 no, or -errno when it cannot be read whole.
 */
int xfs_tree_is_empty(const char *dir);
