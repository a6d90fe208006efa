/* SPDX-License-Identifier: Apache-2.0 */
/* The rack as the cloud sees it: which host of an API's answer is which node. Pure. */
#pragma once

#include "common/order.h"

/* Is the optional service enabled ("cinder")? False too when the rack is no cloud. */
bool cloud_has(const struct desired *d, const char *service);
bool cloud_peer_is(const struct desired_peer *p, const char *role, const char *kind);
/* Does host ("hp03", "hp03.rack", "hp03@lvm#pool") mean that node? */
bool cloud_host_is(const char *host, const char *node);
/* The node that host means; NULL: none of the rack's. Borrowed from d. */
const struct desired_peer *cloud_peer_of(const struct desired *d, const char *host);
/* The node with the role controller; NULL: the rack has none. */
const struct desired_peer *cloud_controller(const struct desired *d);
/* The address in that network, else in management, else any; 0: none at all. */
uint32_t cloud_address(const struct desired_peer *p, const char *network);
