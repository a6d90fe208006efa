/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why the role could not be taken on, and what ondold is told of it. The first time of a wish
 * is not yet the node's failure: of a service that was slow, or a daemon that was just
 * starting, nobody needs to hear more. Whoever waits for the node waits on.
 */
#pragma once

#include "nodeagent/link.h"

struct failure {
	char *text; /* owned, "" none: of the last try */
	char *told; /* owned, "" none: what ondold was last told */
	bool once; /* the last try of this wish failed, and was told as a warning */
};

void failure_init(struct failure *f);
void failure_clear(struct failure *f);
/* There is another wish: its failure is told although it may be the same. */
void failure_forget(struct failure *f);
/* "": it went well. final: another try would end like this one. True: it was a warning. */
bool failure_set(struct failure *f, struct link *link, const char *text, bool final);
