/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a block device says it is, in sysfs: serial, WWN, size and bus. The agent
 * inventories disks by it and ondol-noded finds them again by it, so both ask here.
 * Nothing blocks but the kernel's own answers.
 */
#pragma once

#include "common/rack.h"

struct diskid { /* owns its strings */
	char *serial; /* printable ASCII, "" when it says none */
	char *wwn; /* lower case hex, "" when none */
	uint64_t size_bytes; /* 0: no medium, or it does not say */
	enum disk_bus bus;
};

/*
 * Reads ROOT/sys/block/NAME; root is "" on a node. Cannot fail: what is missing there is
 * empty, 0 or DISK_BUS_OTHER. End with diskid_clear, or take the strings.
 */
void diskid_read(const char *root, const char *name, struct diskid *ret);
void diskid_clear(struct diskid *id);

/* The WWN in a sysfs wwid: "naa.5000C500A1" → "5000c500a1", else "". Caller frees. */
char *diskid_wwn(const char *wwid);
/* The serial in a SCSI vital product data page 80h; NULL when it is not one. Caller frees. */
char *diskid_vpd_serial(const uint8_t *page, size_t len);
/*
 * Is the block device in DIR (ROOT/sys/block/NAME) a drive of its own? Not an optical
 * drive, not an eMMC boot area, not a path of a multipath namespace that the kernel hides,
 * and nothing without hardware behind it (loop, ram, md, dm).
 */
bool diskid_is_disk(const char *dir, const char *name);
