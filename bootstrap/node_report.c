/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include "bootstrap/cast.h"
#include "common/jsonx.h"

/*
 * What agent and noded say. Their words are data: types are held to their own names,
 * texts to a length, and no event of theirs can pose as one of ondold's. Reports come
 * every 15 seconds; only those that say something new are kept as events.
 */

/* The trial of an image (10 minutes) and two starts through the firmware. */
#define UPDATE_SILENT_MS (25 * 60 * 1000)
#define MAX_TEXT 2000
#define MAX_DATA 16384
#define MAX_PROOFS 128
#define PROGRESS_KEEP_MS 5000

/* ---- events ---- */

static bool type_is_ok(const char *type)
{
	size_t len = strlen(type);

	if (!str_startswith(type, "agent.") && !str_startswith(type, "noded."))
		return false;
	return len <= 40 &&
		strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len &&
		!node_ends_task(type) && !streq(type, fsm_event_str(FSM_EV_NODED_MOVED));
}

/* Progress is told several times a second and kept every few seconds. */
static void take_progress(struct node *n, const json_t *data)
{
	struct jx j = {.obj = data};
	uint64_t done = jx_uint(&j, "done", 0, INT64_MAX);
	uint64_t total = jx_uint(&j, "total", 0, INT64_MAX);
	_cleanup_free_ char *text = NULL;
	uint64_t now = now_mono_ms();

	caster_heard(n, jx_uint_opt(&j, "come", 0, INT64_MAX, 0),
		jx_uint_opt(&j, "lost", 0, INT64_MAX, 0));
	if (!j.error) {
		n->has_progress = true;
		n->done = done;
		n->total = total;
	}
	jx_clear(&j);
	if (now - n->progress_kept_ms >= PROGRESS_KEEP_MS || done == total) {
		n->progress_kept_ms = now;
		text = xasprintf("%llu %%",
			(unsigned long long)(total
					? (uint64_t)(100.0 * (double)done / (double)total)
					: 0));
		node_event(n, "agent", FSM_EV_AGENT_PROGRESS, text, data);
	} else {
		node_step(n, FSM_EV_AGENT_PROGRESS, "");
	}
}

static void take_installed(struct node *n, const json_t *data)
{
	json_decref(n->disk);
	n->disk = json_deep_copy(data);
	n->has_progress = false;
}

static void take_known(
	struct node *n, enum fsm_event event, const char *text, const json_t *data)
{
	const char *source =
		str_startswith(fsm_event_str(event), "agent.") ? "agent" : "noded";

	if (event == FSM_EV_AGENT_PROGRESS) {
		take_progress(n, data);
		return;
	}
	if (event == FSM_EV_AGENT_INSTALLED)
		take_installed(n, data);
	node_event(n, source, event, text, data);
	if (node_tells_step(n, event))
		n->has_progress = false;
}

/* What agent.installed must carry: where the system is now. */
static void check_installed(struct jx *j, const json_t *data)
{
	struct jx d = {.obj = data};

	jx_str(&d, "serial", 64);
	jx_str(&d, "wwn", 64);
	jx_uint(&d, "bytes", 0, INT64_MAX);
	jx_merge(j, "data", &d);
}

char *node_take_event(struct node *n, const json_t *event)
{
	struct jx j = {.obj = event};
	const char *type = jx_str(&j, "type", 40);
	const json_t *text = json_object_get(event, "text"),
		     *data = json_object_get(event, "data");
	_cleanup_free_ char *clean = NULL;
	enum fsm_event known;
	bool is_known;

	if (!j.error && !type_is_ok(type))
		jx_fail(&j, "type", "expected agent.* or noded.*, found \"%s\"", type);
	if (!j.error && text && !json_is_string(text))
		jx_fail(&j, "text", "expected a string");
	if (!j.error && json_string_length(text) > MAX_TEXT)
		jx_fail(&j, "text", "expected at most %d bytes", MAX_TEXT);
	if (!j.error && data && !json_is_object(data))
		jx_fail(&j, "data", "expected an object");
	if (!j.error && data && json_dumpb(data, NULL, 0, JSON_COMPACT) > MAX_DATA)
		jx_fail(&j, "data", "expected at most %d bytes", MAX_DATA);
	is_known = !j.error && fsm_event_parse(type, &known) == 0;
	if (is_known && known == FSM_EV_AGENT_INSTALLED)
		check_installed(&j, data ? data : event);
	if (j.error)
		return TAKE_PTR(j.error);
	clean = xstrdup(text ? json_string_value(text) : "");
	if (streq(type, CAST_LISTENS))
		caster_listens(n);
	else if (streq(type, CAST_LISTENED))
		caster_left(n);
	if (is_known)
		take_known(n, known, clean, data);
	else
		ondold_event(n->o, n, str_startswith(type, "agent.") ? "agent" : "noded",
			type, clean, data);
	return NULL;
}

/* ---- reports ---- */

static void add_words(char **words, const char *fmt, ...) _printf_(2, 3);

static void add_words(char **words, const char *fmt, ...)
{
	char *before = *words, *more;
	va_list ap;

	va_start(ap, fmt);
	more = xvasprintf(fmt, ap);
	va_end(ap);
	*words = xasprintf("%s%s%s", before, *before ? "; " : "", more);
	free(before);
	free(more);
}

/* "network: no carrier; kvm: missing" of the proofs that failed; caller frees */
static char *failed_proofs(const json_t *proofs)
{
	char *out = xstrdup("");
	json_t *p;
	size_t i;

	json_array_foreach(proofs, i, p)
	{
		if (json_is_true(json_object_get(p, "ok")))
			continue;
		add_words(&out, "%s: %s", json_string_value(json_object_get(p, "name")),
			json_string_value(json_object_get(p, "text")));
	}
	return out;
}

static void check_proofs(struct jx *j, const char *key)
{
	const json_t *list = jx_array(j, key, MAX_PROOFS), *p;
	size_t i;

	json_array_foreach(list, i, p)
	{
		struct jx d = {.obj = p};

		jx_str(&d, "name", 64);
		jx_bool_opt(&d, "ok", false);
		jx_str(&d, "text", MAX_TEXT);
		jx_uint(&d, "time", 0, INT64_MAX);
		if (!d.error && !json_is_boolean(json_object_get(p, "ok")))
			jx_fail(&d, "ok", "expected true or false");
		jx_merge(j, key, &d);
	}
}

static void check_task(struct jx *j, const json_t *task)
{
	struct jx d = {.obj = task};

	if (!task || json_is_null(task))
		return;
	jx_uint(&d, "id", 1, INT64_MAX);
	jx_bool_opt(&d, "ok", false);
	jx_str_opt(&d, "text", MAX_TEXT, "");
	if (json_object_get(task, "proofs"))
		check_proofs(&d, "proofs");
	jx_merge(j, "task", &d);
}

static char *check_report(const json_t *report)
{
	struct jx j = {.obj = report};
	_cleanup_free_ char *cloud = NULL;

	jx_uint(&j, "revision", 0, INT64_MAX);
	jx_bool_opt(&j, "ready", false);
	jx_uint_opt(&j, "at", 0, INT64_MAX, 0);
	jx_str(&j, "boot_id", 64);
	jx_str(&j, "image", 128);
	check_proofs(&j, "proofs");
	check_task(&j, json_object_get(report, "task"));
	if (!j.error && !json_is_boolean(json_object_get(report, "ready")))
		jx_fail(&j, "ready", "expected true or false");
	cloud = j.error ? NULL : cloud_check_report(json_object_get(report, "cloud"));
	if (cloud)
		jx_fail(&j, "cloud", "%s", cloud);
	return TAKE_PTR(j.error);
}

/* A new object with those of the keys that obj has; their values are shared with it. */
static json_t *only(const json_t *obj, const char *const *keys)
{
	json_t *out = json_object();

	for (; *keys; keys++)
		json_object_set(out, *keys, json_object_get(obj, *keys));
	return out;
}

static void only_proofs(json_t *of)
{
	static const char *const keys[] = {"name", "ok", "text", "time", NULL};
	json_t *proofs = json_object_get(of, "proofs"), *list, *p;
	size_t i;

	if (!proofs)
		return;
	list = json_array();
	json_array_foreach(proofs, i, p) json_array_append_new(list, only(p, keys));
	json_object_set_new(of, "proofs", list);
}

/* What was checked of a report, and no more: the rest would be kept as well. New reference. */
static json_t *known_report(const json_t *report)
{
	static const char *const keys[] = {
		"revision", "ready", "boot_id", "image", "proofs", "task", "cloud", NULL};
	static const char *const task_keys[] = {"id", "ok", "text", "proofs", NULL};
	json_t *out = only(report, keys), *task = json_object_get(out, "task");

	only_proofs(out);
	if (json_is_object(task)) {
		task = only(task, task_keys);
		only_proofs(task);
		json_object_set_new(out, "task", task);
	}
	return out;
}

/* The report without what changes although nothing happened. */
static json_t *essence(const json_t *report)
{
	json_t *copy = json_deep_copy(report), *p;
	size_t i;

	json_object_del(copy, "task");
	json_object_del(copy, "cloud"); /* its turns are events of their own */
	json_array_foreach(json_object_get(copy, "proofs"), i, p)
		json_object_del(p, "time");
	return copy;
}

static bool says_something_new(const struct node *n, const json_t *report)
{
	json_t *a = essence(report), *b = n->report ? essence(n->report) : NULL;
	bool differs = !json_equal(a, b);

	json_decref(a);
	json_decref(b);
	return differs;
}

static const json_t *proof_of(const json_t *report, const char *name)
{
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(report, "proofs"), i, p)
	{
		if (streq_ptr(json_string_value(json_object_get(p, "name")), name))
			return p;
	}
	return NULL;
}

/* What it says that the one before did not: a controller has fifteen proofs, and most fail as long. */
static char *news_of(const json_t *report, const json_t *before)
{
	char *words = xstrdup("");
	const json_t *p;
	unsigned same = 0;
	size_t i;

	json_array_foreach(json_object_get(report, "proofs"), i, p)
	{
		const char *name = json_string_value(json_object_get(p, "name"));
		const json_t *was = proof_of(before, name);
		bool ok = json_is_true(json_object_get(p, "ok")),
		     was_ok = json_is_true(json_object_get(was, "ok"));

		if (ok && was && !was_ok)
			add_words(&words, "%s holds now", name);
		else if (!ok && was &&
			json_equal(
				json_object_get(p, "text"), json_object_get(was, "text")))
			same++;
		else if (!ok)
			add_words(&words, "%s: %s", name,
				json_string_value(json_object_get(p, "text")));
	}
	if (same > 0)
		add_words(&words, "%u %s as before", same, same > 1 ? "fail" : "fails");
	return words;
}

/* before: the report before, or NULL. */
static void keep_report(struct node *n, const json_t *report, const json_t *before,
	bool ready, uint64_t revision)
{
	_cleanup_free_ char *news = news_of(report, before);
	_cleanup_free_ char *text =
		xasprintf("%s at revision %llu%s%s", ready ? "ready" : "not ready",
			(unsigned long long)revision, *news ? ": " : "", news);
	json_t *kept = json_copy((json_t *)report);

	json_object_del(kept, "cloud");
	/* One that reports anew all the time is believed, and its reports are not kept. */
	if (node_may_say(n, json_dumpb(kept, NULL, 0, JSON_COMPACT)))
		ondold_event(n->o, n, "noded", "report", text, kept);
	json_decref(kept);
}

void node_replay_report(struct node *n, const json_t *report)
{
	if (!json_is_object(report))
		return;
	json_decref(n->report);
	n->report = json_deep_copy(report);
	n->reported = (uint64_t)json_integer_value(json_object_get(report, "revision"));
}

static bool waits_for_noded(const struct node *n)
{
	return n->fsm.state == FSM_FIRST_BOOT ||
		(n->fsm.state == FSM_INSTALLING && n->fsm.installed);
}

static void step_report(struct node *n, bool ready, uint64_t revision)
{
	_cleanup_free_ char *failed = NULL, *text = NULL;

	if (waits_for_noded(n))
		node_step(n, FSM_EV_NODED_UP, "");
	if (revision != n->revision)
		return;
	if (ready) {
		node_step(n, FSM_EV_REPORT_READY, "");
		return;
	}
	failed = failed_proofs(json_object_get(n->report, "proofs"));
	text = xasprintf(
		"it is not ready any more: %s", *failed ? failed : "noded is at work");
	node_step(n, FSM_EV_REPORT_BUSY, text);
}

static void heard(struct node *n)
{
	n->last_seen_ms = now_real_ms();
	n->heard_ms = now_mono_ms();
	if (!n->silent)
		return;
	n->silent = false;
	free(n->reason);
	n->reason = xstrdup("");
	ondold_event(n->o, n, "ondold", "node.heard", "it reports again", NULL);
}

static void tell_restart(struct node *n, const json_t *report)
{
	const json_t *before = json_object_get(n->report, "boot_id");

	if (before && !json_equal(before, json_object_get(report, "boot_id")))
		ondold_event(n->o, n, "ondold", "node.restarted",
			"the server was started anew", NULL);
}

/* ---- tasks ---- */

static void set_task_text(struct node *n, const char *text)
{
	free(n->task_text);
	n->task_text = xstrdup(text);
}

static void end_task(struct node *n, bool ok, const json_t *proofs, const char *text)
{
	n->task_done = true;
	n->task_ok = ok;
	set_task_text(n, text);
	json_decref(n->task_proofs);
	n->task_proofs = json_is_array(proofs) ? json_deep_copy(proofs) : NULL;
}

bool node_ends_task(const char *type)
{
	return streq(type, "noded.proved") || streq(type, "noded.disproved") ||
		streq(type, "noded.done") || streq(type, "noded.undone");
}

static const char *end_of_task(const struct node *n, bool ok)
{
	if (streq(n->task_type, NODE_PROVE))
		return ok ? "noded.proved" : "noded.disproved";
	return ok ? "noded.done" : "noded.undone";
}

static char *task_words(bool ok, const json_t *task)
{
	const char *text = json_string_value(json_object_get(task, "text"));
	const json_t *proofs = json_object_get(task, "proofs");
	_cleanup_free_ char *failed = failed_proofs(proofs);

	if (text && *text)
		return xstrdup(text);
	return ok ? xasprintf("all %zu proofs hold", json_array_size(proofs))
		  : xasprintf("does not hold: %s", failed);
}

static void take_task(struct node *n, const json_t *task)
{
	int64_t id = json_integer_value(json_object_get(task, "id"));
	bool ok = json_is_true(json_object_get(task, "ok"));
	_cleanup_free_ char *text = NULL;

	if (!id || id != n->task_id || n->task_done)
		return;
	text = task_words(ok, task);
	end_task(n, ok, json_object_get(task, "proofs"), text);
	ondold_event(n->o, n, "noded", end_of_task(n, ok), text, task);
}

/* The literal of a type's name. */
static const char *task_type(const char *type)
{
	if (streq(type, NODE_UPDATE))
		return NODE_UPDATE;
	return streq(type, NODE_BACKUP) ? NODE_BACKUP : NODE_PROVE;
}

static const char *task_wish(const char *type)
{
	if (streq(type, NODE_UPDATE))
		return "take another image";
	return streq(type, NODE_BACKUP) ? "make a backup" : "prove everything again";
}

static const char *type_of_task(const json_t *data)
{
	const char *type = json_string_value(json_object_get(data, "type"));

	return task_type(type ? type : "");
}

static void begin_task(struct node *n, int64_t id, const char *type)
{
	n->task_id = id;
	n->task_type = type;
	n->task_done = n->task_ok = false;
	set_task_text(n, NULL);
	json_decref(n->task_proofs);
	n->task_proofs = NULL;
}

int64_t node_want_task(struct node *n, const char *type)
{
	json_t *data;
	int64_t id;

	/* to prove twice, or to back up, does no harm; of two updates one would undo the other */
	if (n->task_id && !n->task_done &&
		(!streq(n->task_type, type) || streq(type, NODE_UPDATE)))
		return -EBUSY;
	data = json_pack("{s:s}", "type", type);
	id = ondold_event(n->o, n, "operator", "task.wanted", task_wish(type), data);
	json_decref(data);
	if (id < 0)
		return id;
	begin_task(n, id, task_type(type));
	ondold_kick(n->o, n);
	return id;
}

void node_give_up_task(struct node *n, const char *why)
{
	_cleanup_(jx_freep) json_t *data = NULL;

	if (!n->task_id || n->task_done)
		return;
	data = json_pack("{s:I}", "id", (json_int_t)n->task_id);
	end_task(n, false, NULL, why);
	ondold_event(n->o, n, "ondold", end_of_task(n, false), why, data);
}

void node_replay_task(struct node *n, const struct store_event *ev)
{
	if (streq(ev->type, "task.wanted"))
		begin_task(n, ev->id, type_of_task(ev->data));
	else if (json_integer_value(json_object_get(ev->data, "id")) == n->task_id)
		end_task(n,
			streq(ev->type, "noded.proved") || streq(ev->type, "noded.done"),
			json_object_get(ev->data, "proofs"), ev->text);
}

/* ---- waiting for another node ---- */

bool node_is_on_its_way(const struct node *n)
{
	switch (n->fsm.state) {
	case FSM_IDLE:
	case FSM_RETRY:
	case FSM_BMC_RESET:
	case FSM_POWERING:
	case FSM_NETBOOT:
	case FSM_AGENT:
	case FSM_INSTALLING:
	case FSM_FIRST_BOOT:
	case FSM_CONFIGURING:
		return true;
	case FSM_INVENTORIED: /* else on its way is nobody but the operator */
		return n->fsm.agreed;
	case FSM_ENROL:
	case FSM_READY:
	case FSM_FAILED:
	case FSM_MAINTENANCE:
	case FSM_CANCELLED:
	case FSM_N_STATES:
		break;
	}
	return false;
}

/* "controller/keystone", "storage:block/cinder-volume": is this the role? */
static bool is_meant(const struct node *n, const char *what)
{
	size_t role = strcspn(what, ":/"), kind = 0;

	if (strlen(n->conf->role) != role || strncmp(n->conf->role, what, role) != 0)
		return false;
	if (what[role] != ':')
		return true;
	what += role + 1;
	kind = strcspn(what, "/");
	return n->conf->kind && strlen(n->conf->kind) == kind &&
		strncmp(n->conf->kind, what, kind) == 0;
}

/*
 * A node that says "waiting for ROLE/PROOF" is patient as long as some node of that role is
 * on its way; then its reports alone are a sign of life. Else the suspect is the other.
 */
static bool waits_with_hope(struct node *n)
{
	static const char word[] = "waiting for ";
	const char *what = n->step + strlen(word);
	const struct node *last = NULL;

	free(n->waits);
	n->waits = NULL;
	n->names.waits = NULL;
	if (n->fsm.state != FSM_CONFIGURING || !str_startswith(n->step, word))
		return false;
	for (size_t i = 0; i < n->o->n_nodes; i++) {
		if (n->o->nodes[i] == n || !is_meant(n->o->nodes[i], what))
			continue;
		last = n->o->nodes[i];
		if (node_is_on_its_way(last))
			return true;
	}
	n->waits = last
		? xasprintf("it waits for %s, and %s is %s: see `ondol why %s`", what,
			  last->name, fsm_state_str(last->fsm.state), last->name)
		: xasprintf("it waits for %s, and no node of that role is there", what);
	n->names.waits = n->waits;
	return false;
}

/* Has a later report of the same start of the node come by another connection? */
static bool is_overtaken(struct node *n, const json_t *said)
{
	uint64_t at = (uint64_t)json_integer_value(json_object_get(said, "at"));
	bool same = n->report &&
		json_equal(json_object_get(said, "boot_id"),
			json_object_get(n->report, "boot_id"));

	if (at && same && at < n->report_at_ms)
		return true;
	n->report_at_ms = at;
	return false;
}

char *node_take_report(struct node *n, const json_t *said)
{
	_cleanup_(jx_freep) json_t *before = NULL, *report = NULL;
	char *error = check_report(said);
	bool ready, fresh;
	uint64_t revision;

	if (error)
		return error;
	if (is_overtaken(n, said)) {
		heard(n);
		return NULL;
	}
	report = known_report(said);
	ready = json_is_true(json_object_get(report, "ready"));
	revision = (uint64_t)json_integer_value(json_object_get(report, "revision"));
	fresh = says_something_new(n, report);
	heard(n);
	if (fsm_noded_proves_install(&n->fsm)) /* agent.installed was lost */
		node_event(n, "noded", FSM_EV_NODED_UP, "the installed system reports",
			NULL);
	if (!n->fsm.installed) /* the system that is about to be replaced */
		return NULL;
	tell_restart(n, report);
	before = json_incref(n->report);
	node_replay_report(n, report);
	if (fresh)
		keep_report(n, report, before, ready, revision);
	if (waits_with_hope(n) || fresh)
		node_step(n, FSM_EV_NODED_MOVED, "");
	cloud_take_report(n, report);
	cloud_facts_changed(n, true);
	take_task(n, json_object_get(report, "task"));
	step_report(n, ready, revision);
	return NULL;
}

void node_pulse(struct node *n)
{
	char since[32];
	uint64_t age = now_mono_ms() - n->heard_ms;

	if (age >= NODE_SILENT_MS)
		cloud_facts_changed(n, false);
	if (age >= UPDATE_SILENT_MS / 100 * n->o->opts.patience_percent && n->task_id &&
		!n->task_done && streq(n->task_type, NODE_UPDATE))
		node_give_up_task(n,
			"nothing was heard of the node for so long that the trial of its image "
			"is over: see its console; a power cycle starts the image before");
	if (n->fsm.state != FSM_READY || n->silent || age < NODE_SILENT_MS)
		return;
	n->silent = true;
	format_duration(age, since);
	free(n->reason);
	n->reason = xasprintf(
		"no report for %s: is the server on, and its provisioning network up?",
		since);
	ondold_event(n->o, n, "ondold", "node.silent", n->reason, NULL);
	node_query_power(n);
}
