/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation with ondold (docs/protocol.md, node API): reports, each answered with the
 * desired state when that is another, and held for so long as a heartbeat; events. Inside sd-event; nothing blocks. While
 * ondold does not answer, events are kept (the newest LINK_MAX_EVENTS) and everything is
 * tried again after 1 to 15 s.
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-event.h>

#include "common/http.h"
#include "nodeagent/nodeconf.h"

#define LINK_MAX_EVENTS 256
#define LINK_HEARTBEAT_MS 15000

struct link;

struct link_ops {
	/* The body of a report as it is now; new reference. */
	json_t *(*report)(void *userdata);
	/* What to ask for: the revision and the facts held, and the last task taken. */
	void (*position)(uint64_t *ret_revision, uint64_t *ret_task, uint64_t *ret_facts,
		void *userdata);
	/* A desired answer came; text is borrowed. False: it was of no use; ask again later. */
	bool (*desired)(const char *text, size_t len, void *userdata);
	/* ondold answers, or stopped answering; why is NULL or words. */
	void (*contact)(bool answers, const char *why, void *userdata);
};

/* conf and http are borrowed for the life of the link. ops is copied. */
int link_new(sd_event *event, const struct nodeconf *conf, struct http_client *http,
	const struct link_ops *ops, void *userdata, struct link **ret);
void link_free(struct link *l);
/* Sends an event, and logs it; text is made fit by said() (proofs.h). data (may be NULL) is taken over. */
void link_event(struct link *l, const char *type, const char *text, json_t *data);
void link_report(struct link *l); /* as soon as possible; several calls make one report */
void link_retry_now(
	struct link *l); /* the network changed: do not wait for the back-off */
/* The URL of this node at ondold, "https://A.B.C.D:P/v1/nodes/NAME"; caller frees. */
char *link_node_url(const struct nodeconf *conf);
