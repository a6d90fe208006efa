/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/sweep.h"

#include "bootstrap/ondold.h"
#include "bootstrap/retain.h"
#include "common/log.h"

#define PASS_MS 3600000
#define FIRST_MS 600000 /* a clock that was wrong at power-on has been set by then */
#define SOON_MS 1000
#define STEP_MS 100
#define EVENTS_AT_ONCE 1000u /* read and dropped together */
#define PAGES_AT_ONCE 250u /* of 4 KiB */

static void arm(struct sweep *w, uint64_t ms)
{
	sd_event_source_set_time_relative(w->timer, ms * 1000);
	sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

static void forget(struct sweep *w)
{
	w->phase = SWEEP_NOT;
	retain_free(TAKE_PTR(w->retain));
	free(TAKE_PTR(w->node));
}

static void begin(struct ondold *o)
{
	forget(&o->sweep);
	o->sweep.phase = SWEEP_NODES;
	o->sweep.dropped_before = store_event_dropped(o->store);
}

static void end(struct ondold *o)
{
	uint64_t n = store_event_dropped(o->store) - o->sweep.dropped_before;

	forget(&o->sweep);
	if (n > 0)
		log_info("%llu events that were older than keep_events were dropped",
			(unsigned long long)n);
}

static bool take_next(struct ondold *o)
{
	struct sweep *w = &o->sweep;
	char *node = store_event_node_after(o->store, w->node);

	if (!node)
		return false;
	free(w->node);
	w->node = node;
	w->retain = retain_new(o->store, node, ondold_node(o, node) != NULL,
		now_real_ms() - o->rack->keep_events_ms);
	return true;
}

static void step_node(struct ondold *o)
{
	struct sweep *w = &o->sweep;

	if (!w->retain && !take_next(o))
		w->phase = SWEEP_SHRINK;
	else if (retain_step(w->retain, EVENTS_AT_ONCE) <= 0)
		retain_free(TAKE_PTR(w->retain));
}

static void step(struct ondold *o)
{
	switch (o->sweep.phase) {
	case SWEEP_NOT:
		begin(o);
		break;
	case SWEEP_NODES:
		step_node(o);
		break;
	case SWEEP_SHRINK:
		if (!store_shrink(o->store, PAGES_AT_ONCE))
			o->sweep.phase = SWEEP_WRITE_BACK;
		break;
	case SWEEP_WRITE_BACK:
		if (store_write_back(o->store))
			end(o);
		break;
	}
}

/*
 * Nothing is dropped without a rack: which names are those of its nodes is not known then,
 * and those of a rack that cannot be read are taken up again.
 */
static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct ondold *o = userdata;
	struct sweep *w = &o->sweep;

	if (!o->rack || now_real_ms() < o->rack->keep_events_ms)
		forget(w);
	else
		step(o);
	arm(w, w->phase == SWEEP_NOT ? PASS_MS : STEP_MS);
	return 0;
}

int sweep_open(struct ondold *o)
{
	int r = sd_event_add_time_relative(o->event, &o->sweep.timer, CLOCK_MONOTONIC,
		FIRST_MS * UINT64_C(1000), 10000, on_timer, o);

	return MIN(r, 0);
}

void sweep_close(struct ondold *o)
{
	sd_event_source_disable_unref(o->sweep.timer);
	forget(&o->sweep);
}

void sweep_rack(struct ondold *o)
{
	forget(&o->sweep);
	if (o->sweep.timer)
		arm(&o->sweep, SOON_MS);
}
