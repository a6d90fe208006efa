/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipmi_sim tries only every ten seconds to reach a serial port that is not there. So the
 * port is always here, and a console opened before power-on sees the first byte.
 *
 * The log is written here and not by QEMU (logfile=): QEMU 7.2 logs a byte again each time
 * that its socket was full and it has to repeat the write, which garbles busy consoles.
 */
#include "twin/relay.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "common/log.h"
#include "twin/sock.h"

struct side {
	struct relay *relay; /* borrowed */
	sd_event_source *listen_source, *source; /* owned */
	int listener, fd; /* owned */
	char pending[4096]; /* for this side, not yet taken by it */
	size_t n_pending;
	bool keeps; /* waits with what this side cannot take now, instead of dropping it */
};

struct relay {
	sd_event *event; /* borrowed */
	struct side node, sol;
	int log; /* owned; -1 after it could not be written */
};

static struct side *other(struct side *s)
{
	return s == &s->relay->node ? &s->relay->sol : &s->relay->node;
}

static void hang_up(struct side *s)
{
	s->source = sd_event_source_disable_unref(s->source);
	util_closep(&s->fd);
	s->fd = -1;
	s->n_pending = 0;
	if (other(s)->source)
		sd_event_source_set_io_events(other(s)->source, EPOLLIN);
}

/* While s still has to take something, the other side is not read. */
static void balance(struct side *s)
{
	struct side *o = other(s);
	bool busy = s->n_pending > 0;

	sd_event_source_set_io_events(s->source, EPOLLIN | (busy ? EPOLLOUT : 0));
	if (o->source)
		sd_event_source_set_io_events(o->source, busy ? 0 : EPOLLIN);
}

static void push(struct side *s)
{
	ssize_t n = send(s->fd, s->pending, s->n_pending, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		hang_up(s);
		return;
	}
	if (n > 0) {
		s->n_pending -= (size_t)n;
		memmove(s->pending, s->pending + n, s->n_pending);
	}
	if (!s->keeps)
		s->n_pending = 0;
	balance(s);
}

static void record(struct relay *r, const char *buf, size_t n)
{
	int e = r->log < 0 ? 0 : write_all(r->log, buf, n);

	if (e < 0) {
		log_warn("a console log could not be written, and is not any more: %s",
			strerror(-e));
		util_closep(&r->log);
		r->log = -1;
	}
}

static void pull(struct side *s)
{
	struct side *o = other(s);
	char buf[sizeof(o->pending)];
	ssize_t n = read(s->fd, buf, sizeof(buf));

	if (n > 0 && s == &s->relay->node)
		record(s->relay, buf, (size_t)n);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		hang_up(s);
	} else if (n > 0 && o->fd >= 0) {
		memcpy(o->pending, buf, (size_t)n);
		o->n_pending = (size_t)n;
		push(o);
	}
}

static int on_io(
	_unused_ sd_event_source *src, _unused_ int fd, uint32_t revents, void *userdata)
{
	struct side *s = userdata;

	if (revents & EPOLLOUT)
		push(s);
	if (s->fd >= 0 && revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
		pull(s);
	return 0;
}

static int on_connect(
	_unused_ sd_event_source *src, int fd, _unused_ uint32_t revents, void *userdata)
{
	struct side *s = userdata;
	int conn = sock_accept(fd);

	if (conn < 0)
		return 0;
	hang_up(s);
	s->fd = conn;
	if (sd_event_add_io(s->relay->event, &s->source, conn, EPOLLIN, on_io, s) < 0)
		hang_up(s);
	return 0;
}

static int open_side(struct relay *r, struct side *s, int listener)
{
	if (listener < 0)
		return listener;
	s->listener = listener;
	return sd_event_add_io(
		r->event, &s->listen_source, listener, EPOLLIN, on_connect, s);
}

int relay_new(sd_event *event, const char *node_path, unsigned sol_port,
	const char *log_path, struct relay **ret)
{
	struct relay *r = xcalloc(1, sizeof(*r));
	int e;

	r->event = event;
	r->node = (struct side){.relay = r, .fd = -1, .listener = -1, .keeps = true};
	r->sol = (struct side){.relay = r, .fd = -1, .listener = -1};
	r->log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	e = r->log < 0 ? -errno : open_side(r, &r->node, sock_listen_unix(node_path));
	if (e >= 0)
		e = open_side(r, &r->sol, sock_listen_loopback(sol_port));
	if (e < 0) {
		relay_free(r);
		return e;
	}
	*ret = r;
	return 0;
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < 2; i++) {
		struct side *s = i ? &r->sol : &r->node;

		hang_up(s);
		sd_event_source_disable_unref(s->listen_source);
		util_closep(&s->listener);
	}
	util_closep(&r->log);
	free(r);
}
