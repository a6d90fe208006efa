/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file system on a data disk is ours: its label and UUID, both made of the rack and
 * of what the disk says it is, so that a node that was installed anew knows its disks
 * again; and what to do about a disk. Pure.
 */
#pragma once

#include "common/order.h"

#define XFSDISK_SUPER_BYTES 512 /* what xfsdisk_parse wants, from the disk's beginning */

struct xfs_super {
	char uuid[37], label[13];
	bool unfinished; /* mkfs.xfs was cut short */
};

/* False when data is no beginning of an XFS. */
bool xfsdisk_parse(const uint8_t *data, size_t len, struct xfs_super *ret);
/* "ondol-d1"; n from 1 to 9999. */
void xfsdisk_label(unsigned n, char ret[static 13]);
/* "d1" of "ondol-d1"; NULL: not a label of ours. Borrowed from label. */
const char *xfsdisk_place(const char *label);
void xfsdisk_uuid(const char *rack, const struct order_disk *disk, char ret[static 37]);

/* A data disk and what is on it; all borrowed. */
struct xfs_disk {
	const char *device, *serial;
	const char *contents; /* disks.h: "" blank; else in words */
	const char *label, *uuid; /* as they are to be */
	const struct xfs_super *super; /* NULL: no XFS */
};

enum xfs_action {
	XFS_MOUNT = 0, /* it is ours */
	XFS_MAKE, /* blank: make a file system */
	XFS_REMAKE, /* our own making of one was cut short */
	XFS_REFUSE, /* *ret_why says why; caller frees */
};
enum xfs_action xfsdisk_decide(const struct xfs_disk *d, char **ret_why);

/* What is mounted at a place. */
struct xfs_mount {
	unsigned major, minor;
	bool xfs, read_only;
};
/* Looks in the text of /proc/self/mountinfo; the last mount at a place is the one seen. */
bool xfsdisk_mount_at(const char *mountinfo, const char *place, struct xfs_mount *ret);
/*
 * The places DIR/dN at which an XFS is mounted, each once: NULL-terminated list of
 * strings, both owned by the caller (strv_free).
 */
char **xfsdisk_mounts_below(const char *mountinfo, const char *dir);
