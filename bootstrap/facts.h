/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the nodes of a cloud are told of one another: which proofs of which node are ok, and
 * which blobs there are. A number goes up with each change; it begins with the wall clock,
 * so that it is higher after a restart of ondold. Pure.
 */
#pragma once

#include <jansson.h>

#include "common/util.h"

struct facts {
	uint64_t rev;
	json_t *nodes; /* owned: {"hp01": ["keystone", ...]} */
	json_t *blobs; /* owned: {"NAME": {"sha256", "size_bytes"}} */
};

void facts_init(struct facts *f, uint64_t now_real_ms);
void facts_clear(struct facts *f);
/*
 * The node's last report, NULL when it is not heard (any more). True when it changed
 * something; then rev has gone up.
 */
bool facts_take_report(struct facts *f, const char *node, const json_t *report);
/* All blobs there are now; borrowed. True when that changed something. */
bool facts_take_blobs(struct facts *f, const json_t *blobs);
/* "facts" of the desired state; new reference. */
json_t *facts_to_json(const struct facts *f);
