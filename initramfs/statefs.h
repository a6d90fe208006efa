/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first contents of the state partition: who this node is, laid into the upper half
 * of its root's overlay, so that they are in /etc when the installed system starts.
 */
#pragma once

#include "common/order.h"

/*
 * state_dir: where the state partition is mounted; slot: "a"; server: "A.B.C.D:PORT".
 * -errno with *reterr_msg; caller frees.
 */
int statefs_fill(const char *state_dir, const char *slot, const char *node,
	const char *server, const struct install_order *order, char **reterr_msg);
/* /etc/ondol/node.ini, token included; caller frees. Pure. */
char *statefs_node_ini(
	const char *node, const char *server, const struct install_order *order);
