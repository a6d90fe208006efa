/* SPDX-License-Identifier: Apache-2.0 */
/* What rack.ini decides when it decides nothing; test-rack holds it to these figures. */
#pragma once

#include "bootstrap/fsm.h"

static const struct fsm_policy usual = {
	.limits = {[FSM_BMC_RESET] = {480000, 0},
		[FSM_POWERING] = {120000, 0},
		[FSM_NETBOOT] = {360000, 0},
		[FSM_AGENT] = {240000, 0},
		[FSM_INSTALLING] = {900000, 180000},
		[FSM_FIRST_BOOT] = {720000, 0},
		[FSM_CONFIGURING] = {0, 900000}},
	.patience_percent = 100,
	.retries = 2,
	.seed = 2166136261,
};
