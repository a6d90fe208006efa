/* SPDX-License-Identifier: Apache-2.0 */
/* The network ports of a server, as sysfs shows them. Physical Ethernet only. */
#pragma once

#include "common/inventory.h"

/* Fills inv->nics from root ("" on a node). Link and speed are known once a port is up. */
void nics_collect(const char *root, struct inventory *inv);
bool nics_has_link(const char *root, const char *interface);
/* The interface with that MAC, by its present name; NULL: none yet. Caller frees. */
char *nics_name_of(const char *root, const struct mac_addr *mac);
