/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe guest: where it is put, what it shall ping, and what it said. Pure.
 */
#pragma once

#include "common/order.h"

#define GUEST_NAME \
	"ondol-probe" /* the libvirt domain; never counted as somebody's machine */

struct guest_place {
	const char *network; /* borrowed from desired: which port's network */
	uint32_t address; /* of the guest, host order */
	unsigned prefix, mtu;
	uint32_t target; /* to ping, host order */
	const char *target_name; /* borrowed: a peer, or this node when it has none */
	bool alone; /* there is no other node: the target is this one */
};

/*
 * The network is "storage" when it is in vm_networks and this node has a port there, else
 * the first of vm_networks that has one. The guest's address is taken from the top of the
 * subnet, past every address of a node, the gateway and the server; each node takes
 * another one, by its place among the peers; attempt 1, 2, ... are further ones, for when
 * the first was found taken, and again nobody else's. The target is a storage node, else any
 * other. -EINVAL, -ENOENT or -ENOSPC with *reterr_msg; caller frees.
 */
int guest_choose(const struct desired *d, char *const *vm_networks, unsigned attempt,
	struct guest_place *ret, char **reterr_msg);

/* "console=ttyS0 ondol.ip=10.77.40.254/24 ondol.mtu=9000 ondol.ping=10.77.40.18"; caller frees. */
char *guest_cmdline(const struct guest_place *p);

/*
 * What the serial console says: true when the ping was answered and the guest saw KVM.
 * *ret_text: the guest's own line, or its last words; caller frees.
 */
bool guest_read_log(const char *log, char **ret_text);
