/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who this node is to itself and to its neighbours: host name, the peers in /etc/hosts,
 * root's authorized_keys. Idempotent; touches only its own blocks of those files.
 */
#pragma once

#include "common/order.h"

char *identity_hosts_body(
	const struct desired *d); /* lines for /etc/hosts; caller frees */
char *identity_keys_body(
	const struct desired *d); /* lines for authorized_keys; caller frees */

/*
 * root is "" on a node; another directory in tests, where the kernel's host name is left
 * alone. On failure *reterr_msg says which file; caller frees.
 */
int identity_apply(const struct desired *d, const char *root, char **reterr_msg);
