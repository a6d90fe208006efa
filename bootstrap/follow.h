/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches nodes until each has reached its goal: woken by ondold's events, shown by
 * watch.h. Blocks. ondold may be restarted meanwhile: it is asked again until it answers.
 */
#pragma once

#include "bootstrap/cli.h"
#include "bootstrap/watch.h"

struct follow_spec {
	const struct cli *cli; /* borrowed */
	/* where it is shown: standard output, or error beside --json */
	const struct term *term;
	const struct goal *goals; /* borrowed; n_goals 0: until Ctrl-C, all nodes */
	size_t n_goals;
	const char *const *nodes; /* which to show, NULL: all */
	uint64_t timeout_ms; /* 0: none */
	/*
	 * NULL, or called with each status, before it is judged by the goals; may block briefly.
	 * True: the watching is to stop.
	 */
	bool (*on_status)(const struct status_view *s, void *userdata);
	void *userdata;
};

enum follow_end {
	FOLLOW_DONE = 1, /* every goal is reached or cannot be */
	FOLLOW_TIMEOUT,
	FOLLOW_LEFT, /* Ctrl-C */
	FOLLOW_STOPPED, /* by on_status */
};

/*
 * A follow_end, with *ret (may be NULL inside when none was had) the last status and
 * *ret_json the same as it came; or a negative errno with *reterr_msg: ondold's answers
 * make no sense.
 */
int follow_run(const struct follow_spec *spec, struct status_view **ret,
	json_t **ret_json, char **reterr_msg);
