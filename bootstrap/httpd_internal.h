/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the HTTP server: httpd_listen.c makes sockets, httpd.c serves them,
 * httpd_reply.c answers, httpd_wait.c holds what is answered later.
 */
#pragma once

#include <microhttpd.h>

#include "bootstrap/httpd.h"

#define HTTPD_MAX_HEADERS 4
#define HTTPD_BUCKETS 1024 /* a rack may hold ten thousand requests */

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
	char *header_names[HTTPD_MAX_HEADERS],
		*header_values[HTTPD_MAX_HEADERS]; /* owned: for the answer */
	char *actor; /* owned, NULL: not said */
	struct http_stream *stream; /* owned: the answer is one */
	unsigned status;
	bool replied;
	bool resuming; /* it is in to_resume */
	bool held_back, settled; /* the answer must not go out yet; may, whatever comes */
	struct http_req *next_unsettled; /* of those whose answers wait for the settler */
	struct http_req *next_resumed; /* of those that are resumed together */
	struct http_req **slot; /* borrowed: where somebody keeps this request, or NULL */
	const void *key; /* what it waits for */
	httpd_try_fn try;
	void *try_data;
	sd_event_source *timer; /* owned: the end of its wait */
	struct http_req **waits_at,
		*next_waiting; /* those whose keys have the same bucket */
	uint64_t kicked; /* the last kick that it was asked in */
	struct http_req *prev, *next; /* all requests of the server */
};

struct http_stream {
	struct http_req *req; /* borrowed */
	char *buf; /* owned, size bytes */
	size_t size, len;
	bool asleep; /* the connection is suspended: there was nothing to send */
	bool ended;
	void (*closed)(void *userdata);
	void *userdata;
};

struct httpd {
	struct MHD_Daemon *daemon; /* owned */
	httpd_handler handler;
	void (*upload)(struct http_req *req, void *userdata); /* may be NULL */
	void *userdata;
	sd_event *event; /* borrowed */
	sd_event_source *io, *timer, *again, *resume; /* owned */
	struct http_req *reqs;
	size_t n_suspended; /* requests */
	struct http_req *to_resume; /* answered, and suspended until `resume` */
	struct http_req *waiting[HTTPD_BUCKETS]; /* held requests, by their keys */
	uint64_t kicks; /* so far */
	char *unix_path; /* owned: removed at the end */
	const struct httpd_header *headers; /* borrowed: of every answer; may be NULL */
	struct httpd_counts *counts; /* borrowed, NULL: nobody counts */
	struct httpd_settler settler; /* no functions: nothing is to be settled */
	struct http_req *unsettled; /* replied, and not yet queued */
	bool resumed; /* since the last MHD_run: libmicrohttpd itself wakes nobody for it */
	bool stopping;
};

struct httpd_serve_options {
	const char *unix_path; /* NULL: TCP */
	const char *cert, *key; /* PEM; NULL: no TLS */
	const char *clients; /* see httpd_listen_tls */
	const struct httpd_header *headers; /* see httpd_listen_tls */
	size_t head_bytes; /* what a connection keeps for heads; 0: as much as browsers send */
};

/* No kick wakes it any more. */
void httpd_wait_no_more(struct http_req *req);
/* From libmicrohttpd's callback alone: it is not looked at until it is resumed. */
void httpd_suspend(struct http_req *req);
/* A suspended request was answered: libmicrohttpd goes on with it soon. */
void httpd_resume(struct http_req *req);
void httpd_resume_all(struct httpd *h); /* those that would go soon go now */
int httpd_on_resume(sd_event_source *s, uint64_t usec, void *userdata);
/* Takes fd, a socket that listens. 0 or -errno. */
int httpd_serve(sd_event *event, int fd, const struct httpd_serve_options *options,
	httpd_handler handler, void *userdata, struct httpd **ret);
