/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node's network is to be: the desired state worked out into rows of OVSDB and
 * links with addresses. Pure: NICs and datapath come in by name.
 */
#pragma once

#include "common/order.h"
#include "netconf/rows.h"

struct plan_link { /* an interface of the kernel, and its file for systemd-networkd */
	char *name; /* owned */
	bool uplink; /* a NIC; else a port of Open vSwitch */
	unsigned mtu;
	uint32_t address; /* host order; 0: none, the link is only up */
	unsigned prefix;
	uint32_t gateway; /* 0: none */
};

struct plan {
	struct rows rows;
	struct plan_link *links; /* owned; NICs first */
	size_t n_links;
};

void plan_free(struct plan *p);
void plan_freep(struct plan **p);

/*
 * Checks what the JSON reader cannot: names that are safe as interface and file names,
 * used once, references, VLANs that the bridge carries. 0, or -EINVAL with *reterr_msg;
 * caller frees.
 */
int plan_check(const struct desired *d, char **reterr_msg);

/*
 * nics: the name of the uplink of each bridge, in the order of d->bridges. d has passed
 * plan_check. With the datapath "netdev" a tunnel network is a bridge, its address on the
 * local port; with others it is an internal port like any network. A provider network is
 * a bridge always. 0, or -EINVAL with *reterr_msg (a NIC named like a network); caller
 * frees.
 */
int plan_bridged(const struct desired *d, char *const nics[], const char *datapath_type,
	struct plan **ret, char **reterr_msg);

/*
 * The network of a node that has never had a confirmed one: no bridge, and the NIC of the
 * provisioning network has its address itself.
 */
struct plan *plan_plain(const struct desired *d, const char *nic);
/* The untagged network by which the node was installed, and its bridge. -ENOENT: none. */
int plan_native_port(const struct desired *d, const struct desired_port **ret_port,
	const struct desired_bridge **ret_bridge);

/* Would both make the same plan? Revision, peers, disks and keys do not matter. */
bool plan_same_network(const struct desired *a, const struct desired *b);

/*
 * A MAC of its own for a port, the same after each boot: that of the NIC for the untagged
 * network (the address was the NIC's before), else one derived from NIC and VLAN.
 */
void plan_port_mac(
	const struct mac_addr *nic, unsigned vlan, bool native, struct mac_addr *ret);
