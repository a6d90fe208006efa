/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root of ondold: everything it holds hangs below one struct. One thread, one event
 * loop; nothing below blocks for longer than a SQLite write.
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-event.h>

#include "bootstrap/cloud.h"
#include "bootstrap/console.h"
#include "bootstrap/enrol.h"
#include "bootstrap/httpd.h"
#include "bootstrap/metrics.h"
#include "bootstrap/node.h"
#include "bootstrap/notify.h"
#include "bootstrap/page.h"
#include "bootstrap/pxe.h"
#include "bootstrap/radv.h"
#include "bootstrap/store.h"
#include "bootstrap/sweep.h"
#include "bootstrap/tlsport.h"
#include "common/rackid.h"
#include "common/secrets.h"

struct ondold_options { /* borrowed from argv or the environment */
	const char *state_dir, *socket, *images_dir, *roles_dir, *tftp_dir;
	unsigned patience_percent; /* stretches every deadline; 100 is as documented */
};

struct ondold {
	struct ondold_options opts;
	sd_event *event; /* owned */
	struct store *store; /* owned */
	uint64_t started_ms; /* mono */
	uint64_t started_real_ms; /* since 1970 */
	struct metrics_counts counts;

	struct rack *rack; /* owned, NULL: none yet */
	struct secrets *secrets; /* owned, with rack */
	int64_t rack_revision; /* 0: none yet */
	bool rack_lost; /* there is one in the store, and it cannot be read */
	struct node **nodes; /* owned, in the order of rack.ini */
	size_t n_nodes;
	json_t *boards; /* owned: {"SERIAL or UUID": node that said it last}, NULL: none yet */

	/* owned: by which it and its nodes know one another */
	struct cloudsecrets *authority;
	char rack_id[RACKID_TEXT]; /* enrol_rack_id()'s */
	bool rack_id_told; /* that there is none, though there is an authority */
	struct cloud *cloud; /* owned */
	struct page *page; /* owned */
	struct caster *caster; /* owned: an image for several nodes at once */
	struct consoles consoles;
	struct ipmi_line ipmi_line;

	struct tlsport *node_port; /* owned: the node API */
	struct httpd *unix_http, *tcp_http; /* owned; tcp: NULL while it cannot listen */
	uint32_t tcp_address; /* what tcp_http listens at */
	unsigned tcp_port;
	sd_event_source *listen_timer; /* owned: the next try to listen */
	unsigned listen_tries;

	struct pxe *pxe; /* owned */
	bool dnsmasq_up;
	struct radv *radv; /* owned, NULL while the interface is not there */

	/* owned: makes safe what the store has gathered */
	sd_event_source *settle_source;
	sd_event_source *status_timer; /* owned: tells the service manager how it goes */
	sd_event_source *sched_timer; /* owned: slots are given from here */
	uint64_t last_slot_ms; /* mono */
	unsigned
		held; /* slots, when they were last counted: nodes that are being installed */
	uint64_t next_power_on_ms; /* mono: who is switched on next has to wait so long */
	sd_event_source *pulse_timer; /* owned: looks for nodes that fell silent */
	struct sweep sweep;
	bool stopping;
	struct notify notify; /* what systemd was told */
	bool space_low; /* told that the state folder's disk is nearly full */
};

/*
 * Says and keeps that something happened; node NULL: the rack as a whole. text and data
 * (may be NULL) are borrowed. Wakes those who wait for events. Returns the event's id or
 * -errno, logged.
 */
int64_t ondold_event(struct ondold *o, struct node *n, const char *source,
	const char *type, const char *text, const json_t *data);
struct node *ondold_node(struct ondold *o, const char *name);
struct node *ondold_node_by_mac(
	struct ondold *o, const struct mac_addr *mac, bool *ret_first_port);
struct node *ondold_node_by_address(struct ondold *o, uint32_t provisioning_address);
/*
 * Boards by what only one of them should say: its serial number (which 0) and its UUID (1).
 * The node has said them in its inventory; and which other one has said what is in inv. NULL:
 * none.
 */
#define BOARD_NAMES 2
void ondold_know_board(struct node *n);
struct node *ondold_board(const struct node *n, const struct inventory *inv, int which);
/* For each server as it is made: answers wait for the store. */
void ondold_settle_answers(struct ondold *o, struct httpd *h);
/* Wakes held requests that wait for key, of either server. */
void ondold_kick(struct ondold *o, const void *key);
/* Takes the next turn to switch a server on: from when on (mono, ms) it may be. */
uint64_t ondold_power_turn(struct ondold *o);
/* A slot may be free or wanted: looked into from the event loop. */
void ondold_schedule(struct ondold *o);

/* ---- serve.c: what faces the provisioning network ---- */
int serve_new(struct ondold *o);
void serve_free(struct ondold *o);
/* Called every few seconds: certificates end. */
void serve_pulse(struct ondold *o);
/* After a change of the rack: dnsmasq and the HTTP server at its address and port. */
void serve_rack(struct ondold *o);
/* Arms timer for the next try to listen, each time later; counts in *tries. */
void serve_later(sd_event_source *timer, unsigned *tries);

/* ---- rackstate.c: the rack in force ---- */
/*
 * At the start: the rack of the store, its nodes, and their state from the events. One that
 * cannot be read is told as an event and waits for the next apply.
 */
void rackstate_load(struct ondold *o);
/*
 * POST /v1/rack. 0 with *ret_answer; 1: refused, *ret_answer has "problems" (new
 * references); negative errno: it could not be kept.
 */
int rackstate_apply(struct ondold *o, const json_t *body, json_t **ret_answer);

/* ---- the two APIs of docs/protocol.md ---- */
void api_boot_handle(struct http_req *req, void *ondold);
void api_node_handle(struct http_req *req, void *ondold);
void api_operator_handle(struct http_req *req, void *ondold);
/* ---- api_bmc.c: requests for one node, of the operator API ---- */
void api_bmc_get_sensors(struct node *n, struct http_req *req);
void api_bmc_get_sel(struct node *n, struct http_req *req);
void api_bmc_post_sel(struct node *n, struct http_req *req);
void api_bmc_post_identify(struct node *n, struct http_req *req);
/* ---- api_plan.c ---- */
void api_plan_get(struct node *n, struct http_req *req);
/* ---- api_metrics.c ---- */
void api_metrics_get(struct ondold *o, struct http_req *req);
/* ---- api_console.c ---- */
void api_console_get(struct node *n, struct http_req *req);
void api_console_post(struct node *n, struct http_req *req);

/* The same for a caller with this role: a request that is not for it is answered 403. */
void api_operator_route(struct ondold *o, struct http_req *req, enum access_role role);
/* Answers 403 unless a request that needs this role (none: the UNIX socket) is for the caller. */
bool api_may(struct http_req *req, enum access_role caller, enum access_role needed);
/* Requests under /v1/tokens. */
void api_token_handle(struct ondold *o, struct http_req *req);
/* An event as the API tells it. New reference. */
json_t *api_event_json(const struct store_event *ev);
/*
 * Splits "/v1/nodes/hp02/order" after prefix "/v1/nodes/": the node's name into name, the
 * rest ("order", "" for none) returned; NULL when path is not below prefix.
 */
const char *api_node_path(const char *path, const char *prefix, char *name, size_t size);
/* The body as a JSON object; NULL after answering 400. New reference. */
json_t *api_body(struct http_req *req);
/* The task's id, or -errno and the answer is given. */
int64_t api_want_task(struct node *n, struct http_req *req, const char *type);
