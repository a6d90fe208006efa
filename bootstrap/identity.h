/* SPDX-License-Identifier: Apache-2.0 */
/* Is this inventory the server that rack.ini means? Pure. */
#pragma once

#include "common/inventory.h"

/*
 * NULL when serial, UUID and MACs are the node's; else what differs, for people; caller
 * frees. When the rack has a node that it is instead, that one is named; rack may be NULL.
 */
char *identity_check(const struct rack *rack, const struct rack_node *node,
	const struct inventory *inv);
/*
 * NULL, or that two boards (no MAC in common) have one serial number or UUID; caller frees.
 * What makers leave unset, such as 1234567890 or all F, is nobody's.
 */
char *identity_twice(const char *name, const struct inventory *inv,
	const char *other_name, const struct inventory *other);
