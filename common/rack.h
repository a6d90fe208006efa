/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rack model: what rack.ini says, validated. Everything above reads this model and
 * never the file. The file's format is documented in docs/rack.ini.5.scd.
 *
 * The model owns all it points to and does not change once loaded. Pointers between its
 * parts (node->profile, nic->native, ...) are borrowed from the same model.
 */
#pragma once

#include "common/conf.h"
#include "common/parse.h"

#define RACK_MAX_NODES 10000
#define RACK_MAX_NETWORKS 16
#define RACK_MAX_NICS 4
#define RACK_MAX_DISKS 16
/* A network's name is also the name of the interface on each node: IFNAMSIZ allows 15. */
#define RACK_MAX_NETWORK_NAME 12

enum network_use {
	NETWORK_NODES, /* every node has an address in it */
	NETWORK_TUNNEL, /* so, and the cloud's tunnels end at those addresses; at most one */
	/* the cloud's routers connect to it, and of the nodes those that give out shares there */
	NETWORK_EXTERNAL /* at most one */
};
const char *network_use_str(enum network_use use);
int network_use_parse(const char *s, enum network_use *ret);

struct rack_network {
	char *name; /* "provisioning", "management", "tunnel", "storage", ... */
	unsigned line;
	struct ipv4_net subnet;
	unsigned vlan; /* 1..4094 */
	unsigned mtu; /* 1280..9216 bytes, without Ethernet header */
	uint32_t gateway; /* host order, 0: none */
	enum network_use use;
	uint32_t range_first, range_last; /* of floating addresses; 0 unless external */
	bool shares; /* external: shares are given out in it, at their nodes' addresses */
};

struct rack_nic { /* a physical port of every node of a profile, nic.1 first */
	const struct rack_network *native; /* borrowed, NULL: no untagged traffic */
	const struct rack_network *tagged[RACK_MAX_NETWORKS]; /* borrowed */
	size_t n_tagged;
};

enum disk_use { DISK_SPARE, DISK_SYSTEM, DISK_DATA, DISK_MIRROR };
enum disk_bus {
	DISK_BUS_OTHER,
	DISK_BUS_SATA,
	DISK_BUS_SAS,
	DISK_BUS_NVME,
	DISK_BUS_VIRTIO,
	DISK_BUS_USB
};
enum disk_erase {
	DISK_ERASE_NONE,
	DISK_ERASE_DISCARD,
	DISK_ERASE_SECURE,
	DISK_ERASE_ZERO
};
const char *disk_use_str(enum disk_use use);
const char *disk_erase_str(enum disk_erase erase);
int disk_erase_parse(const char *s, enum disk_erase *ret);
const char *disk_bus_str(enum disk_bus bus); /* "other", "sata", "sas", "nvme", ... */
int disk_use_parse(const char *s, enum disk_use *ret);
int disk_bus_parse(const char *s, enum disk_bus *ret);
bool disk_use_is_system(enum disk_use use); /* the system disk, or its mirror */

struct rack_disk { /* a bay of every node of a profile: disk.1 is bay 1 */
	unsigned bay;
	enum disk_use use;
	enum disk_bus bus;
	uint64_t size_bytes; /* as sold; a disk matches within 5 % */
	enum disk_erase
		erase; /* of a system disk or its mirror, before an installation */
	bool encrypt; /* a data disk: with LUKS, under a key of ondold's */
};

struct rack_profile {
	char *name;
	unsigned line;
	char *vendor; /* SMBIOS manufacturer, "HPE" */
	char *product; /* SMBIOS product name, "ProLiant DL360 Gen10" */
	struct rack_nic nics[RACK_MAX_NICS]; /* nics[0] is nic.1, the one that boots */
	size_t n_nics;
	struct rack_disk disks[RACK_MAX_DISKS]; /* by bay, ascending */
	size_t n_disks; /* one is the system disk, one more may be its mirror */
	uint64_t memory_bytes; /* 0: not said */
	unsigned memory_line;
	uint64_t swap_bytes; /* of a partition of the system disk; 0: none */
};

struct rack_node_disk { /* what the file says beyond the profile of one disk of one node */
	char *serial; /* NULL: not said */
	char *wwn; /* NULL: not said; lower case, no 0x */
};

struct rack_node {
	char *name;
	unsigned line;
	unsigned unit; /* rack unit, 0: not said */
	const struct rack_profile *profile; /* borrowed */
	char *role; /* the name of a role file */
	char *kind; /* of that role, NULL: it has none */
	uint32_t bmc; /* address of its BMC */
	unsigned host; /* host number in every network */
	struct mac_addr macs[RACK_MAX_NICS]; /* macs[0] is nic.1 */
	char *serial; /* chassis serial, as SMBIOS says it */
	char uuid[37]; /* "" when not said */
	struct rack_node_disk disks[RACK_MAX_DISKS]; /* beside profile->disks */
};

struct rack_cloud { /* [cloud] */
	unsigned line;
	char **services; /* the optional services, NULL-terminated */
	char *name; /* of the endpoints; NULL: the controller's address */
	const struct rack_network *network; /* borrowed: where the endpoints are */
	char *region;
	char *virtualization; /* "auto", "kvm" or "emulated" */
	char **dns; /* resolvers for the tenants' networks, NULL-terminated */
	char *student; /* the first user, and its project */
};

struct rack_deadlines { /* [deadlines], in ms; a stall is a time without progress */
	unsigned powering_ms, resetting_bmc_ms, network_booting_ms, agent_ms;
	unsigned installing_ms, installing_stall_ms;
	unsigned first_boot_ms, configuring_stall_ms;
};

struct rack {
	char *name;
	char *file; /* as shown in messages */
	char **ssh_keys; /* authorized_keys lines for root on the nodes */
	size_t n_ssh_keys;

	/* [deploy]: the host that runs ondold */
	char *interface; /* its NIC on the provisioning network */
	uint32_t address; /* its address there */
	unsigned http_port; /* boot scripts and files */
	unsigned api_port; /* the node API, over TLS */
	char *image; /* image profile: "core", "full" */
	unsigned parallel_installs; /* 1..RACK_MAX_NODES */
	uint64_t cast_bytes_per_s; /* of an image's multicast, at most; 0: none */
	uint32_t cast_group; /* host order: of address, in 239.255.0.0/16 (RFC 2365) */
	unsigned cast_port; /* UDP: one above api_port */
	unsigned power_on_interval_ms; /* 0..60000: between two power-ons of the rack */
	uint64_t keep_events_ms;
	/* 0..9: of a run, after a failure that a power cycle can mend */
	unsigned retries;
	uint32_t page_address; /* where operators reach the page over TLS */
	unsigned page_port; /* 0: no page */
	struct rack_deadlines deadlines; /* of each state of a node */

	/* [bmc]: the network of the service processors */
	struct ipv4_net bmc_subnet;
	unsigned bmc_vlan;

	struct rack_network *networks;
	size_t n_networks;
	const struct rack_network *provisioning; /* borrowed from networks */
	struct rack_profile *profiles;
	size_t n_profiles;
	struct rack_node *nodes; /* file order */
	size_t n_nodes;
	struct rack_index *index; /* owned: rack.c's, to find nodes by */

	struct rack_cloud *cloud; /* NULL: the rack is no cloud */
};

struct roledefs;

/*
 * Builds the model from a parsed file. Adds every problem found to problems; returns 0
 * only when there is none, -EINVAL otherwise. roles (borrowed) is the set of role files
 * that node roles must name.
 */
int rack_from_conf(struct conf *c, const struct roledefs *roles,
	struct problems *problems, struct rack **ret);
/* conf_load + rack_from_conf */
int rack_load(const char *path, const struct roledefs *roles, struct problems *problems,
	struct rack **ret);
/* conf_parse + rack_from_conf; file is the name shown in messages */
int rack_parse(const char *file, const char *text, size_t len,
	const struct roledefs *roles, struct problems *problems, struct rack **ret);
void rack_free(struct rack *r);
void rack_freep(struct rack **r);

/* Once, when all nodes are read and before one is looked for. */
void rack_make_index(struct rack *r);
const struct rack_node *rack_node(const struct rack *r, const char *name);
/* *ret_port (may be NULL): which of its ports, 0-based. */
const struct rack_node *rack_node_by_mac(
	const struct rack *r, const struct mac_addr *mac, size_t *ret_port);
/* By its address in the network. */
const struct rack_node *rack_node_by_address(
	const struct rack *r, const struct rack_network *net, uint32_t address);
const struct rack_network *rack_network(const struct rack *r, const char *name);
/* The node's address in a network: subnet base + host number; host byte order. */
uint32_t rack_address(const struct rack_node *n, const struct rack_network *net);
/* Has the node an address in it? In an external network those have that give out shares there. */
bool rack_has_address(
	const struct rack *r, const struct rack_node *n, const struct rack_network *net);
/* Which of the node's NICs carries the network, 0-based; -1: none. */
int rack_nic_of(const struct rack_node *n, const struct rack_network *net);
/* The index of a profile's disk with that use; -1: it has none. */
int rack_disk_of(const struct rack_profile *p, enum disk_use use);
/* The largest MTU of the networks a NIC carries. */
unsigned rack_nic_mtu(const struct rack_nic *nic);

/* ---- of a rack that is a cloud (rackcloud.c) ---- */
/* The one node with the role controller. */
const struct rack_node *rack_controller(const struct rack *r);
/* The network of the floating IPs; NULL: none. */
const struct rack_network *rack_external(const struct rack *r);
/* The host of the public endpoints: cloud->name, else the controller's address. Caller frees. */
char *rack_public_name(const struct rack *r);

struct partdefs;
struct rack_memory { /* what a node's role needs, and what there is */
	uint64_t need_bytes, have_bytes;
	char need[32], have[32]; /* the same for people: "2.6 GiB" */
	char *words; /* owned: "mariadb 260 MiB, nova 560 MiB, ..." */
};
/*
 * What the parts of the node's role need. have_bytes (0: not known) is the caller's word,
 * from rack.ini or the inventory. 0; 1 when it does not fit; -ENOENT when the role names
 * parts that do not exist, which goes to problems. ret->words is freed by the caller.
 */
int rack_memory_fits(const struct rack *r, const struct rack_node *n, uint64_t have_bytes,
	const struct roledefs *roles, const struct partdefs *parts,
	struct problems *problems, struct rack_memory *ret);
/* Every part that a role names exists, and fits into the memory that rack.ini gives. */
void rack_check_parts(const struct rack *r, const struct roledefs *roles,
	const struct partdefs *parts, struct problems *problems);
