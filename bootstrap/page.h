/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operators reach over TLS: the page, and the operator API behind tokens and roles
 * (docs/protocol.md). Always there; it listens while the rack in force has [deploy] page.
 * Does not block but for writes of the disk.
 */
#pragma once

#include "bootstrap/access.h"
#include "bootstrap/httpd.h"

struct ondold;
struct live;

/* At the start, when store and secrets are open. 0 or -errno with *reterr_msg. */
int page_open(struct ondold *o, char **reterr_msg);
void page_close(struct ondold *o);
/* The rack in force, its address or its secrets have changed. */
void page_rack(struct ondold *o);
/* Every few seconds: the page's certificate. */
void page_pulse(struct ondold *o);
void page_kick(struct ondold *o, const void *key); /* as ondold_kick */
/* Does it listen, and how many requests does it hold and stream to? */
void page_look(const struct ondold *o, bool *ret_listens, uint64_t *ret_held,
	uint64_t *ret_streams);
/* "https://10.77.0.2:8443"; NULL: the rack has no page. Caller frees. */
char *page_url(const struct ondold *o);
struct access *page_access(struct ondold *o);
/* The tokens have changed: keeps them. 0 or -errno, logged. */
int page_keep_tokens(struct ondold *o);

/* ---- live.c: GET /v1/stream ---- */
struct live *live_new(struct ondold *o);
void live_free(struct live *l); /* its streams have ended before; NULL is fine */
/* Something may have changed: looked into soon. NULL is fine. */
void live_kick(struct live *l);
/* Answers with a stream of what changes, which ends with the token of that name. */
void live_get(struct live *l, struct http_req *req, const char *token);
struct live *page_live(struct ondold *o);

/* ---- api_page.c: requests over TLS ---- */
void api_page_handle(struct http_req *req, void *ondold);
extern const struct httpd_header api_page_headers[];

/* ---- pagefiles.c: the files of bootstrap/page/, in the program ---- */
struct page_file {
	const char *path, *type; /* "/app.js" */
	const char *data, *end;
};
const struct page_file *page_file(const char *path); /* NULL: no such */
