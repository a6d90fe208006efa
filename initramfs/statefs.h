/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first contents of the state partition: who this node is, laid into the upper half
 * of its root's overlay, so that they are in /etc when the installed system starts.
 */
#pragma once

#include "common/http.h"
#include "common/order.h"

struct statefs_node { /* borrowed */
	const char *name;
	const char *api; /* "A.B.C.D:PORT" of the node API */
	const struct http_identity *identity; /* what the agent speaks with; copied */
};

/*
 * state_dir: where the state partition is mounted; slot: "a". -errno with *reterr_msg; caller
 * frees.
 */
int statefs_fill(const char *state_dir, const char *slot, const struct statefs_node *node,
	const struct install_order *order, char **reterr_msg);
/* /etc/ondol/node.ini; caller frees. Pure. */
char *statefs_node_ini(
	const struct statefs_node *node, const struct install_order *order);
