/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a new installation, and then the node's role, would do to each disk of a server: for
 * those who are to agree to it. It says what node_install.c (the system disk) and ondol-noded
 * (the others) decide when it comes to it, from what was seen last. Pure.
 */
#pragma once

#include "common/digest.h"
#include "common/inventory.h"
#include "common/roledef.h"

enum disk_fate {
	DISK_FATE_KEPT, /* nobody touches it */
	DISK_FATE_WRITTEN, /* the image is written to it: what is on it is lost */
	/* the system disk or its mirror, but it holds what is not this rack's: to be named first */
	DISK_FATE_REFUSED,
	DISK_FATE_USED, /* the role's: taken when blank, kept when it is the role's, else refused */
	DISK_FATE_MISSING, /* none of the server's disks, or more than one, is the declared one */
	DISK_FATE_UNSEEN /* no agent has seen the server yet: decided by what it finds */
};
const char *disk_fate_str(enum disk_fate f); /* as in docs/protocol.md */

enum disk_past { /* what ondold knows of the system disk and its mirror that no inventory says yet */
	DISK_PAST_NONE, /* it is as it was seen */
	DISK_PAST_SYSTEM, /* the node's system was written to it */
	DISK_PAST_HALF /* an agent had its order and did not come to the end */
};

struct diskplan_view { /* all borrowed */
	const struct rack_node *node;
	const struct roledef *role; /* NULL: not known */
	const struct inventory *inv; /* NULL: never seen */
	enum disk_past past;
	bool wrote_mirror; /* what past says of the system disk is so of its mirror too */
	const char *rack_id; /* rackid.h: of the rack whose system disks are ours */
};

struct diskplan {
	const struct rack_disk *declared; /* borrowed; NULL: it is not in rack.ini */
	const struct inv_disk *found; /* borrowed; NULL: none */
	enum disk_fate fate;
	char *holds; /* owned: what is on it, for people; "" when that is not known */
	char *what; /* owned: what would happen to it, for people */
};

struct diskplans {
	/* owned: rack.ini's, by bay; then what else the server has */
	struct diskplan *list;
	size_t n;
};

void diskplans_make(const struct diskplan_view *v, struct diskplans *ret);
void diskplans_clear(struct diskplans *p);
/* Is it the system disk that is declared, or its mirror? */
bool diskplan_is_system(const struct diskplan *p);

/*
 * The plan lock: a digest of all that was seen of a server's disks (inv; NULL: nothing), which
 * is another when one of them is, or when something else is on it.
 */
void diskplan_lock(
	const struct inventory *inv, enum disk_past past, char ret[static DIGEST_HEX]);

/*
 * "blank", "an ondol system", "another rack's ondol system", "LVM2_member on p2, gpt": what was
 * seen on a disk. rack_id may be NULL: then it is not said whose system it is. Caller frees.
 */
char *disk_holds(const struct inv_disk *d, const char *rack_id);
