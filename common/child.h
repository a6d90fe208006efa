/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child processes for the daemons: spawned through sd-event, each with a deadline,
 * output collected or handed over line by line. Does not block.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/util.h"

struct child;

struct child_spec {
	const char *const *argv; /* NULL-terminated; borrowed during the call */
	const char *const *env; /* extra "K=V", NULL-terminated, may be NULL; borrowed */
	/* SIGTERM then, 2 s later SIGKILL; 0: no deadline (daemons) */
	unsigned timeout_ms;
	/* Called for each line of stdout+stderr, newline cut, longer lines cut at 4096. May be NULL. */
	void (*on_line)(struct child *c, const char *line, void *userdata);
	/*
	 * Called once, when the process has been reaped and its output read. status as in
	 * run.h; out is all output up to 256 KiB when on_line is NULL, else "". The child is
	 * freed after this returns.
	 */
	void (*on_exit)(struct child *c, int status, bool timed_out, const char *out,
		void *userdata);
	void *userdata;
};

int child_spawn(sd_event *event, const struct child_spec *spec, struct child **ret);
pid_t child_pid(const struct child *c);
/* Sends a signal to the process group of the child. */
int child_signal(struct child *c, int sig);
/* SIGKILL, reap, free; on_exit is not called. NULL is fine. */
void child_kill(struct child *c);
