/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two documents that ondold gives to a node: the install order for the agent and the
 * desired state for ondol-noded and ondol-netconf. JSON forms: docs/protocol.md.
 */
#pragma once

#include <jansson.h>

#include "common/inventory.h"
#include "common/rack.h"

/* ---- the install order ---- */

struct order_disk {
	char *serial, *wwn; /* exactly as inventoried; at least one is not "" */
	uint64_t size_bytes;
};

struct order_image {
	char *path;       /* URL path on ondold: "/files/core/root.erofs.zst" */
	char *version;
	char *sha256;     /* of the compressed bytes, 64 hex digits */
	uint64_t size_bytes; /* compressed */
	uint64_t raw_bytes;  /* written to the slot */
};

struct install_order {
	struct order_disk system;
	struct order_image image;
	bool wipe; /* the operator named this disk: foreign signatures on it may go */
	char *node_token; /* for /etc/ondol/node.ini on the installed system; 32 hex digits */
	json_t *desired;  /* owned: the first desired state, kept as /etc/ondol/desired.json */
};

json_t *install_order_to_json(const struct install_order *o);
int install_order_from_json(const json_t *root, struct install_order **ret, char **reterr_msg);
void install_order_free(struct install_order *o);
void install_order_freep(struct install_order **o);

/* ---- the desired state ---- */

struct desired_bridge {
	char *name;           /* "br-nic1" */
	struct mac_addr uplink; /* the NIC, by MAC */
	unsigned mtu;
	unsigned native_vlan; /* 0: no untagged traffic */
	unsigned trunks[RACK_MAX_NETWORKS]; /* tagged VLANs */
	size_t n_trunks;
};

struct desired_port { /* an internal port with an address: one per network */
	char *name;   /* the network's name */
	char *bridge; /* the bridge's name */
	unsigned vlan;
	unsigned mtu;
	uint32_t address; /* host order */
	unsigned prefix;
	uint32_t gateway; /* 0: none */
};

struct desired_peer { /* every node of the rack, this one included */
	char *name, *role, *kind; /* kind "" when none */
	uint32_t management;      /* address in the management network, else provisioning */
};

struct desired {
	uint64_t revision;
	char *rack, *node, *role, *kind; /* kind "" when the role has none */
	uint32_t server;    /* ondold's address */
	unsigned server_port;
	struct desired_bridge *bridges;
	size_t n_bridges;
	struct desired_port *ports;
	size_t n_ports;
	struct order_disk *data_disks;
	size_t n_data_disks;
	struct desired_peer *peers;
	size_t n_peers;
	char **ssh_keys;
	size_t n_ssh_keys;
};

/*
 * The desired state of a node from the model. data disks are those of inv (may be NULL:
 * none known yet) that match. The caller frees.
 */
struct desired *desired_from_rack(const struct rack *r, const struct rack_node *n,
	const struct inventory *inv, uint64_t revision);
json_t *desired_to_json(const struct desired *d);
int desired_from_json(const json_t *root, struct desired **ret, char **reterr_msg);
void desired_free(struct desired *d);
void desired_freep(struct desired **d);
