/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each part goes prepare → units → ready → after → up on its own; whenever one moves on,
 * all that wait are looked at. A part that fails lets those that run come to their end and
 * keeps new ones from beginning; then the whole run is over, and noded tries again later.
 */
#include "nodeagent/parts.h"

#include "common/log.h"
#include "nodeagent/partwork.h"
#include "nodeagent/work.h"

#define PREPARE_TIMEOUT_MS 1800000
#define AFTER_TIMEOUT_MS 3600000
#define READY_EXTRA_MS 60000
#define UNIT_TIMEOUT_MS 600000

enum part_state {
	PART_WAITS,
	PART_PREPARING,
	PART_STARTING,
	PART_AWAITED,
	PART_FINISHING,
	PART_UP,
	PART_FAILED
};

struct one {
	struct parts *all;
	const struct partdef *def;
	enum part_state state;
	bool dirty; /* its units are restarted, not started */
	size_t unit; /* the next to start */
	struct work *work;
	uint64_t began_ms;
};

struct parts {
	sd_event *event;
	struct units *units;
	struct parts_run run;
	struct one *list; /* NULL: nothing runs */
	size_t n;
	char *failure; /* the first */
	char *waiting; /* what was said last that is waited for */
	sd_event_source *defer;
};

static void part_units(struct one *o);

/* ---- pure ---- */

/* "ROLE[:KIND]/PROOF". */
static bool fact_holds(const struct desired *d, const char *wait)
{
	_cleanup_free_ char *copy = xstrdup(wait);
	char *proof = strchr(copy, '/'), *kind = strchr(copy, ':');

	if (!proof)
		return false;
	*proof++ = '\0';
	if (kind)
		*kind++ = '\0';
	return desired_role_fact(d, copy, kind, proof);
}

char *parts_waits_for(const struct partdef *part, const struct desired *d)
{
	for (char **w = part->wait; *w; w++)
		if (!fact_holds(d, *w))
			return xstrdup(*w);
	for (size_t i = 0; i < part->n_blobs; i++)
		if (!desired_blob(d, part->blobs[i].name))
			return xasprintf("controller/%s", part->blobs[i].name);
	return NULL;
}

bool parts_restarts(const struct partdef *part, const char *unit)
{
	_cleanup_free_ char *file = xasprintf("/etc/systemd/system/%s", unit),
			    *dir = xasprintf("%s.d/", file);
	const char *type = strrchr(unit, '.');

	if (!streq_ptr(type, ".socket"))
		return true;
	for (size_t i = 0; i < part->n_files; i++)
		if (streq(part->files[i].path, file) ||
			str_startswith(part->files[i].path, dir))
			return true;
	return false;
}

/* ---- the graph ---- */

static struct one *find(struct parts *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (streq(p->list[i].def->name, name))
			return &p->list[i];
	return NULL;
}

static bool after_is_up(struct one *o)
{
	for (char **a = o->def->after; *a; a++) {
		const struct one *other = find(o->all, *a);

		if (other && other->state != PART_UP)
			return false;
	}
	return true;
}

static size_t count(const struct parts *p, enum part_state from, enum part_state to)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->list[i].state >= from && p->list[i].state <= to;
	return n;
}

static void look_soon(struct parts *p)
{
	sd_event_source_set_enabled(p->defer, SD_EVENT_ONESHOT);
}

static void say(struct one *o, const char *what)
{
	_cleanup_free_ char *text = xasprintf("%s: %s", o->def->name, what);

	o->all->run.step(text, o->all->run.userdata);
}

/* ---- one part ---- */

static void part_fail(struct one *o, const char *text)
{
	o->state = PART_FAILED;
	if (!o->all->failure)
		o->all->failure =
			xasprintf("%s: %s", o->def->name, text ? text : "failed");
	look_soon(o->all);
}

static void part_up(struct one *o, const char *text)
{
	char took[32];

	partwork_finish(o->def->name);
	o->state = PART_UP;
	format_duration(now_mono_ms() - o->began_ms, took);
	log_info("%s is up after %s", o->def->name, took);
	o->all->run.up(o->def->name, text, o->all->run.userdata);
	look_soon(o->all);
}

static void on_now(const char *text, void *userdata)
{
	say(userdata, text);
}

static void by_work(struct one *o, const char *op, unsigned timeout_ms, work_done_fn done)
{
	int r = work_start_op(
		o->all->event, op, o->def->name, timeout_ms, done, o, &o->work);

	if (r < 0)
		part_fail(o, strerror(-r));
	else
		work_on_now(o->work, on_now);
}

static void on_after(bool ok, const char *text, void *userdata)
{
	struct one *o = userdata;

	o->work = NULL;
	if (ok)
		part_up(o, o->def->description);
	else
		part_fail(o, text);
}

static bool has_after(const struct partdef *d)
{
	for (size_t i = 0; i < d->n_steps; i++)
		if (d->steps[i].after)
			return true;
	return d->n_users || d->n_services || d->leave_op;
}

static void on_ready(bool ok, const char *text, void *userdata)
{
	struct one *o = userdata;

	o->work = NULL;
	if (!ok) {
		part_fail(o, text);
		return;
	}
	if (!has_after(o->def)) {
		part_up(o, text);
		return;
	}
	o->state = PART_FINISHING;
	say(o, "last steps");
	by_work(o, "part-after", AFTER_TIMEOUT_MS, on_after);
}

static void on_unit(bool ok, const char *text, void *userdata)
{
	struct one *o = userdata;

	if (!ok) {
		part_fail(o, text);
		return;
	}
	o->unit++;
	part_units(o);
}

/* The next unit, or what comes when all are started. */
static void part_units(struct one *o)
{
	const char *unit = o->def->units[o->unit];
	struct units *u = o->all->units;
	int r;

	if (!unit) {
		o->state = PART_AWAITED;
		by_work(o, "part-ready", o->def->ready_timeout_s * 1000 + READY_EXTRA_MS,
			on_ready);
		return;
	}
	say(o, unit);
	if (!o->dirty || !parts_restarts(o->def, unit))
		r = units_start(u, unit, UNIT_TIMEOUT_MS, on_unit, o);
	else if (strv_has(o->def->reload, unit))
		r = units_reload(u, unit, UNIT_TIMEOUT_MS, on_unit, o);
	else
		r = units_restart(u, unit, UNIT_TIMEOUT_MS, on_unit, o);
	if (r < 0)
		part_fail(o, strerror(-r));
}

static void on_reloaded(bool ok, const char *text, void *userdata)
{
	struct one *o = userdata;

	if (ok)
		part_units(o);
	else
		part_fail(o, text);
}

static bool has_unit_files(const struct partdef *d)
{
	for (size_t i = 0; i < d->n_files; i++)
		if (str_startswith(d->files[i].path, "/etc/systemd/"))
			return true;
	return false;
}

static void on_prepared(bool ok, const char *text, void *userdata)
{
	struct one *o = userdata;
	int r;

	o->work = NULL;
	if (!ok) {
		part_fail(o, text);
		return;
	}
	o->state = PART_STARTING;
	o->dirty = partwork_is_dirty(o->def->name);
	if (!o->dirty || !has_unit_files(o->def)) {
		part_units(o);
		return;
	}
	r = units_daemon_reload(o->all->units, on_reloaded, o);
	if (r < 0)
		part_fail(o, strerror(-r));
}

static void part_begin(struct one *o)
{
	o->state = PART_PREPARING;
	o->began_ms = now_mono_ms();
	say(o, "settings and first steps");
	by_work(o, "part-prepare", PREPARE_TIMEOUT_MS, on_prepared);
}

/* ---- all of them ---- */

static void say_waiting(struct parts *p, char *what, const char *part)
{
	_cleanup_free_ char *text =
		what ? xasprintf("waiting for %s (%s)", what, part) : NULL;

	free(what);
	if (text && !streq_ptr(text, p->waiting))
		p->run.step(text, p->run.userdata);
	free(p->waiting);
	p->waiting = TAKE_PTR(text);
}

static void end(struct parts *p)
{
	_cleanup_free_ char *failure = TAKE_PTR(p->failure);

	free(TAKE_PTR(p->list));
	free(TAKE_PTR(p->waiting));
	p->run.done(!failure, failure, p->run.userdata);
}

/* Begins what can begin; names what is waited for when nothing runs. */
static void look(struct parts *p)
{
	const char *who = NULL;
	char *waits = NULL;

	for (size_t i = 0; i < p->n && !p->failure; i++) {
		struct one *o = &p->list[i];
		char *wait;

		if (o->state != PART_WAITS || !after_is_up(o))
			continue;
		wait = parts_waits_for(o->def, p->run.desired);
		if (!wait && count(p, PART_PREPARING, PART_FINISHING) < PARTS_AT_ONCE)
			part_begin(o);
		if (wait && !waits) {
			waits = TAKE_PTR(wait);
			who = o->def->name;
		}
		free(wait);
	}
	if (count(p, PART_PREPARING, PART_FINISHING) > 0) {
		free(waits);
		return;
	}
	if (p->failure || count(p, PART_UP, PART_UP) == p->n) {
		free(waits);
		end(p);
		return;
	}
	say_waiting(p, waits, who);
}

static int on_defer(_unused_ sd_event_source *s, void *userdata)
{
	look(userdata);
	return 0;
}

/* Parts that wait for each other would wait for ever: the role file is wrong. */
static const char *circle(struct parts *p)
{
	bool moved = true;
	const char *stuck = NULL;

	while (moved) {
		moved = false;
		stuck = NULL;
		for (size_t i = 0; i < p->n; i++) {
			if (p->list[i].state == PART_UP)
				continue;
			if (after_is_up(&p->list[i])) {
				p->list[i].state = PART_UP;
				moved = true;
			} else {
				stuck = p->list[i].def->name;
			}
		}
	}
	for (size_t i = 0; i < p->n; i++)
		p->list[i].state = PART_WAITS;
	return stuck;
}

void parts_start(struct parts *p, const struct parts_run *run)
{
	const char *stuck;

	p->run = *run;
	p->n = 0;
	while (run->list[p->n])
		p->n++;
	p->list = xcalloc(p->n + 1, sizeof(*p->list));
	for (size_t i = 0; i < p->n; i++)
		p->list[i] = (struct one){.all = p, .def = run->list[i]};
	stuck = circle(p);
	if (stuck)
		p->failure = xasprintf(
			"the parts of this role wait for each other in a circle, "
			"%s among them: mend `after` in its part file",
			stuck);
	look_soon(p);
}

bool parts_running(const struct parts *p)
{
	return p->list != NULL;
}

void parts_facts(struct parts *p, const struct desired *d)
{
	p->run.desired = d;
	if (p->list)
		look_soon(p);
}

void parts_cancel(struct parts *p)
{
	sd_event_source_set_enabled(p->defer, SD_EVENT_OFF);
	for (size_t i = 0; p->list && i < p->n; i++)
		work_cancel(p->list[i].work);
	if (p->list)
		units_cancel(p->units);
	free(TAKE_PTR(p->list));
	free(TAKE_PTR(p->failure));
	free(TAKE_PTR(p->waiting));
	p->n = 0;
}

struct parts *parts_new(sd_event *event, struct units *units)
{
	struct parts *p = xcalloc(1, sizeof(*p));

	p->event = sd_event_ref(event);
	p->units = units;
	if (sd_event_add_defer(event, &p->defer, on_defer, p) < 0)
		abort();
	sd_event_source_set_enabled(p->defer, SD_EVENT_OFF);
	return p;
}

void parts_free(struct parts *p)
{
	if (!p)
		return;
	parts_cancel(p);
	sd_event_source_disable_unref(p->defer);
	sd_event_unref(p->event);
	free(p);
}
