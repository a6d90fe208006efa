/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server inside sd-event, over libmicrohttpd's epoll fd. A request reaches its
 * handler when its body is complete; the handler answers at once, or holds the request
 * (long poll) or parks it (answered later by somebody else). Does not block.
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-event.h>

#include "common/util.h"

#define HTTPD_MAX_BODY (4u * 1024 * 1024)

struct httpd;
struct http_req;

struct httpd_counts {
	uint64_t answered[6]; /* requests by the first digit of their status */
};

/* Must answer, hold or park. */
typedef void (*httpd_handler)(struct http_req *req, void *userdata);
/* Asked again after a kick, and with expired when the wait is over (then it must answer). */
typedef void (*httpd_try_fn)(struct http_req *req, bool expired, void *userdata);

/* address in host byte order. -errno, such as -EADDRNOTAVAIL while the address is not there. */
int httpd_listen_tcp(sd_event *event, uint32_t address, unsigned port,
	httpd_handler handler, void *userdata, struct httpd **ret);
struct httpd_header {
	const char *name, *value;
};
struct httpd_tls { /* all borrowed: cert and key for the call, headers for the server's life */
	const char *cert, *key; /* PEM; the certificate may be followed by its issuer's */
	/* of every answer; ends with a NULL name, or NULL */
	const struct httpd_header *headers;
	/* PEM: the authority of clients' certificates; NULL: none is asked for */
	const char *clients;
};
/* The same over TLS 1.3. */
int httpd_listen_tls(sd_event *event, uint32_t address, unsigned port,
	const struct httpd_tls *tls, httpd_handler handler, void *userdata,
	struct httpd **ret);
/* The socket is made with mode 0600; only root and the daemon's own user are heard. */
int httpd_listen_unix(sd_event *event, const char *path, httpd_handler handler,
	void *userdata, struct httpd **ret);
/* Counts into *counts, borrowed for the server's life, which may be shorter than that of the counts. */
void httpd_count(struct httpd *h, struct httpd_counts *counts);
/* How many requests wait for a kick now, and how many answers go on. NULL h is fine. */
void httpd_open_requests(
	const struct httpd *h, uint64_t *ret_held, uint64_t *ret_streams);
/*
 * No answer leaves before what was written for it is safe: is_settled is asked of each, and
 * those for which it is false go out after settle, of all of them once in a turn of the loop.
 * When it fails (-errno) they become 503.
 */
struct httpd_settler {
	bool (*is_settled)(void *userdata);
	int (*settle)(void *userdata);
	void *userdata;
};
/* settler is copied; NULL h is fine. */
void httpd_settle_with(struct httpd *h, const struct httpd_settler *settler);
void httpd_free(
	struct httpd *h); /* held and parked requests are answered 503; NULL is fine */

/* ---- the request; strings are borrowed from it ---- */
const char *httpd_method(const struct http_req *req);
const char *httpd_path(const struct http_req *req);
const char *httpd_arg(
	const struct http_req *req, const char *name); /* ?name=; NULL: not there */
/* ?name= as a number; dflt when it is not there; -EINVAL after answering 400. */
int httpd_arg_u64(struct http_req *req, const char *name, uint64_t max, uint64_t dflt,
	uint64_t *ret);
const char *httpd_bearer(const struct http_req *req); /* NULL: none */
const char *httpd_cookie(const struct http_req *req, const char *name); /* NULL: none */
const char *httpd_header(const struct http_req *req, const char *name); /* NULL: none */
/*
 * The SHA-256 of the certificate that the client has shown, in hex: one for TLS clients that
 * the authority of the server has signed, and good now. NULL: it has shown none.
 */
const char *httpd_client(const struct http_req *req);
/* Who asks, for events; NULL until it was said. Copied. */
void httpd_set_actor(struct http_req *req, const char *actor);
const char *httpd_actor(const struct http_req *req);
const char *httpd_body(const struct http_req *req, size_t *ret_len);
/* Lets go of the body: for one that is held, and was looked at. */
void httpd_drop_body(struct http_req *req);
/* Does the client say that it reads this content coding (RFC 9110, 12.5.3)? */
bool httpd_accepts(const struct http_req *req, const char *coding);
uint32_t httpd_peer(
	const struct http_req *req); /* IPv4, host byte order; 0: UNIX socket */

/* ---- bodies that are too large for memory ---- */
/* Takes the next bytes of a body; a negative errno ends the taking, not the request. */
typedef int (*httpd_sink_fn)(void *sink, const void *data, size_t len);
/*
 * Asked of each request that says it has a body, before the body: the method, path,
 * arguments and bearer are known. It may call httpd_set_sink() once; without, the body is
 * kept in memory up to HTTPD_MAX_BODY. userdata is that of the server's handler.
 */
void httpd_on_upload(
	struct httpd *h, void (*upload)(struct http_req *req, void *userdata));
/* drop frees the sink when nobody has taken it. */
void httpd_set_sink(
	struct http_req *req, void *sink, httpd_sink_fn write, void (*drop)(void *sink));
/*
 * For the handler: the sink, owned by the caller from now on; NULL: none was set. *ret_error
 * is 0 or what its write function returned.
 */
void *httpd_take_sink(struct http_req *req, int *ret_error);

/* ---- the answer: exactly one per request ---- */
/* Before the answer: a header of it, at most four. Copied. */
void httpd_set_header(struct http_req *req, const char *name, const char *value);
void httpd_reply_json(
	struct http_req *req, unsigned status, json_t *body); /* takes body */
void httpd_reply_error(struct http_req *req, unsigned status, const char *fmt, ...)
	_printf_(3, 4);
struct httpd_shared { /* an answer in three parts, one behind the other */
	char *head; /* taken over */
	size_t head_len;
	const char *middle; /* shared with other answers */
	size_t middle_len;
	const char *tail; /* borrowed for the life of the owner */
	size_t tail_len;
	const char *encoding; /* how all parts are encoded; NULL: not at all */
	void (*drop)(void *owner); /* the middle and the tail are needed no more */
	void *owner;
};
void httpd_reply_shared(
	struct http_req *req, const struct httpd_shared *answer); /* JSON */
void httpd_reply_text(struct http_req *req, unsigned status, const char *text);
/* Takes text, a string from the heap. */
void httpd_reply_typed(
	struct http_req *req, unsigned status, const char *type, char *text);
void httpd_reply_empty(struct http_req *req, unsigned status);
/* data is borrowed for the life of the program. */
void httpd_reply_static(
	struct http_req *req, const char *type, const void *data, size_t len);
/* A file from its start or, for a Range, from there; takes fd. */
void httpd_reply_file(struct http_req *req, int fd, uint64_t size_bytes);

/*
 * Holds the request up to wait_ms; try is asked at once, then after each kick of the same
 * key, and at the end. With wait_ms 0 it is asked once, expired.
 */
void httpd_hold(struct http_req *req, const void *key, uint64_t wait_ms, httpd_try_fn try,
	void *userdata);
void httpd_kick(struct httpd *h, const void *key); /* NULL h is fine */
/* The handler returns without an answer; whoever keeps req answers before httpd_free. */
void httpd_park(struct http_req *req);
/*
 * The same; *slot is this request until it is answered, by whomever, then NULL. For those
 * who may outlive the server.
 */
void httpd_park_in(struct http_req *req, struct http_req **slot);

/* ---- an answer that goes on ---- */
struct http_stream;
/*
 * Begins an answer without end, of which at most size bytes wait for the client at a time.
 * The stream lives until closed is called: the client is gone, or the server ends. A client
 * that takes nothing for two minutes counts as gone.
 */
struct http_stream *httpd_reply_stream(struct http_req *req, const char *type,
	size_t size, void (*closed)(void *userdata), void *userdata);
/* 0; -ENOBUFS: it does not fit, nothing was taken; -EPIPE after the end. */
int httpd_stream_send(struct http_stream *s, const char *data, size_t len);
size_t httpd_stream_waiting(const struct http_stream *s); /* bytes not taken yet */
/* Ends the answer when all is sent; closed follows. */
void httpd_stream_end(struct http_stream *s);
