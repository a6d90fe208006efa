/* SPDX-License-Identifier: Apache-2.0 */
/* IPv6 router solicitations, and the advertisement that ends them. Pure. */
#pragma once

#include "common/parse.h"

#define RADV_FRAME_BYTES 70u /* Ethernet, IPv6, ICMPv6 advertisement without options */

/* Is this Ethernet frame a router solicitation? Then *ret_from is its sender. */
bool radv_is_solicitation(const uint8_t *frame, size_t len, struct mac_addr *ret_from);
/*
 * The answer to that solicitation: "no router here, no address to ask for". own: the MAC
 * of the interface it leaves by.
 */
void radv_answer(const uint8_t *solicitation, const struct mac_addr *own,
	uint8_t ret[static RADV_FRAME_BYTES]);
