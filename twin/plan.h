/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the twin is made of, worked out from the rack model and the options before
 * anything is started: which nodes, which files, which addresses and ports. Pure; the
 * plan borrows from the rack and owns the rest.
 */
#pragma once

#include "common/rack.h"
#include "twin/fault.h"

#define TWIN_IF_NAME 16 /* IFNAMSIZ */
#define TWIN_DISK_NAME 16
#define TWIN_DISK_SERIAL 20 /* ATA and NVMe have room for 20 characters */
#define TWIN_MAX_NODE_DIR 90 /* UNIX socket paths end at 107 characters */
#define TWIN_BRIDGE "sw0"
#define TWIN_IPMI_PORT 623

enum twin_accel { TWIN_ACCEL_AUTO, TWIN_ACCEL_KVM, TWIN_ACCEL_TCG };
const char *twin_accel_str(enum twin_accel a);
int twin_accel_parse(const char *s, enum twin_accel *ret);

/* What the servers are: emulated machines, or containers on the node image. */
enum twin_form { TWIN_MACHINES, TWIN_CONTAINERS };

struct twin_disk {
	unsigned bay;
	bool system; /* rack.ini installs onto it */
	enum disk_bus bus;
	uint64_t size_bytes;
	char serial[TWIN_DISK_SERIAL + 1];
	char wwn[17]; /* 16 lower-case hex digits */
	char name[TWIN_DISK_NAME]; /* the kernel's, in a container: "sda", "nvme0n1" */
	char *path; /* owned */
};

struct twin_nic {
	const struct rack_nic *rack; /* borrowed */
	struct mac_addr mac;
	unsigned mtu;
	char tap[TWIN_IF_NAME];
};

struct twin_node {
	const struct rack_node *rack; /* borrowed */
	char uuid[37];
	struct twin_nic nics[RACK_MAX_NICS];
	size_t n_nics;
	struct twin_disk disks[RACK_MAX_DISKS];
	size_t n_disks;
	char *dir; /* owned: its sockets and logs */
	char *disk_dir; /* owned: its disks and NVRAM */
	char *nvram, *console; /* owned: paths; nvram of a machine only */
	unsigned kcs_port; /* TCP on loopback: the BMC's side of the in-band interface */
	unsigned sol_port; /* TCP on loopback: the BMC's side of the serial console */
	struct twin_fault *fault; /* owned; what is broken now, which changes */
};

struct twin_plan {
	const struct rack *rack; /* borrowed */
	char *dir, *disks, *images; /* owned, absolute */
	enum twin_form form;
	unsigned memory_mib, cpus;
	enum twin_accel accel;
	char bmc_if[TWIN_IF_NAME];
	uint32_t bmc_host; /* the deployment host's address on the network of the BMCs */
	struct twin_node *nodes; /* owned, in file order */
	size_t n_nodes;
};

struct twin_options {
	const char *const *node_names; /* borrowed */
	size_t n_node_names;
	unsigned n_nodes; /* 0: all; not both this and names */
	unsigned memory_mib, cpus; /* memory 0: see twin_memory_mib() */
	enum twin_form form;
	enum twin_accel accel;
	const char *dir, *disks; /* absolute */
	const char *images; /* absolute; where a container's root comes from */
};

/*
 * Which nodes: those named, or n of them: the first of each role and kind in file order,
 * then the others. ret has room for rack->n_nodes and is filled in file order.
 * -EINVAL and *reterr_msg when a name is unknown or given twice, or n is too large.
 */
int twin_select(const struct rack *rack, const struct twin_options *opt,
	const struct rack_node **ret, size_t *ret_n, char **reterr_msg);
/* -EINVAL and *reterr_msg when the rack holds something that a twin cannot have. */
int twin_plan_new(const struct rack *rack, const struct twin_options *opt,
	struct twin_plan **ret, char **reterr_msg);
/* What --memory is when it is not given: a machine's own, or a container's share of the host. */
unsigned twin_memory_mib(enum twin_form form, size_t n_nodes, uint64_t host_bytes);
void twin_plan_free(struct twin_plan *p);
void twin_plan_freep(struct twin_plan **p);
const struct twin_node *twin_plan_node(const struct twin_plan *p, const char *name);
