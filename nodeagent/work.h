/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that may block (libvirt, disks, modules, ondol-netconf) is done by a child process
 * with a deadline, so that neither a disk nor a daemon that hangs can silence the node.
 * The child prints one line of JSON, {"ok": bool, "text": "..."}; before it, as often as it
 * likes, {"now": "..."}, what it is at; its other lines are logged. Our own children are `ondol-noded work OP [ARG]`: see workops.h.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/util.h"

struct work;

/* Called once; text is never NULL and says what came of it. The work is freed after it. */
typedef void (*work_done_fn)(bool ok, const char *text, void *userdata);

struct work_spec {
	const char *what; /* for messages: "ondol-netconf" */
	const char *const *argv; /* NULL-terminated */
	unsigned timeout_ms;
	work_done_fn done;
	void *userdata;
};

int work_start(sd_event *event, const struct work_spec *spec, struct work **ret);
/* `PROGRAM work OP ARG` with this program's own file; arg may be NULL. */
int work_start_op(sd_event *event, const char *op, const char *arg, unsigned timeout_ms,
	work_done_fn done, void *userdata, struct work **ret);
/* What the work is at, as it says so; text is the callee's for the call. */
typedef void (*work_now_fn)(const char *text, void *userdata);
void work_on_now(struct work *w, work_now_fn now); /* with the userdata of done */
void work_cancel(struct work *w); /* done is not called; NULL is fine */

/* Reads a result line; false when the line is not one. *ret_text: caller frees. */
bool work_parse_line(const char *line, bool *ret_ok, char **ret_text);
/* In the work: says what it is at. */
_printf_(1, 2) void work_now(const char *fmt, ...);
/* Reads such a line; NULL: it is none. Caller frees. */
char *work_parse_now(const char *line);
/* The line for a result, without newline; text is cut so that it fits. Caller frees. */
char *work_result_line(bool ok, const char *text);
