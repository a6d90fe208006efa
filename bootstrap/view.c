/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node's name, role and state must be there; the rest has a value for its absence, so
 * that an ondol shows what it can of an ondold that is a version older or newer. A value
 * of the wrong type is refused all the same.
 */
#include "bootstrap/view.h"

#include "common/jsonx.h"

#define MAX_STR 4096
#define MAX_ITEMS RACK_MAX_NODES /* nodes, and what one of them has */
#define MAX_BYTES (UINT64_C(1) << 62)
#define MAX_TIME_MS (UINT64_C(1) << 53)

const char *const run_states[] = {"powering", "network-booting", "agent", "installing",
	"first-boot", "configuring", NULL};
static const char *const pauses[] = {"retrying", "resetting-bmc"};

static char *str(struct jx *j, const char *key)
{
	return xstrdup(jx_str(j, key, MAX_STR));
}

/* "" when it is absent or null */
static char *str_opt(struct jx *j, const char *key)
{
	if (json_is_null(json_object_get(j->obj, key)))
		return xstrdup("");
	return xstrdup(jx_str_opt(j, key, MAX_STR, ""));
}

/* Ends a reader: its first failure becomes the message. */
static int finish(struct jx *j, char **reterr_msg)
{
	if (!j->error)
		return 0;
	*reterr_msg = TAKE_PTR(j->error);
	return -EPROTO;
}

/* Text that a node made up: control bytes in it are no reason to refuse the answer. */
static char *free_text(struct jx *j, const char *key)
{
	const json_t *v = json_object_get(j->obj, key);

	if (!v || json_is_null(v))
		return xstrdup("");
	if (!json_is_string(v))
		jx_fail(j, key, "expected a string");
	return xstrdup(json_is_string(v) ? json_string_value(v) : "");
}

static void read_proofs(
	struct jx *j, const char *key, struct proof_view **ret, size_t *ret_n)
{
	const json_t *list = jx_array_opt(j, key, MAX_ITEMS), *item;
	size_t i;

	*ret = xcalloc(json_array_size(list) + 1, sizeof(**ret));
	*ret_n = 0;
	json_array_foreach(list, i, item)
	{
		struct jx p = {.obj = item};
		struct proof_view *v = &(*ret)[(*ret_n)++];

		v->name = str(&p, "name");
		v->text = free_text(&p, "text");
		v->ok = jx_bool_opt(&p, "ok", false);
		v->time_ms = jx_uint_opt(&p, "time", 0, MAX_TIME_MS, 0);
		jx_merge(j, key, &p);
	}
}

static void free_proofs(struct proof_view *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].name);
		free(list[i].text);
	}
	free(list);
}

static void read_phases(struct jx *j, struct node_view *n)
{
	const json_t *list = jx_array_opt(j, "phases", MAX_ITEMS), *item;
	size_t i;

	n->phases = xcalloc(json_array_size(list) + 1, sizeof(*n->phases));
	json_array_foreach(list, i, item)
	{
		struct jx p = {.obj = item};
		struct phase_view *v = &n->phases[n->n_phases++];

		v->state = str(&p, "state");
		v->ms = jx_uint_opt(&p, "ms", 0, MAX_TIME_MS, 0);
		jx_merge(j, "phases", &p);
	}
}

/* The object at key, NULL when it is absent or null. */
static const json_t *object_opt(struct jx *j, const char *key)
{
	const json_t *v = json_object_get(j->obj, key);

	return !v || json_is_null(v) ? NULL : jx_object(j, key);
}

static void read_parts(struct jx *j, struct node_view *n)
{
	struct jx progress = {.obj = object_opt(j, "progress")};
	struct jx disk = {.obj = object_opt(j, "disk")};
	struct jx task = {.obj = object_opt(j, "task")};
	struct jx retry = {.obj = object_opt(j, "retry")};

	n->cause = retry.obj ? free_text(&retry, "cause") : xstrdup("");
	if (retry.obj) {
		n->try = (unsigned)jx_uint(&retry, "try", 2, 1000);
		n->try_of = (unsigned)jx_uint(&retry, "of", 1, 1000);
		n->try_ms = jx_uint_opt(&retry, "at", 0, MAX_TIME_MS, 0);
		jx_merge(j, "retry", &retry);
	}
	n->asks = jx_bool_opt(j, "asks", false);
	n->has_progress = progress.obj != NULL;
	if (n->has_progress) {
		n->done = jx_uint(&progress, "done", 0, MAX_BYTES);
		n->total = jx_uint(&progress, "total", 0, MAX_BYTES);
		jx_merge(j, "progress", &progress);
	}
	n->has_disk = disk.obj != NULL;
	n->disk_serial = n->has_disk ? str_opt(&disk, "serial") : xstrdup("");
	n->disk_wwn = n->has_disk ? str_opt(&disk, "wwn") : xstrdup("");
	if (n->has_disk) {
		n->disk_bytes = jx_uint_opt(&disk, "bytes", 0, MAX_BYTES, 0);
		jx_merge(j, "disk", &disk);
	}
	n->has_task = task.obj != NULL;
	if (n->has_task) {
		n->task_id = jx_uint(&task, "id", 0, MAX_TIME_MS);
		n->task_done = jx_bool_opt(&task, "done", false);
		n->task_ok = jx_bool_opt(&task, "ok", false);
		read_proofs(&task, "proofs", &n->task_proofs, &n->n_task_proofs);
		jx_merge(j, "task", &task);
	}
}

static void read_strings(struct jx *j, struct node_view *n)
{
	n->name = str(j, "name");
	n->role = str(j, "role");
	n->state = str(j, "state");
	n->kind = str_opt(j, "kind");
	n->reason = free_text(j, "reason");
	n->step = free_text(j, "step");
	n->address = str_opt(j, "address");
	n->bmc = str_opt(j, "bmc");
	n->power = str_opt(j, "power");
	n->serial = str_opt(j, "serial");
	n->image = str_opt(j, "image");
}

int node_view_parse(const json_t *json, struct node_view *ret, char **reterr_msg)
{
	struct jx j = {.obj = json};
	struct node_view n = {0};
	const json_t *inventory = json_object_get(json, "inventory");

	if (!json_is_object(json)) {
		*reterr_msg = xstrdup("node: expected an object");
		return -EPROTO;
	}
	read_strings(&j, &n);
	n.unit = (unsigned)jx_uint_opt(&j, "unit", 0, 1000, 0);
	n.since_ms = jx_uint_opt(&j, "since", 0, MAX_TIME_MS, 0);
	n.last_seen_ms = jx_uint_opt(&j, "last_seen", 0, MAX_TIME_MS, 0);
	n.revision = jx_uint_opt(&j, "revision", 0, MAX_TIME_MS, 0);
	n.reported = jx_uint_opt(&j, "reported", 0, MAX_TIME_MS, 0);
	read_parts(&j, &n);
	read_phases(&j, &n);
	read_proofs(&j, "proofs", &n.proofs, &n.n_proofs);
	if (json_is_object(inventory))
		n.inventory = json_incref((json_t *)inventory);
	if (finish(&j, reterr_msg) < 0) {
		node_view_clear(&n);
		return -EPROTO;
	}
	*ret = n;
	return 0;
}

void node_view_clear(struct node_view *n)
{
	free(n->name);
	free(n->role);
	free(n->kind);
	free(n->state);
	free(n->reason);
	free(n->step);
	free(n->cause);
	free(n->address);
	free(n->bmc);
	free(n->power);
	free(n->serial);
	free(n->image);
	free(n->disk_serial);
	free(n->disk_wwn);
	for (size_t i = 0; i < n->n_phases; i++)
		free(n->phases[i].state);
	free(n->phases);
	free_proofs(n->proofs, n->n_proofs);
	free_proofs(n->task_proofs, n->n_task_proofs);
	json_decref(n->inventory);
	*n = (struct node_view){0};
}

static void parse_kept(struct jx *outer, struct status_view *s)
{
	struct jx j = {.obj = json_object_get(outer->obj, "events")};

	if (!j.obj)
		return;
	s->n_events = jx_uint(&j, "count", 0, INT64_MAX);
	s->oldest_ms = jx_uint(&j, "oldest", 0, MAX_TIME_MS);
	s->store_bytes = jx_uint(&j, "bytes", 0, INT64_MAX);
	jx_merge(outer, "events", &j);
}

int status_view_parse(const json_t *json, struct status_view **ret, char **reterr_msg)
{
	struct jx j = {.obj = json};
	_cleanup_(status_view_freep) struct status_view *s = xcalloc(1, sizeof(*s));
	const json_t *list, *item;
	size_t i;

	s->version = str_opt(&j, "version");
	s->rack = str_opt(&j, "rack");
	s->now_ms = jx_uint(&j, "now", 0, MAX_TIME_MS);
	list = jx_array(&j, "nodes", MAX_ITEMS);
	parse_kept(&j, s);
	if (finish(&j, reterr_msg) < 0)
		return -EPROTO;
	s->nodes = xcalloc(json_array_size(list) + 1, sizeof(*s->nodes));
	json_array_foreach(list, i, item)
	{
		int r = node_view_parse(item, &s->nodes[i], reterr_msg);

		if (r < 0)
			return r;
		s->n_nodes++;
	}
	*ret = TAKE_PTR(s);
	return 0;
}

void status_view_free(struct status_view *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_nodes; i++)
		node_view_clear(&s->nodes[i]);
	free(s->nodes);
	free(s->version);
	free(s->rack);
	free(s);
}

void status_view_freep(struct status_view **s)
{
	status_view_free(*s);
}

const struct node_view *status_view_node(const struct status_view *s, const char *name)
{
	for (size_t i = 0; i < s->n_nodes; i++)
		if (streq(s->nodes[i].name, name))
			return &s->nodes[i];
	return NULL;
}

static void read_event(struct jx *j, const json_t *item, struct event_view *e)
{
	struct jx x = {.obj = item};

	e->id = (int64_t)jx_uint(&x, "id", 0, MAX_TIME_MS);
	e->time_ms = jx_uint(&x, "time", 0, MAX_TIME_MS);
	e->node = str_opt(&x, "node");
	e->source = str_opt(&x, "source");
	e->type = str_opt(&x, "type");
	e->text = free_text(&x, "text");
	jx_merge(j, "events", &x);
}

int events_view_parse(const json_t *json, struct events_view *ret, char **reterr_msg)
{
	struct jx j = {.obj = json};
	struct events_view e = {0};
	const json_t *list, *item;
	size_t i;

	e.last = (int64_t)jx_uint(&j, "last", 0, MAX_TIME_MS);
	list = jx_array_opt(&j, "events", 1000000);
	e.list = xcalloc(json_array_size(list) + 1, sizeof(*e.list));
	json_array_foreach(list, i, item) read_event(&j, item, &e.list[e.n++]);
	if (finish(&j, reterr_msg) < 0) {
		events_view_clear(&e);
		return -EPROTO;
	}
	*ret = e;
	return 0;
}

void events_view_clear(struct events_view *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->list[i].node);
		free(e->list[i].source);
		free(e->list[i].type);
		free(e->list[i].text);
	}
	free(e->list);
	*e = (struct events_view){0};
}

static bool is_progress(const struct event_view *x)
{
	return streq(x->type, "agent.progress");
}

size_t events_view_mark_old_news(struct events_view *e, size_t first)
{
	const char *said = "";
	size_t n = 0;

	for (size_t i = first; i < e->n; i++) {
		struct event_view *x = &e->list[i];

		if (streq(x->type, "report")) {
			x->old_news = streq(said, x->text);
			said = x->text;
		} else {
			x->old_news = is_progress(x) && i > first && is_progress(x - 1) &&
				i + 1 < e->n && is_progress(x + 1);
		}
		n += x->old_news;
	}
	return n;
}

char *node_view_role(const struct node_view *n)
{
	return *n->kind ? xasprintf("%s %s", n->role, n->kind) : xstrdup(n->role);
}

char *node_view_try(const struct node_view *n, uint64_t now_ms)
{
	uint64_t left = n->try_ms > now_ms ? (n->try_ms - now_ms + 999) / 1000 : 0;

	if (!n->try)
		return xstrdup("");
	if (!n->try_ms)
		return xasprintf("%u%s try", n->try, ordinal_suffix(n->try));
	return xasprintf("%u%s try in %llu s: %s", n->try, ordinal_suffix(n->try),
		(unsigned long long)left, n->cause);
}

char *node_view_remark(const struct node_view *n, uint64_t now_ms)
{
	_cleanup_free_ char *try = node_view_try(n, now_ms);

	if (n->try_ms)
		return TAKE_PTR(try);
	if (*n->reason && !n->asks && !node_view_is_going(n))
		return xstrdup(n->reason);
	if (n->try && !n->has_progress)
		return xasprintf("%s%s(%s)", n->step, *n->step ? " " : "", try);
	return xstrdup(n->step);
}

enum term_style node_view_style(const struct node_view *n)
{
	if (streq(n->state, "ready"))
		return STYLE_GOOD;
	if (streq(n->state, "failed"))
		return STYLE_BAD;
	return n->asks || node_view_is_going(n) ? STYLE_WARN : STYLE_DIM;
}

bool node_view_is_going(const struct node_view *n)
{
	return streq(n->state, "idle") || node_view_in_run(n);
}

bool node_view_in_run(const struct node_view *n)
{
	if (streq(n->state, "inventoried"))
		return !n->asks;
	for (size_t i = 0; run_states[i]; i++)
		if (streq(n->state, run_states[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(pauses); i++)
		if (streq(n->state, pauses[i]))
			return true;
	return false;
}

uint64_t node_view_phase_ms(const struct node_view *n, const char *state)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n->n_phases; i++)
		if (streq(n->phases[i].state, state))
			sum += n->phases[i].ms;
	return sum;
}

uint64_t node_view_run_ms(const struct node_view *n)
{
	uint64_t sum = 0;

	for (size_t i = 0; run_states[i]; i++)
		sum += node_view_phase_ms(n, run_states[i]);
	for (size_t i = 0; i < ARRAY_SIZE(pauses); i++)
		sum += node_view_phase_ms(n, pauses[i]);
	return sum;
}
