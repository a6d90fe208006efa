/* SPDX-License-Identifier: Apache-2.0 */
/* All steps of retain.h at once, at most max events in each: how many were dropped, or -errno. */
#pragma once

#include "bootstrap/retain.h"

static inline int retain_all(
	struct store *s, const char *node, bool in_rack, uint64_t before_ms, unsigned max)
{
	_cleanup_(retain_freep) struct retain *h =
		retain_new(s, node, in_rack, before_ms);
	uint64_t before = store_event_dropped(s);
	int r;

	do
		r = retain_step(h, max);
	while (r > 0);
	return r < 0 ? r : (int)(store_event_dropped(s) - before);
}
