/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ondold knows beyond its nodes when the rack is a cloud: the secrets, what the nodes
 * tell one another, the blobs, and what the controller says of the services. Always there;
 * a rack without [cloud] uses none of it. Does not block but for writes of the disk.
 */
#pragma once

#include "bootstrap/access.h"
#include "bootstrap/blobs.h"
#include "bootstrap/cloudparts.h"
#include "bootstrap/cloudsecrets.h"
#include "bootstrap/facts.h"

struct ondold;
struct node;

#define CLOUD_OLD_MS 90000 /* the controller's last word is older: it is not trusted */

struct cloud {
	struct cloudparts *parts; /* owned, with the rack in force; NULL: none yet */
	struct cloudsecrets *secrets; /* owned */
	struct blobs *blobs; /* owned */
	struct facts facts;
	json_t *status; /* owned: "cloud" of the controller's last report, NULL: none */
	json_t *told; /* owned: {"hp02 nova-compute": true}, well or not as events say; NULL */
	uint64_t status_ms; /* since 1970, in this host's clock: when it came */
	json_t *restore; /* owned: {"sha256", "size_bytes", "sent"}, NULL: nothing to restore */
	uint64_t tls_checked_ms; /* mono */
};

/* At the start, when the store is open. -errno with *reterr_msg. */
int cloud_open(struct ondold *o, char **reterr_msg);
void cloud_close(struct ondold *o);
/*
 * Before a rack is taken: its secrets are made, and kept. 0 or -errno, logged; a rack that
 * is no cloud needs none.
 */
int cloud_prepare(
	struct ondold *o, const struct rack *rack, const struct cloudparts *parts);
/* The rack in force has changed (or was read): takes its parts. */
void cloud_take(struct ondold *o, struct cloudparts *parts);

/*
 * Puts "secrets" into a desired state as it is kept: digests instead of values, "" for one
 * that is yet to be made. A change of a secret is a change of the document.
 */
void cloud_put_digests(struct ondold *o, const struct rack *rack,
	const struct cloudparts *parts, const struct rack_node *conf, json_t *desired);
/*
 * The desired state as the node is given it, but for its peers: with values, facts, restore.
 * New reference.
 */
json_t *cloud_deliver(struct node *n);
/* The same for an install order: a restore counts as handed out. */
json_t *cloud_deliver_order(struct node *n);
bool cloud_is_controller(const struct node *n);
/* 0: the rack is no cloud */
uint64_t cloud_facts_rev(const struct ondold *o);

/* The node's report was taken, or it fell silent, or its report counts no longer. */
void cloud_facts_changed(struct node *n, bool heard);
/* "cloud" of a report was checked; NULL or words. Caller frees. */
char *cloud_check_report(const json_t *cloud);
void cloud_take_report(struct node *n, const json_t *report);
/* The blobs have changed. */
void cloud_blobs_changed(struct ondold *o);
/* The node is ready: a restore that it was given is done. */
void cloud_node_ready(struct node *n);
/* The authority's certificate, beside the socket. */
void cloud_publish_ca(struct ondold *o);
/* Every few seconds: the endpoints' certificate. */
void cloud_pulse(struct ondold *o);

/* ---- api_cloud.c: requests under /v1/cloud of the operator API ---- */
struct http_req;
void api_cloud_handle(struct ondold *o, struct http_req *req, enum access_role role);
/* httpd_on_upload of the two servers. */
void api_cloud_upload(struct http_req *req, void *ondold);
void api_node_upload(struct http_req *req, void *ondold);
/* For both: a blob is coming; takes w. Then, what became of it; answers. */
void api_blob_begin(struct http_req *req, struct blob_writer *w);
void api_blob_done(struct ondold *o, struct http_req *req);
