/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of encrypted data disks. They follow from one secret of ondold's, kept with the nodes'
 * authority (CLOUDSECRETS_NODES), and from what a disk says it is: so a disk keeps its key in
 * whatever server it is, and a new ondold with that file opens all of them. A node gets those of
 * its own disks, over TLS, whenever it needs them, and keeps none.
 */
#pragma once

#include <jansson.h>

#include "bootstrap/node.h"

#define DISKKEYS_SECRET "disks.key" /* made with the authority */

/*
 * {"keys": [{"serial", "wwn", "key": 64 hex digits}]} of the node's data disks, also of those that
 * are not to be encrypted (any more); new reference. -errno with *reterr_msg: the secret could not be kept.
 */
int diskkeys_of(const struct node *n, json_t **ret, char **reterr_msg);
