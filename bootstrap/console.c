/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/console.h"

#include "bootstrap/conclean.h"
#include "bootstrap/conlines.h"
#include "bootstrap/conrec.h"
#include "bootstrap/sol.h"
#include "common/log.h"

/*
 * A BMC gives its console to one session only, and one that was cut off holds it for
 * minutes; so each session begins with taking it away from whoever has it, through the
 * BMC's queue. A session that is refused or lost is tried again with back-off, except
 * after a refused login: iLOs lock the account.
 */

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 30000
#define STEADY_MS 30000 /* a session that held so long was well */
#define LEASE_MS 45000
#define MAX_VIEWERS 8
#define MAX_TYPES 16
#define EVENT_PAUSE_MS 60000 /* between two events of a type */
#define EVENTS_OF_RUN 40
#define READ_BYTES (256u * 1024)

struct viewer {
	char *id, *who; /* owned; id NULL: free */
	bool read_only, untold;
	uint64_t until_ms; /* mono */
};

struct told {
	const char *type; /* static */
	uint64_t at_ms; /* mono */
};

struct console {
	sd_event *event; /* borrowed */
	struct consoles *all; /* borrowed */
	struct ipmi_bmc *bmc; /* borrowed */
	char *dir, *title; /* owned */
	struct console_hooks hooks;
	bool record, refused, up;
	struct conrec *rec; /* owned; NULL: not used yet */
	struct conclean clean;
	struct conlines lines;
	struct sol *sol; /* owned */
	struct ipmi_job *job; /* borrowed: taking the console away */
	sd_event_source *retry; /* owned */
	uint64_t backoff_ms, up_since_ms;
	struct viewer viewers[MAX_VIEWERS];
	struct viewer *typing; /* borrowed, NULL: nobody */
	struct told told[MAX_TYPES];
	unsigned n_events; /* of this run */
};

void consoles_clear(struct consoles *all)
{
	sol_free_stopped(&all->stopped);
}

static struct conrec *rec(struct console *c)
{
	if (!c->rec)
		c->rec = conrec_open(c->dir, c->title);
	return c->rec;
}

static bool is_watched(const struct console *c)
{
	for (size_t i = 0; i < MAX_VIEWERS; i++)
		if (c->viewers[i].id)
			return true;
	return false;
}

static bool is_wanted(const struct console *c)
{
	return (c->record || is_watched(c)) && !c->refused;
}

/* Something turned that operators are to know. */
static void turned(struct console *c)
{
	for (size_t i = 0; i < MAX_VIEWERS; i++)
		c->viewers[i].untold = true;
	c->hooks.kick(c->hooks.userdata);
}

/* ---- events ---- */

static struct told *told_of(struct console *c, const char *type)
{
	for (size_t i = 0; i < MAX_TYPES; i++)
		if (!c->told[i].type || streq(c->told[i].type, type))
			return &c->told[i];
	return &c->told[MAX_TYPES - 1];
}

/* A server that says the same a thousand times says it once a minute. */
static void tell(struct console *c, const char *type, const char *text)
{
	struct told *t = told_of(c, type);
	uint64_t now = now_mono_ms();

	if ((t->type && now - t->at_ms < EVENT_PAUSE_MS) || c->n_events >= EVENTS_OF_RUN)
		return;
	*t = (struct told){type, now};
	c->n_events++;
	c->hooks.event(type, text, c->hooks.userdata);
}

static void on_line(const char *line, void *userdata)
{
	const char *type = conlines_trouble(line);
	_cleanup_free_ char *clean = NULL;

	if (!type)
		return;
	clean = str_escape(line, 300);
	tell(userdata, type, clean);
}

/* ---- the session ---- */

static void begin(struct console *c);

static void retry_later(struct console *c)
{
	sd_event_source_set_time_relative(c->retry, c->backoff_ms * 1000);
	sd_event_source_set_enabled(c->retry, SD_EVENT_ONESHOT);
	c->backoff_ms = MIN(c->backoff_ms * 2, BACKOFF_MAX_MS);
}

static void on_up(void *userdata)
{
	struct console *c = userdata;

	c->up = true;
	c->up_since_ms = now_mono_ms();
	conrec_mark(rec(c), "connected", now_real_ms());
	turned(c);
}

static void on_data(const void *data, size_t len, void *userdata)
{
	struct console *c = userdata;
	size_t n;
	_cleanup_free_ char *text = conclean_feed(&c->clean, data, len, &n);

	conrec_write(rec(c), text, n, now_real_ms());
	conlines_feed(&c->lines, text, n, on_line, c);
	c->hooks.kick(c->hooks.userdata);
}

static void trouble(struct console *c, bool login, const char *why)
{
	_cleanup_free_ char *clean = str_escape(why, 200),
			    *text = xasprintf("the serial console cannot be had: %s",
				    *clean ? clean : "ipmitool said nothing");

	tell(c, "console.unavailable", text);
	c->refused = login;
	if (is_wanted(c))
		retry_later(c);
	turned(c);
}

static void on_end(enum ipmi_fault fault, const char *why, void *userdata)
{
	struct console *c = userdata;
	_cleanup_free_ char *last = ipmi_last_line(why);

	c->sol = NULL;
	c->all->running--;
	if (!c->up) {
		trouble(c, ipmi_fault_is_login(fault), last);
		return;
	}
	c->up = false;
	conrec_mark(rec(c), why, now_real_ms());
	if (c->record)
		tell(c, "console.lost",
			"the serial console was lost, and is taken again");
	if (now_mono_ms() - c->up_since_ms >= STEADY_MS)
		c->backoff_ms = BACKOFF_MIN_MS;
	if (is_wanted(c))
		retry_later(c);
	turned(c);
}

static void connect_(struct console *c)
{
	struct sol_hooks hooks = {
		.up = on_up, .data = on_data, .end = on_end, .userdata = c};
	int r = sol_start(c->event, c->bmc, &hooks, &c->sol);

	if (r == 0)
		c->all->running++;
	else
		trouble(c, false, strerror(-r));
}

/* false: so many consoles run already; it is tried again later. */
static bool has_place(struct console *c)
{
	if (c->all->running < c->all->max)
		return true;
	retry_later(c);
	return false;
}

/* The BMC may not know the command, or answer it oddly: the session is tried all the same. */
static void on_freed(int r, const char *text, void *userdata)
{
	struct console *c = userdata;

	c->job = NULL;
	if (r == -ECANCELED)
		return;
	if (r == -EHOSTUNREACH || r == -EACCES)
		trouble(c, r == -EACCES, text);
	else if (is_wanted(c) &&
		has_place(c)) /* others that began with it may have been first */
		connect_(c);
}

static void begin(struct console *c)
{
	if (!is_wanted(c) || c->sol || c->job)
		return;
	if (has_place(c))
		c->job = ipmi_ask(c->bmc, IPMI_SOL_OFF, NULL, on_freed, c);
}

static int on_retry(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	begin(userdata);
	return 0;
}

/* What is to be has changed. */
static void refresh(struct console *c)
{
	if (is_wanted(c)) {
		begin(c);
		return;
	}
	sd_event_source_set_enabled(c->retry, SD_EVENT_OFF);
	if (c->sol) {
		conrec_mark(rec(c), "given back", now_real_ms());
		sol_stop(TAKE_PTR(c->sol), &c->all->stopped);
		c->all->running--;
	}
	c->up = false;
	if (c->rec)
		conrec_forget_memory(c->rec);
}

/* ---- life ---- */

struct console *console_new(sd_event *event, struct consoles *all, struct ipmi_bmc *bmc,
	const char *dir, const char *title, const struct console_hooks *hooks)
{
	struct console *c = xcalloc(1, sizeof(*c));

	c->event = event;
	c->all = all;
	c->bmc = bmc;
	c->dir = xstrdup(dir);
	c->title = xstrdup(title);
	c->hooks = *hooks;
	c->backoff_ms = BACKOFF_MIN_MS;
	if (sd_event_add_time(event, &c->retry, CLOCK_MONOTONIC, UINT64_MAX, 10000,
		    on_retry, c) < 0)
		abort(); /* no memory */
	sd_event_source_set_enabled(c->retry, SD_EVENT_OFF);
	return c;
}

static void drop_viewer(struct console *c, struct viewer *v)
{
	if (c->typing == v)
		c->typing = NULL;
	free(v->id);
	free(v->who);
	*v = (struct viewer){0};
}

void console_free(struct console *c)
{
	if (!c)
		return;
	ipmi_cancel(c->job);
	if (c->sol) {
		sol_free(c->sol);
		c->all->running--;
	}
	for (size_t i = 0; i < MAX_VIEWERS; i++)
		drop_viewer(c, &c->viewers[i]);
	sd_event_source_disable_unref(c->retry);
	conrec_close(c->rec);
	conlines_clear(&c->lines);
	free(c->dir);
	free(c->title);
	free(c);
}

void console_new_run(struct console *c)
{
	if (c->all->max == 0)
		return;
	conrec_begin(rec(c));
	c->n_events = 0;
	memset(c->told, 0, sizeof(c->told));
	c->backoff_ms = BACKOFF_MIN_MS;
	c->refused = false;
}

void console_record(struct console *c, bool on)
{
	if (c->record == on)
		return;
	c->record = on;
	refresh(c);
}

void console_new_login(struct console *c)
{
	c->refused = false;
	refresh(c);
}

/* ---- operators ---- */

static struct viewer *find(struct console *c, const char *id)
{
	for (size_t i = 0; id && i < MAX_VIEWERS; i++)
		if (c->viewers[i].id && streq(c->viewers[i].id, id)) {
			c->viewers[i].until_ms = now_mono_ms() + LEASE_MS;
			return &c->viewers[i];
		}
	return NULL;
}

bool console_knows(struct console *c, const char *id)
{
	return !id || find(c, id);
}

void console_pulse(struct console *c)
{
	uint64_t now = now_mono_ms();
	bool gone = false;

	for (size_t i = 0; i < MAX_VIEWERS; i++)
		if (c->viewers[i].id && c->viewers[i].until_ms < now) {
			drop_viewer(c, &c->viewers[i]);
			gone = true;
		}
	if (gone) {
		refresh(c);
		turned(c);
	}
}

const char *console_attach(struct console *c, const char *who, bool read_only)
{
	struct viewer *v = NULL;

	for (size_t i = 0; i < MAX_VIEWERS && !v; i++)
		if (!c->viewers[i].id)
			v = &c->viewers[i];
	if (!v || c->all->max == 0)
		return NULL;
	*v = (struct viewer){.id = random_hex(8),
		.who = xstrdup(who),
		.read_only = read_only,
		.untold = true,
		.until_ms = now_mono_ms() + LEASE_MS};
	if (!c->typing && !read_only)
		c->typing = v;
	if (!conrec_run(rec(c)))
		conrec_begin(rec(c));
	c->refused = false; /* he may know more than the last try did */
	refresh(c);
	turned(c);
	return v->id;
}

void console_detach(struct console *c, const char *id)
{
	struct viewer *v = find(c, id);

	if (!v)
		return;
	drop_viewer(c, v);
	refresh(c);
	turned(c);
}

int console_take(struct console *c, const char *id)
{
	struct viewer *v = find(c, id);

	if (!v)
		return -ENOENT;
	v->read_only = false;
	c->typing = v;
	turned(c);
	return 0;
}

int console_type(struct console *c, const char *id, const char *text, size_t len)
{
	struct viewer *v = find(c, id);

	if (!v)
		return -ENOENT;
	if (!c->typing && !v->read_only)
		c->typing = v;
	if (c->typing != v)
		return -EPERM;
	return c->sol ? sol_type(c->sol, text, len) : -EAGAIN;
}

uint64_t console_end(struct console *c)
{
	return conrec_end(rec(c));
}

static const char *session_state(const struct console *c)
{
	return c->up           ? "connected"
		: c->refused   ? "refused"
		: is_wanted(c) ? "connecting"
			       : "off";
}

json_t *console_read(struct console *c, uint64_t since, const char *id, bool *ret_new)
{
	struct viewer *v = find(c, id);
	json_t *chunks = json_array();
	uint64_t next;

	if (since == UINT64_MAX)
		since = conrec_begin_of_run(rec(c));
	next = conrec_read(rec(c), since, READ_BYTES, chunks);
	*ret_new = json_array_size(chunks) || (v && v->untold);
	if (v)
		v->untold = false;
	return json_pack("{s:i, s:I, s:I, s:s, s:s?, s:b, s:o}", "run",
		(int)conrec_run(rec(c)), "next", (json_int_t)next, "end",
		(json_int_t)conrec_end(rec(c)), "session", session_state(c), "typing",
		c->typing ? c->typing->who : NULL, "types", v && c->typing == v, "chunks",
		chunks);
}
