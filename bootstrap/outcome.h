/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of `ondol apply` and `ondol reinstall`: watch the nodes to their goals, then the
 * table of what came of it, and for each node that failed why and what to do.
 */
#pragma once

#include "bootstrap/follow.h"

/*
 * Watches and reports; a cli_exit. A node that asks is shown, and agreed to or left; with --yes
 * it is agreed to as soon as it asks (the goals are changed for it). extra (stolen, may be
 * NULL) is merged into --json's object.
 */
int outcome_wait(const struct cli *cli, struct goal *goals, size_t n_goals,
	const char *const *nodes, json_t *extra);
/* The table node, role, state, address, disk, seconds per phase; NULL nodes: all. */
void outcome_table(
	const struct term *term, const struct status_view *s, const char *const *nodes);
