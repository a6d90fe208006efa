/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"
#include "bootstrap/sse.h"
#include "common/jsonx.h"
#include "common/log.h"

/*
 * What changes, told to those who look. Nothing is queued for a client beyond one buffer:
 * events are read again from the table, from the last id that went into the buffer, and a
 * node is sent when its number of change is over the last one that was sent. So a slow
 * client costs nothing but being late; one that is a thousand events late is told to read
 * all anew.
 *
 * Changes are found by comparing, at most a second after they happened, and soon after an
 * event. Times that only run on (phases, last_seen) are no changes.
 */

#define MAX_STREAMS 64
#define BUFFER_BYTES 65536
#define ENOUGH_BYTES 32768 /* waiting: no more is added until the client has taken some */
#define MAX_MESSAGE (ENOUGH_BYTES - 512) /* what is longer might never find room */
#define LATE_EVENTS 1000
#define EVENTS_AT_ONCE 100
#define LOOK_MS 1000
#define SOON_MS 150
#define HEARTBEAT_MS 15000

struct seen { /* a node as it was sent last */
	char *name, *text; /* owned */
	uint64_t change; /* the number of its last change */
};

struct stream {
	struct live *live; /* borrowed */
	struct http_stream *out; /* borrowed */
	char *token; /* owned: the name of whose it is */
	uint64_t began_ms; /* mono */
	int64_t from; /* the last event that it knows of an earlier stream; -1: none */
	int64_t last_id; /* the last event that was given to it; -1: not greeted yet */
	uint64_t change; /* of the last node that was given to it */
	uint64_t cloud_ms; /* of the controller's word that it was told of */
	int64_t rack; /* the revision it knows */
	uint64_t spoke_ms; /* mono */
	struct stream *next;
};

struct live {
	struct ondold *o; /* borrowed */
	sd_event_source *timer; /* owned; off while nobody looks */
	struct stream *streams;
	size_t n_streams;
	struct seen *seen; /* owned, as the nodes of the rack */
	size_t n_seen;
	int64_t rack; /* the revision that seen is of */
	uint64_t change;
	uint64_t looked_ms; /* mono */
};

/* ---- what is new ---- */

static void clear_seen(struct live *l)
{
	for (size_t i = 0; i < l->n_seen; i++) {
		free(l->seen[i].name);
		free(l->seen[i].text);
	}
	free(l->seen);
	l->seen = NULL;
	l->n_seen = 0;
}

static char *text_of(const struct node *n)
{
	json_t *obj = node_to_json(n, false);
	char *text;

	json_object_del(obj, "phases");
	json_object_del(obj, "last_seen");
	json_object_set_new(obj, "silent", json_boolean(n->silent));
	text = json_dumps(obj, JSON_COMPACT);
	if (text &&
		strlen(text) >
			MAX_MESSAGE) { /* who looks at the node reads them anyway */
		free(text);
		json_object_del(obj, "proofs");
		json_object_del(json_object_get(obj, "task"), "proofs");
		text = json_dumps(obj, JSON_COMPACT);
	}
	json_decref(obj);
	if (!text)
		abort(); /* no memory: all that goes in is UTF-8 */
	return text;
}

static void look_at_nodes(struct live *l)
{
	struct ondold *o = l->o;

	if (l->rack != o->rack_revision || l->n_seen != o->n_nodes) {
		clear_seen(l);
		l->seen = xcalloc(o->n_nodes + 1, sizeof(*l->seen));
		l->n_seen = o->n_nodes;
		l->rack = o->rack_revision;
	}
	for (size_t i = 0; i < o->n_nodes; i++) {
		char *text = text_of(o->nodes[i]);

		if (streq_ptr(l->seen[i].text, text)) {
			free(text);
			continue;
		}
		free(l->seen[i].text);
		l->seen[i].text = text;
		l->seen[i].change = ++l->change;
	}
}

/* ---- telling one of it ---- */

static int send(struct stream *s, const char *type, int64_t id, const char *data)
{
	_cleanup_free_ char *text = sse_message(type, id, data);
	int r = httpd_stream_send(s->out, text, strlen(text));

	if (r == 0)
		s->spoke_ms = now_mono_ms();
	return r;
}

/* All that was said before does not count: read it anew. */
static void send_hello(struct stream *s)
{
	struct live *l = s->live;
	_cleanup_free_ char *data = NULL;
	int64_t last = store_event_last(l->o->store);

	data = xasprintf(
		"{\"last\":%lld,\"version\":\"%s\"}", (long long)last, ONDOL_VERSION);
	if (send(s, "hello", last, data) < 0)
		return;
	s->last_id = last;
	s->change = l->change;
	s->rack = l->rack;
	s->cloud_ms = l->o->cloud->status_ms;
}

/* The states it missed are not in the table of events: it reads them anew in any case. */
static void greet(struct stream *s, int64_t last)
{
	send_hello(s);
	if (s->from >= 0 && s->from <= last && last - s->from <= LATE_EVENTS)
		s->last_id = s->from;
}

static struct seen *next_change(struct live *l, uint64_t after)
{
	struct seen *next = NULL;

	for (size_t i = 0; i < l->n_seen; i++)
		if (l->seen[i].change > after &&
			(!next || l->seen[i].change < next->change))
			next = &l->seen[i];
	return next;
}

static bool has_room(const struct stream *s)
{
	return httpd_stream_waiting(s->out) < ENOUGH_BYTES;
}

static void send_nodes(struct stream *s)
{
	struct seen *n;

	while (has_room(s) && (n = next_change(s->live, s->change))) {
		if (strlen(n->text) <= MAX_MESSAGE && send(s, "node", -1, n->text) < 0)
			return;
		s->change = n->change;
	}
}

static int send_event(const struct store_event *ev, void *userdata)
{
	_cleanup_free_ char *text = NULL;
	struct stream *s = userdata;
	json_t *obj = api_event_json(ev);
	int r;

	text = json_dumps(obj, JSON_COMPACT);
	json_decref(obj);
	/* One that is larger than the whole buffer can never be sent: it is passed over. */
	if (!text || strlen(text) > MAX_MESSAGE)
		r = 0;
	else
		r = has_room(s) ? send(s, "event", ev->id, text) : -ENOBUFS;
	if (r == 0)
		s->last_id = ev->id;
	return r < 0;
}

static void send_cloud(struct stream *s)
{
	uint64_t now = s->live->o->cloud->status_ms;

	if (now != s->cloud_ms && has_room(s) && send(s, "cloud", -1, "{}") == 0)
		s->cloud_ms = now;
}

static void tell(struct stream *s, int64_t last)
{
	struct live *l = s->live;

	if (s->last_id < 0)
		greet(s, last);
	if (s->rack != l->rack || last - s->last_id > LATE_EVENTS) {
		if (has_room(s))
			send_hello(s);
		return;
	}
	if (last > s->last_id && has_room(s))
		store_event_each(
			l->o->store, s->last_id, NULL, EVENTS_AT_ONCE, send_event, s);
	send_nodes(s);
	send_cloud(s);
	if (now_mono_ms() - s->spoke_ms >= HEARTBEAT_MS)
		send(s, "beat", -1, "{}");
}

/* ---- when ---- */

static void look_at(struct live *l, uint64_t mono_ms)
{
	sd_event_source_set_time(l->timer, mono_ms * 1000);
	sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
}

/* A stream lasts no longer than the token and the session that it was begun with. */
static bool may_stay(const struct stream *s)
{
	return access_has(page_access(s->live->o), s->token) &&
		now_mono_ms() - s->began_ms < ACCESS_SESSION_MS;
}

static int on_timer(_unused_ sd_event_source *src, _unused_ uint64_t usec, void *userdata)
{
	struct live *l = userdata;
	int64_t last;

	if (!l->streams)
		return 0;
	/* An event that is told must be one that a kill cannot take back: its id would be another's. */
	if (store_has_gathered(l->o->store)) {
		look_at(l, now_mono_ms() + 1);
		return 0;
	}
	l->looked_ms = now_mono_ms();
	look_at_nodes(l);
	last = store_event_last(l->o->store);
	for (struct stream *s = l->streams; s; s = s->next)
		if (may_stay(s))
			tell(s, last);
		else
			httpd_stream_end(s->out);
	look_at(l, l->looked_ms + LOOK_MS);
	return 0;
}

void live_kick(struct live *l)
{
	if (l && l->streams)
		look_at(l, l->looked_ms + SOON_MS);
}

/* ---- streams ---- */

static void on_closed(void *userdata)
{
	struct stream *s = userdata;
	struct live *l = s->live;

	for (struct stream **at = &l->streams; *at; at = &(*at)->next)
		if (*at == s) {
			*at = s->next;
			break;
		}
	l->n_streams--;
	free(s->token);
	free(s);
}

void live_get(struct live *l, struct http_req *req, const char *token)
{
	struct stream *s;

	if (l->n_streams == MAX_STREAMS) {
		httpd_set_header(req, "Retry-After", "30");
		httpd_reply_error(
			req, 503, "%d pages are open already; close one", MAX_STREAMS);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	s->live = l;
	s->token = xstrdup(token);
	s->began_ms = now_mono_ms();
	s->from = sse_last_id(httpd_header(req, "Last-Event-ID"));
	s->last_id = -1;
	s->out = httpd_reply_stream(req, "text/event-stream", BUFFER_BYTES, on_closed, s);
	s->next = l->streams;
	l->streams = s;
	l->n_streams++;
	look_at(l, now_mono_ms());
}

/* ---- life ---- */

struct live *live_new(struct ondold *o)
{
	struct live *l = xcalloc(1, sizeof(*l));

	l->o = o;
	if (sd_event_add_time(o->event, &l->timer, CLOCK_MONOTONIC, UINT64_MAX, 1000,
		    on_timer, l) < 0)
		abort(); /* no memory */
	return l;
}

void live_free(struct live *l)
{
	if (!l)
		return;
	sd_event_source_disable_unref(l->timer);
	clear_seen(l);
	free(l);
}
