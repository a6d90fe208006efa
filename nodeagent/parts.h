/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings the parts of a role up (common/partdef.h), each after those it needs, several at
 * once, and waits for what other nodes must have proved first. Inside sd-event; what may
 * block runs in workers (partwork.h). Idempotent: a part that is up costs a look.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/order.h"
#include "common/partdef.h"
#include "nodeagent/units.h"

#define PARTS_AT_ONCE 3 /* starting Python services is CPU work */

struct parts;

struct parts_run {
	const struct partdef *const *list; /* NULL-terminated; borrowed until done */
	/* borrowed until done; parts_facts() replaces it */
	const struct desired *desired;
	/* Something begins, or is waited for; text is borrowed. */
	void (*step)(const char *text, void *userdata);
	/* A part is up: its proof. */
	void (*up)(const char *part, const char *text, void *userdata);
	/* Called once. text: NULL or why not. */
	void (*done)(bool ok, const char *text, void *userdata);
	void *userdata;
};

struct parts *parts_new(sd_event *event, struct units *units);
void parts_free(struct parts *p);
void parts_start(
	struct parts *p, const struct parts_run *run); /* nothing may be running */
bool parts_running(const struct parts *p);
/* Other nodes proved or lost something: d has the new facts. */
void parts_facts(struct parts *p, const struct desired *d);
void parts_cancel(struct parts *p); /* done is not called */

/*
 * Does a unit of a part whose files changed have to be started anew? A socket only when a
 * file of the socket's own is among them: systemd refuses a socket whose service runs.
 */
bool parts_restarts(const struct partdef *part, const char *unit);

/* The first thing of the rack that the part waits for; NULL: nothing. Caller frees. Pure. */
char *parts_waits_for(const struct partdef *part, const struct desired *d);
