/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that runs the rack inside its box: brings up network, nodes and BMCs, then
 * serves the BMCs' power commands until it is killed.
 */
#pragma once

#include "common/secrets.h"
#include "twin/plan.h"

/* tell: see ns_tell(). Returns an exit status; does not return while all is well. */
int supervisor_run(int tell, const struct twin_plan *plan, const struct secrets *secrets);
