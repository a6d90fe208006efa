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

/* The WWN in a sysfs wwid: "naa.5000C500A1" → "5000c500a1"; "" when there is none. Caller frees. */
char *disks_wwn(const char *wwid);
/* The serial in a SCSI vital product data page 80h; NULL when it is not one. Caller frees. */
char *disks_vpd_serial(const uint8_t *page, size_t len);
/* Why this disk is never written to by an installation; NULL: it may be. A literal. */
const char *disks_unfit(const struct inv_disk *d);
