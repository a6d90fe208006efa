/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does anybody on this segment have that address? ARP probes as in RFC 5227, so that the
 * probe guest does not take the address of a gateway or a machine that rack.ini does not
 * name. Blocks up to the time given: for workers (work.h).
 */
#pragma once

#include "common/parse.h"

/*
 * 1: somebody answered, *ret_owner is its MAC; 0: nobody did; -errno when it could not
 * be asked. address: host order.
 */
int arp_probe(const char *interface, uint32_t address, unsigned wait_ms,
	struct mac_addr *ret_owner);
