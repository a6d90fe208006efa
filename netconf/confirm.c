/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A try is a fresh connection: one that was open before the change could outlive the
 * network it ran on by minutes of TCP retransmission, and would prove nothing.
 */
#include "netconf/confirm.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "common/http.h"

#define TRY_MS 2000 /* for one connection */
#define PAUSE_MS 500 /* between tries */
#define HTTP_TRY_MS 5000

struct confirm {
	sd_event *event; /* owned reference */
	sd_event_source *timer; /* owned: the end of a try, or of a pause */
	sd_event_source *io; /* owned: the connection of the present try */
	int fd; /* owned, -1: none */
	struct sockaddr_in to;
	char *url; /* owned; NULL: TCP only */
	struct http_client *http; /* owned; NULL without url */
	bool trying, done;
	char *error; /* owned */
};

static void begin_try(struct confirm *c);

static int set_timer(struct confirm *c, unsigned ms)
{
	int r = sd_event_source_set_time_relative(c->timer, (uint64_t)ms * 1000);

	return r < 0 ? r : sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

static void drop_connection(struct confirm *c)
{
	c->io = sd_event_source_disable_unref(c->io);
	util_closep(&c->fd);
	c->fd = -1;
}

static void failed(struct confirm *c, const char *why)
{
	drop_connection(c);
	free(c->error);
	c->error = xstrdup(why);
	c->trying = false;
	set_timer(c, PAUSE_MS);
}

static void succeeded(struct confirm *c)
{
	drop_connection(c);
	c->trying = false;
	c->done = true;
	sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
}

static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct confirm *c = userdata;

	if (c->trying)
		failed(c, strerror(ETIMEDOUT));
	else
		begin_try(c);
	return 0;
}

static int on_connected(
	_unused_ sd_event_source *s, int fd, _unused_ uint32_t revents, void *userdata)
{
	struct confirm *c = userdata;
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error)
		failed(c, strerror(error));
	else
		succeeded(c);
	return 0;
}

static void try_tcp(struct confirm *c)
{
	int r;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0) {
		failed(c, strerror(errno));
		return;
	}
	if (connect(c->fd, (struct sockaddr *)&c->to, sizeof(c->to)) < 0 &&
		errno != EINPROGRESS) {
		failed(c, strerror(errno));
		return;
	}
	r = sd_event_add_io(c->event, &c->io, c->fd, EPOLLOUT, on_connected, c);
	if (r < 0)
		failed(c, strerror(-r));
	else
		set_timer(c, TRY_MS);
}

static void on_answer(
	int r, const char *msg, const struct http_response *resp, void *userdata)
{
	struct confirm *c = userdata;
	_cleanup_free_ char *text = NULL;

	if (r == 0 && resp->status < 500) {
		succeeded(c);
		return;
	}
	if (r == 0)
		text = xasprintf("HTTP status %u", resp->status);
	failed(c, text ? text : msg ? msg : strerror(-r));
}

static void try_http(struct confirm *c)
{
	const struct http_request req = {.method = "GET",
		.url = c->url,
		.connect_timeout_ms = TRY_MS,
		.timeout_ms = HTTP_TRY_MS};
	int r = http_start(c->http, &req, on_answer, c, NULL);

	if (r < 0)
		failed(c, strerror(-r));
}

static void begin_try(struct confirm *c)
{
	c->trying = true;
	if (c->url)
		try_http(c);
	else
		try_tcp(c);
}

int confirm_start(sd_event *event, uint32_t address, unsigned port, const char *url,
	struct confirm **ret)
{
	struct confirm *c = xcalloc(1, sizeof(*c));
	int r;

	c->event = sd_event_ref(event);
	c->fd = -1;
	c->url = xstrdup(url);
	c->error = xstrdup("not tried yet");
	c->to = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(address)};
	r = sd_event_add_time_relative(
		event, &c->timer, CLOCK_MONOTONIC, 0, 0, on_timer, c);
	if (r >= 0 && url)
		r = http_client_new(event, &c->http);
	if (r < 0) {
		confirm_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

bool confirm_is_done(const struct confirm *c)
{
	return c->done;
}

const char *confirm_last_error(const struct confirm *c)
{
	return c->error;
}

void confirm_free(struct confirm *c)
{
	if (!c)
		return;
	if (c->http)
		http_client_free(c->http);
	drop_connection(c);
	sd_event_source_disable_unref(c->timer);
	sd_event_unref(c->event);
	free(c->url);
	free(c->error);
	free(c);
}
