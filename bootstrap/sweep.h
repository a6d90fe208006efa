/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Old events go: once an hour, a few of one node's at a time, so that nobody waits for it.
 * How old: [deploy] keep_events of rack.ini; which ones stay all the same: retain.h.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/util.h"

struct ondold;

struct retain;

enum sweep_phase { SWEEP_NOT, SWEEP_NODES, SWEEP_SHRINK, SWEEP_WRITE_BACK };

struct sweep { /* zeroed at the start */
	sd_event_source *timer; /* owned: the next step, or the next pass */
	enum sweep_phase phase;
	char *node; /* owned: done with all up to this one; NULL: none yet */
	struct retain *retain; /* owned: of that one, when not yet done with it */
	uint64_t dropped_before; /* this pass */
};

int sweep_open(struct ondold *o); /* 0 or -errno */
void sweep_close(struct ondold *o);
/* The rack in force has changed: a pass begins soon. */
void sweep_rack(struct ondold *o);
