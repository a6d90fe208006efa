/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Swift's rings, built on the controller from the rack's object nodes and given to ondold
 * for the others (docs/protocol.md, blobs). Blocks; for workers.
 */
#pragma once

#include "common/order.h"

/*
 * Brings the three builders to exactly the devices of the rack's object nodes, as many
 * replicas as there are nodes up to three, rebalances when something changed, and
 * gives the rings to ondold. Repeatable at any point. 0, or -errno with *reterr_msg;
 * caller frees. *ret_text: what the rings hold now.
 */
int rings_ensure(const struct desired *d, char **ret_text);
/* The devices, one a line, for a digest: "10.77.40.19 d1 1920000000000"; caller frees. */
char *rings_devices(const struct desired *d);
