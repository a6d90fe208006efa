/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/httpd.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <strings.h>
#include <sys/socket.h>

#include "bootstrap/httpd_internal.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/rack.h"

/*
 * libmicrohttpd runs without a thread: its epoll fd is watched here, and before each sleep
 * its timeout goes into a timer. A request that waits is suspended: it costs a struct and
 * no connection work. libmicrohttpd does not notice that a suspended client hangs up; it
 * does at the end of the wait, which is at most a minute (a power operation: three).
 *
 * An answer is kept in the request and queued from libmicrohttpd's own callback, which is
 * the one place where it may be queued, at once or after the resume.
 */

/* two for each node of the largest rack, and operators */
#define MAX_CONNECTIONS (2u * RACK_MAX_NODES + 1000u)
#define MAX_PER_ADDRESS 64u
#define IDLE_SECONDS 120u
#define HEADER_BYTES 32768u
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3"

/* ---- requests ---- */

static struct http_req *req_new(struct httpd *h, struct MHD_Connection *conn,
	const char *method, const char *path)
{
	struct http_req *req = xcalloc(1, sizeof(*req));

	req->httpd = h;
	req->conn = conn;
	req->method = xstrdup(method);
	req->path = xstrdup(path);
	req->next = h->reqs;
	if (h->reqs)
		h->reqs->prev = req;
	h->reqs = req;
	return req;
}

static void forget_unsettled(struct http_req *req)
{
	if (!req->held_back)
		return;
	for (struct http_req **at = &req->httpd->unsettled; *at;
		at = &(*at)->next_unsettled)
		if (*at == req) {
			*at = req->next_unsettled;
			return;
		}
}

static void req_free(struct http_req *req)
{
	if (req->prev)
		req->prev->next = req->next;
	else
		req->httpd->reqs = req->next;
	if (req->next)
		req->next->prev = req->prev;
	if (req->slot)
		*req->slot = NULL;
	httpd_wait_no_more(req);
	forget_unsettled(req);
	sd_event_source_disable_unref(req->timer);
	if (req->response)
		MHD_destroy_response(req->response);
	if (req->sink)
		req->sink_drop(req->sink);
	if (req->stream) {
		req->stream->closed(req->stream->userdata);
		free(req->stream->buf);
		free(req->stream);
	}
	for (size_t i = 0; i < HTTPD_MAX_HEADERS; i++) {
		free(req->header_names[i]);
		free(req->header_values[i]);
	}
	free(req->actor);
	free(req->method);
	free(req->path);
	httpd_drop_body(req);
	req->httpd->n_suspended -= req->suspended;
	free(req);
}

static void take_body(struct http_req *req, const char *data, size_t len)
{
	if (req->sink) {
		if (!req->sink_error)
			req->sink_error = req->sink_write(req->sink, data, len);
		return;
	}
	if (req->body_too_long || req->body_len + len > HTTPD_MAX_BODY) {
		req->body_too_long = true;
		return;
	}
	while (req->body_len + len + 1 > req->body_cap) {
		req->body_cap = MAX(req->body_cap * 2, 4096);
		req->body = xrealloc(req->body, req->body_cap, 1);
	}
	memcpy(req->body + req->body_len, data, len);
	req->body_len += len;
	req->body[req->body_len] = 0;
}

const char *httpd_method(const struct http_req *req)
{
	return req->method;
}

const char *httpd_path(const struct http_req *req)
{
	return req->path;
}

const char *httpd_body(const struct http_req *req, size_t *ret_len)
{
	*ret_len = req->body_len;
	return req->body ? req->body : "";
}

void httpd_drop_body(struct http_req *req)
{
	if (req->body) /* it may hold a token or secrets.ini */
		explicit_bzero(req->body, req->body_len);
	free(TAKE_PTR(req->body));
	req->body_len = req->body_cap = 0;
}

bool httpd_accepts(const struct http_req *req, const char *coding)
{
	const char *s = httpd_header(req, "Accept-Encoding");
	size_t len = strlen(coding);

	for (; s && *s; s += strcspn(s, ","), s += *s == ',') {
		s += strspn(s, " \t");
		/* Who gives it a weight gets what needs none: "zstd;q=0" is a no. */
		if (strncasecmp(s, coding, len) == 0 &&
			(s[len] == 0 || strchr(", \t", s[len])))
			return true;
	}
	return false;
}

void httpd_on_upload(
	struct httpd *h, void (*upload)(struct http_req *req, void *userdata))
{
	h->upload = upload;
}

void httpd_count(struct httpd *h, struct httpd_counts *counts)
{
	h->counts = counts;
}

void httpd_open_requests(const struct httpd *h, uint64_t *ret_held, uint64_t *ret_streams)
{
	*ret_held = *ret_streams = 0;
	for (const struct http_req *req = h ? h->reqs : NULL; req; req = req->next) {
		*ret_held += req->try != NULL;
		*ret_streams += req->stream != NULL;
	}
}

void httpd_set_sink(
	struct http_req *req, void *sink, httpd_sink_fn write, void (*drop)(void *sink))
{
	req->sink = sink;
	req->sink_write = write;
	req->sink_drop = drop;
}

void *httpd_take_sink(struct http_req *req, int *ret_error)
{
	*ret_error = req->sink_error;
	return TAKE_PTR(req->sink);
}

const char *httpd_arg(const struct http_req *req, const char *name)
{
	return MHD_lookup_connection_value(req->conn, MHD_GET_ARGUMENT_KIND, name);
}

int httpd_arg_u64(struct http_req *req, const char *name, uint64_t max, uint64_t dflt,
	uint64_t *ret)
{
	const char *s = httpd_arg(req, name);
	_cleanup_free_ char *found = NULL;

	if (!s) {
		*ret = dflt;
		return 0;
	}
	if (parse_u64(s, 0, max, ret) == 0)
		return 0;
	found = str_escape(s, 40);
	httpd_reply_error(req, 400, "%s: expected a number from 0 to %llu, found \"%s\"",
		name, (unsigned long long)max, found);
	return -EINVAL;
}

const char *httpd_bearer(const struct http_req *req)
{
	const char *s =
		MHD_lookup_connection_value(req->conn, MHD_HEADER_KIND, "Authorization");

	return s && str_startswith(s, "Bearer ") ? s + strlen("Bearer ") : NULL;
}

const char *httpd_cookie(const struct http_req *req, const char *name)
{
	return MHD_lookup_connection_value(req->conn, MHD_COOKIE_KIND, name);
}

const char *httpd_header(const struct http_req *req, const char *name)
{
	return MHD_lookup_connection_value(req->conn, MHD_HEADER_KIND, name);
}

void httpd_set_actor(struct http_req *req, const char *actor)
{
	free(req->actor);
	req->actor = xstrdup(actor);
}

const char *httpd_actor(const struct http_req *req)
{
	return req->actor;
}

uint32_t httpd_peer(const struct http_req *req)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(req->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct sockaddr_in sin;

	if (!info || !info->client_addr || info->client_addr->sa_family != AF_INET)
		return 0;
	memcpy(&sin, info->client_addr, sizeof(sin));
	return ntohl(sin.sin_addr.s_addr);
}

/* ---- the client's certificate ---- */

/* Looked at once for each connection: checking a signature costs more than most requests. */
struct client {
	bool looked;
	char digest[65]; /* "": none, or not a good one */
};

static bool is_trusted(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT};
	unsigned bad = 1;

	return gnutls_certificate_verify_peers(session, &purpose, 1, &bad) == 0 &&
		bad == 0;
}

static void look_at_client(struct MHD_Connection *conn, struct client *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	gnutls_session_t session = info ? (gnutls_session_t)info->tls_session : NULL;
	const gnutls_datum_t *chain;
	unsigned n = 0;
	uint8_t raw[32];

	c->looked = true;
	chain = session ? gnutls_certificate_get_peers(session, &n) : NULL;
	if (!chain || n == 0 || !is_trusted(session) ||
		gnutls_hash_fast(GNUTLS_DIG_SHA256, chain[0].data, chain[0].size, raw) <
			0)
		return;
	hex_encode(raw, sizeof(raw), c->digest);
}

const char *httpd_client(const struct http_req *req)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(req->conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct client *c = info ? info->socket_context : NULL;

	if (!c)
		return NULL;
	if (!c->looked)
		look_at_client(req->conn, c);
	return *c->digest ? c->digest : NULL;
}

static void on_connection(_unused_ void *cls, _unused_ struct MHD_Connection *conn,
	void **context, enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*context = xcalloc(1, sizeof(struct client));
	else
		free(TAKE_PTR(*context));
}

/* ---- libmicrohttpd ---- */

static bool operator_allowed(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (!info ||
		getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	return cred.uid == 0 || cred.uid == geteuid();
}

/* ---- answers that wait until what they say is safe ---- */

void httpd_settle_with(struct httpd *h, const struct httpd_settler *settler)
{
	if (h)
		h->settler = *settler;
}

static bool is_unsettled(const struct httpd *h)
{
	return h->settler.settle && !h->settler.is_settled(h->settler.userdata);
}

/* At the server's end all has been settled, and nothing is held back any more. */
static bool must_settle(const struct http_req *req)
{
	return !req->settled && req->response && !req->httpd->stopping &&
		is_unsettled(req->httpd);
}

/*
 * One that is answered is not suspended for it, as it is a matter of this turn: libmicrohttpd
 * asks again in the next, at once. To resume one costs a walk over all that are suspended, and each node of the rack
 * has a poll there.
 */
static void hold_back(struct http_req *req)
{
	if (req->held_back)
		return;
	req->next_unsettled = req->httpd->unsettled;
	req->httpd->unsettled = req;
	req->held_back = true;
}

/* In the place of an answer that has not gone out. */
static void answer_unsafe(struct http_req *req)
{
	if (req->replied)
		MHD_destroy_response(TAKE_PTR(req->response));
	req->replied = false;
	req->settled = true;
	httpd_reply_error(req, 503,
		"this could not be kept: is the disk of the deployment host full?");
}

/* At the end of each turn: all that was said in it is made safe at once. */
static void settle(struct httpd *h)
{
	struct http_req *req;
	int r = h->unsettled || (h->stopping && is_unsettled(h))
		? h->settler.settle(h->settler.userdata)
		: 0;

	while ((req = h->unsettled)) {
		h->unsettled = req->next_unsettled;
		req->settled = req->replied;
		req->held_back = false;
		if (r < 0)
			answer_unsafe(req);
	}
}

static enum MHD_Result queue_reply(struct http_req *req)
{
	enum MHD_Result r = MHD_queue_response(req->conn, req->status, req->response);

	MHD_destroy_response(req->response);
	req->response = NULL;
	return r;
}

static void handle(struct http_req *req)
{
	req->handled = true;
	if (req->body_too_long)
		httpd_reply_error(
			req, 413, "a body has at most %u bytes", HTTPD_MAX_BODY);
	else if (req->httpd->unix_path && !operator_allowed(req->conn))
		httpd_reply_error(
			req, 403, "only root and ondold's own user may ask here");
	else if (req->httpd->stopping)
		httpd_reply_error(req, 503, "ondold is ending");
	else
		req->httpd->handler(req, req->httpd->userdata);
}

static void ask_for_sink(struct http_req *req)
{
	struct httpd *h = req->httpd;
	bool has_body = MHD_lookup_connection_value(
				req->conn, MHD_HEADER_KIND, "Content-Length") ||
		MHD_lookup_connection_value(
			req->conn, MHD_HEADER_KIND, "Transfer-Encoding");

	if (h->upload && has_body && !h->stopping &&
		(!h->unix_path || operator_allowed(req->conn)))
		h->upload(req, h->userdata);
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *conn, const char *url,
	const char *method, _unused_ const char *version, const char *data, size_t *len,
	void **con_cls)
{
	struct http_req *req = *con_cls;

	if (!req) {
		*con_cls = req = req_new(cls, conn, method, url);
		ask_for_sink(req);
		return MHD_YES;
	}
	if (*len) {
		take_body(req, data, *len);
		*len = 0;
		return MHD_YES;
	}
	if (!req->handled)
		handle(req);
	if (req->replied && must_settle(req)) {
		hold_back(req);
		return MHD_YES;
	}
	if (req->replied)
		return req->response ? queue_reply(req) : MHD_YES;
	/* What it said must be safe, too, before it is answered well. */
	if (req->try && is_unsettled(req->httpd))
		hold_back(req);
	httpd_suspend(req);
	return MHD_YES;
}

static void on_completed(_unused_ void *cls, _unused_ struct MHD_Connection *conn,
	void **con_cls, _unused_ enum MHD_RequestTerminationCode why)
{
	if (*con_cls)
		req_free(*con_cls);
	*con_cls = NULL;
}

static int run(struct httpd *h)
{
	h->resumed = false;
	MHD_run(h->daemon);
	settle(h);
	return 0;
}

static int on_ready(_unused_ sd_event_source *s, _unused_ int fd,
	_unused_ uint32_t revents, void *userdata)
{
	return run(userdata);
}

static int on_timeout(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	return run(userdata);
}

static int on_again(_unused_ sd_event_source *s, void *userdata)
{
	return run(userdata);
}

/*
 * Before each sleep: libmicrohttpd's next deadline becomes the timer's. With more to do at
 * once nobody sleeps: a timer is a millisecond late, and a file is sent piece by piece.
 */
static int on_prepare(_unused_ sd_event_source *s, void *userdata)
{
	struct httpd *h = userdata;
	MHD_UNSIGNED_LONG_LONG ms = 0;

	if (!h->resumed && MHD_get_timeout(h->daemon, &ms) != MHD_YES)
		return sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
	if (ms == 0)
		return sd_event_source_set_enabled(h->again, SD_EVENT_ONESHOT);
	sd_event_source_set_time_relative(h->timer, ms * 1000);
	return sd_event_source_set_enabled(h->timer, SD_EVENT_ONESHOT);
}

static void _printf_(2, 0) on_mhd_log(_unused_ void *cls, const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = NULL;

	if (vasprintf(&text, fmt, ap) >= 0)
		log_debug("libmicrohttpd: %s", str_strip(text));
}

static int watch(struct httpd *h)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int r;

	if (!info)
		return -ENOTSUP;
	r = sd_event_add_io(h->event, &h->io, info->epoll_fd, EPOLLIN, on_ready, h);
	if (r >= 0)
		r = sd_event_add_time(h->event, &h->timer, CLOCK_MONOTONIC, UINT64_MAX,
			1000, on_timeout, h);
	if (r >= 0)
		r = sd_event_add_defer(h->event, &h->again, on_again, h);
	if (r >= 0)
		r = sd_event_add_time(h->event, &h->resume, CLOCK_MONOTONIC, UINT64_MAX,
			1000, httpd_on_resume, h);
	if (r >= 0)
		r = sd_event_source_set_prepare(h->io, on_prepare);
	return r < 0 ? r : 0;
}

int httpd_serve(sd_event *event, int fd, const struct httpd_serve_options *options,
	httpd_handler handler, void *userdata, struct httpd **ret)
{
	struct httpd *h = xcalloc(1, sizeof(*h));
	/* What only some servers need is at the front, to be left out. */
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, NULL},
		{MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)options->clients},
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)options->cert},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)options->key},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES},
		{MHD_OPTION_END, 0, NULL},
	};
	int r;

	h->event = event;
	h->handler = handler;
	h->userdata = userdata;
	h->unix_path = xstrdup(options->unix_path);
	h->headers = options->headers;
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
			MHD_USE_ERROR_LOG | (options->cert ? MHD_USE_TLS : 0),
		0, NULL, NULL, on_access, h, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
		NULL, MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		options->head_bytes ? options->head_bytes : (size_t)HEADER_BYTES,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, MAX_PER_ADDRESS, MHD_OPTION_ARRAY,
		options->clients        ? tls
			: options->cert ? &tls[2]
					: &tls[ARRAY_SIZE(tls) - 1],
		MHD_OPTION_END);
	if (!h->daemon) {
		close(fd);
		httpd_free(h);
		return -EIO;
	}
	r = watch(h);
	if (r < 0) {
		httpd_free(h);
		return r;
	}
	*ret = h;
	return 0;
}

void httpd_free(struct httpd *h)
{
	if (!h)
		return;
	h->stopping = true;
	httpd_resume_all(h);
	settle(h);
	for (struct http_req *req = h->reqs; req; req = req->next)
		if (!req->replied && req->suspended)
			httpd_reply_error(req, 503, "ondold is ending");
	for (struct http_req *req = h->reqs; req; req = req->next)
		if (req->stream)
			httpd_stream_end(req->stream);
	if (h->daemon) {
		MHD_run(h->daemon); /* sends those answers */
		MHD_stop_daemon(h->daemon);
	}
	sd_event_source_disable_unref(h->io);
	sd_event_source_disable_unref(h->timer);
	sd_event_source_disable_unref(h->again);
	sd_event_source_disable_unref(h->resume);
	if (h->unix_path)
		unlink(h->unix_path);
	free(h->unix_path);
	free(h);
}
