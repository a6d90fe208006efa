/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encrypted data disks: the whole disk is a LUKS2 volume, open as /dev/mapper/ondol-XXXXXXXX while
 * the role needs it; LVM and XFS lie inside and know nothing of it (disks.h gives them the open
 * device). Keys are asked of ondold each time and are never written down: who takes a disk, or the
 * whole server, has nothing without ondold. Blocks: for workers (work.h). All return 0 or
 * a negative errno and set *ret_text; caller frees.
 */
#pragma once

#include "common/order.h"

/* A data disk and what is on it; all borrowed. */
struct luks_disk {
	const char *device, *serial;
	uint64_t size_bytes;
	bool wanted; /* rack.ini wants it encrypted */
	const char *contents; /* disks.h: "" blank; else in words */
	const char *uuid; /* as it is to be */
	const char *found_uuid; /* of the LUKS that is there; NULL: none */
	bool unfinished; /* it has no key slot: making it was cut short */
	bool begun; /* making it was begun, says this node's record, and not ended */
};

enum luks_action {
	LUKS_OPEN = 0, /* it is ours */
	LUKS_MAKE, /* blank, or our own making was cut short: nothing can be in it */
	LUKS_LEAVE, /* it neither is nor is to be encrypted */
	LUKS_REFUSE, /* *ret_why says why; caller frees */
};
enum luks_action luks_decide(const struct luks_disk *d, char **ret_why); /* Pure. */
/* The mapping of a LUKS with that UUID: "ondol-3f2a9c01". Pure. */
#define LUKS_NAME 15
void luks_name(const char *uuid, char ret[static LUKS_NAME]);
void luks_uuid(
	const char *rack, const struct order_disk *disk, char ret[static 37]); /* Pure. */
/* The key of a disk in ondold's answer (docs/protocol.md, disk-keys); NULL: none. Borrowed. */
const char *luks_key(const json_t *answer, const struct order_disk *disk);

/*
 * enter: every data disk becomes as rack.ini wants it, or is refused. Else those that are there and
 * ours are opened, whatever rack.ini wants of them now; what cannot be opened is only told.
 */
int luks_open(const struct desired *d, bool enter, char **ret_text);
/* Closes all that are open; one with nothing inside becomes a blank disk. One in use stays open. */
int luks_close(char **ret_text);
