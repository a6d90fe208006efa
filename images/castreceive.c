/* SPDX-License-Identifier: Apache-2.0 */
#include "images/castreceive.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

/*
 * What comes while a frame is unpacked, written or told about waits in the socket: a third of a
 * second of a gigabit link. What does not fit is lost, and fetched later.
 */
#define SOCKET_BYTES (32 * 1024 * 1024)
#define BATCH 32
#define BATCHES_MAX 64 /* before the clock is looked at again */

struct receiver {
	struct castreceive *c; /* borrowed */
	uint8_t id[CAST_ID_BYTES];
	int fd; /* owned */
	struct cast_frames *frames; /* owned */
	bool begun;
	uint64_t taken_ms; /* mono: when a frame was whole; at first, when it began */
	uint32_t first; /* number */
	uint8_t buf[BATCH][CAST_MAX + 1];
};

static void receiver_clear(struct receiver *r)
{
	cast_frames_free(r->frames);
	util_closep(&r->fd);
}

static int listen_on(struct receiver *r)
{
	const struct castreceive *c = r->c;
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons(c->port),
		.sin_addr.s_addr = htonl(c->group)};
	struct ip_mreqn group = {.imr_multiaddr.s_addr = htonl(c->group),
		.imr_address.s_addr = htonl(c->address)};
	int on = 1, size = SOCKET_BYTES;

	r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->fd < 0)
		return -errno;
	if (setsockopt(r->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(r->fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		setsockopt(r->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) <
			0)
		return -errno;
	if (setsockopt(r->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

/* Datagrams that came twice, or late, are seldom enough to be left out of the account. */
static void count(struct receiver *r, const struct cast_datagram *d)
{
	uint64_t sent;

	if (!r->begun) {
		r->first = d->number;
		r->taken_ms = now_mono_ms();
	}
	r->begun = true;
	sent = (uint64_t)(d->number - r->first) + 1; /* modulo 2^32: it may wrap */
	*r->c->come += 1;
	*r->c->lost = sent > *r->c->come ? sent - *r->c->come : 0;
}

static int take(struct receiver *r, const uint8_t *buf, size_t len)
{
	struct castreceive *c = r->c;
	struct cast_datagram d;
	const uint8_t *packed;
	size_t packed_len;

	if (cast_parse(buf, len, r->id, &d) < 0)
		return 0;
	count(r, &d);
	if (d.frame >= c->list->n_frames || !c->wants(c->userdata, d.frame) ||
		!cast_frames_add(r->frames, &d, &packed, &packed_len))
		return 0;
	r->taken_ms = now_mono_ms();
	return c->take(c->userdata, d.frame, packed, packed_len);
}

/* All that is there, but no flood. */
static int drain(struct receiver *r)
{
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	int n, result = 0, batches = 0;

	for (size_t i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){r->buf[i], sizeof(r->buf[i])};
		messages[i] = (struct mmsghdr){
			.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
	}
	do {
		n = recvmmsg(r->fd, messages, BATCH, 0, NULL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		for (int i = 0; i < n && result == 0; i++)
			result = take(r, r->buf[i], messages[i].msg_len);
	} while (n == BATCH && result == 0 && ++batches < BATCHES_MAX);
	return result;
}

static int receive(struct receiver *r)
{
	const struct castreceive *c = r->c;
	unsigned first_ms = c->first_ms ? c->first_ms : CAST_FIRST_MS,
		 quiet_ms = c->quiet_ms ? c->quiet_ms : CAST_QUIET_MS;
	uint64_t until = now_mono_ms() + first_ms, come = 0, told = 0;
	int result = 0;

	while (result == 0) {
		struct pollfd p = {.fd = r->fd, .events = POLLIN};
		uint64_t now = now_mono_ms();

		if (now >= until || (r->begun && now >= r->taken_ms + CAST_STALL_MS))
			return 0;
		if (poll(&p, 1, (int)(until - now)) > 0)
			result = drain(r);
		now = now_mono_ms();
		if (*c->come > come) /* others' datagrams do not count */
			until = now + quiet_ms;
		if (*c->come > come && c->on_time && now >= told + CAST_TELL_MS) {
			c->on_time(c->userdata);
			told = now;
		}
		come = *c->come;
	}
	return result == -ECANCELED ? 0 : result;
}

int castreceive_run(struct castreceive *c, char **reterr_msg)
{
	_cleanup_(receiver_clear) struct receiver r = {.c = c, .fd = -1};
	int result = cast_id(c->sha256, r.id);

	if (result == 0)
		result = listen_on(&r);
	if (result < 0) {
		*reterr_msg =
			xasprintf("the image by multicast cannot be listened to: %s",
				strerror(-result));
		return result;
	}
	r.frames = cast_frames_new(c->list);
	if (c->on_listen)
		c->on_listen(c->userdata);
	return receive(&r);
}
