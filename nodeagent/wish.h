/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the node is to be, in the three forms it can have at a moment: what is held and
 * worked on, what came meanwhile, and what the rest of the rack is known to have proved
 * (facts), which changes often and is no reason to begin anew.
 */
#pragma once

#include "nodeagent/held.h"

struct wish {
	struct held held; /* what is worked on; stays until wish_settle() */
	struct held next; /* another wish, for when nothing runs */
	struct held facts; /* the held wish with newer facts */
	/* the facts before those: still borrowed by who was not told yet */
	struct held before;
};

enum wish_change { WISH_SAME, WISH_FACTS, WISH_NEW };

/*
 * A document came: kept, written to path when it differs; h is empty afterwards. Negative
 * errno and *reterr_msg when it cannot be written.
 */
int wish_offer(struct wish *w, struct held *h, const char *path, char **reterr_msg);
/* Nothing runs: what came last is held from now on. True when it is another wish. */
bool wish_settle(struct wish *w);
const struct held *wish_newest(const struct wish *w);
void wish_clear(struct wish *w);
