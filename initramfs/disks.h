/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The disks of a server: what sysfs says of each real one, and what is on it. Real means
 * that a device is behind it: no loop, ram, device mapper or md, no optical drive.
 */
#pragma once

#include "common/inventory.h"

/*
 * Fills inv->disks from root ("" on a node). Signatures are read from ROOT/dev/NAME;
 * a disk with bytes that cannot be opened is "unreadable".
 */
void disks_collect(const char *root, struct inventory *inv);

/* Why this disk is never written to by an installation; NULL: it may be. A literal. */
const char *disks_unfit(const struct inv_disk *d);
