/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/ctl.h"

#include <sys/socket.h>

#include "common/jsonx.h"
#include "common/log.h"
#include "twin/sock.h"

struct ctl_conn {
	struct ctl *ctl; /* borrowed */
	struct ctl_conn *next, **prev; /* list of ctl->conns */
	int fd; /* owned */
	sd_event_source *source; /* owned */
	struct lines in;
	const void *key; /* waits for it; NULL: not waiting */
	bool done; /* answered: goes when its callback returns */
};

struct ctl {
	sd_event *event; /* borrowed */
	int listener; /* owned */
	sd_event_source *source; /* owned */
	struct ctl_conn *conns;
	ctl_handler handler;
	void *userdata;
};

static void conn_free(struct ctl_conn *c)
{
	sd_event_source_disable_unref(c->source);
	util_closep(&c->fd);
	lines_clear(&c->in);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	free(c);
}

/* Answers are small against a socket's buffer: a client that cannot take one loses it. */
static void answer(struct ctl_conn *c, const json_t *j)
{
	_cleanup_free_ char *text = json_dumps(j, JSON_COMPACT);
	_cleanup_free_ char *line =
		xasprintf("%s\n", text ? text : "{\"error\":\"no answer\"}");

	if (send(c->fd, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line))
		log_debug("control: an answer could not be sent");
	c->done = true;
}

static int on_line(const char *line, void *userdata)
{
	struct ctl_conn *c = userdata;
	_cleanup_free_ char *why = NULL;
	_cleanup_(jx_freep) json_t *request = NULL, *reply = NULL;

	if (c->done || c->key)
		return -EPROTO; /* one request a connection */
	request = jx_parse(line, strlen(line), &why);
	if (request)
		reply = c->ctl->handler(c, request, c->ctl->userdata);
	else
		reply = json_pack("{s:s}", "error", why);
	if (reply)
		answer(c, reply);
	return 0;
}

static int on_readable(
	_unused_ sd_event_source *s, int fd, _unused_ uint32_t revents, void *userdata)
{
	struct ctl_conn *c = userdata;

	if (lines_read(&c->in, fd, on_line, c) != 0 || c->done)
		conn_free(c);
	return 0;
}

static int on_connect(
	_unused_ sd_event_source *s, int fd, _unused_ uint32_t revents, void *userdata)
{
	struct ctl *ctl = userdata;
	int conn = sock_accept(fd);
	struct ctl_conn *c;

	if (conn < 0)
		return 0;
	c = xcalloc(1, sizeof(*c));
	c->ctl = ctl;
	c->fd = conn;
	c->next = ctl->conns;
	c->prev = &ctl->conns;
	if (c->next)
		c->next->prev = &c->next;
	ctl->conns = c;
	if (sd_event_add_io(ctl->event, &c->source, conn, EPOLLIN, on_readable, c) < 0)
		conn_free(c);
	return 0;
}

int ctl_new(sd_event *event, const char *path, ctl_handler handler, void *userdata,
	struct ctl **ret)
{
	struct ctl *c = xcalloc(1, sizeof(*c));
	int r;

	c->event = event;
	c->handler = handler;
	c->userdata = userdata;
	c->listener = r = sock_listen_unix(path);
	if (r >= 0)
		r = sd_event_add_io(
			event, &c->source, c->listener, EPOLLIN, on_connect, c);
	if (r < 0) {
		ctl_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void ctl_free(struct ctl *c)
{
	if (!c)
		return;
	while (c->conns)
		conn_free(c->conns);
	sd_event_source_disable_unref(c->source);
	util_closep(&c->listener);
	free(c);
}

void ctl_defer(struct ctl_conn *c, const void *key)
{
	c->key = key;
}

void ctl_release(struct ctl *c, const void *key, json_t *reply)
{
	struct ctl_conn *next;

	for (struct ctl_conn *i = c->conns; i; i = next) {
		next = i->next;
		if (i->key != key)
			continue;
		answer(i, reply);
		conn_free(i);
	}
	json_decref(reply);
}
