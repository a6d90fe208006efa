/* SPDX-License-Identifier: Apache-2.0 */
/* Is this inventory the server that rack.ini means? Pure. */
#pragma once

#include "common/inventory.h"

/* NULL when serial, UUID and MACs are the node's; else what differs, for people; caller frees. */
char *identity_check(const struct rack_node *node, const struct inventory *inv);
