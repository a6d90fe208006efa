/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the network of this node what the desired state says: measured on the interfaces,
 * not taken from what was configured. Asking ondold over it is the prover's part.
 */
#pragma once

#include "common/order.h"

struct netif {
	char name[16];
	bool up, running; /* administratively up; has a link */
	unsigned mtu;
	struct mac_addr mac;
	uint32_t addresses[16]; /* host order */
	unsigned prefixes[16];
	size_t n_addresses;
};

struct netstate {
	struct netif *list; /* owned */
	size_t n, cap;
};

int netstate_collect(struct netstate *ret); /* 0 or -errno; does not block */
void netstate_clear(struct netstate *s);
const struct netif *netstate_find(const struct netstate *s, const char *name);

/*
 * NULL when every port is there, up, with its address and MTU, and every bridge's uplink
 * has a link; else all that is wrong, in words. Pure. The caller frees.
 */
char *netcheck_judge(const struct netstate *s, const struct desired *d);
/* "provisioning 10.77.0.12/24, storage 10.77.40.12/24 MTU 9000"; caller frees. */
char *netcheck_describe(const struct desired *d);

/*
 * The address that the kernel would speak to the server from; 0 with errno set when there
 * is no route. No packet is sent.
 */
uint32_t netcheck_source(uint32_t server, unsigned port);
/* Is it one of the desired ports' own addresses? */
bool netcheck_is_ours(const struct desired *d, uint32_t address);
