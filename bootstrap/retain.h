/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets go of one node's old events, a few in each step so that nobody waits for it. Kept
 * however old they are: those from which the node's state follows, those of its last run, and
 * the newest of each type. Blocks as the store does.
 */
#pragma once

#include "bootstrap/store.h"

struct retain;

/*
 * Events of one node ("": of the rack as a whole) that are older than before_ms (since 1970)
 * and not needed will go. in_rack: the node is one of the rack's; one that is not is forgotten
 * when its last event is old. s is borrowed; caller frees.
 */
struct retain *retain_new(
	struct store *s, const char *node, bool in_rack, uint64_t before_ms);
/*
 * Reads and drops at most max (> 0) events together. Between two steps events may be added,
 * but the rack must stay. 1: there is more to do; 0: done; -errno, logged: given up.
 */
int retain_step(struct retain *h, unsigned max);
void retain_free(struct retain *h);
void retain_freep(struct retain **h);
