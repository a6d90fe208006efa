/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/conn.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void watch(struct conn_net *net, struct conn *c, uint32_t events, int op)
{
	struct epoll_event e = {.events = events, .data.ptr = c};

	if (epoll_ctl(net->epoll, op, c->fd, &e) < 0)
		abort();
}

void conn_close(struct conn *c)
{
	if (c->tls)
		gnutls_deinit(c->tls);
	c->tls = NULL;
	if (c->fd >= 0)
		close(c->fd);
	free(c->out);
	free(c->in);
	c->out = c->in = NULL;
	c->fd = -1;
	c->busy = c->connecting = c->shaking = false;
}

static int conn_open(struct conn_net *net, struct conn *c, const struct conn_way *way)
{
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return -errno;
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(c->fd, (const struct sockaddr *)&way->from, sizeof(way->from)) < 0 ||
		(connect(c->fd, (const struct sockaddr *)&way->to, sizeof(way->to)) < 0 &&
			errno != EINPROGRESS))
		return -errno;
	c->connecting = true;
	if (way->cred) {
		c->tls = tls_open(net->maker, way->cred, c->fd);
		c->shaking = true;
	}
	watch(net, c, EPOLLOUT | EPOLLIN, EPOLL_CTL_ADD);
	return 0;
}

static void failed(struct conn_net *net, struct conn *c)
{
	const char *what = c->connecting ? "connecting"
		: c->shaking             ? "shaking hands"
		: c->in_len              ? "reading"
					 : "waiting";
	int error = errno;

	conn_close(c);
	errno = error;
	net->failed(c, what, net->userdata);
}

static void answered(struct conn_net *net, struct conn *c)
{
	c->took_us = now_us() - c->asked_us;
	c->busy = false;
	if (!c->keep) {
		char *in = TAKE_PTR(c->in); /* still to be read */

		conn_close(c);
		c->in = in;
	}
	net->answered(c, net->userdata);
}

void conn_ask(
	struct conn_net *net, struct conn *c, const struct conn_way *way, char *request)
{
	free(c->out);
	c->out = request;
	c->out_len = strlen(request);
	c->out_done = c->in_len = c->head_len = 0;
	c->body_len = c->body_got = 0;
	c->status = 0;
	c->busy = true;
	if (!c->in)
		c->in = xmalloc(CONN_KEEP_BYTES + 1);
	c->asked_us = now_us();
	if (c->fd >= 0)
		watch(net, c, EPOLLOUT | EPOLLIN, EPOLL_CTL_MOD);
	else if (conn_open(net, c, way) < 0)
		failed(net, c);
}

static bool parse_head(struct conn *c)
{
	const char *end = strstr(c->in, "\r\n\r\n"), *len;

	if (!end)
		return false;
	c->head_len = (size_t)(end + 4 - c->in);
	c->status = c->in_len > 12 ? (unsigned)strtoul(c->in + 9, NULL, 10) : 0;
	len = strstr(c->in, "\r\nContent-Length: ");
	c->body_len = len && len < end ? strtoull(len + 18, NULL, 10) : 0;
	c->body_got = c->in_len - c->head_len;
	c->keep = !memmem(c->in, c->head_len, "\r\nConnection: close", 19);
	return true;
}

/* False: nothing more comes now. */
static bool read_some(struct conn_net *net, struct conn *c)
{
	static char spill[1 << 20]; /* of a large answer only the beginning is kept */
	bool keep = c->in_len < CONN_KEEP_BYTES;
	char *to = keep ? c->in + c->in_len : spill;
	size_t room = keep ? CONN_KEEP_BYTES - c->in_len : sizeof(spill);
	ssize_t n = c->tls ? tls_recv(c->tls, to, room) : read(c->fd, to, room);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0 || !c->busy) {
		if (c->busy)
			failed(net, c);
		else
			conn_close(c); /* the server closes what is idle */
		return false;
	}
	net->bytes += (uint64_t)n;
	if (c->head_len)
		c->body_got += (uint64_t)n;
	if (keep) {
		c->in_len += (size_t)n;
		c->in[c->in_len] = 0;
	}
	if (!c->head_len && !parse_head(c))
		return true;
	if (c->body_got < c->body_len)
		return true;
	answered(net, c);
	return false;
}

static void write_some(struct conn_net *net, struct conn *c)
{
	ssize_t n;

	c->connecting = false;
	if (!c->out || c->out_done == c->out_len)
		return;
	n = c->tls ? tls_send(c->tls, c->out + c->out_done, c->out_len - c->out_done)
		   : send(c->fd, c->out + c->out_done, c->out_len - c->out_done,
			     MSG_NOSIGNAL);
	if (n > 0)
		c->out_done += (size_t)n;
	if (c->out_done == c->out_len)
		watch(net, c, EPOLLIN, EPOLL_CTL_MOD);
}

/* False: it has failed, or goes on later. */
static bool shake_hands(struct conn_net *net, struct conn *c)
{
	int r = tls_handshake(c->tls);

	c->connecting = false;
	if (r < 0) {
		failed(net, c);
		return false;
	}
	c->shaking = r > 0;
	watch(net, c, r == 1 ? EPOLLIN : EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
	return r == 0;
}

void conn_event(struct conn_net *net, struct conn *c, uint32_t events)
{
	if (c->shaking && !shake_hands(net, c))
		return;
	if (events & EPOLLOUT)
		write_some(net, c);
	if (c->fd >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		while (read_some(net, c))
			;
}
