/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /run/ondol/noded.json: what the daemon knows of itself, for `ondol-noded status` and
 * for people with a console. No secret is in it.
 */
#pragma once

#include "common/order.h"
#include "nodeagent/proofs.h"

struct state_view { /* all borrowed */
	const char *node, *role, *kind, *image, *step, *failure; /* failure: "" none */
	uint64_t revision;
	bool ready, server_answers;
	const struct proofs *proofs;
};

int statefile_write(const char *path, const struct state_view *v); /* 0 or -errno */
/* Prints it for people; 0 when ready, 1 when not, 2 when there is none. */
int statefile_show(const char *path, FILE *out);
void proofs_print(const struct proofs *p, FILE *out);
