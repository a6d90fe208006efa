/* SPDX-License-Identifier: Apache-2.0 */
/* `ondol-noded prove`: every proof of the role once, beside the daemon. */
#include "common/jsonx.h"
#include "common/log.h"
#include "nodeagent/held.h"
#include "nodeagent/loop.h"
#include "nodeagent/noded.h"
#include "nodeagent/paths.h"
#include "nodeagent/prover.h"
#include "nodeagent/role.h"
#include "nodeagent/statefile.h"

struct prove {
	sd_event *event;
	struct nodeconf *conf;
	struct http_client *http;
	struct units *units;
	struct prover *prover;
	struct held held;
	struct role role;
	struct proofs proofs;
	char **names;
};

static void prove_clear(struct prove *p)
{
	prover_free(p->prover);
	units_free(p->units);
	http_client_free(p->http);
	role_clear(&p->role);
	held_clear(&p->held);
	proofs_clear(&p->proofs);
	nodeconf_free(p->conf);
	strv_free(p->names);
	sd_event_unref(p->event);
}

static int prepare(struct prove *p)
{
	_cleanup_free_ char *msg = NULL;
	int r = nodeconf_load(NODE_INI, &p->conf, &msg);

	if (r == 0)
		r = held_load(NODE_DESIRED, p->conf->name, &p->held, &msg);
	if (r == 0)
		r = role_load(p->held.desired, &p->role, &msg);
	if (r == 0)
		r = loop_start(&p->event);
	if (r >= 0)
		r = http_client_new(p->event, &p->http);
	if (r >= 0)
		r = units_new(p->event, NULL, NULL, &p->units);
	if (r < 0) {
		log_error("%s", msg ? msg : strerror(-r));
		return r;
	}
	p->names = role_proofs(&p->role);
	p->prover = prover_new(p->event, p->conf, p->units, p->http);
	return 0;
}

static void on_done(enum prover_outcome outcome, _unused_ bool changed, void *userdata)
{
	struct prove *p = userdata;

	sd_event_exit(p->event, outcome == PROVER_ALL_OK ? 0 : 1);
}

int noded_prove(bool json)
{
	_cleanup_(prove_clear) struct prove p = {0};
	_cleanup_free_ char *text = NULL;
	_cleanup_(jx_freep) json_t *array = NULL;
	int r;

	if (prepare(&p) < 0)
		return 2;
	prover_start(p.prover,
		&(struct prover_run){.desired = p.held.desired,
			.def = p.role.def,
			.into = &p.proofs,
			.names = p.names,
			.done = on_done,
			.userdata = &p});
	r = sd_event_loop(p.event);
	array = proofs_to_json(&p.proofs);
	text = json_dumps(array, JSON_INDENT(1));
	if (json)
		printf("%s\n", text);
	else
		proofs_print(&p.proofs, stdout);
	return r < 0 ? 2 : r;
}
