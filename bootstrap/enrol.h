/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a node comes by its certificate: once with the token of a boot that ondold began, later
 * with the certificate it has. ondold knows a node by the digest of the certificate, kept in
 * the store: as "agent" for the run it was made in, as "node" since its order, as "next" when
 * it was renewed and is not used yet. What is dropped there is good no longer.
 */
#pragma once

#include "bootstrap/httpd.h"

struct node;
struct ondold;

/* POST enrol: answers. */
void enrol_post(struct node *n, struct http_req *req);
enum enrol_as { /* what a path of the node API is for */
	ENROL_AGENT, /* the agent, in the current run */
	ENROL_NODE, /* the system that an order made; the agent too once it has the order */
	ENROL_EITHER
};

/* Is the client of this request the node, as one of these? */
bool enrol_is_node(struct node *n, const struct http_req *req, enum enrol_as as);
/* With the order the agent's certificate becomes the node's. -errno, logged. */
int enrol_ordered(struct node *n, const struct http_req *req);
/* A token for one enrolment by the boot that is beginning; -errno, logged. */
int enrol_begin(struct node *n, const char *token);
void enrol_revoke(
	struct node *n); /* neither the boot's token nor the agent is known any more */
/* Makes the authority when there is none. 1: made, 0: was there, -errno with *reterr_msg. */
int enrol_need_authority(struct ondold *o, const char *rack, char **reterr_msg);
/* What nodes are to trust (PEM), borrowed; NULL: it was not made yet. */
const char *enrol_authority(const struct ondold *o);
/*
 * The rack's identity by that authority (rackid.h): what tells its system disks from another
 * rack's. Borrowed from o; "" while there is no authority.
 */
const char *enrol_rack_id(struct ondold *o);
