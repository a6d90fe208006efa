/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include "bootstrap/apply.h"
#include "bootstrap/diagnose.h"
#include "bootstrap/profile.h"
#include "common/jsonx.h"
#include "common/log.h"

/*
 * The operator API of docs/protocol.md. On the UNIX socket httpd.c lets only root in, who may
 * do all; api_page.c passes on what comes over TLS, with the caller's role.
 */

#define MAX_EVENTS 1000
#define MAX_WAIT_S 60

/* ---- reading ---- */

static json_t *kept_events(struct ondold *o)
{
	return json_pack("{s:I, s:I, s:I}", "count",
		(json_int_t)store_event_count(o->store), "oldest",
		(json_int_t)store_event_oldest_ms(o->store), "bytes",
		(json_int_t)store_size_bytes(o->store));
}

static void get_status(struct ondold *o, struct http_req *req)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->n_nodes; i++)
		json_array_append_new(list, node_to_json(o->nodes[i], false));
	httpd_reply_json(req, 200,
		json_pack("{s:s, s:s?, s:I, s:o, s:o}", "version", ONDOL_VERSION, "rack",
			o->rack ? o->rack->name : NULL, "now", (json_int_t)now_real_ms(),
			"nodes", list, "events", kept_events(o)));
}

struct event_list {
	json_t *list;
	int64_t last;
};

static json_t *str_or_empty(const char *s)
{
	json_t *v = json_string(s);

	return v ? v : json_string("");
}

json_t *api_event_json(const struct store_event *ev)
{
	return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:O?}", "id", (json_int_t)ev->id,
		"time", (json_int_t)ev->time_ms, "node", str_or_empty(ev->node), "source",
		str_or_empty(ev->source), "type", str_or_empty(ev->type), "text",
		str_or_empty(ev->text), "data", (json_t *)ev->data);
}

static int add_event(const struct store_event *ev, void *userdata)
{
	struct event_list *out = userdata;

	json_array_append_new(out->list, api_event_json(ev));
	out->last = ev->id;
	return 0;
}

static void reply_events(struct http_req *req, struct event_list *out)
{
	httpd_reply_json(req, 200,
		json_pack("{s:o, s:I}", "events", out->list, "last",
			(json_int_t)out->last));
}

/* The arguments were checked when the request came. */
static uint64_t checked_arg(struct http_req *req, const char *name, uint64_t dflt)
{
	const char *s = httpd_arg(req, name);
	uint64_t v = dflt;

	return s && parse_u64(s, 0, INT64_MAX, &v) < 0 ? dflt : v;
}

static void try_events(struct http_req *req, bool expired, void *userdata)
{
	struct ondold *o = userdata;
	uint64_t since = checked_arg(req, "since", 0);
	struct event_list out = {json_array(), (int64_t)since};

	store_event_each(o->store, (int64_t)since, httpd_arg(req, "node"),
		(unsigned)checked_arg(req, "limit", MAX_EVENTS), add_event, &out);
	if (json_array_size(out.list) || expired)
		reply_events(req, &out);
	else
		json_decref(out.list);
}

/* ?last=N: the newest N, at once. */
static void get_last_events(struct ondold *o, struct http_req *req)
{
	const char *node = httpd_arg(req, "node");
	struct event_list out;
	uint64_t n;

	if (httpd_arg_u64(req, "last", MAX_EVENTS, 0, &n) < 0)
		return;
	out = (struct event_list){
		json_array(), store_event_before(o->store, node, (unsigned)n)};
	if (n)
		store_event_each(o->store, out.last, node, (unsigned)n, add_event, &out);
	reply_events(req, &out);
}

static void get_events(struct ondold *o, struct http_req *req)
{
	const char *since = httpd_arg(req, "since");
	uint64_t wait, limit, from;

	if (httpd_arg(req, "last")) {
		get_last_events(o, req);
		return;
	}

	if (since && streq(since, "-1")) {
		struct event_list out = {json_array(), store_event_last(o->store)};

		reply_events(req, &out);
		return;
	}
	if (httpd_arg_u64(req, "since", INT64_MAX, 0, &from) < 0 ||
		httpd_arg_u64(req, "wait", MAX_WAIT_S, 0, &wait) < 0 ||
		httpd_arg_u64(req, "limit", MAX_EVENTS, MAX_EVENTS, &limit) < 0)
		return;
	if (limit == 0) {
		httpd_reply_error(
			req, 400, "limit: expected a number from 1 to %u", MAX_EVENTS);
		return;
	}
	httpd_hold(req, o, wait * 1000, try_events, o);
}

static void get_node(struct node *n, struct http_req *req)
{
	httpd_reply_json(req, 200, node_to_json(n, true));
}

static int feed(const struct store_event *ev, void *userdata)
{
	diagnosis_feed(userdata, ev);
	return 0;
}

static json_t *evidence_json(const struct diag_finding *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n_evidence; i++)
		json_array_append_new(list,
			json_pack("{s:I, s:I, s:o, s:o}", "id",
				(json_int_t)f->evidence[i]->id, "time",
				(json_int_t)f->evidence[i]->time_ms, "type",
				str_or_empty(f->evidence[i]->type), "text",
				str_or_empty(f->evidence[i]->text)));
	return list;
}

/* The node's last run, and what the deployment host said in this life of ondold. */
static void feed_events(struct node *n, struct diagnosis *d)
{
	struct store *s = n->o->store;
	int64_t run =
		MAX(store_event_newest(s, n->name, "install.wanted", "converge.wanted"),
			store_event_newest(s, n->name, "look.wanted", "look.wanted"));
	int64_t life = store_event_newest(s, "", "ondold.started", "ondold.started");

	store_event_each(s, run - 1, n->name, 0, feed, d);
	store_event_each(s, life - 1, "", 0, feed, d);
}

static void get_why(struct node *n, struct http_req *req)
{
	_cleanup_(diagnosis_freep) struct diagnosis *d = diagnosis_new();
	struct diag_finding found[DIAG_MAX_FINDINGS];
	json_t *list = json_array();
	size_t count;

	feed_events(n, d);
	count = diagnosis_findings(d, n->fsm.state, now_real_ms(), found);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:b, s:s, s:s, s:o}", "cause", found[i].cause,
				"note", (int)found[i].is_note, "title", found[i].title,
				"todo", found[i].todo, "evidence",
				evidence_json(&found[i])));
	httpd_reply_json(req, 200,
		json_pack("{s:s, s:s, s:o, s:o}", "node", n->name, "state",
			fsm_state_str(n->fsm.state), "reason", str_or_empty(n->reason),
			"findings", list));
}

/* ---- changing ---- */

static void post_rack(struct ondold *o, struct http_req *req)
{
	json_t *body = api_body(req), *answer = NULL;
	int r;

	if (!body)
		return;
	r = rackstate_apply(o, body, &answer);
	if (r < 0)
		httpd_reply_error(req, 500,
			"the rack could not be kept: %s. See ondold's log", strerror(-r));
	else
		httpd_reply_json(req, r == 0 ? 200 : 422, answer);
	json_decref(body);
}

static char *check_wish(const json_t *body)
{
	struct jx j = {.obj = body};

	(void)jx_strings_opt(&j, "wipe", APPLY_MAX_WIPE, "serial numbers");
	(void)jx_bool_opt(&j, "look", false);
	return TAKE_PTR(j.error);
}

/* Who says what he was shown is asked again when it is something else by now. */
static bool is_as_shown(struct node *n, struct http_req *req, const json_t *body)
{
	const json_t *shown = json_object_get(body, "lock");
	char lock[DIGEST_HEX];

	node_disk_lock(n, lock);
	if (!shown || (json_is_string(shown) && streq(json_string_value(shown), lock)))
		return true;
	httpd_reply_error(req, 409,
		"what is known of %s's disks is not what was shown; nothing was begun. "
		"Look at them again: `ondol reinstall %s`",
		n->name, n->name);
	return false;
}

static bool in_maintenance(struct node *n, struct http_req *req)
{
	if (n->fsm.state != FSM_MAINTENANCE)
		return false;
	httpd_reply_error(req, 409,
		"%s is in maintenance (%s): `ondol maintenance %s off` ends that first",
		n->name, n->reason, n->name);
	return true;
}

static const char *asker(const struct http_req *req)
{
	return httpd_actor(req) ? httpd_actor(req) : "the operator";
}

/* What reinstall and agree have in common: what stands against it is answered. */
static bool may_install(struct node *n, struct http_req *req, const json_t *body)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	_cleanup_free_ char *bad = check_wish(body), *msg = NULL;

	if (bad)
		httpd_reply_error(req, 400, "%s", bad);
	else if (profile_load(n->o->opts.images_dir, n->o->rack->image, &m, &msg) < 0)
		httpd_reply_error(req, 409, "%s", msg);
	else
		return is_as_shown(n, req, body);
	return false;
}

static void reply_begun(struct http_req *req, int r, enum apply_action action)
{
	if (r < 0)
		httpd_reply_error(req, 500,
			"the wish could not be kept, and nothing was begun: see ondold's log");
	else
		httpd_reply_json(
			req, 200, json_pack("{s:s}", "action", apply_action_str(action)));
}

/* What is known to end in a refusal is refused before the server is switched off for it. */
static bool would_write(struct node *n, struct http_req *req, const json_t *body)
{
	_cleanup_free_ char *msg = NULL;
	const char *to_name;
	int r = node_would_write(
		n, n->conf, json_object_get(body, "wipe"), &to_name, &msg);

	if (r == 0 && n->inv)
		msg = cloudparts_memory(
			n->o->cloud->parts, n->o->rack, n->conf, n->inv->memory_bytes);
	if (!msg)
		return true;
	httpd_reply_error(req, 409,
		"%s. Nothing was begun. When the server is another by now than an agent has "
		"seen it: `ondol reinstall %s --look`",
		msg, n->name);
	return false;
}

static int begin_reinstall(struct node *n, struct http_req *req, const json_t *body)
{
	_cleanup_free_ char *why = NULL;

	if (json_is_true(json_object_get(body, "look"))) {
		why = xasprintf("%s asked for a new look at its disks", asker(req));
		return node_want_look(n, why);
	}
	why = xasprintf("%s asked for a new installation", asker(req));
	return node_want_install(n, why, json_object_get(body, "wipe"));
}

static void post_reinstall(struct node *n, struct http_req *req)
{
	json_t *body;
	int r;

	if (in_maintenance(n, req))
		return;
	body = api_body(req);
	if (body && may_install(n, req, body) &&
		(json_is_true(json_object_get(body, "look")) ||
			would_write(n, req, body))) {
		r = begin_reinstall(n, req, body);
		reply_begun(req, r, n->fsm.looks ? APPLY_LOOK : APPLY_INSTALL);
	}
	json_decref(body);
}

static void post_agree(struct node *n, struct http_req *req)
{
	_cleanup_free_ char *why = NULL, *msg = NULL;
	json_t *body;
	int r;

	if (!fsm_asks(&n->fsm) || !n->inv) {
		httpd_reply_error(req, 409,
			"%s is %s and asks nothing; nothing was begun", n->name,
			fsm_state_str(n->fsm.state));
		return;
	}
	body = api_body(req);
	if (body && may_install(n, req, body)) {
		why = xasprintf("%s agreed to what its agent has seen", asker(req));
		r = node_agree(n, why, json_object_get(body, "wipe"), &msg);
		if (msg)
			httpd_reply_error(req, 409, "%s", msg);
		else
			reply_begun(req, r, APPLY_INSTALL);
	}
	json_decref(body);
}

struct power_job {
	struct http_req *req; /* borrowed: parked; NULL when its server has ended */
	struct ondold *o; /* borrowed */
};

static void on_power_done(int r, enum ipmi_power power, const char *msg, void *userdata)
{
	struct power_job *job = userdata;

	if (job->req && r < 0)
		httpd_reply_error(job->req, 502, "%s", msg);
	else if (job->req)
		httpd_reply_json(job->req, 200,
			json_pack("{s:s}", "power", ipmi_power_str(power)));
	free(job);
}

static void post_power(struct node *n, struct http_req *req)
{
	json_t *body = api_body(req);
	struct jx j = {.obj = body};
	struct power_job *job;
	_cleanup_free_ char *text = NULL;
	const char *action;
	enum ipmi_op op;

	if (!body)
		return;
	action = jx_str(&j, "action", 16);
	if (!j.error && ipmi_op_parse(action, &op) < 0)
		jx_fail(&j, "action",
			"expected status, on, off, cycle, reset, soft or bmc-reset, found \"%s\"",
			action);
	if (j.error) {
		httpd_reply_error(req, 400, "%s", j.error);
	} else {
		text = httpd_actor(req) ? xasprintf("power %s, by %s", action, asker(req))
					: xasprintf("power %s", action);
		if (op != IPMI_STATUS)
			ondold_event(n->o, n, "operator", "power.wanted", text, NULL);
		job = xcalloc(1, sizeof(*job));
		*job = (struct power_job){NULL, n->o};
		httpd_park_in(req, &job->req);
		ipmi_submit(n->bmc, op, on_power_done, job);
	}
	jx_clear(&j);
	json_decref(body);
}

static void post_prove(struct node *n, struct http_req *req)
{
	int64_t id;

	if (n->fsm.state != FSM_READY && n->fsm.state != FSM_CONFIGURING) {
		httpd_reply_error(req, 409,
			"%s is %s: there is no ondol-noded to prove anything", n->name,
			fsm_state_str(n->fsm.state));
		return;
	}
	id = api_want_task(n, req, NODE_PROVE);
	if (id >= 0)
		httpd_reply_json(req, 200, json_pack("{s:I}", "task", (json_int_t)id));
}

/* A node that has the image already is asked for nothing: task 0. */
static void post_update(struct node *n, struct http_req *req)
{
	const char *before = json_string_value(json_object_get(n->report, "image"));
	_cleanup_free_ char *why = NULL;
	_cleanup_(jx_freep) json_t *image = NULL;
	const char *version;
	int64_t id = 0;

	if (n->fsm.state != FSM_READY) {
		httpd_reply_error(req, 409,
			"%s is %s: only a node that is ready gets another image, so that it "
			"can be told whether it works with it; `ondol reinstall %s` installs "
			"it anew",
			n->name, fsm_state_str(n->fsm.state), n->name);
		return;
	}
	image = node_image(n, &why);
	if (!image) {
		httpd_reply_error(req, 409, "%s", why);
		return;
	}
	version = json_string_value(json_object_get(image, "version"));
	if (!streq_ptr(before, version))
		id = api_want_task(n, req, NODE_UPDATE);
	if (id >= 0)
		httpd_reply_json(req, 200,
			json_pack("{s:I, s:s, s:s}", "task", (json_int_t)id, "version",
				version, "before", before ? before : ""));
}

/* The answer names the state that came of it, and why. */
static void reply_state(struct node *n, struct http_req *req)
{
	httpd_reply_json(req, 200,
		json_pack("{s:s, s:o}", "state", fsm_state_str(n->fsm.state), "reason",
			str_or_empty(n->reason)));
}

static void post_cancel(struct node *n, struct http_req *req)
{
	_cleanup_free_ char *text = NULL;

	if (!fsm_is_cancellable(&n->fsm)) {
		httpd_reply_error(req, 409, "%s is %s: nothing of it is going on",
			n->name, fsm_state_str(n->fsm.state));
		return;
	}
	text = xasprintf("cancelled by %s while %s; its power is left as it is, %s",
		asker(req), fsm_state_str(n->fsm.state), fsm_disk_words(&n->fsm));
	node_event(n, "operator", FSM_EV_CANCEL, text, NULL);
	reply_state(n, req);
}

static void post_maintenance(struct node *n, struct http_req *req)
{
	json_t *body = api_body(req);
	struct jx j = {.obj = body};
	const char *reason;
	bool on;

	if (!body)
		return;
	on = json_is_true(json_object_get(body, "on"));
	reason = jx_str_opt(&j, "reason", 200, "");
	if (!json_is_boolean(json_object_get(body, "on")))
		jx_fail(&j, "on", "expected true or false");
	if (j.error) {
		httpd_reply_error(req, 400, "%s", j.error);
	} else if (on == (n->fsm.state == FSM_MAINTENANCE)) {
		httpd_reply_error(req, 409, "%s is %s in maintenance", n->name,
			on ? "already" : "not");
	} else {
		node_event(n, "operator", on ? FSM_EV_MAINTAIN : FSM_EV_MAINTAIN_OFF,
			on && !*reason ? "the operator works on it" : reason, NULL);
		reply_state(n, req);
	}
	jx_clear(&j);
	json_decref(body);
}

/* ---- routes ---- */

struct rack_route {
	const char *method, *path;
	void (*handle)(struct ondold *o, struct http_req *req);
	/* of those over TLS, the least; none: the UNIX socket alone */
	enum access_role role;
};

static const struct rack_route rack_routes[] = {
	{"GET", "/v1/status", get_status, ACCESS_VIEWER},
	{"GET", "/v1/events", get_events, ACCESS_VIEWER},
	{"GET", "/metrics", api_metrics_get, ACCESS_VIEWER},
	{"POST", "/v1/rack", post_rack, ACCESS_NONE},
};

struct node_route {
	const char *method, *rest;
	void (*handle)(struct node *n, struct http_req *req);
	enum access_role role; /* as above */
};

static const struct node_route node_routes[] = {
	{"GET", "", get_node, ACCESS_VIEWER},
	{"GET", "why", get_why, ACCESS_VIEWER},
	{"GET", "plan", api_plan_get, ACCESS_VIEWER},
	{"POST", "reinstall", post_reinstall, ACCESS_OPERATOR},
	{"POST", "agree", post_agree, ACCESS_OPERATOR},
	{"POST", "power", post_power, ACCESS_OPERATOR},
	{"POST", "prove", post_prove, ACCESS_OPERATOR},
	{"POST", "update", post_update, ACCESS_OPERATOR},
	{"POST", "cancel", post_cancel, ACCESS_OPERATOR},
	{"POST", "maintenance", post_maintenance, ACCESS_OPERATOR},
	{"POST", "identify", api_bmc_post_identify, ACCESS_OPERATOR},
	{"GET", "sensors", api_bmc_get_sensors, ACCESS_VIEWER},
	{"GET", "sel", api_bmc_get_sel, ACCESS_VIEWER},
	{"POST", "sel", api_bmc_post_sel, ACCESS_NONE},
	{"GET", "console", api_console_get, ACCESS_VIEWER},
	{"POST", "console", api_console_post, ACCESS_NONE},
};

bool api_may(struct http_req *req, enum access_role caller, enum access_role needed)
{
	if (caller >= (needed ? needed : ACCESS_ROOT))
		return true;
	if (needed == ACCESS_OPERATOR)
		httpd_reply_error(
			req, 403, "only those with the role operator may do this");
	else
		httpd_reply_error(req, 403,
			"this is done on the deployment host, by root, with `ondol`");
	return false;
}

/* What somebody does over TLS is kept with who and from where. */
static void keep_asked(struct node *n, struct http_req *req, const char *what)
{
	const char *who = httpd_actor(req);
	_cleanup_free_ char *text = NULL;

	if (!who || streq(httpd_method(req), "GET"))
		return;
	text = xasprintf("%s asks for: %s", who, what);
	ondold_event(n->o, n, "operator", "access.asked", text, NULL);
}

static void route_node(struct ondold *o, struct http_req *req, enum access_role role)
{
	char name[64];
	const char *rest =
		api_node_path(httpd_path(req), "/v1/nodes/", name, sizeof(name));
	struct node *n = rest ? ondold_node(o, name) : NULL;

	if (!n) {
		httpd_reply_error(
			req, 404, "no node of that name; `ondol status` lists them");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(node_routes); i++)
		if (streq(rest, node_routes[i].rest) &&
			streq(httpd_method(req), node_routes[i].method)) {
			if (!api_may(req, role, node_routes[i].role))
				return;
			keep_asked(n, req, rest);
			node_routes[i].handle(n, req);
			return;
		}
	httpd_reply_error(req, 404, "no such request for a node");
}

void api_operator_route(struct ondold *o, struct http_req *req, enum access_role role)
{
	const char *path = httpd_path(req);

	for (size_t i = 0; i < ARRAY_SIZE(rack_routes); i++)
		if (streq(path, rack_routes[i].path) &&
			streq(httpd_method(req), rack_routes[i].method)) {
			if (api_may(req, role, rack_routes[i].role))
				rack_routes[i].handle(o, req);
			return;
		}
	if (str_startswith(path, "/v1/nodes/"))
		route_node(o, req, role);
	else if (str_startswith(path, "/v1/cloud") || streq(path, "/v1/ca") ||
		streq(path, "/v1/init"))
		api_cloud_handle(o, req, role);
	else if (str_startswith(path, "/v1/tokens") && api_may(req, role, ACCESS_NONE))
		api_token_handle(o, req);
	else if (!str_startswith(path, "/v1/tokens"))
		httpd_reply_error(req, 404, "no such request; see docs/protocol.md");
}

void api_operator_handle(struct http_req *req, void *ondold)
{
	api_operator_route(ondold, req, ACCESS_ROOT);
}
