/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ondold answers about nodes and events, as structures: read strictly from JSON.
 * Each view owns all it points to.
 */
#pragma once

#include <jansson.h>

#include "bootstrap/term.h"
#include "common/rack.h"

struct phase_view {
	char *state;
	uint64_t ms;
};

struct proof_view {
	char *name, *text;
	bool ok;
	uint64_t time_ms; /* 0: not said */
};

struct node_view {
	char *name, *role, *kind; /* kind "" when none */
	char *state, *reason, *step;
	char *address, *bmc, *power, *serial, *image;
	unsigned unit;
	uint64_t since_ms, last_seen_ms;
	uint64_t revision, reported;
	unsigned try, try_of; /* 0: it is the run's first */
	uint64_t try_ms; /* when this try begins; 0: it has */
	char *cause; /* why the try before it failed; "" without one */
	bool asks; /* its agent waits to be agreed to */
	bool has_progress;
	uint64_t done, total; /* bytes */
	bool has_disk; /* what the last install wrote */
	char *disk_serial, *disk_wwn; /* "" without has_disk */
	uint64_t disk_bytes;
	struct phase_view *phases;
	size_t n_phases;
	struct proof_view *proofs;
	size_t n_proofs;
	bool has_task;
	uint64_t task_id;
	bool task_done, task_ok;
	struct proof_view *task_proofs;
	size_t n_task_proofs;
	json_t *inventory; /* owned, NULL: never seen, or not part of this answer */
};

struct status_view {
	char *version;
	char *rack; /* "" when ondold has none */
	uint64_t now_ms;
	uint64_t n_events, oldest_ms, store_bytes; /* 0: not said */
	struct node_view *nodes;
	size_t n_nodes;
};

struct event_view {
	int64_t id;
	uint64_t time_ms;
	char *node, *source, *type, *text;
	bool old_news; /* as events_view_mark_old_news() found */
};

struct events_view {
	struct event_view *list;
	size_t n;
	int64_t last;
};

/* -EPROTO and *reterr_msg (caller frees) when the answer is not of the protocol. */
int node_view_parse(const json_t *json, struct node_view *ret, char **reterr_msg);
void node_view_clear(struct node_view *n);
int status_view_parse(const json_t *json, struct status_view **ret, char **reterr_msg);
void status_view_free(struct status_view *s);
void status_view_freep(struct status_view **s);
const struct node_view *status_view_node(const struct status_view *s, const char *name);
int events_view_parse(const json_t *json, struct events_view *ret, char **reterr_msg);
void events_view_clear(struct events_view *e);
/*
 * Of the events of one node from first on, which say nothing that the others do not: progress
 * between the first word of it and the last, a report in the words of the one before. Returns
 * their number.
 */
size_t events_view_mark_old_news(struct events_view *e, size_t first);

/* "storage block"; caller frees */
char *node_view_role(const struct node_view *n);
/* "2nd try in 43 s: no DHCP request…", "2nd try", or "" for the first; caller frees */
char *node_view_try(const struct node_view *n, uint64_t now_ms);
/* What is said beside the state: the pause, the step, or for a node at rest why; caller frees. */
char *node_view_remark(const struct node_view *n, uint64_t now_ms);
enum term_style node_view_style(const struct node_view *n);
/* Its run goes on, or it waits for its turn. */
bool node_view_is_going(const struct node_view *n);
/* In one of run_states[], or in a pause between tries: its time runs. */
bool node_view_in_run(const struct node_view *n);
/* Milliseconds that the last run spent in a state / altogether, as of the answer. */
uint64_t node_view_phase_ms(const struct node_view *n, const char *state);
uint64_t node_view_run_ms(const struct node_view *n);

/* The states of a run, in order, NULL-terminated. */
extern const char *const run_states[];
