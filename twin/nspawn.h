/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The installed system of a container node: its root is put together from image and
 * state, and systemd-nspawn boots it. Called in the node's own mount namespace. Blocks
 * until nspawn runs.
 */
#pragma once

#include "twin/args.h"
#include "twin/plan.h"

/* tty becomes its console. -errno with *reterr_msg; caller frees. */
int nspawn_start(const struct twin_plan *p, const struct twin_node *n, const int *loops,
	int tty, pid_t *ret, char **reterr_msg);
/* The command line; fenced: devices of others cannot be opened anyhow. Pure. */
void nspawn_args(
	struct args *a, const struct twin_node *n, const int *loops, bool fenced);
