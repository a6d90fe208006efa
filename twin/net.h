/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rack's network inside its own namespace: a tap for each NIC, a private Open vSwitch
 * (userspace datapath: no kernel module needed) with the VLANs of the rack, and the
 * deployment host's two interfaces. Nothing of it touches the host's own Open vSwitch.
 */
#pragma once

#include <systemd/sd-event.h>

#include "twin/plan.h"

struct net;

/*
 * Blocks until the switch forwards. failed (userdata) is called when the switch dies later.
 * On failure *reterr_msg says what did not work.
 */
int net_up(sd_event *event, const struct twin_plan *p,
	void (*failed)(const char *why, void *userdata), void *userdata, struct net **ret,
	char **reterr_msg);
void net_free(struct net *n);
/* The environment that makes ovs-* tools speak with the rack's switch; caller frees. */
char *net_ovs_rundir(const char *dir);
