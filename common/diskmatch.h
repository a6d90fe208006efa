/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which disk of an inventory is the one a bay of rack.ini means. Pure. There is no
 * default disk: a rule that matches none or two is an error, said in words.
 */
#pragma once

#include "common/inventory.h"

/*
 * A disk matches a bay when its bus is the declared one, its size is within 5 % of the
 * declared one, its bay (where the node could tell) is the declared one, and its serial
 * and WWN are those declared for the node, where they are. Removable, read-only, USB and
 * zero-sized disks never match. Returns 0 with a disk borrowed from inv, or -ENOENT /
 * -ENOTUNIQ with *reterr_msg: what was looked for and what was there.
 */
int disk_match(const struct rack_node *node, size_t disk_index,
	const struct inventory *inv, const struct inv_disk **ret, char **reterr_msg);
