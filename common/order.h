/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two documents that ondold gives to a node: the install order for the agent and the
 * desired state for ondol-noded and ondol-netconf. JSON forms: docs/protocol.md.
 */
#pragma once

#include <jansson.h>

#include "common/inventory.h"
#include "common/orderimage.h"
#include "common/rack.h"

/* ---- the install order ---- */

struct order_disk {
	char *serial, *wwn; /* exactly as inventoried; at least one is not "" */
	uint64_t size_bytes;
	bool encrypt; /* a data disk: its contents are inside of LUKS */
};

struct order_target { /* a disk that the installation writes */
	struct order_disk disk;
	struct inv_signatures holds; /* seen on it, and to be found on it again */
	bool wipe; /* the operator named this disk: foreign signatures on it may go */
};
#define ORDER_MAX_TARGETS 2

struct install_order {
	struct order_target
		targets[ORDER_MAX_TARGETS]; /* the system disk, then its mirror */
	size_t n_targets; /* 1 or 2 */
	struct order_image image;
	char *rack_id; /* rackid.h: of this rack's system disks, and of the table to be written */
	enum disk_erase erase; /* all of them, before anything is written */
	uint64_t swap_bytes; /* of a swap partition; 0: none */
	json_t *desired; /* owned: the first desired state, kept as /etc/ondol/desired.json */
};

json_t *install_order_to_json(const struct install_order *o);
int install_order_from_json(
	const json_t *root, struct install_order **ret, char **reterr_msg);
void install_order_free(struct install_order *o);
void install_order_freep(struct install_order **o);

/* ---- the desired state ---- */

struct desired_bridge {
	char *name; /* "br-nic1" */
	struct mac_addr uplink; /* the NIC, by MAC */
	unsigned mtu;
	unsigned native_vlan; /* 0: no untagged traffic */
	unsigned trunks[RACK_MAX_NETWORKS]; /* tagged VLANs */
	size_t n_trunks;
};

struct desired_port { /* an internal port with an address: one per network */
	char *name; /* the network's name */
	char *bridge; /* the bridge's name */
	unsigned vlan;
	unsigned mtu;
	uint32_t address; /* host order */
	unsigned prefix;
	uint32_t gateway; /* 0: none */
	bool tunnel; /* the cloud's tunnels end at this address */
};

struct desired_provider { /* a network without an address, for the cloud's own routers */
	char *name; /* the network's name, and that of its bridge */
	char *bridge; /* the bridge of the NIC that carries it */
	unsigned vlan;
};

struct desired_address {
	char *network;
	uint32_t address; /* host order */
};

struct desired_bay { /* a disk with use = data, as the profile has it */
	char *name; /* "d1", "d2", ... in bay order */
	uint64_t size_bytes;
};

struct desired_peer { /* every node of the rack, this one included */
	char *name, *role, *kind; /* kind "" when none */
	uint32_t management; /* address in the management network, else provisioning */
	struct desired_address *addresses; /* in every network of the node */
	size_t n_addresses;
	struct desired_bay *data_disks;
	size_t n_data_disks;
};

/* ---- the desired state of a rack that is a cloud; code in ordercloud.c ---- */

struct desired_external { /* the network of the floating IPs */
	char *name;
	uint32_t subnet;
	unsigned prefix;
	uint32_t gateway; /* 0: none */
	uint32_t first, last; /* the floating IPs */
	unsigned mtu;
};

struct desired_cloud {
	char *public; /* host name or address of the endpoints */
	char *controller; /* the controller's address in the endpoints' network */
	char *network; /* the endpoints' network */
	char *region;
	char *virtualization; /* "auto", "kvm" or "emulated" */
	char *student; /* the first user and its project */
	char **services; /* optional services, NULL-terminated */
	char **dns; /* resolvers for tenant networks, NULL-terminated */
	struct desired_external *external; /* NULL: no floating IPs */
};

struct desired_secret {
	char *name; /* "db.glance", "tls.key" */
	char *value; /* wiped before it is freed; may have several lines (PEM) */
};

struct desired_node_facts {
	char *name; /* a node that is heard */
	char **proofs; /* names of its proofs that are ok, NULL-terminated */
};

struct desired_blob { /* bytes that the controller gave to ondold for the others */
	char *name;
	char *sha256; /* 64 hex digits */
	uint64_t size_bytes;
};

struct desired_facts { /* what is known of the rack at this moment; no new revision */
	uint64_t rev; /* 0: none were sent */
	struct desired_node_facts *nodes;
	size_t n_nodes;
	struct desired_blob *blobs;
	size_t n_blobs;
};

struct desired_restore { /* the blob controller-backup.tar.gz, to be loaded on the first start */
	char *sha256;
	uint64_t size_bytes;
};

struct desired {
	uint64_t revision;
	char *rack, *node, *role, *kind; /* kind "" when the role has none */
	uint32_t server; /* ondold's address */
	unsigned server_port;
	unsigned patience_percent; /* how far deadlines are stretched; 100: not at all */
	struct desired_bridge *bridges;
	size_t n_bridges;
	struct desired_port *ports;
	size_t n_ports;
	struct desired_provider *providers;
	size_t n_providers;
	struct order_disk *data_disks;
	size_t n_data_disks;
	struct desired_peer *peers;
	size_t n_peers;
	char **ssh_keys;
	size_t n_ssh_keys;
	struct desired_cloud *cloud; /* NULL: the rack is no cloud */
	struct desired_secret *secrets; /* exactly those that the node's parts mention */
	size_t n_secrets;
	struct desired_facts facts;
	struct desired_restore *restore; /* NULL: nothing to restore */
};

/* Limits of the strict reader. */
#define DESIRED_MAX_SECRETS 256
#define DESIRED_MAX_PATIENCE 100000
#define DESIRED_MAX_SECRET 16384
#define DESIRED_MAX_BLOBS 128
#define DESIRED_MAX_BLOB_NAME 64
#define DESIRED_MAX_FACTS 128

/*
 * The desired state of a node from the model. data disks are those of inv (may be NULL:
 * none known yet) that match. The caller frees.
 */
struct desired *desired_from_rack(const struct rack *r, const struct rack_node *n,
	const struct inventory *inv, uint64_t revision);
/*
 * The same in two parts, for who needs it for every node of a large rack: without its peers;
 * and these, as they stand in the JSON form, which are the same for all. New reference.
 */
struct desired *desired_alone(const struct rack *r, const struct rack_node *n,
	const struct inventory *inv, uint64_t revision);
json_t *desired_peers_json(const struct rack *r);
/* The value of a secret of this node; NULL: it has none of that name. Borrowed. */
const char *desired_secret(const struct desired *d, const char *name);
/* True when that node has said the proof is ok; of any node of a role (kind NULL: of any kind). */
bool desired_fact(const struct desired *d, const char *node, const char *proof);
bool desired_role_fact(
	const struct desired *d, const char *role, const char *kind, const char *proof);
const struct desired_peer *desired_peer(const struct desired *d, const char *name);
/* The peer's address in a network; 0: it has none. */
uint32_t desired_peer_address(const struct desired_peer *p, const char *network);
const struct desired_blob *desired_blob(const struct desired *d, const char *name);
json_t *desired_to_json(const struct desired *d);
int desired_from_json(const json_t *root, struct desired **ret, char **reterr_msg);
void desired_free(struct desired *d);
void desired_freep(struct desired **d);
