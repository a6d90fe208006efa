/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switch's configuration as arguments for ovs-vsctl: one port per NIC of each node,
 * with the VLANs that the rack says, and the deployment host's two ports. Pure.
 */
#pragma once

#include "twin/args.h"
#include "twin/plan.h"

/* "tag=10 vlan_mode=native-untagged trunks=20" and so on, one word each. */
void switch_vlan_args(struct args *a, const struct rack_nic *nic);
/* Everything after `ovs-vsctl OPTIONS`: the bridge and all its ports, in one transaction. */
void switch_config_args(struct args *a, const struct twin_plan *p);
/* The words that put one NIC's outer end into the switch; nothing for a NIC without networks. */
void switch_nic_args(struct args *a, const struct twin_nic *nic);
/*
 * The interface with which the deployment host plays the router of a network; false when
 * the network has no gateway.
 */
bool switch_gateway_name(const struct twin_plan *p, const struct rack_network *net,
	char ret[static TWIN_IF_NAME]);
