/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What someone who waits for nodes is shown, from one status after the other: a line per
 * node for a terminal, or only what changed for a log. And when the waiting is over. Pure.
 */
#pragma once

#include "bootstrap/progress.h"
#include "bootstrap/view.h"

/* ---- when is a node done? ---- */

enum goal_kind {
	GOAL_SETTLED, /* it comes to rest */
	GOAL_LOOK, /* a run that began after after_ms asks, or goes on as it was agreed to */
	GOAL_RUN, /* a run that began after after_ms ends */
	GOAL_REPORTED, /* it is ready and has reported the revision it should have */
	GOAL_TASK, /* its task of number task, or a later one, ends */
	GOAL_HELD, /* it is left as it is, and that is not what was asked for: why says it */
};

struct goal {
	const char *node; /* borrowed */
	enum goal_kind kind;
	uint64_t after_ms; /* ondold's clock */
	uint64_t task; /* of GOAL_TASK */
	const char *why; /* borrowed; of GOAL_HELD */
};

enum goal_result { GOAL_GOING, GOAL_REACHED, GOAL_FAILED, GOAL_RESTING };

/* n NULL: the node is no longer in the rack. GOAL_RESTING: at rest, but not ready. */
enum goal_result goal_check(const struct goal *g, const struct node_view *n);

/* ---- what is shown ---- */

struct watch; /* remembers what was shown of each node, and how fast its bytes went */

/* nodes: NULL-terminated names to show (borrowed for the watch's life), NULL: all */
struct watch *watch_new(const char *const *nodes);
void watch_free(struct watch *w);
/* A status that arrived at now_ms (any steady clock). */
void watch_feed(struct watch *w, const struct status_view *s, uint64_t now_ms);
/*
 * One line a node, as of now_ms. *ret: an array of n lines, freed with watch_lines_free.
 * The status is the one fed last.
 */
size_t watch_lines(struct watch *w, const struct status_view *s, uint64_t now_ms,
	unsigned width, bool color, bool utf8, char ***ret);
void watch_lines_free(char **lines, size_t n);
/* "hp02 installing: writing image 40 %", a line for each node of which something changed
 * since the last call, each begun with prefix; "" when nothing did. Caller frees. */
char *watch_changes(
	struct watch *w, const struct status_view *s, const char *prefix, bool utf8);
