/* SPDX-License-Identifier: Apache-2.0 */
/* Why a wait ended in nothing, for fsm.c alone. Pure. */
#pragma once

#include "bootstrap/fsm.h"

/* The words for a node whose deadline is now. */
void fsm_suspect(const struct fsm_node *f, const struct fsm_names *names,
	const struct fsm_policy *policy, uint64_t now_ms, char *buf, size_t size);
/*
 * Can another power cycle mend what a node that is powered, booting or with its agent waits
 * for in vain? Not a refused login, a missing image, a legacy BIOS or swapped cables.
 */
bool fsm_is_mendable(const struct fsm_node *f);
