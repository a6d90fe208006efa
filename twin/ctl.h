/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's control socket: one JSON object on a line in, one out, then the
 * connection ends. Requests:
 *     {"op": "status"}
 *     {"op": "get", "node": "hp02", "what": "power"}
 *     {"op": "set", "node": "hp02", "what": "power", "value": "1"}
 *     {"op": "set", "node": "hp02", "what": "fault", "value": "no-disk=1 clock=2011-03-01"}
 * Answers: {"value": "..."}, the status, or {"error": "..."}. Does not block.
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-event.h>

#include "common/util.h"

struct ctl;
struct ctl_conn;

/* Returns the answer (a new reference), or NULL after ctl_defer(). */
typedef json_t *(*ctl_handler)(struct ctl_conn *c, const json_t *request, void *userdata);

int ctl_new(sd_event *event, const char *path, ctl_handler handler, void *userdata,
	struct ctl **ret);
void ctl_free(struct ctl *c);
/* The answer comes with ctl_release() for the same key; a key is any address. */
void ctl_defer(struct ctl_conn *c, const void *key);
/* Answers everyone who waits for key; takes the reference. */
void ctl_release(struct ctl *c, const void *key, json_t *answer);
