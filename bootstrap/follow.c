/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two requests: one for events, held by ondold until there is one, which only says that
 * something happened; and one for the status, sent then. Bytes written make no event, so
 * while a node shows progress the status is also asked for with each tick of the clock,
 * and seldom otherwise, in case an event was missed. The tick moves the times shown.
 *
 * Nothing is kept but the last status: a restart of ondold is a pause.
 */
#include "bootstrap/follow.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <systemd/sd-event.h>

#include "common/http.h"
#include "common/jsonx.h"

#define TICK_MS 1000
#define HOLD_S 20 /* ondold holds a request for events so long */
#define STATUS_SELDOM_MS 10000
#define PAUSE_MS 200 /* between one status and the next, when events come thick */
#define MAX_NONSENSE 5 /* answers that are not understood, in a row */

struct follow {
	const struct follow_spec *spec;
	sd_event *event; /* owned */
	struct http_client *http; /* owned */
	struct watch *watch; /* owned */
	struct live live;
	struct status_view *status; /* owned, NULL: none yet */
	json_t *status_json; /* owned */
	uint64_t status_ms; /* when it came, monotonic */
	int64_t last_event; /* -1: not known yet */
	bool events_running, status_running, status_wanted;
	sd_event_source *tick, *pause; /* owned */
	unsigned nonsense;
	char *lost; /* owned: why ondold cannot be asked, NULL: it answers */
	char *error; /* owned: why the watching is given up */
};

static void ask_status(struct follow *f);
static void ask_events(struct follow *f);

/* ---- showing ---- */

static void show_live(struct follow *f)
{
	const struct term *t = f->spec->term;
	unsigned columns = term_columns(t);
	char **lines = NULL;
	_cleanup_free_ char *frame = NULL;
	size_t n = 0;

	if (f->status)
		n = watch_lines(f->watch, f->status, now_mono_ms(), columns - 1, t->color,
			t->utf8, &lines);
	if (f->lost) {
		lines = xrealloc(lines, n + 1, sizeof(*lines));
		lines[n++] = text_clip(f->lost, columns - 1, t->utf8);
	}
	frame = live_frame(&f->live, lines, n, columns, term_rows(t));
	fputs(frame, t->out);
	fflush(t->out);
	watch_lines_free(lines, n);
}

static void show_changes(struct follow *f)
{
	const struct term *t = f->spec->term;
	char clock[16], prefix[20];
	_cleanup_free_ char *text = NULL;

	cli_time_of_day(now_real_ms(), clock);
	snprintf(prefix, sizeof(prefix), "%s ", clock);
	text = watch_changes(f->watch, f->status, prefix, t->utf8);
	fputs(text, t->out);
	fflush(t->out);
}

static void show(struct follow *f)
{
	if (f->spec->term->tty)
		show_live(f);
	else if (f->status)
		show_changes(f);
}

static void set_lost(struct follow *f, char *why) /* takes why */
{
	if (why && !f->lost && !f->spec->term->tty)
		fprintf(f->spec->term->out, "%s Asking again until it answers.\n", why);
	free(f->lost);
	f->lost = why;
	if (f->spec->term->tty)
		show_live(f);
}

/* ---- deciding ---- */

static bool all_done(const struct follow *f)
{
	const struct follow_spec *s = f->spec;

	for (size_t i = 0; i < s->n_goals; i++)
		if (goal_check(&s->goals[i],
			    status_view_node(f->status, s->goals[i].node)) == GOAL_GOING)
			return false;
	return s->n_goals > 0;
}

static bool any_progress(const struct follow *f)
{
	for (size_t i = 0; f->status && i < f->status->n_nodes; i++)
		if (f->status->nodes[i].has_progress)
			return true;
	return false;
}

/* An answer that is not understood. A few may be an ondold that is just ending. */
static void nonsense(struct follow *f, char *why) /* takes why */
{
	if (++f->nonsense < MAX_NONSENSE) {
		set_lost(f, why);
		return;
	}
	f->error = why;
	sd_event_exit(f->event, -EPROTO);
}

/* ---- asking ---- */

static int start(
	struct follow *f, const char *path, unsigned timeout_ms, http_done_fn done)
{
	_cleanup_free_ char *url = xasprintf("http://ondold%s", path);
	struct http_request req = {.method = "GET",
		.url = url,
		.unix_socket = f->spec->cli->socket,
		.timeout_ms = timeout_ms};

	return http_start(f->http, &req, done, f, NULL);
}

/* Judges an answer: NULL when there is none or it makes no sense, which is noted. */
static json_t *understand(
	struct follow *f, int r, const char *said, const struct http_response *resp)
{
	_cleanup_(jx_freep) json_t *json = NULL;
	char *why = NULL;

	if (r < 0) {
		set_lost(f, client_unreachable(f->spec->cli->socket, r, said));
		return NULL;
	}
	if (client_judge(resp->status, resp->body, resp->body_len, &json, &why) != 0) {
		nonsense(f, why);
		return NULL;
	}
	return TAKE_PTR(json);
}

static void take_status(struct follow *f, struct status_view *s, json_t *json)
{
	status_view_free(f->status);
	json_decref(f->status_json);
	f->status = s;
	f->status_json = json_incref(json);
	f->nonsense = 0;
	free(TAKE_PTR(f->lost));
	watch_feed(f->watch, s, f->status_ms);
	show(f);
	if (f->spec->on_status && f->spec->on_status(s, f->spec->userdata))
		sd_event_exit(f->event, FOLLOW_STOPPED);
	else if (all_done(f))
		sd_event_exit(f->event, FOLLOW_DONE);
}

static int on_pause(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct follow *f = userdata;

	f->pause = sd_event_source_disable_unref(f->pause);
	if (f->status_wanted)
		ask_status(f);
	return 0;
}

static void on_status(
	int r, const char *msg, const struct http_response *resp, void *userdata)
{
	struct follow *f = userdata;
	_cleanup_(jx_freep) json_t *json = NULL;
	struct status_view *s = NULL;
	char *why = NULL;

	f->status_running = false;
	f->status_ms = now_mono_ms();
	json = understand(f, r, msg, resp);
	if (!json)
		return;
	if (status_view_parse(json, &s, &why) < 0) {
		nonsense(f, why);
		return;
	}
	take_status(f, s, json);
	if (!f->pause)
		sd_event_add_time_relative(f->event, &f->pause, CLOCK_MONOTONIC,
			PAUSE_MS * 1000, 0, on_pause, f);
	if (!f->events_running)
		ask_events(f);
}

static void ask_status(struct follow *f)
{
	f->status_wanted = f->status_running || f->pause;
	if (f->status_wanted)
		return;
	f->status_running = start(f, "/v1/status", CLIENT_TIMEOUT_MS, on_status) == 0;
}

static void on_events(
	int r, const char *msg, const struct http_response *resp, void *userdata)
{
	struct follow *f = userdata;
	_cleanup_(jx_freep) json_t *json = NULL;
	struct events_view e = {0};
	char *why = NULL;

	f->events_running = false;
	json = understand(f, r, msg, resp);
	if (!json)
		return; /* the tick asks again */
	if (events_view_parse(json, &e, &why) < 0) {
		nonsense(f, why);
		return;
	}
	if (f->last_event < 0 || e.n > 0)
		ask_status(f);
	f->last_event = e.last;
	events_view_clear(&e);
	ask_events(f);
}

static void ask_events(struct follow *f)
{
	_cleanup_free_ char *path = f->last_event < 0
		? xstrdup("/v1/events?since=-1")
		: xasprintf("/v1/events?since=%lld&wait=%d", (long long)f->last_event,
			  HOLD_S);

	f->events_running = start(f, path, (HOLD_S + 15) * 1000, on_events) == 0;
}

/* ---- the loop ---- */

static int on_tick(sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct follow *f = userdata;
	uint64_t age = now_mono_ms() - f->status_ms;

	if (f->lost || any_progress(f) || age > STATUS_SELDOM_MS)
		ask_status(f);
	if (f->spec->term->tty)
		show_live(f);
	sd_event_source_set_time_relative(s, TICK_MS * 1000);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int on_deadline(
	sd_event_source *s, _unused_ uint64_t usec, _unused_ void *userdata)
{
	return sd_event_exit(sd_event_source_get_event(s), FOLLOW_TIMEOUT);
}

static int on_signal(
	sd_event_source *s, const struct signalfd_siginfo *si, void *userdata)
{
	struct follow *f = userdata;

	if (si->ssi_signo == SIGWINCH)
		show(f);
	else
		sd_event_exit(f->event, FOLLOW_LEFT);
	return 0;
}

static int add_signals(struct follow *f, sigset_t *ret_old)
{
	static const int list[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
	sigset_t set;
	int r = 0;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		sigaddset(&set, list[i]);
	sigprocmask(SIG_BLOCK, &set, ret_old);
	for (size_t i = 0; i < ARRAY_SIZE(list) && r >= 0; i++)
		r = sd_event_add_signal(f->event, NULL, list[i], on_signal, f);
	return r;
}

static int add_timers(struct follow *f)
{
	int r = sd_event_add_time_relative(
		f->event, &f->tick, CLOCK_MONOTONIC, TICK_MS * 1000, 0, on_tick, f);

	if (r >= 0 && f->spec->timeout_ms)
		r = sd_event_add_time_relative(f->event, NULL, CLOCK_MONOTONIC,
			f->spec->timeout_ms * 1000, 0, on_deadline, f);
	return r;
}

static int run(struct follow *f)
{
	sigset_t old;
	int r = sd_event_new(&f->event);

	if (r < 0)
		return r;
	r = http_client_new(f->event, &f->http);
	if (r < 0)
		return r;
	r = add_signals(f, &old);
	if (r >= 0)
		r = add_timers(f);
	if (r >= 0) {
		ask_events(f);
		r = sd_event_loop(f->event);
	}
	http_client_free(f->http);
	sd_event_source_disable_unref(f->tick);
	sd_event_source_disable_unref(f->pause);
	sd_event_unref(f->event);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

int follow_run(const struct follow_spec *spec, struct status_view **ret,
	json_t **ret_json, char **reterr_msg)
{
	struct follow f = {
		.spec = spec, .last_event = -1, .watch = watch_new(spec->nodes)};
	int r = run(&f);

	if (r < 0)
		*reterr_msg = f.error ? f.error
				      : xasprintf("watching failed: %s", strerror(-r));
	*ret = f.status;
	*ret_json = f.status_json;
	watch_free(f.watch);
	live_clear(&f.live);
	free(f.lost);
	return r;
}
