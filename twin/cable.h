/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NICs of a container node: a veth pair each, one end in the network namespace of the
 * node (with the MAC of rack.ini), the other in the rack's switch. Blocks.
 */
#pragma once

#include "twin/plan.h"

/*
 * Makes them; none are there (cable_unplug). The caller is alone in a new network namespace; outside is a socket
 * of the rack's namespace, whose pid 1 holds it. -errno with *reterr_msg.
 */
int cable_plug(const struct twin_plan *p, const struct twin_node *n, int outside,
	char **reterr_msg);
/* Removes them, as far as there are any. The caller is in the rack's namespace. */
int cable_unplug(const struct twin_plan *p, const struct twin_node *n, char **reterr_msg);
/* "eth0" for nic.1 */
void cable_name(size_t nic, char ret[static TWIN_IF_NAME]);
/* The address that firmware or an agent has on nic.1; and none for the system that follows. */
int cable_address(
	const struct twin_plan *p, const struct twin_node *n, char **reterr_msg);
int cable_no_address(char **reterr_msg);
