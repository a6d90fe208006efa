/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP client, over libcurl: blocking (http_do) for the command line and the agent,
 * and inside sd-event (http_start) for the daemons.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/util.h"

struct http_identity { /* who the two sides are: paths of PEM files, borrowed; TLS 1.3 */
	const char *ca; /* signs the server */
	const char *cert; /* shown to it, with its key in the same file; NULL: none */
};

struct http_request {
	const char *method; /* "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" */
	const char *url; /* http://host:port/path; with unix_socket the host is a label */
	const char *unix_socket; /* NULL: TCP */
	const char *bearer; /* sent as "Authorization: Bearer ..."; NULL: none */
	const char *body; /* JSON unless content_type says other; NULL: none */
	size_t body_len;
	/* http_do only: this file's bytes, streamed, instead of body */
	const char *body_file;
	uint64_t body_from, body_size; /* only these bytes of body_file; size 0: all */
	const char *content_type; /* of the body; NULL: application/json */
	const char *const
		*headers; /* more lines "Name: value", NULL-terminated; NULL: none */
	const char *ca_file; /* PEM bundle that signs the server; NULL: the system's */
	const struct http_identity *identity; /* instead of ca_file; NULL: none */
	/* http_do only: connections kept for the next; NULL: none */
	struct http_reuse *reuse;
	unsigned connect_timeout_ms; /* 0: 5000 */
	/* of the whole exchange; 0: none, but see stall_timeout_ms */
	unsigned timeout_ms;
	unsigned stall_timeout_ms; /* abort when no byte moved for so long; 0: none */
	size_t max_body; /* of the answer; 0: 4 MiB; more is -EFBIG */
	bool close; /* the connection is not kept for another request */
	bool packed; /* the answer may come as zstd; max_body is of what it unpacks to */
	uint64_t range_from; /* ask for the bytes from here on; 0: all */
	uint64_t range_bytes; /* and only so many; 0: to the end */
	/*
	 * When set, the answer's body (of a 2xx) goes here as it comes and not to ret_body;
	 * a negative return ends the transfer and is http_do's result.
	 */
	int (*on_data)(const void *data, size_t len, void *userdata);
	void *userdata;
};

struct http_response {
	unsigned status; /* 200, 404, ... */
	char *body; /* owned, NUL-terminated, never NULL */
	size_t body_len;
	char *headers; /* owned: "Name: value\n" each, of the last answer; NULL: none */
};

void http_response_clear(struct http_response *r);
/* The value of the first header of that name, in any case; NULL: none. Caller frees. */
char *http_response_header(const struct http_response *r, const char *name);

/* Open connections, for several http_do of one thread to the same servers. */
struct http_reuse *http_reuse_new(void);
void http_reuse_free(struct http_reuse *u); /* NULL is fine */
/*
 * 0: an answer came, whatever its status. Negative errno: -ECONNREFUSED, -ETIMEDOUT,
 * -EHOSTUNREACH, -EFBIG, -EPROTO, ...; *reterr_msg (may be NULL) says it in words; caller frees.
 */
int http_do(const struct http_request *req, struct http_response *ret, char **reterr_msg);

struct http_client; /* a curl multi handle inside an sd-event loop */
struct http_job;
int http_client_new(sd_event *event, struct http_client **ret);
void http_client_free(
	struct http_client *c); /* running jobs are dropped, not called back */
/* Called once: r is 0 or -errno as above, msg is NULL or words; resp is borrowed. */
typedef void (*http_done_fn)(
	int r, const char *msg, const struct http_response *resp, void *userdata);
/*
 * Strings of req are copied. on_data is not used here. *ret_job may be NULL. A connection that
 * was idle for ten seconds is not used again, and closed with the next request.
 */
int http_start(struct http_client *c, const struct http_request *req, http_done_fn done,
	void *userdata, struct http_job **ret_job);
void http_cancel(struct http_job *j); /* done is not called; NULL is fine */
