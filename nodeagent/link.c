/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two lanes. The poll lane reports and asks for the desired state in one request, which
 * ondold holds until there is another one, or for the time of a heartbeat: a node at rest has
 * one connection. The post lane has what cannot wait for that: events first (they tell the
 * story in order), then a report when one is due. Each lane has its own back-off; contact is
 * what the last answer on either said.
 */
#include "nodeagent/link.h"

#include "common/log.h"
#include "common/parse.h"
#include "nodeagent/proofs.h"
#include "nodeagent/renew.h"
#include "nodeagent/schedule.h"

#define EVENTS_PER_POST 64
#define POST_TIMEOUT_MS 15000
#define APART_POLLS 40 /* ten minutes */

struct lane {
	struct http_job *job; /* NULL: idle */
	uint64_t wait_ms; /* the last back-off; 0: the last exchange was answered */
	sd_event_source *timer;
};

struct link {
	const struct nodeconf *conf; /* borrowed */
	struct http_client *http; /* borrowed */
	sd_event *event;
	struct link_ops ops;
	void *userdata;
	char *url; /* owned: of this node */
	struct lane poll, post;
	struct renew *renew; /* owned: what it is known by there ends one day */
	uint64_t asked_ms; /* when the running poll began */
	uint64_t useless_ms; /* back-off after answers that were of no use */
	json_t *events; /* those not sent yet, oldest first */
	size_t in_flight; /* events of the running POST; 0: it is a report */
	bool report_due;
	bool poll_reports; /* the running poll carries a report */
	uint64_t reported_ms; /* when the last report was made; 0: none yet */
	unsigned refusals; /* of polls with a report, in a row */
	/* ondold does not take a report with a question: for so many questions they go one by
	 * one, so that no report keeps a node from its desired state */
	unsigned apart;
	bool answers, known; /* contact; known: was said once */
};

char *link_node_url(const struct nodeconf *conf)
{
	char ip[16];

	format_ipv4(conf->server, ip);
	return xasprintf("https://%s:%u/v1/nodes/%s", ip, conf->port, conf->name);
}

static void arm(struct lane *lane, uint64_t ms)
{
	sd_event_source_set_time_relative(lane->timer, ms * 1000);
	sd_event_source_set_enabled(lane->timer, SD_EVENT_ONESHOT);
}

static void set_contact(struct link *l, bool answers, const char *why)
{
	if (l->known && l->answers == answers)
		return;
	l->known = true;
	l->answers = answers;
	if (!answers)
		l->apart = 0; /* it may be another one when it comes back */
	if (answers && l->poll.job) {
		/* A poll from before may be held by a connection that is long dead. */
		http_cancel(TAKE_PTR(l->poll.job));
		arm(&l->poll, 1);
	}
	l->ops.contact(answers, why, l->userdata);
}

/*
 * An exchange ended. True when it was answered as expected; else the lane waits. An ondold
 * that answers with an error of ours (4xx) is there all the same.
 */
static bool lane_judge(struct link *l, struct lane *lane, const char *what, int r,
	const char *msg, const struct http_response *resp)
{
	_cleanup_free_ char *why = NULL, *body = NULL;

	lane->job = NULL;
	if (r == 0 && resp->status >= 200 && resp->status < 300) {
		lane->wait_ms = 0;
		set_contact(l, true, NULL);
		return true;
	}
	if (r == 0) {
		body = str_escape(resp->body, 300);
		why = xasprintf(
			"%s was answered with status %u: %s", what, resp->status, body);
	}
	if (r == 0 && resp->status < 500 && lane->wait_ms == 0)
		log_warn("%s; trying again", why);
	set_contact(l, r == 0 && resp->status < 500,
		why           ? why
			: msg ? msg
			      : strerror(-r));
	lane->wait_ms = backoff_ms(lane->wait_ms);
	arm(lane, lane->wait_ms);
	return false;
}

/* ---- the poll lane ---- */

static void poll_start(struct link *l);

/* Once may be a connection with a certificate that has since been renewed. */
static void not_taken(struct link *l, bool refused)
{
	l->refusals = refused ? l->refusals + 1 : 0;
	if (l->refusals >= 2) {
		l->refusals = 0;
		l->apart = APART_POLLS;
	}
	link_report(l);
}

static void on_polled(
	int r, const char *msg, const struct http_response *resp, void *userdata)
{
	struct link *l = userdata;
	bool held = now_mono_ms() - l->asked_ms >= 1000, reported = l->poll_reports;

	l->poll_reports = false;
	if (!lane_judge(l, &l->poll, "a question for the desired state", r, msg, resp)) {
		if (reported)
			not_taken(l, r == 0 && resp->status < 500);
		return;
	}
	if (reported)
		l->refusals = 0;
	if (resp->status == 200 &&
		l->ops.desired(resp->body, resp->body_len, l->userdata))
		l->useless_ms = 0;
	else if (resp->status == 200 || !held)
		l->useless_ms = backoff_ms(l->useless_ms);
	else
		l->useless_ms = 0;
	/* An answer that is refused here, or not held there, must not become a busy loop. */
	arm(&l->poll, MAX(l->useless_ms, (uint64_t)1));
}

/* Takes body. Caller frees. */
static char *text_of(json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);

	json_decref(body);
	if (!text)
		abort();
	return text;
}

/* What is reported now need not be posted as well. Caller frees. */
static char *report_text(struct link *l, bool *ret_ready)
{
	json_t *body = l->ops.report(l->userdata);

	l->reported_ms = now_mono_ms();
	/* Of two that travel in two lanes, ondold knows which is the later one. */
	json_object_set_new(body, "at", json_integer((json_int_t)l->reported_ms));
	*ret_ready = json_is_true(json_object_get(body, "ready"));
	l->report_due = false;
	return text_of(body);
}

/* As a heartbeat, or because there is news; events that wait are told before it. */
static bool may_report_with_poll(const struct link *l)
{
	bool due = l->report_due || !l->reported_ms ||
		now_mono_ms() - l->reported_ms >= LINK_HEARTBEAT_MS / 2;

	return due && !l->apart && !l->post.job && json_array_size(l->events) == 0;
}

static void poll_start(struct link *l)
{
	_cleanup_free_ char *url = NULL, *report = NULL;
	uint64_t revision, task, facts;
	bool ready;
	int r;

	if (l->poll.job)
		return;
	l->poll_reports = may_report_with_poll(l);
	if (l->poll_reports)
		report = report_text(l, &ready);
	else if (now_mono_ms() - l->reported_ms >= LINK_HEARTBEAT_MS / 2)
		link_report(l);
	if (l->apart)
		l->apart--;
	l->ops.position(&revision, &task, &facts, l->userdata);
	url = xasprintf("%s/desired?rev=%llu&task=%llu&facts=%llu&wait=%d", l->url,
		(unsigned long long)revision, (unsigned long long)task,
		(unsigned long long)facts,
		l->known && l->answers ? LINK_HEARTBEAT_MS / 1000 : 0);
	l->asked_ms = now_mono_ms();
	r = http_start(l->http,
		&(struct http_request){.method = report ? "POST" : "GET",
			.url = url,
			.identity = &l->conf->identity,
			.body = report,
			.body_len = report ? strlen(report) : 0,
			.packed = true,
			.timeout_ms = LINK_HEARTBEAT_MS + POST_TIMEOUT_MS},
		on_polled, l, &l->poll.job);
	if (r < 0)
		on_polled(r, strerror(-r), NULL, l);
}

static int on_poll_timer(
	_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	poll_start(userdata);
	return 0;
}

/* ---- the post lane ---- */

static void post_start(struct link *l);

static void drop_events(struct link *l, size_t n)
{
	while (n-- > 0)
		json_array_remove(l->events, 0);
}

/* The server understood us and said no: sending the same again would be refused again. */
static bool is_refused(int r, const struct http_response *resp)
{
	return r == 0 && (resp->status == 400 || resp->status == 422);
}

static void on_posted(
	int r, const char *msg, const struct http_response *resp, void *userdata)
{
	struct link *l = userdata;
	size_t sent = l->in_flight;

	l->in_flight = 0;
	if (!lane_judge(l, &l->post, sent ? "events" : "a report", r, msg, resp)) {
		if (is_refused(r, resp))
			drop_events(l, sent);
		else if (sent == 0)
			l->report_due = true;
		return;
	}
	drop_events(l, sent);
	post_start(l);
}

static char *events_text(struct link *l)
{
	json_t *some = json_array();

	l->in_flight = MIN(json_array_size(l->events), (size_t)EVENTS_PER_POST);
	for (size_t i = 0; i < l->in_flight; i++)
		json_array_append(some, json_array_get(l->events, i));
	return text_of(json_pack("{s:o}", "events", some));
}

static void post_start(struct link *l)
{
	bool events = json_array_size(l->events) > 0;
	_cleanup_free_ char *url = NULL, *text = NULL;
	bool ready = false;
	int r;

	if (l->post.job)
		return;
	if (!events && !l->report_due) {
		l->post.wait_ms = 0; /* what was refused is not sent again */
		return;
	}
	text = events ? events_text(l) : report_text(l, &ready);
	url = xasprintf("%s/%s", l->url, events ? "events" : "report");
	r = http_start(l->http,
		&(struct http_request){.method = "POST",
			.url = url,
			.identity = &l->conf->identity,
			.body = text,
			.body_len = strlen(text),
			.close = ready, /* nothing more to say */
			.timeout_ms = POST_TIMEOUT_MS},
		on_posted, l, &l->post.job);
	if (r < 0)
		on_posted(r, NULL, NULL, l);
}

static int on_post_timer(
	_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	post_start(userdata);
	return 0;
}

/* Also for those who read the journal of the node when ondold is not there. */
static void log_event(const char *type, const char *text)
{
	struct log_fields fields = {.event = type, .source = "noded"};
	enum log_level level = streq(type, "noded.failed") ? LOG_L_ERROR
		: streq(type, "noded.warning")             ? LOG_L_WARN
							   : LOG_L_DEBUG;

	log_with(level, &fields, "%s", text);
}

void link_event(struct link *l, const char *type, const char *text, json_t *data)
{
	_cleanup_free_ char *clean = said(text);
	json_t *e = json_pack("{s:s, s:s, s:o}", "type", type, "text", clean, "data",
		data ? data : json_object());

	log_event(type, text);
	if (!e)
		abort();
	if (json_array_size(l->events) >= LINK_MAX_EVENTS)
		json_array_remove(l->events, l->in_flight);
	json_array_append_new(l->events, e);
	if (l->post.wait_ms == 0)
		arm(&l->post, 1);
}

void link_report(struct link *l)
{
	l->report_due = true;
	if (l->post.wait_ms == 0)
		arm(&l->post, 1);
}

void link_retry_now(struct link *l)
{
	if (l->poll.wait_ms)
		arm(&l->poll, 1);
	if (l->post.wait_ms)
		arm(&l->post, 1);
}

static int add_timer(
	struct link *l, sd_event_source **ret, sd_event_time_handler_t fn, uint64_t ms)
{
	return sd_event_add_time_relative(
		l->event, ret, CLOCK_MONOTONIC, ms * 1000, 10000, fn, l);
}

int link_new(sd_event *event, const struct nodeconf *conf, struct http_client *http,
	const struct link_ops *ops, void *userdata, struct link **ret)
{
	struct link *l = xcalloc(1, sizeof(*l));
	int r;

	*l = (struct link){.conf = conf,
		.http = http,
		.event = sd_event_ref(event),
		.ops = *ops,
		.userdata = userdata,
		.url = link_node_url(conf),
		.events = json_array()};
	r = add_timer(l, &l->poll.timer, on_poll_timer, 1);
	if (r >= 0)
		r = add_timer(l, &l->post.timer, on_post_timer, 1);
	if (r >= 0)
		r = renew_new(event, conf, http, &l->renew);
	if (r < 0) {
		link_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void link_free(struct link *l)
{
	if (!l)
		return;
	renew_free(l->renew);
	http_cancel(l->poll.job);
	http_cancel(l->post.job);
	sd_event_source_disable_unref(l->poll.timer);
	sd_event_source_disable_unref(l->post.timer);
	json_decref(l->events);
	free(l->url);
	sd_event_unref(l->event);
	free(l);
}
