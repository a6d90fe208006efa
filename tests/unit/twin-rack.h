/* SPDX-License-Identifier: Apache-2.0 */
/* A twin's plan of a rack. */
#pragma once

#include "tests/unit/example-rack.h"
#include "twin/plan.h"

static _unused_ struct twin_plan *twin_plan_of(const struct rack *rack, unsigned n_nodes)
{
	struct twin_options opt = {.n_nodes = n_nodes,
		.memory_mib = 512,
		.cpus = 2,
		.dir = "/run/t",
		.disks = "/var/t"};
	struct twin_plan *p = NULL;
	char *msg = NULL;

	if (twin_plan_new(rack, &opt, &p, &msg) < 0)
		fail_msg("%s", msg);
	return p;
}
