/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first contents of the state partition: who this node is, laid into the upper half
 * of its root's overlay, so that they are in /etc when the installed system starts.
 *
 * There is one upper half, whatever slot is below it: what the node has become is no part of an
 * image. overlayfs allows that lower layers change while it is not mounted, as long as index,
 * redirect_dir, metacopy and xino are off (Documentation/filesystems/overlayfs.rst).
 */
#pragma once

#include "common/http.h"
#include "common/order.h"

/* In the state partition: the overlay's two directories, and how it is mounted over a slot. */
#define STATEFS_UPPER "root/upper"
#define STATEFS_WORK "root/work"
#define STATEFS_OVERLAY "index=off,redirect_dir=off,metacopy=off,xino=off"

struct statefs_node { /* borrowed */
	const char *name;
	const char *api; /* "A.B.C.D:PORT" of the node API */
	const struct http_identity *identity; /* what the agent speaks with; copied */
};

/* state_dir: where the state partition is mounted. -errno with *reterr_msg; caller frees. */
int statefs_fill(const char *state_dir, const struct statefs_node *node,
	const struct install_order *order, char **reterr_msg);
/* /etc/ondol/node.ini; caller frees. Pure. */
char *statefs_node_ini(
	const struct statefs_node *node, const struct install_order *order);
