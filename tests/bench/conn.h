/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of the swarm: one HTTP request at a time, plain or over TLS, from an address
 * of its own; kept for the next if the server lets it. Does not block.
 */
#pragma once

#include <netinet/in.h>

#include "tests/bench/tls.h"

#define CONN_KEEP_BYTES 16384 /* of an answer's beginning, to look for words in */

struct conn {
	void *owner; /* borrowed */
	int fd; /* -1: none */
	bool is_poll; /* the owner's mark */
	bool busy; /* a request is under way */
	unsigned status; /* of the answer */
	char *in; /* owned: its head, and the beginning of its body, NUL-terminated */
	size_t in_len, head_len; /* head_len 0: not whole yet */
	uint64_t took_us;
	/* conn.c's */
	bool keep, connecting, shaking;
	gnutls_session_t tls; /* owned, NULL: plain */
	char *out; /* owned: what is being sent */
	size_t out_len, out_done;
	uint64_t body_len, body_got, asked_us;
};

struct conn_net { /* what all connections share */
	int epoll; /* borrowed; data.ptr of its events is the connection */
	const struct tls_maker *maker; /* borrowed */
	void (*answered)(struct conn *c, void *userdata);
	/* The connection is closed; what it was at, and errno. */
	void (*failed)(struct conn *c, const char *what, void *userdata);
	void *userdata;
	uint64_t bytes; /* received */
};

struct conn_way {
	struct sockaddr_in from, to;
	gnutls_certificate_credentials_t cred; /* NULL: plain */
};

/* Takes request. way is looked at when there is no connection yet. */
void conn_ask(
	struct conn_net *net, struct conn *c, const struct conn_way *way, char *request);
void conn_event(struct conn_net *net, struct conn *c, uint32_t events);
void conn_close(struct conn *c);
