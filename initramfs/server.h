/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's half of the node API (docs/protocol.md): what the agent tells ondold and
 * asks it. Blocks for as long as each exchange takes, deadlines included. An agent that
 * cannot tell something goes on with its work: only inventory and order are answers that
 * it depends on.
 */
#pragma once

#include "common/http.h"
#include "common/order.h"
#include "images/cmdline.h"

struct server;

enum server_error { /* positive results */
	SERVER_E_REFUSED = 1, /* an answer, and it was no */
	SERVER_E_NO_ORDER, /* none yet; ask again */
};

/* Keeps key and certificates in the folder dir, which is made. Copies what it needs. */
struct server *server_new(const struct boot_args *a, const char *dir);
void server_free(struct server *s);
void server_freep(struct server **s);
/* "http://A.B.C.D:PORT" + path; caller frees. */
char *server_url(const struct server *s, const char *path);

/*
 * Before anything else is told or asked: fetches the authority of the node API and checks it
 * against the digest on the command line. *ret_seconds is the time that the server has with
 * that (its Date, since 1970); 0: it says none. 0, SERVER_E_REFUSED or -errno, with *reterr_msg.
 */
int server_meet(struct server *s, uint64_t *ret_seconds, char **reterr_msg);
/*
 * Then, for it needs a clock that is right: makes a key, and has it certified with the boot's
 * token. Done once; to be tried again after a failure, with the same key. Says agent.up with
 * this text in the same breath: *ret_heard, when ondold took that. 0, SERVER_E_REFUSED or
 * -errno, with *reterr_msg.
 */
int server_enrol(struct server *s, const char *text, bool *ret_heard, char **reterr_msg);
/* What the node has been known by since then; borrowed. */
const struct http_identity *server_identity(const struct server *s);

/* 0, SERVER_E_REFUSED or -errno, with *reterr_msg. */
int server_inventory(struct server *s, const struct inventory *inv, char **reterr_msg);
/* 0 with an order; SERVER_E_NO_ORDER, SERVER_E_REFUSED or -errno with *reterr_msg. */
int server_order(
	struct server *s, unsigned wait_s, struct install_order **ret, char **reterr_msg);

/*
 * Tells of one event; data (may be NULL) is taken over. Also logged. Tried a few times
 * within about 10 s; 0 or the last failure, which is logged here.
 */
int server_event(struct server *s, const char *type, const char *text, json_t *data);
/* The same for an event that must not get lost: tried for for_ms, and a few s at most more. */
int server_event_insist(struct server *s, const char *type, const char *text,
	json_t *data, unsigned for_ms);
/*
 * agent.progress, at most once in PROGRESS_MS and never with a retry; come and lost: datagrams of
 * a multicast, 0 without one.
 */
void server_progress(
	struct server *s, uint64_t done, uint64_t total, uint64_t come, uint64_t lost);

/* ---- pure ---- */

#define PROGRESS_MS 700
#define PROGRESS_BACKOFF_MS 10000 /* after a failure: the image matters more */

struct progress_pace {
	uint64_t next_ms; /* 0: now */
};
/* Whether to tell now; done == total always is. After it was told: progress_told. */
bool progress_is_due(
	const struct progress_pace *p, uint64_t done, uint64_t total, uint64_t now_ms);
void progress_told(struct progress_pace *p, bool ok, uint64_t now_ms);
