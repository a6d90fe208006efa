/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done for one part of a role (common/partdef.h), in a worker: parts.c says when.
 *
 *   part-prepare PART   files, blobs, databases, one-shot steps before the units
 *   part-ready PART     waits until all of its [ready] holds
 *   part-after PART     users and services in Keystone, one-shot steps after the units
 *   part-check PART     was it set up to its end, and does its [ready] hold now?
 *   part-leave PART     what a node owes before it stops being that
 *   cloud-status        what the cloud's APIs say of every service, into NODE_CLOUD
 *   cloud-backup        the controller's data, given to ondold
 */
#pragma once

#include "common/partdef.h"
#include "nodeagent/role.h"
#include "nodeagent/vars.h"

struct partwork {
	const struct desired *desired; /* borrowed */
	const struct role *role; /* borrowed */
	const struct partdef *part; /* the one that is worked on */
	struct vars *vars;
};

/* Is it one of the above? */
bool partwork_knows(const char *op);
/* d must have a cloud. 0 or -errno; *ret_text in both cases; caller frees. */
int partwork_run(const char *op, const char *arg, const struct desired *d,
	const struct role *role, char **ret_text);

/* A part's files changed and not everything that follows from it was done yet. */
bool partwork_is_dirty(const char *part);
/* The part is set up to its end, and nothing is left to follow from a change. */
void partwork_finish(const char *part);
/* text with the values of this node's secrets as "***"; caller frees. */
char *partwork_redact(const struct desired *d, const char *text);
