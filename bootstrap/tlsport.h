/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS server that follows the rack: it listens where it is told to, tries again with
 * growing pauses while the address is not there, and begins anew when address, port or
 * certificate are others.
 */
#pragma once

#include "bootstrap/httpd.h"
#include "bootstrap/metrics.h"

struct ondold;
struct tlsport;

struct tlsport_conf { /* borrowed for the port's life */
	/* A certificate and its key that are good now, borrowed; -errno after logging why not. */
	int (*certificate)(struct ondold *o, const char **ret_cert, const char **ret_key);
	const char *(*clients)(
		struct ondold *o); /* whose clients' are asked for; NULL: none */
	/* It listens (0), or cannot yet (-errno; told once for each place). */
	void (*tell)(struct ondold *o, int r);
	enum metrics_listener counts; /* where its requests are counted */
	httpd_handler handler; /* with the ondold */
	void (*upload)(struct http_req *req, void *ondold); /* NULL: bodies are small */
	const struct httpd_header *headers; /* of every answer; NULL: none */
};

int tlsport_new(struct ondold *o, const struct tlsport_conf *conf, struct tlsport **ret);
void tlsport_free(struct tlsport *p); /* NULL is fine */
/* Where to listen; port 0: nowhere. */
void tlsport_set(struct tlsport *p, uint32_t address, unsigned port);
/* Called every few seconds: once an hour it looks whether its certificate is still good. */
void tlsport_pulse(struct tlsport *p);
struct httpd *tlsport_http(const struct tlsport *p); /* NULL while it does not listen */
