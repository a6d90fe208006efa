/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job that systemd reports as done is not yet a unit that is up: after JobRemoved the
 * unit's own properties decide, and while they say "activating" the next
 * PropertiesChanged is awaited, up to the deadline.
 */
#include "nodeagent/units.h"

#include <systemd/sd-bus.h>

#include "common/log.h"
#include "nodeagent/patience.h"

#define DEST "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define UNIT_PREFIX "/org/freedesktop/systemd1/unit"
/*
 * systemd runs all generators before it answers a reload: on a busy machine that takes
 * minutes, and others' calls wait behind it.
 */
#define CALL_TIMEOUT_US (300 * 1000000ULL)

enum op_type {
	OP_START,
	OP_START_LAST,
	OP_RESTART,
	OP_RELOAD,
	OP_STOP,
	OP_ENABLE,
	OP_DISABLE,
	OP_READ_FILES /* of all units, anew */
};

struct op {
	enum op_type type;
	struct units *u;
	struct op *next;
	char *unit; /* owned; NULL for enable, disable, read files */
	char **files; /* owned, NULL-terminated: of enable, disable */
	char *job; /* owned; NULL until systemd has answered */
	bool job_done;
	unsigned timeout_ms;
	sd_bus_slot *slot; /* the call that runs */
	sd_event_source *timer;
	units_done_fn done;
	void *userdata;
};

struct query {
	struct units *u;
	struct query *next;
	char *unit;
	sd_bus_slot *slot;
	units_query_fn done;
	void *userdata;
};

struct units {
	sd_event *event;
	sd_bus *bus;
	bool gone; /* systemd has left the bus, and has not come back */
	struct op *ops; /* all that run, each for another unit */
	struct query *queries;
	char **watched; /* NULL-terminated, never NULL */
	units_changed_fn changed;
	void *userdata;
};

static void op_free(struct op *o)
{
	if (!o)
		return;
	sd_bus_slot_unref(o->slot);
	sd_event_source_disable_unref(o->timer);
	strv_free(o->files);
	free(o->unit);
	free(o->job);
	free(o);
}

static void op_unlink(struct op *o)
{
	for (struct op **p = &o->u->ops; *p; p = &(*p)->next) {
		if (*p == o) {
			*p = o->next;
			return;
		}
	}
}

/* The one that runs for a unit; for NULL: that which runs for unit files. */
static struct op *op_of(struct units *u, const char *unit)
{
	for (struct op *o = u->ops; o; o = o->next)
		if (streq_ptr(o->unit, unit))
			return o;
	return NULL;
}

static void op_link(struct op *o)
{
	o->next = o->u->ops;
	o->u->ops = o;
}

static void op_end(struct op *o, bool ok, const char *text)
{
	units_done_fn done = o->done;
	void *userdata = o->userdata;

	op_unlink(o);
	op_free(o);
	done(ok, text, userdata);
}

/* What was asked of a systemd that is gone from the bus is asked again when it is back. */
static void op_fail_call(struct op *o, const sd_bus_error *e)
{
	_cleanup_free_ char *text = NULL;

	if (o->u->gone)
		return;
	text = xasprintf("%s%ssystemd refused: %s (%s)", o->unit ? o->unit : "",
		o->unit ? ": " : "", e->message ? e->message : "no reason given",
		e->name ? e->name : "no error name");
	op_end(o, false, text);
}

/* ---- queries ---- */

static void query_free(struct query *q)
{
	sd_bus_slot_unref(q->slot);
	free(q->unit);
	free(q);
}

static void query_unlink(struct query *q)
{
	for (struct query **p = &q->u->queries; *p; p = &(*p)->next) {
		if (*p == q) {
			*p = q->next;
			return;
		}
	}
}

static char *state_field(struct unit_state *s, const char *property, size_t *ret_size)
{
	const struct {
		const char *property;
		char *field;
		size_t size;
	} map[] = {
		{"LoadState", s->load, sizeof(s->load)},
		{"ActiveState", s->active, sizeof(s->active)},
		{"SubState", s->sub, sizeof(s->sub)},
		{"Result", s->result, sizeof(s->result)},
		{"Type", s->type, sizeof(s->type)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(map); i++) {
		if (streq(map[i].property, property)) {
			*ret_size = map[i].size;
			return map[i].field;
		}
	}
	return NULL;
}

static int read_property(sd_bus_message *m, struct unit_state *s)
{
	const char *property, *text;
	size_t size;
	char *field;
	int r;

	r = sd_bus_message_read(m, "s", &property);
	if (r < 0)
		return r;
	if (streq(property, "NRestarts"))
		return sd_bus_message_read(m, "v", "u", &s->restarts);
	field = state_field(s, property, &size);
	if (!field)
		return sd_bus_message_skip(m, "v");
	r = sd_bus_message_read(m, "v", "s", &text);
	if (r < 0)
		return r;
	snprintf(field, size, "%s", text);
	return 0;
}

static int read_properties(sd_bus_message *m, struct unit_state *s)
{
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = read_property(m, s);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int on_properties(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *e)
{
	struct query *q = userdata;
	struct unit_state s = {0};
	int r = sd_bus_message_is_method_error(m, NULL) ? -sd_bus_message_get_errno(m)
							: read_properties(m, &s);

	query_unlink(q);
	q->done(r < 0 ? r : 0, q->unit, r < 0 ? NULL : &s, q->userdata);
	query_free(q);
	return 0;
}

int units_query(struct units *u, const char *unit, units_query_fn done, void *userdata)
{
	_cleanup_free_ char *path = NULL;
	struct query *q;
	int r = sd_bus_path_encode(UNIT_PREFIX, unit, &path);

	if (r < 0)
		return r;
	q = xcalloc(1, sizeof(*q));
	*q = (struct query){
		.u = u, .unit = xstrdup(unit), .done = done, .userdata = userdata};
	/* An empty interface name asks for the properties of all of them at once. */
	r = sd_bus_call_method_async(u->bus, &q->slot, DEST, path,
		"org.freedesktop.DBus.Properties", "GetAll", on_properties, q, "s", "");
	if (r < 0) {
		query_free(q);
		return r;
	}
	q->next = u->queries;
	u->queries = q;
	return 0;
}

/* ---- start and stop ---- */

static void op_judge(int r, const char *unit, const struct unit_state *s, void *userdata)
{
	struct units *u = userdata;
	struct op *o = op_of(u, unit);
	_cleanup_free_ char *text = NULL;

	/* The operation this was asked for may have ended, and another begun. */
	if (!o || !o->job_done || (r < 0 && u->gone))
		return;
	if (r < 0) {
		text = xasprintf(
			"%s: systemd does not tell its state: %s", unit, strerror(-r));
		op_end(o, o->type == OP_STOP, text);
		return;
	}
	text = unit_state_text(unit, s);
	if (o->type != OP_STOP && unit_state_is_up(s))
		op_end(o, true, text);
	else if (o->type == OP_STOP &&
		(streq(s->active, "inactive") || streq(s->active, "failed")))
		op_end(o, true, "stopped");
	else if (o->type != OP_STOP && !streq(s->active, "activating") &&
		!streq(s->active, "reloading"))
		op_end(o, false, text);
}

static void op_look(struct op *o)
{
	int r = units_query(o->u, o->unit, op_judge, o->u);

	if (r < 0)
		op_judge(r, o->unit, NULL, o->u);
}

static int on_job_removed(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *e)
{
	struct units *u = userdata;
	const char *path, *unit, *result;
	struct op *o;
	uint32_t id;

	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
		return 0;
	o = op_of(u, unit);
	if (!o || !o->job || !streq(o->job, path))
		return 0;
	if (!streq(result, "done"))
		log_debug("job for %s ended: %s", unit, result);
	o->job_done = true;
	op_look(o);
	return 0;
}

static int on_job(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *e)
{
	struct op *o = userdata;
	const char *path;

	if (sd_bus_message_is_method_error(m, NULL)) {
		if (o->type == OP_STOP &&
			sd_bus_message_is_method_error(
				m, "org.freedesktop.systemd1.NoSuchUnit"))
			op_end(o, true, "not there, so not running");
		else
			op_fail_call(o, sd_bus_message_get_error(m));
		return 0;
	}
	if (sd_bus_message_read(m, "o", &path) < 0)
		return 0;
	o->job = xstrdup(path);
	return 0;
}

static int on_op_deadline(
	_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct op *o = userdata;
	_cleanup_free_ char *text = xasprintf(
		"%s did not %s within %u s; see: systemctl status %s", o->unit,
		o->type == OP_STOP ? "stop" : "come up", o->timeout_ms / 1000, o->unit);

	op_end(o, false, text);
	return 0;
}

/* A unit's job. */
static int call_job(struct op *o)
{
	static const char *const methods[] = {[OP_START] = "StartUnit",
		[OP_START_LAST] = "StartUnit",
		[OP_RESTART] = "RestartUnit",
		[OP_RELOAD] = "ReloadOrRestartUnit",
		[OP_STOP] = "StopUnit"};

	return sd_bus_call_method_async(o->u->bus, &o->slot, DEST, MANAGER_PATH, MANAGER,
		methods[o->type], on_job, o, "ss", o->unit,
		o->type == OP_START_LAST ? "replace-irreversibly" : "replace");
}

static int op_job(struct units *u, enum op_type type, const char *unit,
	unsigned timeout_ms, units_done_fn done, void *userdata)
{
	struct op *o;
	int r;

	if (op_of(u, unit))
		return -EBUSY;
	o = xcalloc(1, sizeof(*o));
	*o = (struct op){.type = type,
		.u = u,
		.unit = xstrdup(unit),
		.timeout_ms = patience_ms(timeout_ms),
		.done = done,
		.userdata = userdata};
	r = sd_event_add_time_relative(u->event, &o->timer, CLOCK_MONOTONIC,
		(uint64_t)o->timeout_ms * 1000, 10000, on_op_deadline, o);
	if (r >= 0)
		r = call_job(o);
	if (r < 0) {
		op_free(o);
		return r;
	}
	op_link(o);
	return 0;
}

int units_start(struct units *u, const char *unit, unsigned timeout_ms,
	units_done_fn done, void *userdata)
{
	return op_job(u, OP_START, unit, timeout_ms, done, userdata);
}

int units_start_last(struct units *u, const char *unit, unsigned timeout_ms,
	units_done_fn done, void *userdata)
{
	return op_job(u, OP_START_LAST, unit, timeout_ms, done, userdata);
}

int units_restart(struct units *u, const char *unit, unsigned timeout_ms,
	units_done_fn done, void *userdata)
{
	return op_job(u, OP_RESTART, unit, timeout_ms, done, userdata);
}

int units_reload(struct units *u, const char *unit, unsigned timeout_ms,
	units_done_fn done, void *userdata)
{
	return op_job(u, OP_RELOAD, unit, timeout_ms, done, userdata);
}

int units_stop(struct units *u, const char *unit, unsigned timeout_ms, units_done_fn done,
	void *userdata)
{
	return op_job(u, OP_STOP, unit, timeout_ms, done, userdata);
}

/* ---- unit files ---- */

static int on_files_read(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *e)
{
	struct op *o = userdata;

	if (sd_bus_message_is_method_error(m, NULL))
		op_fail_call(o, sd_bus_message_get_error(m));
	else
		op_end(o, true, "done");
	return 0;
}

static int call_read_files(struct op *o)
{
	return sd_bus_call_method_async(o->u->bus, &o->slot, DEST, MANAGER_PATH, MANAGER,
		"Reload", on_files_read, o, NULL);
}

/* Was the answer's list of changes empty? */
static bool changed_nothing(sd_bus_message *m, enum op_type type)
{
	int carries;

	if (type == OP_ENABLE && sd_bus_message_read(m, "b", &carries) < 0)
		return false;
	if (sd_bus_message_enter_container(m, 'a', "(sss)") < 0)
		return false;
	return sd_bus_message_at_end(m, false) > 0;
}

static int on_enabled(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *e)
{
	struct op *o = userdata;

	if (sd_bus_message_is_method_error(m, NULL)) {
		op_fail_call(o, sd_bus_message_get_error(m));
		return 0;
	}
	if (changed_nothing(m, o->type)) {
		op_end(o, true, "nothing to change");
		return 0;
	}
	o->slot = sd_bus_slot_unref(o->slot);
	o->type = OP_READ_FILES;
	if (call_read_files(o) < 0)
		op_end(o, false, "systemd could not be asked to reload its units");
	return 0;
}

static int call_files(struct op *o)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	bool enable = o->type == OP_ENABLE;
	int r = sd_bus_message_new_method_call(o->u->bus, &m, DEST, MANAGER_PATH, MANAGER,
		enable ? "EnableUnitFiles" : "DisableUnitFiles");

	if (r >= 0)
		r = sd_bus_message_append_strv(m, o->files);
	if (r >= 0)
		r = enable ? sd_bus_message_append(m, "bb", false, true)
			   : sd_bus_message_append(m, "b", false);
	return r < 0 ? r : sd_bus_call_async(o->u->bus, &o->slot, m, on_enabled, o, 0);
}

/* What an operation asks of systemd first. */
static int op_call(struct op *o)
{
	switch (o->type) {
	case OP_ENABLE:
	case OP_DISABLE:
		return call_files(o);
	case OP_READ_FILES:
		return call_read_files(o);
	case OP_START:
	case OP_START_LAST:
	case OP_RESTART:
	case OP_RELOAD:
	case OP_STOP:
		break;
	}
	return call_job(o);
}

/* list: NULL for OP_READ_FILES */
static int op_files(struct units *u, enum op_type type, char *const *list,
	units_done_fn done, void *userdata)
{
	struct op *o;
	int r;

	if (list && op_of(u, NULL))
		return -EBUSY;
	o = xcalloc(1, sizeof(*o));
	*o = (struct op){.type = type,
		.u = u,
		.files = list ? strv_copy(list) : NULL,
		.done = done,
		.userdata = userdata};
	r = op_call(o);
	if (r < 0) {
		op_free(o);
		return r;
	}
	op_link(o);
	return 0;
}

int units_enable(struct units *u, char *const *list, units_done_fn done, void *userdata)
{
	return op_files(u, OP_ENABLE, list, done, userdata);
}

int units_disable(struct units *u, char *const *list, units_done_fn done, void *userdata)
{
	return op_files(u, OP_DISABLE, list, done, userdata);
}

int units_daemon_reload(struct units *u, units_done_fn done, void *userdata)
{
	return op_files(u, OP_READ_FILES, NULL, done, userdata);
}

void units_cancel(struct units *u)
{
	while (u->ops) {
		struct op *o = u->ops;

		u->ops = o->next;
		op_free(o);
	}
}

/* ---- what changes ---- */

/* Of the changed properties only the states count: timestamps and PIDs change with them. */
static bool says_state(sd_bus_message *m)
{
	struct unit_state s = {0};
	const char *interface;

	if (sd_bus_message_read(m, "s", &interface) < 0 || read_properties(m, &s) < 0)
		return false;
	return *s.active || *s.sub || s.restarts;
}

static int on_changed(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *e)
{
	struct units *u = userdata;
	_cleanup_free_ char *unit = NULL;
	struct op *o;

	if (sd_bus_path_decode(sd_bus_message_get_path(m), UNIT_PREFIX, &unit) <= 0)
		return 0;
	o = op_of(u, unit);
	if (o && o->job_done)
		op_look(o);
	if (!u->changed)
		return 0;
	for (char **w = u->watched; *w; w++) {
		if (streq(*w, unit) && says_state(m)) {
			u->changed(unit, u->userdata);
			break;
		}
	}
	return 0;
}

void units_watch(struct units *u, char *const *list)
{
	strv_free(u->watched);
	u->watched = strv_copy(list);
}

/* ---- systemd itself ---- */

static int call_again(struct op *o)
{
	o->slot = sd_bus_slot_unref(o->slot);
	free(TAKE_PTR(o->job));
	o->job_done = false;
	return op_call(o);
}

/* An operation that cannot be called again ends, and with it whatever its owner had: from the start. */
static bool call_one_again(struct units *u)
{
	for (struct op *o = u->ops; o; o = o->next) {
		if (call_again(o) < 0) {
			op_end(o, false, "systemd cannot be asked over the bus");
			return true;
		}
	}
	return false;
}

static int subscribe(struct units *u)
{
	return sd_bus_call_method_async(
		u->bus, NULL, DEST, MANAGER_PATH, MANAGER, "Subscribe", NULL, NULL, NULL);
}

/*
 * systemd leaves the bus and comes back when it executes itself anew (as an upgrade of it
 * makes it do), and when it could not listen for long: reading all units on a machine that is
 * busy. Then it knows neither its subscribers nor, of a call, that it came. All that runs is
 * asked for once more: to start, stop or enable twice is to do it once.
 */
static int on_owner(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *e)
{
	struct units *u = userdata;
	const char *name, *before, *now;

	if (sd_bus_message_read(m, "sss", &name, &before, &now) < 0)
		return 0;
	u->gone = !*now;
	log_info("systemd %s the bus", u->gone ? "has left" : "is back on");
	if (u->gone)
		return 0;
	if (subscribe(u) < 0)
		log_warn("systemd cannot be asked to tell of its units");
	while (call_one_again(u))
		;
	return 0;
}

static int listen(struct units *u)
{
	int r = sd_bus_match_signal_async(u->bus, NULL, DEST, MANAGER_PATH, MANAGER,
		"JobRemoved", on_job_removed, NULL, u);

	if (r >= 0)
		r = sd_bus_add_match_async(u->bus, NULL,
			"type='signal',sender='" DEST
			"',interface='org.freedesktop.DBus.Properties',"
			"member='PropertiesChanged',path_namespace='" UNIT_PREFIX "'",
			on_changed, NULL, u);
	if (r >= 0)
		r = sd_bus_add_match_async(u->bus, NULL,
			"type='signal',sender='org.freedesktop.DBus',"
			"interface='org.freedesktop.DBus',member='NameOwnerChanged',"
			"arg0='" DEST "'",
			on_owner, NULL, u);
	return r < 0 ? r : subscribe(u);
}

int units_new(
	sd_event *event, units_changed_fn changed, void *userdata, struct units **ret)
{
	struct units *u = xcalloc(1, sizeof(*u));
	int r;

	*u = (struct units){
		.event = sd_event_ref(event), .changed = changed, .userdata = userdata};
	u->watched = xcalloc(1, sizeof(char *));
	r = sd_bus_open_system_with_description(&u->bus, "noded");
	if (r >= 0)
		r = sd_bus_attach_event(u->bus, event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_set_exit_on_disconnect(u->bus, true);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(u->bus, CALL_TIMEOUT_US);
	if (r >= 0)
		r = listen(u);
	if (r < 0) {
		units_free(u);
		return r;
	}
	*ret = u;
	return 0;
}

void units_free(struct units *u)
{
	if (!u)
		return;
	units_cancel(u);
	while (u->queries) {
		struct query *q = u->queries;

		u->queries = q->next;
		query_free(q);
	}
	strv_free(u->watched);
	sd_bus_close_unref(u->bus);
	sd_event_unref(u->event);
	free(u);
}
