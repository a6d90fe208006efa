/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd's units over sd-bus, inside sd-event; nothing blocks. One start or stop runs at a
 * time for a unit, one enable or reload for all unit files; queries may overlap with them.
 * When systemd leaves the bus and comes back, what runs is asked for once more. Losing the
 * bus itself ends the event loop: whoever started us starts us again.
 */
#pragma once

#include <systemd/sd-event.h>

#include "nodeagent/unitstate.h"

struct units;

/* A unit of units_watch() changed its state. */
typedef void (*units_changed_fn)(const char *unit, void *userdata);
/* text is never NULL: what was reached, or what went wrong and what to look at. */
typedef void (*units_done_fn)(bool ok, const char *text, void *userdata);

/* r is 0 or -errno; state is NULL when r is not 0. */
typedef void (*units_query_fn)(
	int r, const char *unit, const struct unit_state *state, void *userdata);

/* changed may be NULL. -errno when there is no system bus. */
int units_new(
	sd_event *event, units_changed_fn changed, void *userdata, struct units **ret);
void units_free(struct units *u); /* what runs is dropped, not called back */

/* Each calls done once, later, unless it returns a negative errno. -EBUSY: one runs. */
int units_start(struct units *u, const char *unit, unsigned timeout_ms,
	units_done_fn done, void *userdata);
/*
 * A unit after which nothing runs any more, as kexec.target: no other job takes its place, and
 * done is called only when it could not be begun.
 */
int units_start_last(struct units *u, const char *unit, unsigned timeout_ms,
	units_done_fn done, void *userdata);
int units_restart(struct units *u, const char *unit, unsigned timeout_ms,
	units_done_fn done, void *userdata);
/* Reloads what can, restarts what cannot, starts what does not run. */
int units_reload(struct units *u, const char *unit, unsigned timeout_ms,
	units_done_fn done, void *userdata);
int units_stop(struct units *u, const char *unit, unsigned timeout_ms, units_done_fn done,
	void *userdata);
/* systemd reads its unit files again. */
int units_daemon_reload(struct units *u, units_done_fn done, void *userdata);
/* For the next boots too; reloads systemd when that changed anything. */
int units_enable(struct units *u, char *const *list, units_done_fn done, void *userdata);
int units_disable(struct units *u, char *const *list, units_done_fn done, void *userdata);
/* Drops all that runs; their done is not called. */
void units_cancel(struct units *u);

int units_query(struct units *u, const char *unit, units_query_fn done, void *userdata);
void units_watch(struct units *u, char *const *list); /* NULL-terminated; copied */
