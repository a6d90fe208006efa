/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ondol console NODE`: a node's serial console in this terminal. ondold holds the BMC's
 * only session; here it is followed by long polls, and what is typed is posted, one post
 * at a time, so that its order stays. The terminal is raw meanwhile and is put back on
 * every way out that a program can take.
 */
#include "bootstrap/cli.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <systemd/sd-event.h>
#include <termios.h>

#include "bootstrap/conescape.h"
#include "bootstrap/conlines.h"
#include "common/http.h"
#include "common/jsonx.h"

#define POLL_S 20
#define POST_MS 15000
#define AGAIN_US (1000 * 1000)
#define MAX_PENDING 1024

struct session {
	const struct cli *cli; /* borrowed */
	const char *node; /* borrowed */
	sd_event *event; /* owned */
	struct http_client *http; /* owned */
	struct http_job *poll, *post; /* borrowed */
	sd_event_source *input, *again; /* owned */
	char *path, *who, *id; /* owned; id NULL: not attached */
	struct conescape escape;
	char pending[MAX_PENDING + 256];
	size_t n_pending;
	char state[16], typing[68]; /* as last shown */
	uint64_t next;
	bool has_next, away, raw, types;
	struct termios saved;
};

/* ---- the terminal ---- */

static void enter_raw(struct session *s)
{
	struct termios t;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &s->saved) < 0)
		return;
	t = s->saved;
	cfmakeraw(&t);
	s->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &t) == 0;
}

static void leave_raw(struct session *s)
{
	if (s->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &s->saved);
	s->raw = false;
}

/* A remark of ours, on a line of its own; on standard error, so that a pipe gets the console alone. */
static _printf_(2, 3) void remark(const struct session *s, const char *fmt, ...)
{
	_cleanup_free_ char *clean = NULL;
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	clean = text_clean(text, s->cli->err.utf8);
	free(text);
	fprintf(stderr, "%s[%s]%s\n", s->raw ? "\r\n" : "", clean, s->raw ? "\r" : "");
}

static void end(struct session *s, int status)
{
	sd_event_exit(s->event, status);
}

/* ---- typing ---- */

static void send_pending(struct session *s);

static int start(struct session *s, const char *method, const char *url, json_t *body,
	unsigned timeout_ms, http_done_fn done, struct http_job **ret)
{
	_cleanup_free_ char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct http_request req = {.method = method,
		.url = url,
		.unix_socket = s->cli->socket,
		.body = text,
		.body_len = text ? strlen(text) : 0,
		.timeout_ms = timeout_ms};

	json_decref(body);
	return http_start(s->http, &req, done, s, ret);
}

static void on_posted(_unused_ int r, _unused_ const char *msg,
	const struct http_response *resp, void *userdata)
{
	struct session *s = userdata;

	s->post = NULL;
	if (resp && resp->status == 409)
		remark(s, "%s types here; Enter ~ t takes it over",
			*s->typing ? s->typing : "another operator");
	else if (resp && resp->status == 503)
		remark(s, "the console is not connected; what was typed is lost");
	send_pending(s);
}

/* The longest beginning that is whole characters; what can be none is dropped. */
static json_t *take_pending(struct session *s)
{
	for (size_t cut = 0; cut < 4 && cut < s->n_pending; cut++) {
		size_t n = s->n_pending - cut;
		json_t *text = json_stringn(s->pending, n);

		if (!text)
			continue;
		memmove(s->pending, s->pending + n, cut);
		s->n_pending = cut;
		return text;
	}
	if (s->n_pending >= 4)
		s->n_pending = 0;
	return NULL;
}

static void send_pending(struct session *s)
{
	json_t *text;

	if (s->input)
		sd_event_source_set_enabled(s->input,
			s->n_pending < MAX_PENDING ? SD_EVENT_ON : SD_EVENT_OFF);
	if (s->post || !s->id || !s->n_pending)
		return;
	text = take_pending(s);
	if (text &&
		start(s, "POST", s->path,
			json_pack("{s:s, s:o}", "id", s->id, "input", text), POST_MS,
			on_posted, &s->post) < 0)
		remark(s, "what was typed is lost");
}

static void on_done(_unused_ int r, _unused_ const char *msg,
	_unused_ const struct http_response *resp, _unused_ void *userdata)
{
}

static void take_over(struct session *s)
{
	if (s->id)
		start(s, "POST", s->path, json_pack("{s:s, s:b}", "id", s->id, "take", 1),
			POST_MS, on_done, NULL);
}

static void help(const struct session *s)
{
	remark(s,
		"~. leave   ~t type here, whoever does now   ~~ a tilde   ~? this; each "
		"after Enter");
}

static void typed(struct session *s, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char out[2];
		size_t n;

		switch (conescape_feed(&s->escape, data[i], out, &n)) {
		case CONESCAPE_NONE:
			memcpy(s->pending + s->n_pending, out, n);
			s->n_pending += n;
			break;
		case CONESCAPE_LEAVE:
			end(s, CLI_DONE);
			return;
		case CONESCAPE_TAKE:
			take_over(s);
			break;
		case CONESCAPE_HELP:
			help(s);
			break;
		}
	}
	if (s->cli->opt.read_only && !s->types)
		s->n_pending = 0;
	send_pending(s);
}

static int on_input(
	_unused_ sd_event_source *src, int fd, _unused_ uint32_t revents, void *userdata)
{
	struct session *s = userdata;
	char buf[100];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n > 0)
		typed(s, buf, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		end(s, CLI_DONE);
	return 0;
}

/* ---- following ---- */

static void attach(struct session *s);
static void poll_more(struct session *s);

static void try_again(struct session *s, const char *why)
{
	if (!s->away)
		remark(s, "%s; trying again", why);
	s->away = true;
	free(s->id);
	s->id = NULL;
	sd_event_source_set_time_relative(s->again, AGAIN_US);
	sd_event_source_set_enabled(s->again, SD_EVENT_ONESHOT);
}

/* What turned since the last answer. */
static void show_turns(struct session *s, const json_t *answer)
{
	const char *state = json_string_value(json_object_get(answer, "session")),
		   *typing = json_string_value(json_object_get(answer, "typing"));

	s->types = json_is_true(json_object_get(answer, "types"));
	state = state ? state : "off";
	typing = typing ? typing : "";
	if (!streq(state, s->state) && !streq(state, "connected"))
		remark(s,
			streq(state, "refused")
				? "the BMC refuses the console: see `ondol why %s`"
				: "the BMC of %s is asked for the console",
			s->node);
	else if (!streq(state, s->state))
		remark(s, "connected");
	if (!streq(typing, s->typing) && *typing && !s->types)
		remark(s, "%s types here; you watch, ~t takes it over", typing);
	else if (!streq(typing, s->typing) && s->types && *s->typing)
		remark(s, "you type now");
	snprintf(s->state, sizeof(s->state), "%s", state);
	snprintf(s->typing, sizeof(s->typing), "%s", typing);
}

static int show_text(const json_t *answer)
{
	const json_t *chunk;
	size_t i;

	json_array_foreach(json_object_get(answer, "chunks"), i, chunk)
	{
		const json_t *text = json_object_get(chunk, "text");
		int r = json_is_string(text)
			? write_all(STDOUT_FILENO, json_string_value(text),
				  json_string_length(text))
			: 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* NULL when there is none that makes sense, which ends the session. */
static json_t *answer_of(struct session *s, const struct http_response *resp)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	_cleanup_free_ char *wrong = NULL;

	if (client_judge(resp->status, resp->body, resp->body_len, &answer, &wrong) == 0)
		return TAKE_PTR(answer);
	remark(s, "%s", wrong);
	end(s, CLI_FAILED);
	return NULL;
}

static void on_polled(
	int r, const char *msg, const struct http_response *resp, void *userdata)
{
	struct session *s = userdata;
	_cleanup_(jx_freep) json_t *answer = NULL;
	const json_t *next;

	s->poll = NULL;
	if (r < 0 || resp->status == 410 || resp->status == 503) {
		try_again(s, r < 0 ? "ondold does not answer" : "ondold has begun anew");
		return;
	}
	answer = answer_of(s, resp);
	if (!answer)
		return;
	s->away = false;
	next = json_object_get(answer, "next");
	if (json_is_integer(next)) {
		s->next = (uint64_t)json_integer_value(next);
		s->has_next = true;
	}
	show_turns(s, answer);
	if (show_text(answer) < 0) {
		end(s, CLI_FAILED);
		return;
	}
	poll_more(s);
}

static void poll_more(struct session *s)
{
	_cleanup_free_ char *url = xasprintf("%s?since=%llu&id=%s&wait=%d", s->path,
		(unsigned long long)s->next, s->id, POLL_S);

	if (start(s, "GET", url, NULL, (POLL_S + 10) * 1000, on_polled, &s->poll) < 0)
		try_again(s, "ondold cannot be asked");
}

/* Where one comes in: behind what was said so far, and after an absence where one was. */
static void on_attached(
	int r, const char *msg, const struct http_response *resp, void *userdata)
{
	struct session *s = userdata;
	_cleanup_(jx_freep) json_t *answer = NULL;
	const json_t *end_of_text;

	s->poll = NULL;
	if (r < 0 || resp->status == 503) {
		try_again(s, "ondold does not answer");
		return;
	}
	answer = answer_of(s, resp);
	if (!answer)
		return;
	s->id = xstrdup(json_string_value(json_object_get(answer, "id")));
	end_of_text = json_object_get(answer, "end");
	if (!s->id || !json_is_integer(end_of_text)) {
		remark(s, "ondold's answer is not understood");
		end(s, CLI_FAILED);
		return;
	}
	if (!s->has_next)
		s->next = (uint64_t)json_integer_value(end_of_text);
	poll_more(s);
	send_pending(s);
}

static void attach(struct session *s)
{
	json_t *body = json_pack(
		"{s:s, s:b}", "attach", s->who, "read_only", (int)s->cli->opt.read_only);

	if (start(s, "POST", s->path, body, POST_MS, on_attached, &s->poll) < 0)
		try_again(s, "ondold cannot be asked");
}

static int on_again(_unused_ sd_event_source *src, _unused_ uint64_t usec, void *userdata)
{
	attach(userdata);
	return 0;
}

/* ---- the session ---- */

static int on_signal(
	_unused_ sd_event_source *src, const struct signalfd_siginfo *si, void *userdata)
{
	end(userdata, si->ssi_signo == SIGINT ? CLI_LEFT : CLI_FAILED);
	return 0;
}

static int watch(struct session *s)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	sigset_t set;
	int r = 0;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(signals); i++)
		r = sd_event_add_signal(s->event, NULL, signals[i], on_signal, s);
	if (r >= 0)
		r = sd_event_add_time(s->event, &s->again, CLOCK_MONOTONIC, UINT64_MAX,
			10000, on_again, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->again, SD_EVENT_OFF);
	if (r >= 0 && isatty(STDIN_FILENO))
		r = sd_event_add_io(
			s->event, &s->input, STDIN_FILENO, EPOLLIN, on_input, s);
	return r < 0 ? r : 0;
}

/* "root@pts/3": who it is for other operators */
static char *name_me(void)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *tty = isatty(STDIN_FILENO) ? ttyname(STDIN_FILENO) : NULL;

	if (tty && str_startswith(tty, "/dev/"))
		tty += strlen("/dev/");
	return xasprintf("%.24s on %.24s", pw ? pw->pw_name : "someone",
		tty ? tty : "no terminal");
}

/* So that the console is free at once for others. */
static void detach(const struct session *s)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	_cleanup_free_ char *msg = NULL,
			    *path = xasprintf("/v1/nodes/%s/console", s->node);

	if (s->id)
		(void)client_call(s->cli->socket, "POST", path,
			json_pack("{s:s, s:b}", "id", s->id, "detach", 1), 2000, &answer,
			&msg);
}

static int interactive(struct cli *cli, const char *node)
{
	struct session s = {.cli = cli, .node = node, .who = name_me()};
	int r = sd_event_new(&s.event);

	s.path = xasprintf("http://ondold/v1/nodes/%s/console", node);
	conescape_init(&s.escape);
	if (r >= 0)
		r = watch(&s);
	if (r >= 0)
		r = http_client_new(s.event, &s.http);
	if (r >= 0) {
		remark(&s,
			s.input ? "console of %s; leave with Enter ~ . (~? helps)"
				: "console of %s; leave with Ctrl-C",
			node);
		enter_raw(&s);
		attach(&s);
		r = sd_event_loop(s.event);
		leave_raw(&s);
		fprintf(stderr, "\n");
		detach(&s);
		remark(&s, "left the console of %s", node);
	}
	http_client_free(s.http);
	sd_event_source_disable_unref(s.input);
	sd_event_source_disable_unref(s.again);
	sd_event_unref(s.event);
	free(s.path);
	free(s.who);
	free(s.id);
	if (r < 0)
		cli_error(cli, "%s", strerror(-r));
	return r < 0 ? CLI_FAILED : r;
}

/* ---- the recording ---- */

static void print_line(const char *line, void *userdata)
{
	const struct cli *cli = userdata;
	_cleanup_free_ char *clean = text_clean(line, true);

	fprintf(cli->out.out, "%s\n", clean);
}

static void print_chunks(struct cli *cli, const json_t *chunks, struct conlines *lines)
{
	const json_t *chunk;
	size_t i;

	json_array_foreach(chunks, i, chunk)
	{
		const json_t *text = json_object_get(chunk, "text");

		if (!json_is_string(text))
			continue;
		if (cli->out.tty)
			fwrite(json_string_value(text), 1, json_string_length(text),
				cli->out.out);
		else
			conlines_feed(lines, json_string_value(text),
				json_string_length(text), print_line, cli);
	}
}

/* The last run, from its beginning to what is there now. */
static int print_log(struct cli *cli, const char *node)
{
	_cleanup_free_ char *path = xasprintf("/v1/nodes/%s/console", node);
	struct conlines lines = {0};
	json_int_t next = -1, last;

	do {
		_cleanup_(jx_freep) json_t *answer = NULL;
		_cleanup_free_ char *msg = NULL;

		if (client_call(cli->socket, "GET", path, NULL, CLIENT_TIMEOUT_MS,
			    &answer, &msg) != 0) {
			cli_error(cli, "%s: %s", node, msg);
			conlines_clear(&lines);
			return CLI_FAILED;
		}
		if (cli->opt.json) {
			cli_print_json(TAKE_PTR(answer));
			return CLI_DONE;
		}
		print_chunks(cli, json_object_get(answer, "chunks"), &lines);
		last = next;
		next = json_integer_value(json_object_get(answer, "next"));
		if (next >= json_integer_value(json_object_get(answer, "end")))
			break;
		free(path);
		path = xasprintf(
			"/v1/nodes/%s/console?since=%lld", node, (long long)next);
	} while (next > last);
	conlines_end(&lines, print_line, cli);
	return CLI_DONE;
}

int cmd_console(struct cli *cli)
{
	const char *node = cli->opt.args[0];
	int r;

	if (cli->opt.n_args != 1)
		return cli_usage(cli, "console: expected a node");
	if (cli->opt.json && !cli->opt.log)
		return cli_usage(cli, "console: --json goes with --log");
	if (!cli->opt.log && !cli->opt.read_only && !isatty(STDIN_FILENO))
		return cli_usage(cli,
			"console: there is no terminal to type on; --read-only only shows, "
			"--log prints what was recorded");
	r = cli_check_node(cli, node);
	if (r != CLI_DONE)
		return r;
	return cli->opt.log ? print_log(cli, node) : interactive(cli, node);
}
