/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's network as a whole: OVSDB, kernel and systemd-networkd together. Compares
 * them with a plan and brings them in line with it. Knows nothing of what came before or
 * of going back: that is apply.h.
 */
#pragma once

#include "netconf/kernel.h"
#include "netconf/loop.h"
#include "netconf/networkd.h"
#include "netconf/plan.h"

enum net_addresses { NET_ADDRESSES_AUTO, NET_ADDRESSES_NETWORKD, NET_ADDRESSES_NETLINK };

struct net_options {
	const char *db; /* borrowed: "unix:PATH" */
	const char *datapath; /* borrowed: "system", "netdev"; NULL: probe */
	enum net_addresses addresses; /* auto: systemd-networkd where it is on the bus */
	bool debug;
};

struct net {
	struct loop loop;
	struct kernel *kernel; /* owned */
	sd_bus *networkd; /* owned; NULL: addresses by rtnetlink */
	const char *datapath; /* borrowed */
	bool changed; /* something was written through this net */
};

int net_open(const struct net_options *o, struct net *ret, char **reterr_msg);
void net_close(struct net *n);

/* Waits for the copy of OVSDB. 0, -ETIMEDOUT or -EINTR with *reterr_msg. */
int net_wait_ovsdb(struct net *n, uint64_t deadline_ms, char **reterr_msg);

/* Finds the NICs of a desired state. Without a copy of OVSDB, judges by sysfs alone. */
int net_plan(
	struct net *n, const struct desired *d, struct plan **ret, char **reterr_msg);
int net_plan_plain(
	struct net *n, const struct desired *d, struct plan **ret, char **reterr_msg);

/*
 * What in the way of the plan is not ours: -EEXIST with *reterr_msg; 0: nothing. Waits
 * for ovs-vswitchd when it still has a change to apply.
 */
int net_check_foreign(struct net *n, const struct plan *plan, char **reterr_msg);

/* A line for each difference; NULL-terminated, free with rows_strv_free. */
int net_diff(struct net *n, const struct plan *plan, char ***ret, char **reterr_msg);

/*
 * Brings everything in line and waits until the kernel shows it. With addresses_anyway
 * they are set also when Open vSwitch fails (which is still an error) and when OVSDB is
 * not there (which is none): a node that answers on a bare NIC is better than one that
 * does not. 0, or -errno with *reterr_msg.
 */
int net_put(struct net *n, const struct plan *plan, bool addresses_anyway,
	uint64_t deadline_ms, char **reterr_msg);
