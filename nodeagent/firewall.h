/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others may reach on a node that has an address in the external network, where more than
 * this rack lives: its shares (NFS 4) and ping at that address, and nothing else. systemd loads
 * the file before there is a network; noded has it loaded before the address is there.
 */
#pragma once

#include "common/order.h"

#define FIREWALL_UNIT "nftables.service"

/* The node's port in the external network, borrowed; NULL: it has none. */
const struct desired_port *firewall_outside(const struct desired *d);
/*
 * Writes ROOT/etc/nftables.conf; root is "" on a node. 1: it is to be loaded, 0: nothing is
 * guarded now, nor was before; -errno with *reterr_msg.
 */
int firewall_write(const struct desired *d, const char *root, char **reterr_msg);
