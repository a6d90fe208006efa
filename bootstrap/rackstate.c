/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include "bootstrap/apply.h"
#include "bootstrap/profile.h"
#include "common/jsonx.h"
#include "common/log.h"

/*
 * A rack is taken whole or not at all: every problem is told, every node's action decided
 * (apply.c), and only when none is refused is the rack kept, together with the installs
 * it asks for, in one transaction. Nodes keep their identity over a change by name.
 */

struct request { /* what POST /v1/rack asks; strings borrowed from the body */
	const char *file, *rack_ini, *secrets_ini;
	const json_t *wipe; /* may be NULL */
	const char *names[APPLY_MAX_WIPE + 1];
	/* the plan lock of each node as it was shown; NULL: none is asked to hold */
	const json_t *locks;
	bool dry_run;
};

struct parsed { /* a rack that may become the one in force; all owned */
	struct rack *rack;
	struct secrets *secrets;
	struct cloudparts *parts;
};

struct decision {
	struct node *node; /* borrowed, NULL: new */
	const struct rack_node *conf; /* of the new rack; NULL: removed */
	enum apply_action action;
	char *why; /* owned */
	char *to_name; /* owned: the disk to be named for a node that is held; "" none */
	char lock[DIGEST_HEX]; /* of what its disks were seen to hold; "" when removed */
};

struct decisions {
	struct decision *list; /* owned */
	size_t n, n_refused;
};

static void parsed_clear(struct parsed *p)
{
	rack_free(p->rack);
	secrets_free(p->secrets);
	cloudparts_free(p->parts);
}

static void decisions_clear(struct decisions *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->list[i].why);
		free(d->list[i].to_name);
	}
	free(d->list);
}

/* ---- reading ---- */

static json_t *problems_to_json(const struct problems *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++) {
		_cleanup_free_ char *line = problem_format(&p->list[i]);
		json_t *s = json_string(line);

		json_array_append_new(
			list, s ? s : json_string("(a problem that is not UTF-8)"));
	}
	return list;
}

static int parse_texts(struct ondold *o, const char *file, const char *rack_ini,
	const char *secrets_ini, struct problems *problems, struct parsed *ret)
{
	_cleanup_(cloudparts_freep) struct cloudparts *parts =
		cloudparts_load(o->opts.roles_dir, problems);
	_cleanup_(rack_freep) struct rack *rack = NULL;
	_cleanup_(secrets_freep) struct secrets *secrets = NULL;
	int r, s;

	if (!parts)
		return -EINVAL;
	r = rack_parse(file, rack_ini, strlen(rack_ini), parts->roles, problems, &rack);
	s = secrets_parse("secrets.ini", secrets_ini, strlen(secrets_ini), rack, problems,
		&secrets);
	if (r == 0)
		cloudparts_fit(parts, rack, problems);
	if (r < 0 || s < 0 || problems->n)
		return -EINVAL;
	parts->peers = peers_new(rack);
	*ret = (struct parsed){TAKE_PTR(rack), TAKE_PTR(secrets), TAKE_PTR(parts)};
	return 0;
}

/* What is known of the servers is held against what their roles need. */
static void check_memory(struct ondold *o, const struct parsed *p, const char *file,
	struct problems *problems)
{
	for (size_t i = 0; i < p->rack->n_nodes; i++) {
		const struct rack_node *conf = &p->rack->nodes[i];
		const struct node *n = ondold_node(o, conf->name);
		_cleanup_free_ char *section = xasprintf("node %s", conf->name);
		_cleanup_free_ char *words = n && n->inv
			? cloudparts_memory(p->parts, p->rack, conf, n->inv->memory_bytes)
			: NULL;

		if (words)
			problems_add(
				problems, file, conf->line, section, "role", "%s", words);
	}
}

static void check_image(struct ondold *o, const struct rack *rack, const char *file,
	struct problems *problems)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	_cleanup_free_ char *msg = NULL;

	if (profile_load(o->opts.images_dir, rack->image, &m, &msg) < 0)
		problems_add(problems, file, 0, "deploy", "image", "%s", msg);
}

static const char *text_of(struct jx *j, const char *key)
{
	const json_t *v = json_object_get(j->obj, key);

	if (!json_is_string(v) && !j->error)
		jx_fail(j, key, "expected a string");
	return json_is_string(v) ? json_string_value(v) : "";
}

static char *read_request(const json_t *body, struct request *req)
{
	struct jx j = {.obj = body};
	json_t *v;
	size_t i;

	req->file = jx_str(&j, "file", 255);
	req->rack_ini = text_of(&j, "rack_ini");
	req->secrets_ini = text_of(&j, "secrets_ini");
	req->dry_run = jx_bool_opt(&j, "dry_run", false);
	req->wipe = jx_strings_opt(&j, "wipe", APPLY_MAX_WIPE, "serial numbers");
	json_array_foreach(req->wipe, i, v) req->names[i] = json_string_value(v);
	if (json_object_get(body, "locks"))
		req->locks = jx_object(&j, "locks");
	return TAKE_PTR(j.error);
}

/* ---- deciding ---- */

static void decide_node(struct ondold *o, const struct parsed *p,
	const struct rack_node *conf, const struct request *req, struct decision *d)
{
	struct node *n = ondold_node(o, conf->name);
	struct apply_view view = {.wipe = req->names};
	_cleanup_free_ char *trouble = NULL;
	const char *to_name = "";

	d->node = n;
	d->conf = conf;
	if (n) {
		view.fsm = &n->fsm;
		view.inv = n->inv;
		view.cloud = o->rack->cloud;
		(void)node_would_write(n, conf, req->wipe, &to_name, &trouble);
		view.trouble = trouble;
		view.desired_changes = node_would_change(n, p->rack, p->parts, conf);
	}
	d->action = apply_decide(n ? n->conf : NULL, conf, &view, &d->why);
	d->to_name = xstrdup(d->action == APPLY_HELD ? to_name : "");
	if (n)
		node_disk_lock(n, d->lock);
	else
		diskplan_lock(NULL, DISK_PAST_NONE, d->lock);
}

/* An install of disks that are not what was agreed to is refused, and with it the rack. */
static void hold_locks(const struct request *req, struct decisions *d)
{
	for (size_t i = 0; req->locks && i < d->n; i++) {
		struct decision *x = &d->list[i];
		const char *shown;

		if (x->action != APPLY_INSTALL)
			continue;
		shown = json_string_value(json_object_get(req->locks, x->conf->name));
		if (shown && streq(shown, x->lock))
			continue;
		free(x->why);
		x->why = xstrdup("what is known of its disks is not what the plan "
				 "showed: `ondol plan` shows it anew");
		x->action = APPLY_REFUSED;
		d->n_refused++;
	}
}

static void decide(struct ondold *o, const struct parsed *p, const struct request *req,
	struct decisions *ret)
{
	const struct rack *rack = p->rack;

	ret->list = xcalloc(rack->n_nodes + o->n_nodes, sizeof(*ret->list));
	for (size_t i = 0; i < rack->n_nodes; i++) {
		struct decision *d = &ret->list[ret->n++];

		decide_node(o, p, &rack->nodes[i], req, d);
		ret->n_refused += d->action == APPLY_REFUSED;
	}
	for (size_t i = 0; i < o->n_nodes; i++)
		if (!rack_node(rack, o->nodes[i]->name))
			ret->list[ret->n++] = (struct decision){.node = o->nodes[i],
				.action = APPLY_REMOVE,
				.why = apply_removal(o->nodes[i]->conf, o->rack->cloud)};
	hold_locks(req, ret);
}

static json_t *decisions_to_json(const struct decisions *d, int64_t revision)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->n; i++) {
		const struct decision *x = &d->list[i];
		const char *name = x->conf ? x->conf->name : x->node->name;

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s, s:s*}", "node", name, "action",
				apply_action_str(x->action), "why", x->why, "lock",
				x->lock, "to_name",
				x->to_name && *x->to_name ? x->to_name : NULL));
	}
	return json_pack("{s:I, s:o}", "revision", (json_int_t)revision, "actions", list);
}

/* ---- taking ---- */

static void drop_node(struct ondold *o, struct node *n)
{
	node_event(n, "operator", FSM_EV_REMOVED, "taken out of rack.ini", NULL);
	store_doc_drop(o->store, n->name);
	cloud_facts_changed(n, false);
	ondold_kick(o, n);
	node_free(n);
}

static bool is_kept(const struct decisions *d, const struct node *n)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->list[i].node == n && d->list[i].conf)
			return true;
	return false;
}

/* The nodes of the new rack, in its order; those that left are freed. */
static void take_nodes(
	struct ondold *o, struct rack *rack, struct secrets *secrets, struct decisions *d)
{
	struct node **old = o->nodes;
	size_t n_old = o->n_nodes;

	o->rack = rack;
	o->secrets = secrets;
	o->nodes = xcalloc(rack->n_nodes, sizeof(struct node *));
	o->n_nodes = rack->n_nodes;
	for (size_t i = 0; i < rack->n_nodes; i++) {
		struct decision *x = &d->list[i];

		if (x->node)
			node_set_conf(x->node, x->conf);
		else
			x->node = node_new(o, x->conf);
		o->nodes[i] = x->node;
	}
	for (size_t i = 0; i < n_old; i++)
		if (!is_kept(d, old[i]))
			drop_node(o, old[i]);
	free(old);
}

static void act(struct decision *d, const struct request *req)
{
	struct node *n = d->node;
	bool changed = node_refresh_desired(n);

	switch (d->action) {
	case APPLY_LOOK:
		node_forget_inventory(n);
		node_want_install(n, d->why, req->wipe);
		return;
	case APPLY_INSTALL:
		node_want_install(n, d->why, req->wipe);
		return;
	case APPLY_CONVERGE:
		node_event(n, "operator", FSM_EV_CONVERGE, d->why, NULL);
		break;
	case APPLY_ASKS:
	case APPLY_HELD:
	case APPLY_NONE:
	case APPLY_REMOVE:
	case APPLY_REFUSED:
		break;
	}
	if (changed)
		ondold_kick(n->o, n);
	node_query_power(n);
}

static void tell_taken(struct ondold *o, const struct request *req)
{
	_cleanup_free_ char *text = xasprintf("rack %s of %s, revision %lld: %zu nodes",
		o->rack->name, req->file, (long long)o->rack_revision, o->n_nodes);

	ondold_event(o, NULL, "operator", "rack.taken", text, NULL);
}

/* Takes what p holds. */
static int take(struct ondold *o, struct parsed *p, const struct request *req,
	struct decisions *d)
{
	struct rack *rack = p->rack;
	struct secrets *secrets = p->secrets;
	struct rack *old_rack = o->rack;
	struct secrets *old_secrets = o->secrets;
	int64_t rev = store_begin(o->store);
	int r;

	if (rev == 0) {
		rev = store_rack_put(
			o->store, req->file, req->rack_ini, req->secrets_ini);
		if (rev < 0)
			store_commit(o->store);
	}
	if (rev < 0) {
		parsed_clear(p);
		return (int)rev;
	}
	o->rack_revision = rev;
	cloud_take(o, p->parts);
	take_nodes(o, rack, secrets, d);
	rack_free(old_rack);
	secrets_free(old_secrets);
	tell_taken(o, req);
	for (size_t i = 0; i < d->n; i++)
		if (d->list[i].conf)
			act(&d->list[i], req);
	for (size_t i = 0; i < o->n_nodes; i++)
		cloud_facts_changed(o->nodes[i], !o->nodes[i]->silent);
	r = store_commit(o->store);
	if (r < 0) {
		log_error(
			"the rack that was applied could not be kept; ondold ends, to begin "
			"again with what was: %s",
			strerror(-r));
		sd_event_exit(o->event, EXIT_FAILURE);
		return r;
	}
	if (o->rack_revision > 0)
		store_rack_drop_secrets_but(o->store, o->rack_revision);
	serve_rack(o);
	sweep_rack(o);
	ondold_schedule(o);
	return r;
}

/* ---- bringing back ---- */

static int replay(const struct store_event *ev, void *userdata)
{
	struct node *n = *ev->node ? ondold_node(userdata, ev->node) : NULL;

	if (n)
		node_replay(n, ev);
	return 0;
}

/* The nodes of the rack in force, as they were. */
static void load_nodes(struct ondold *o)
{
	o->nodes = xcalloc(o->rack->n_nodes, sizeof(struct node *));
	o->n_nodes = o->rack->n_nodes;
	for (size_t i = 0; i < o->n_nodes; i++) {
		o->nodes[i] = node_new(o, &o->rack->nodes[i]);
		node_load_docs(o->nodes[i]);
	}
	store_event_each(o->store, 0, NULL, 0, replay, o);
}

/* From where they were. */
static void go_on(struct ondold *o)
{
	for (size_t i = 0; i < o->n_nodes; i++) {
		log_with(LOG_L_INFO, &(struct log_fields){.node = o->nodes[i]->name},
			"%s: was %s", o->nodes[i]->name,
			fsm_state_str(o->nodes[i]->fsm.state));
		node_resume(o->nodes[i]);
		cloud_facts_changed(o->nodes[i], true);
	}
	ondold_schedule(o);
}

static void bring_back(struct ondold *o)
{
	load_nodes(o);
	serve_rack(o);
	go_on(o);
}

static void put_in_force(struct ondold *o, struct parsed *p)
{
	o->rack = p->rack;
	o->secrets = p->secrets;
	cloud_take(o, p->parts);
	/* Role files that came with a new version may ask for more; told by the log when not. */
	(void)cloud_prepare(o, o->rack, p->parts);
}

/*
 * The stored rack could not be read, but its nodes' events are there: they are taken up as
 * those of the rack that is given now, or every healthy server would count as new. Nothing is
 * done to them before it is taken: it may be only a plan, or be refused.
 */
static bool adopt(struct ondold *o, const struct request *req)
{
	struct problems problems = {0};
	struct parsed p = {0};
	int r = parse_texts(o, req->file, req->rack_ini, req->secrets_ini, &problems, &p);

	problems_clear(&problems);
	if (r < 0)
		return false;
	put_in_force(o, &p);
	load_nodes(o);
	return true;
}

static void let_go(struct ondold *o)
{
	for (size_t i = 0; i < o->n_nodes; i++)
		node_free(o->nodes[i]);
	free(o->nodes);
	o->nodes = NULL;
	o->n_nodes = 0;
	rack_free(o->rack);
	secrets_free(o->secrets);
	o->rack = NULL;
	o->secrets = NULL;
	cloud_take(o, NULL);
}

/* A node is told ondold's address at its install and never again. */
static void check_address(struct ondold *o, const struct rack *rack, const char *file,
	struct problems *problems)
{
	_cleanup_free_ char *change =
		o->rack ? apply_address_change(o->rack, rack) : NULL;

	for (size_t i = 0; change && i < o->n_nodes; i++) {
		struct node *n = o->nodes[i];

		if (!rack_node(rack, n->name) ||
			!(n->fsm.installed || n->fsm.had_system ||
				fsm_holds_slot(&n->fsm) ||
				n->fsm.state == FSM_INVENTORIED))
			continue;
		problems_add(problems, file, 0, "deploy",
			rack->address != o->rack->address             ? "address"
				: rack->api_port != o->rack->api_port ? "api_port"
								      : "http_port",
			"%s (%s is one of them)", change, n->name);
		return;
	}
}

/* The data disks of an object storage are known by the name of their rack. */
static void check_name(struct ondold *o, const struct rack *rack, const char *file,
	struct problems *problems)
{
	for (size_t i = 0; o->rack && i < o->n_nodes; i++) {
		struct node *n = o->nodes[i];

		if (streq(rack->name, o->rack->name) || !n->fsm.installed ||
			!streq_ptr(n->conf->kind, "object"))
			continue;
		problems_add(problems, file, 0, "rack", "name",
			"the rack is called %s, and the object disks of %s are marked with "
			"that name: under another they would count as a stranger's. Put "
			"the name back",
			o->rack->name, n->name);
		return;
	}
}

/* ---- answering ---- */

static json_t *problem_answer(struct problems *problems)
{
	json_t *answer;

	problems_sort(problems);
	answer = json_pack("{s:o}", "problems", problems_to_json(problems));
	problems_clear(problems);
	return answer;
}

static json_t *one_problem(const char *text)
{
	return json_pack("{s:[s]}", "problems", text);
}

/* What an apply of p, which is taken or cleared, comes to: as rackstate_apply. */
static int answer(struct ondold *o, const struct request *req, struct parsed *p,
	struct problems *problems, json_t **ret_answer)
{
	_cleanup_(decisions_clear) struct decisions d = {0};
	int r = 0;

	if (problems->n) {
		*ret_answer = problem_answer(problems);
		parsed_clear(p);
		return 1;
	}
	decide(o, p, req, &d);
	if (req->dry_run || d.n_refused) {
		*ret_answer = decisions_to_json(&d, o->rack_revision);
		parsed_clear(p);
		return 0;
	}
	r = cloud_prepare(o, p->rack, p->parts);
	if (r < 0) {
		parsed_clear(p);
		return r;
	}
	/* Before nodes go: their names are in it. The revision is filled in when it is known. */
	*ret_answer = decisions_to_json(&d, 0);
	r = take(o, p, req, &d);
	if (r < 0) {
		json_decref(*ret_answer);
		*ret_answer = NULL;
		return r;
	}
	json_object_set_new(*ret_answer, "revision", json_integer(o->rack_revision));
	return 0;
}

int rackstate_apply(struct ondold *o, const json_t *body, json_t **ret_answer)
{
	struct problems problems = {0};
	struct request req = {0};
	struct parsed p = {0};
	_cleanup_free_ char *bad = read_request(body, &req);
	int64_t before = o->rack_revision;
	bool adopted = false;
	int r;

	if (bad) {
		*ret_answer = one_problem(bad);
		return 1;
	}
	if (parse_texts(o, req.file, req.rack_ini, req.secrets_ini, &problems, &p) == 0) {
		check_image(o, p.rack, req.file, &problems);
		if (o->rack_lost && !problems.n)
			adopted = adopt(o, &req);
		check_address(o, p.rack, req.file, &problems);
		check_name(o, p.rack, req.file, &problems);
		check_memory(o, &p, req.file, &problems);
	}
	r = answer(o, &req, &p, &problems, ret_answer);
	if (adopted && o->rack_revision == before) {
		let_go(o);
	} else if (adopted && r == 0) {
		o->rack_lost = false;
		go_on(o);
	}
	return r;
}

/* ---- at the start ---- */

static void tell_lost(struct ondold *o, const char *why)
{
	_cleanup_free_ char *text = xasprintf(
		"the rack of the last apply cannot be read (%s); no node is served until "
		"`ondol apply` is run again",
		why);

	o->rack_lost = true;
	ondold_event(o, NULL, "ondold", "rack.unreadable", text, NULL);
}

static int parse_stored(
	struct ondold *o, const char *file, const char *rack_ini, const char *secrets_ini)
{
	struct problems problems = {0};
	struct parsed p = {0};
	int r = parse_texts(o, file, rack_ini, secrets_ini, &problems, &p);

	if (r == 0)
		put_in_force(o, &p);
	if (r < 0) {
		_cleanup_free_ char *first =
			problems.n ? problem_format(&problems.list[0]) : NULL;

		tell_lost(o, first ? first : strerror(-r));
	}
	problems_clear(&problems);
	return r;
}

void rackstate_load(struct ondold *o)
{
	_cleanup_free_ char *file = NULL, *rack_ini = NULL;
	_cleanup_secret_ char *secrets_ini = NULL;
	int r = store_rack_get(
		o->store, &o->rack_revision, &file, &rack_ini, &secrets_ini);

	if (r == -ENOENT)
		return;
	if (r < 0) {
		tell_lost(o, "its secrets or the database, see ondold's log");
		return;
	}
	store_rack_drop_secrets_but(o->store, o->rack_revision);
	r = parse_stored(o, file, rack_ini, secrets_ini);
	if (r < 0)
		return;
	bring_back(o);
	/* With new role files a role may have other secrets; another version may tell of peers otherwise. */
	for (size_t i = 0; i < o->n_nodes; i++)
		if (o->nodes[i]->desired &&
			(o->rack->cloud || !node_has_peers(o->nodes[i])))
			node_refresh_desired(o->nodes[i]);
}
