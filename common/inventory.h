/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server is, as the agent found it: SMBIOS, CPUs, memory, disks with what is on
 * them, NICs. Travels as JSON from agent to ondold (docs/protocol.md).
 */
#pragma once

#include <jansson.h>

#include "common/rack.h"

struct inv_signature { /* one thing libblkid found, on the disk or one of its partitions */
	char *where; /* "" the disk itself, else "p1", "p2", ... */
	char *type; /* "ext4", "LVM2_member", "linux_raid_member", "gpt", "dos", ... */
	/*
	 * A partition's name in the table, else what the file system or the volume group is
	 * called; of a table its disk GUID or identifier; "" when none.
	 */
	char *label;
};

struct inv_signatures {
	struct inv_signature *list; /* owned */
	size_t n;
};

struct inv_disk {
	char *name; /* kernel name, "sda": for people, never for matching */
	char *serial; /* "" when the disk says none */
	char *wwn; /* lower case hex without 0x, "" when none */
	char *model;
	enum disk_bus bus;
	int bay; /* -1: could not be told */
	uint64_t size_bytes;
	unsigned sector_bytes; /* logical */
	bool rotational, removable, read_only;
	struct inv_signatures holds;
};

struct inv_nic {
	char *name;
	struct mac_addr mac;
	char *driver;
	bool link;
	unsigned speed_mbps; /* 0: unknown */
};

struct inventory {
	char *vendor, *product, *serial; /* SMBIOS type 1 */
	char uuid[37];
	char *bios_version;
	unsigned cpus;
	char *cpu_model;
	bool cpu_virt; /* vmx or svm */
	uint64_t memory_bytes;
	bool uefi;
	struct inv_disk *disks;
	size_t n_disks;
	struct inv_nic *nics;
	size_t n_nics;
};

json_t *inventory_to_json(const struct inventory *inv); /* new reference */
json_t *inventory_disks_to_json(
	const struct inventory *inv); /* its "disks"; new reference */
/* Strict; *reterr_msg says what was wrong; caller frees both. */
int inventory_from_json(const json_t *root, struct inventory **ret, char **reterr_msg);
void inventory_free(struct inventory *inv);
void inventory_freep(struct inventory **inv);
bool inv_disk_is_blank(const struct inv_disk *d);
/* Is there nothing on it but a GPT with ondol-* labels, of whatever rack? */
bool inv_disk_is_ondols(const struct inv_disk *d);
/* And is that of the rack with this identity (rackid.h)? */
bool inv_disk_is_ours(const struct inv_disk *d, const char *rack_id);
/* "LVM2_member on p2, gpt": what is on it, for people; caller frees. */
char *inv_disk_contents(const struct inv_disk *d);

/* ---- signatures by themselves: what somebody was shown of a disk ---- */

/* What of a is not in b, for people: "ext4 on p1"; NULL: all of it is. Caller frees. */
char *inv_signatures_beyond(
	const struct inv_signatures *a, const struct inv_signatures *b);
json_t *inv_signatures_to_json(const struct inv_signatures *s); /* new reference */
struct jx;
/* The array `key` of j's object. *ret is to be cleared after an error too, which is j's. */
void inv_signatures_from_json(struct jx *j, const char *key, struct inv_signatures *ret);
void inv_signatures_clear(struct inv_signatures *s);
