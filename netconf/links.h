/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of an interface in the kernel, and what differs from the plan. Pure.
 */
#pragma once

#include "netconf/plan.h"

struct link_addr {
	uint32_t address; /* host order */
	unsigned prefix;
};

struct link_state {
	bool exists, up;
	int ifindex;
	unsigned mtu;
	struct link_addr *addrs; /* owned; IPv4 only */
	size_t n_addrs, cap_addrs;
	uint32_t gateway; /* of the default route through this link, 0: none */
};

void link_state_clear(struct link_state *s);
bool link_state_has(const struct link_state *s, uint32_t address, unsigned prefix);
/*
 * "storage: MTU 1500 -> 9000; address 10.77.40.12/24 missing": caller frees. NULL: as
 * planned. A link of ours has the planned address and no other.
 */
char *link_diff(const struct plan_link *want, const struct link_state *found);
