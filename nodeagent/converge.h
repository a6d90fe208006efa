/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out a plan (plan.h): brings the node from what it has taken on to what is
 * desired. Inside sd-event, one step at a time, each with a deadline; stops at the first
 * step that fails. Everything may be begun again from the start.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/order.h"
#include "common/partdef.h"
#include "nodeagent/applied.h"
#include "nodeagent/plan.h"
#include "nodeagent/units.h"

struct converge;

struct converge_run {
	const struct desired *desired; /* this and the next: borrowed until done */
	const struct roledef *def; /* NULL: not known, only the network is seen to */
	const struct partdef *const
		*parts; /* of the cloud, NULL-terminated; NULL: none */
	bool network; /* apply it too */
	struct applied **applied; /* what is taken on; replaced and saved as it changes */
	/* A step begins; text is borrowed. */
	void (*step)(const char *text, void *userdata);
	/* A step did or found something that people should read. */
	void (*note)(const char *text, void *userdata);
	/* A part of the cloud is up. */
	void (*part_up)(const char *part, const char *text, void *userdata);
	/* Called once. network_ok: the network was applied in this run. text: NULL or why not. */
	void (*done)(bool ok, bool network_ok, const char *text, void *userdata);
	void *userdata;
};

/* units: borrowed for the life of the converge. applied_path: where the record is kept. */
struct converge *converge_new(
	sd_event *event, struct units *units, const char *applied_path);
void converge_free(struct converge *c);
void converge_start(
	struct converge *c, const struct converge_run *run); /* nothing may be running */
/* Other nodes proved something; d (borrowed) is the same wish with new facts. */
void converge_facts(struct converge *c, const struct desired *d);
/* Are parts of the cloud being brought up, which may wait for other nodes? */
bool converge_in_parts(const struct converge *c);
void converge_cancel(struct converge *c); /* done is not called */
