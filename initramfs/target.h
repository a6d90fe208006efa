/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last look before the first write: which disk, measured just now, is the one that
 * the install order means (the system disk or its mirror), and may it be written to. Pure.
 */
#pragma once

#include "common/order.h"

/*
 * The disk of inv (borrowed in *ret) with exactly the serial, WWN and size of a target of the
 * order (0: the system disk, 1: its mirror); that
 * is fit, holds what was seen on it and nothing else, and is blank or this rack's unless the
 * order says wipe. -ENOENT, -ENOTUNIQ, -EROFS (unfit), -ESTALE (it holds other things) or
 * -EEXIST (something on it), with *reterr_msg; caller frees.
 */
int target_find(const struct inventory *inv, const struct install_order *order,
	size_t which, const struct inv_disk **ret, char **reterr_msg);
/* "sda (SAMSUNG ..., 480.1 GB, serial S1, WWN 5000...)"; caller frees. */
char *target_describe(const struct inv_disk *d);
