/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/httpd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "bootstrap/range.h"
#include "common/log.h"
#include "common/parse.h"

/*
 * libmicrohttpd runs without a thread: its epoll fd is watched here, and before each sleep
 * its timeout goes into a timer. A request that waits is suspended: it costs a struct and
 * no connection work. libmicrohttpd does not notice that a suspended client hangs up; it
 * does at the end of the wait, which is at most a minute (a power operation: three).
 *
 * An answer is kept in the request and queued from libmicrohttpd's own callback, which is
 * the one place where it may be queued, at once or after the resume.
 */

#define MAX_CONNECTIONS 1200u /* two for each node of the largest rack, and operators */
#define MAX_PER_ADDRESS 64u
#define IDLE_SECONDS 120u
#define HEADER_BYTES 32768u

struct http_req {
	struct httpd *httpd; /* borrowed */
	struct MHD_Connection *conn; /* borrowed */
	char *method, *path; /* owned */
	char *body; /* owned, NUL-terminated once complete */
	size_t body_len, body_cap;
	bool body_too_long, handled, suspended;
	void *sink; /* owned; NULL: the body is kept above */
	httpd_sink_fn sink_write;
	void (*sink_drop)(void *sink);
	int sink_error;
	struct MHD_Response *response; /* owned until queued */
	unsigned status;
	bool replied;
	const void *key; /* what it waits for */
	httpd_try_fn try;
	void *try_data;
	sd_event_source *timer; /* owned: the end of its wait */
	struct http_req *prev, *next; /* all requests of the server */
};

struct httpd {
	struct MHD_Daemon *daemon; /* owned */
	httpd_handler handler;
	void (*upload)(struct http_req *req, void *userdata); /* may be NULL */
	void *userdata;
	sd_event *event; /* borrowed */
	sd_event_source *io, *timer; /* owned */
	struct http_req *reqs;
	char *unix_path; /* owned: removed at the end */
	bool resumed; /* since the last MHD_run: libmicrohttpd itself wakes nobody for it */
	bool stopping;
};

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

static void req_free(struct http_req *req)
{
	if (req->prev)
		req->prev->next = req->next;
	else
		req->httpd->reqs = req->next;
	if (req->next)
		req->next->prev = req->prev;
	sd_event_source_disable_unref(req->timer);
	if (req->response)
		MHD_destroy_response(req->response);
	if (req->sink)
		req->sink_drop(req->sink);
	free(req->method);
	free(req->path);
	free(req->body);
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

void httpd_on_upload(struct httpd *h, void (*upload)(struct http_req *req, void *userdata))
{
	h->upload = upload;
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

/* ---- answers ---- */

static void reply(struct http_req *req, unsigned status, struct MHD_Response *response,
	const char *type)
{
	if (!response)
		abort(); /* no memory */
	if (req->replied) {
		MHD_destroy_response(response);
		return;
	}
	if (type)
		MHD_add_response_header(response, "Content-Type", type);
	req->replied = true;
	req->response = response;
	req->status = status;
	req->key = NULL;
	req->try = NULL;
	req->timer = sd_event_source_disable_unref(req->timer);
	if (req->suspended) {
		req->suspended = false;
		req->httpd->resumed = true;
		MHD_resume_connection(req->conn);
	}
}

static struct MHD_Response *response_of(char *owned, size_t len)
{
	return MHD_create_response_from_buffer(len, owned, MHD_RESPMEM_MUST_FREE);
}

void httpd_reply_json(struct http_req *req, unsigned status, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);

	json_decref(body);
	if (!text)
		text = xstrdup(
			"{\"error\": \"an answer that cannot be written as JSON\"}");
	reply(req, status, response_of(text, strlen(text)), "application/json");
}

void httpd_reply_error(struct http_req *req, unsigned status, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	json_t *body;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	body = json_pack("{s:s}", "error", text);
	httpd_reply_json(
		req, status, body ? body : json_pack("{s:s}", "error", "(not UTF-8)"));
}

void httpd_reply_text(struct http_req *req, unsigned status, const char *text)
{
	char *copy = xstrdup(text);

	reply(req, status, response_of(copy, strlen(copy)), "text/plain; charset=utf-8");
}

void httpd_reply_empty(struct http_req *req, unsigned status)
{
	reply(req, status, response_of(xstrdup(""), 0), NULL);
}

void httpd_reply_file(struct http_req *req, int fd, uint64_t size)
{
	const char *header =
		MHD_lookup_connection_value(req->conn, MHD_HEADER_KIND, "Range");
	uint64_t from = 0, len = size;
	enum range_result r =
		header ? range_parse(header, size, &from, &len) : RANGE_WHOLE;
	struct MHD_Response *response;
	char text[80];

	if (r == RANGE_UNSATISFIABLE) {
		close(fd);
		response = response_of(xstrdup(""), 0);
		snprintf(text, sizeof(text), "bytes */%llu", (unsigned long long)size);
		MHD_add_response_header(response, "Content-Range", text);
		reply(req, 416, response, NULL);
		return;
	}
	response = MHD_create_response_from_fd_at_offset64(len, fd, from);
	if (!response)
		abort();
	MHD_add_response_header(response, "Accept-Ranges", "bytes");
	if (r == RANGE_PART) {
		snprintf(text, sizeof(text), "bytes %llu-%llu/%llu",
			(unsigned long long)from, (unsigned long long)(from + len - 1),
			(unsigned long long)size);
		MHD_add_response_header(response, "Content-Range", text);
	}
	reply(req, r == RANGE_PART ? 206 : 200, response, "application/octet-stream");
}

/* ---- waiting ---- */

static int on_wait_over(
	_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct http_req *req = userdata;

	if (req->try)
		req->try(req, true, req->try_data);
	return 0;
}

void httpd_hold(struct http_req *req, const void *key, uint64_t wait_ms, httpd_try_fn try,
	void *userdata)
{
	try(req, wait_ms == 0, userdata);
	if (req->replied)
		return;
	if (req->httpd->stopping ||
		sd_event_add_time_relative(req->httpd->event, &req->timer,
			CLOCK_MONOTONIC, wait_ms * 1000, 10000, on_wait_over, req) < 0) {
		try(req, true, userdata);
		return;
	}
	req->key = key;
	req->try = try;
	req->try_data = userdata;
}

void httpd_kick(struct httpd *h, const void *key)
{
	if (!h)
		return;
	for (struct http_req *req = h->reqs, *next; req; req = next) {
		next = req->next;
		if (req->try && req->key == key)
			req->try(req, false, req->try_data);
	}
}

void httpd_park(_unused_ struct http_req *req)
{
	/* Nothing to keep: an unanswered request is suspended when its handler returns. */
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
	bool has_body =
		MHD_lookup_connection_value(req->conn, MHD_HEADER_KIND, "Content-Length") ||
		MHD_lookup_connection_value(req->conn, MHD_HEADER_KIND, "Transfer-Encoding");

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
	if (req->replied)
		return req->response ? queue_reply(req) : MHD_YES;
	req->suspended = true;
	MHD_suspend_connection(conn);
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

/* Before each sleep: libmicrohttpd's next deadline becomes the timer's. */
static int on_prepare(_unused_ sd_event_source *s, void *userdata)
{
	struct httpd *h = userdata;
	MHD_UNSIGNED_LONG_LONG ms = 0;

	if (!h->resumed && MHD_get_timeout(h->daemon, &ms) != MHD_YES)
		return sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
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
		r = sd_event_source_set_prepare(h->io, on_prepare);
	return r < 0 ? r : 0;
}

/* Takes the listening socket. */
static int serve(sd_event *event, int fd, httpd_handler handler, void *userdata,
	const char *unix_path, struct httpd **ret)
{
	struct httpd *h = xcalloc(1, sizeof(*h));
	int r;

	h->event = event;
	h->handler = handler;
	h->userdata = userdata;
	h->unix_path = xstrdup(unix_path);
	h->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
		NULL, on_access, h, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
		NULL, MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, MAX_PER_ADDRESS, MHD_OPTION_END);
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

int httpd_listen_tcp(sd_event *event, uint32_t address, unsigned port,
	httpd_handler handler, void *userdata, struct httpd **ret)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(address),
	};
	_cleanup_close_ int fd =
		socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
		listen(fd, SOMAXCONN) < 0)
		return -errno;
	return serve(event, TAKE_FD(fd), handler, userdata, NULL, ret);
}

/* Nobody else may connect in between: the umask makes the socket 0600 from the start. */
static int bind_private(int fd, const struct sockaddr_un *sun)
{
	mode_t old = umask(0177);
	int r = bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ? -errno : 0;

	umask(old);
	return r;
}

int httpd_listen_unix(sd_event *event, const char *path, httpd_handler handler,
	void *userdata, struct httpd **ret)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	r = bind_private(fd, &sun);
	if (r < 0)
		return r;
	if (listen(fd, SOMAXCONN) < 0)
		return -errno;
	return serve(event, TAKE_FD(fd), handler, userdata, path, ret);
}

void httpd_free(struct httpd *h)
{
	if (!h)
		return;
	h->stopping = true;
	for (struct http_req *req = h->reqs; req; req = req->next)
		if (!req->replied && req->suspended)
			httpd_reply_error(req, 503, "ondold is ending");
	if (h->daemon) {
		MHD_run(h->daemon); /* sends those answers */
		MHD_stop_daemon(h->daemon);
	}
	sd_event_source_disable_unref(h->io);
	sd_event_source_disable_unref(h->timer);
	if (h->unix_path)
		unlink(h->unix_path);
	free(h->unix_path);
	free(h);
}
