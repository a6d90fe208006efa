/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/retain.h"

#include "bootstrap/fsm.h"
#include "common/log.h"

/*
 * A node's state is the fold of its events, so what is dropped must not change the fold. The
 * events are therefore folded here as at a start (fsm_replay_*), and one may go when
 *
 *  - it is before the foundation: the wish for the last install whose order was handed out.
 *    From there on powering resets, and the order settles, everything that came before.
 *  - or it changed nothing but the evidence, and a newer one of its type is there. Of a node
 *    that was ready, not ready for a while and ready again as before, that while goes too.
 *
 * From the foundation on two spans stay whole: the last run until it came to rest, and,
 * while the node is not ready, all since it was ready last. They are what `ondol why` reads.
 *
 * Before anything is dropped, what would stay is folded once more; if that is not the same
 * node, nothing goes.
 *
 * All this is done a few rows at a time, and events are added in between. They change nothing:
 * when both folds are the same node, whatever follows leads both to the same again.
 */

#define MAX_TYPES 256

enum row_kind { ROW_STATE, ROW_EVENT, ROW_REPORT, ROW_OTHER };

struct row { /* small: a node may have a million of them */
	int64_t id;
	uint16_t type; /* in types; MAX_TYPES: nobody keeps its newest */
	uint8_t kind; /* enum row_kind */
	uint8_t event; /* enum fsm_event, of ROW_EVENT */
	uint8_t from, to; /* enum fsm_state, of ROW_STATE */
	bool drop;
};

struct type {
	char *name; /* owned */
	int64_t newest; /* of all the node's events of this type */
};

struct span {
	int64_t first, last; /* ids; none when last < first */
};

struct retain {
	struct store *s; /* borrowed */
	char *node; /* owned */
	bool in_rack;
	uint64_t before_ms;
	unsigned phase; /* in phases */
	unsigned max, taken; /* rows, of the walk that goes on */
	int64_t at; /* the last row that this phase has read */
	struct row *rows; /* owned: the oldest, up to the first that is not old */
	size_t n, cap, n_drops;
	size_t dropped; /* rows up to this one: done */
	struct type types[MAX_TYPES];
	size_t n_types;
	bool all_old;
	int64_t foundation, wanted, ordered; /* 0: none */
	int64_t gone; /* the newest old transition with which it left the rack */
	int64_t ready, state; /* the newest transition to ready, and of all */
	bool is_ready;
	struct span base, run, trouble; /* what is kept whole */
	struct fsm_node whole, rest; /* all folded, and what would stay */
};

/* ---- reading ---- */

static bool take(struct retain *h, int64_t id)
{
	h->at = id;
	return ++h->taken == h->max;
}

/* On from where it was; fn calls take() for each row that it has read. */
static int walk(struct retain *h, unsigned max, const char *type,
	int (*fn)(const struct store_skim *row, void *userdata))
{
	int r;

	h->max = max;
	h->taken = 0;
	r = store_event_skim(h->s, h->node, type, h->at, fn, h);
	return r < 0 ? r : (int)h->taken;
}

/* Ends of tasks: replay reads the newest. Other words of agent and noded are theirs to choose. */
static bool is_kept_type(const char *type)
{
	static const char *const ends[] = {
		"noded.proved", "noded.disproved", "noded.done", "noded.undone"};
	enum fsm_event event;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (streq(type, ends[i]))
			return true;
	return fsm_event_parse(type, &event) == 0 ||
		!(str_startswith(type, "agent.") || str_startswith(type, "noded."));
}

static uint16_t type_of(struct retain *h, const char *name)
{
	uint16_t i = 0;

	while (i < h->n_types && !streq(h->types[i].name, name))
		i++;
	if (i < h->n_types)
		return i;
	if (h->n_types == MAX_TYPES || !is_kept_type(name))
		return MAX_TYPES; /* there are not so many of ours */
	h->types[h->n_types++] = (struct type){
		xstrdup(name), store_event_newest(h->s, h->node, name, name)};
	return i;
}

/* As replay reads it: only where it leads counts. */
static struct row row_of(const struct store_skim *skim)
{
	struct row row = {.id = skim->id, .kind = ROW_OTHER};
	enum fsm_state from = FSM_ENROL, to;
	enum fsm_event event;

	if (streq(skim->type, "state")) {
		if (fsm_state_parse(skim->to, &to) < 0)
			return row;
		(void)fsm_state_parse(skim->from, &from);
		row.kind = ROW_STATE;
		row.from = (uint8_t)from;
		row.to = (uint8_t)to;
	} else if (streq(skim->type, "report")) {
		row.kind = ROW_REPORT;
	} else if (fsm_event_parse(skim->type, &event) == 0) {
		row.kind = ROW_EVENT;
		row.event = (uint8_t)event;
	}
	return row;
}

static int add_row(const struct store_skim *skim, void *userdata)
{
	struct retain *h = userdata;
	struct row row;

	if (skim->time_ms >= h->before_ms) {
		h->all_old = false;
		return 1;
	}
	row = row_of(skim);
	row.type = type_of(h, skim->type);
	GROW(h->rows, h->n, h->cap);
	h->rows[h->n++] = row;
	return take(h, skim->id);
}

static int read_old(struct retain *h, unsigned max)
{
	return walk(h, max, NULL, add_row);
}

static bool is_rest(enum fsm_state s)
{
	return s == FSM_READY || s == FSM_FAILED || s == FSM_CANCELLED ||
		s == FSM_MAINTENANCE;
}

static int add_state(const struct store_skim *skim, void *userdata)
{
	struct retain *h = userdata;
	enum fsm_state to;

	if (fsm_state_parse(skim->to, &to) < 0)
		return take(h, skim->id);
	h->state = skim->id;
	h->is_ready = to == FSM_READY;
	if (h->is_ready)
		h->ready = skim->id;
	if (is_rest(to) && skim->id > h->ordered)
		h->base.last = MIN(h->base.last, skim->id);
	if (is_rest(to) && skim->id > h->wanted)
		h->run.last = MIN(h->run.last, skim->id);
	return take(h, skim->id);
}

static int64_t newest(struct retain *h, const char *type)
{
	return store_event_newest(h->s, h->node, type, type);
}

static void fold(struct fsm_node *f, const struct row *row)
{
	if (row->kind == ROW_STATE)
		fsm_replay_state(f, (enum fsm_state)row->to, (uint64_t)row->id);
	else if (row->kind == ROW_REPORT)
		fsm_replay_event(f, FSM_EV_NODED_MOVED, (uint64_t)row->id);
	else if (row->kind == ROW_EVENT)
		fsm_replay_event(f, (enum fsm_event)row->event, (uint64_t)row->id);
}

/* The last install whose order was handed out, and the last leave, of those that are old. */
static void find_foundation(struct retain *h)
{
	int64_t wish = 0;
	bool powered = false, agent = false;
	struct fsm_node f = {0};

	for (size_t i = 0; i < h->n; i++) {
		const struct row *row = &h->rows[i];

		fold(&f, row);
		if (row->kind == ROW_STATE) {
			if (fsm_is_gone(&f))
				h->gone = row->id;
			powered |= row->to == FSM_POWERING;
			agent = row->to == FSM_AGENT || row->to == FSM_INSTALLING;
		} else if (row->kind == ROW_EVENT &&
			fsm_is_wish((enum fsm_event)row->event)) {
			wish = row->id;
			powered = agent = false;
		} else if (row->kind == ROW_EVENT && row->event == FSM_EV_ORDER_SENT &&
			wish && powered && agent) {
			h->foundation = wish;
			h->ordered = row->id;
		}
	}
}

/* Where the spans begin; how far they go is read from all transitions, not only the old ones. */
static int find_spans(struct retain *h, _unused_ unsigned max)
{
	h->at = 0;
	find_foundation(h);
	h->wanted = MAX(newest(h, fsm_event_str(FSM_EV_INSTALL)),
		newest(h, fsm_event_str(FSM_EV_LOOK)));
	h->wanted = MAX(h->wanted, newest(h, fsm_event_str(FSM_EV_CONVERGE)));
	h->base = (struct span){h->foundation, h->foundation ? INT64_MAX : -1};
	h->run = (struct span){h->wanted, h->wanted ? INT64_MAX : -1};
	return 0;
}

static int read_states(struct retain *h, unsigned max)
{
	return walk(h, max, "state", add_state);
}

/* ---- judging ---- */

static bool in_span(const struct span *s, int64_t id)
{
	return id >= s->first && id <= s->last;
}

static bool is_kept_whole(const struct retain *h, int64_t id)
{
	return in_span(&h->base, id) || in_span(&h->run, id) || in_span(&h->trouble, id);
}

/* Is there a newer one that says what this one did? */
static bool is_superseded(const struct retain *h, const struct row *row)
{
	return row->type == MAX_TYPES || h->types[row->type].newest != row->id;
}

/* Whatever it did when it came: what people and other nodes did to it stays. */
static bool is_deed(enum fsm_event event)
{
	return fsm_is_wish(event) || event == FSM_EV_AGREED || event == FSM_EV_CONVERGE ||
		event == FSM_EV_ORDER_SENT || event == FSM_EV_REMOVED ||
		event == FSM_EV_CANCEL || event == FSM_EV_MAINTAIN ||
		event == FSM_EV_MAINTAIN_OFF;
}

struct lap { /* from a transition to ready to the next: what lies between may go */
	size_t first, last; /* rows, the transitions that go; none when last < first */
	struct fsm_node ready; /* as it was before the first */
	bool is_clean; /* nothing in it has to stay */
};

static void drop_states(struct retain *h, const struct lap *lap)
{
	for (size_t i = lap->first; i <= lap->last; i++)
		h->rows[i].drop |= h->rows[i].kind == ROW_STATE;
}

/*
 * A lap goes when the next one begins: with that begins what is told of the last run
 * (phases, since, reason), which would otherwise be told of the run before.
 */
static void judge_state(struct retain *h, size_t i, const struct fsm_node *f,
	struct lap *now, struct lap *done)
{
	const struct row *row = &h->rows[i];

	if (done->last >= done->first && row->from == FSM_READY &&
		(row->to == FSM_CONFIGURING || row->to == FSM_IDLE))
		drop_states(h, done);
	*done = (struct lap){.first = 1};
	now->is_clean &= !is_kept_whole(h, row->id);
	if (row->to != FSM_READY)
		return;
	if (now->is_clean && fsm_is_same(&now->ready, f)) {
		*done = *now;
		done->last = i;
	}
	*now = (struct lap){.first = i + 1, .ready = *f, .is_clean = true};
}

static void judge_event(struct retain *h, struct row *row, const struct fsm_node *before,
	const struct fsm_node *after, struct lap *lap)
{
	bool is_light = row->kind != ROW_EVENT ||
		(fsm_is_same(before, after) && !is_deed((enum fsm_event)row->event));

	if (!is_light)
		lap->is_clean = false;
	row->drop = is_light && is_superseded(h, row) && !is_kept_whole(h, row->id);
}

/* Tasks alone outlive an install; with the node that left the rack they are forgotten. */
static bool is_of_task(const struct retain *h, const struct row *row)
{
	const char *type = row->type < MAX_TYPES ? h->types[row->type].name : "";

	return row->kind == ROW_OTHER && row->id > h->gone &&
		(streq(type, "task.wanted") || str_startswith(type, "noded."));
}

static void judge_node(struct retain *h)
{
	struct fsm_node f = {0};
	struct lap now = {.is_clean = false}, done = {.first = 1};

	h->trouble = (struct span){MAX(h->ready, h->wanted), h->is_ready ? -1 : h->state};
	for (size_t i = 0; i < h->n; i++) {
		struct row *row = &h->rows[i];
		struct fsm_node before = f;

		if (row->id < h->foundation) {
			row->drop = !is_of_task(h, row) || is_superseded(h, row);
			continue;
		}
		fold(&f, row);
		if (row->kind == ROW_STATE)
			judge_state(h, i, &f, &now, &done);
		else
			judge_event(h, row, &before, &f, &now);
	}
}

/* ---- the rack's own, and those that left it ---- */

static void judge_all(struct retain *h, bool is_rack)
{
	int64_t last = store_event_last(h->s); /* so that ids are never seen to go back */

	for (size_t i = 0; i < h->n; i++)
		h->rows[i].drop = h->rows[i].id != last &&
			(is_rack ? is_superseded(h, &h->rows[i]) : h->all_old);
}

static int judge(struct retain *h, _unused_ unsigned max)
{
	if (h->in_rack)
		judge_node(h);
	else
		judge_all(h, !*h->node);
	for (size_t i = 0; i < h->n; i++)
		h->n_drops += h->rows[i].drop;
	return 0;
}

/* ---- is what stays the same node? ---- */

/* Times are ids here: only their order counts. */
static bool holds(const struct retain *h)
{
	const struct fsm_node *a = &h->whole, *b = &h->rest;

	return fsm_is_same(a, b) && a->evidence == b->evidence &&
		a->entered_ms == b->entered_ms && a->moved_ms == b->moved_ms;
}

static int fold_old(struct retain *h, _unused_ unsigned max)
{
	h->at = h->n ? h->rows[h->n - 1].id : 0;
	for (size_t i = 0; i < h->n; i++) {
		fold(&h->whole, &h->rows[i]);
		if (!h->rows[i].drop)
			fold(&h->rest, &h->rows[i]);
	}
	return 0;
}

static int add_young(const struct store_skim *skim, void *userdata)
{
	struct retain *h = userdata;
	struct row row = row_of(skim);

	if (holds(h))
		return 1;
	fold(&h->whole, &row);
	fold(&h->rest, &row);
	return take(h, skim->id);
}

/* No further than needed: the same once are the same for good. */
static int fold_young(struct retain *h, unsigned max)
{
	int n = h->in_rack && h->n_drops && !holds(h) ? walk(h, max, NULL, add_young) : 0;

	if (n < 0 || n == (int)max || !h->in_rack || holds(h))
		return n;
	log_warn("%s: its old events cannot be told from those that matter; they stay",
		h->node);
	h->n_drops = 0;
	return n;
}

/* ---- dropping ---- */

static int drop(struct retain *h, unsigned max)
{
	_cleanup_free_ int64_t *ids = xcalloc(MIN(h->n, max) + 1, sizeof(*ids));
	unsigned n = 0;
	int r;

	for (; h->n_drops && h->dropped < h->n && n < max; h->dropped++)
		if (h->rows[h->dropped].drop)
			ids[n++] = h->rows[h->dropped].id;
	r = n ? store_event_drop(h->s, ids, n) : 0;
	return r < 0 ? r : (int)n;
}

/* Each returns how many rows it took, and is over when these were fewer than max. */
static int (*const phases[])(struct retain *h, unsigned max) = {
	read_old, find_spans, read_states, judge, fold_old, fold_young, drop};

int retain_step(struct retain *h, unsigned max)
{
	while (h->phase < ARRAY_SIZE(phases)) {
		int n = phases[h->phase](h, max);

		if (n < 0)
			return n;
		max -= (unsigned)n;
		if (max == 0)
			return 1;
		h->phase++;
	}
	return 0;
}

struct retain *retain_new(
	struct store *s, const char *node, bool in_rack, uint64_t before_ms)
{
	struct retain *h = xcalloc(1, sizeof(*h));

	h->s = s;
	h->node = xstrdup(node);
	h->in_rack = in_rack;
	h->before_ms = before_ms;
	h->all_old = true;
	return h;
}

void retain_free(struct retain *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->n_types; i++)
		free(h->types[i].name);
	free(h->rows);
	free(h->node);
	free(h);
}

void retain_freep(struct retain **h)
{
	retain_free(*h);
}
