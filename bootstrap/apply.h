/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a new rack.ini means for each node, decided before anything is done. Pure.
 */
#pragma once

#include "bootstrap/fsm.h"
#include "common/inventory.h"
#include "common/rack.h"

#define APPLY_MAX_WIPE 64 /* disks that one apply may name */

enum apply_action {
	APPLY_NONE,
	APPLY_LOOK, /* it is to be installed, and no agent has seen its disks */
	APPLY_ASKS, /* an agent has, and waits to be agreed to: nothing begins by itself */
	APPLY_INSTALL,
	APPLY_HELD, /* it is to be installed, and what was seen of its disks forbids it: left alone */
	APPLY_CONVERGE,
	APPLY_REMOVE,
	APPLY_REFUSED
};
const char *apply_action_str(enum apply_action a); /* as in docs/protocol.md */

struct apply_view { /* what ondold knows of the node; all borrowed */
	const struct fsm_node *fsm;
	const struct inventory *inv; /* may be NULL */
	const char *
		trouble; /* why none of its disks may be written; NULL: one may, or is unknown */
	bool desired_changes;
	bool cloud; /* the rack in force is a cloud */
	const char *const
		*wipe; /* serials and WWNs named by the operator, NULL-terminated */
};

/*
 * before: the node in the rack in force, NULL when it is new (then view may be NULL).
 * *ret_why: words, never NULL; caller frees.
 */
enum apply_action apply_decide(const struct rack_node *before,
	const struct rack_node *after, const struct apply_view *view, char **ret_why);
/* What it means that a node is not in the new rack; cloud: as above. Caller frees. */
char *apply_removal(const struct rack_node *before, bool cloud);
/* Why ondold cannot move from where installed nodes look for it; NULL: it does not. Caller frees. */
char *apply_address_change(const struct rack *before, const struct rack *after);
/* What of the hardware differs, for people; NULL: nothing. Caller frees. */
char *apply_hardware_change(
	const struct rack_node *before, const struct rack_node *after);
