/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include "bootstrap/apply.h"
#include "bootstrap/profile.h"

/*
 * PLAN of docs/protocol.md: what is still to be done to a node for the rack in force, by the
 * decision that an apply of the same file would make, and what a new installation would do
 * to its disks.
 */

static json_t *text(const char *s)
{
	json_t *v = json_string(s);

	return v ? v : json_string("(not UTF-8)");
}

/* ---- disks ---- */

static json_t *found_json(const struct inv_disk *d)
{
	if (!d)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:i, s:I}", "name", text(d->name),
		"model", text(d->model), "serial", text(d->serial), "wwn", text(d->wwn),
		"bus", disk_bus_str(d->bus), "bay", d->bay, "size_bytes",
		(json_int_t)d->size_bytes);
}

static json_t *declared_json(const struct rack_disk *d)
{
	if (!d)
		return json_null();
	return json_pack("{s:i, s:s, s:s, s:I}", "bay", (int)d->bay, "use",
		disk_use_str(d->use), "bus", disk_bus_str(d->bus), "size_bytes",
		(json_int_t)d->size_bytes);
}

static json_t *disks_json(const struct diskplans *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++) {
		const struct diskplan *d = &p->list[i];

		json_array_append_new(list,
			json_pack("{s:o, s:o, s:o, s:s, s:o}", "declared",
				declared_json(d->declared), "found", found_json(d->found),
				"holds", text(d->holds), "fate", disk_fate_str(d->fate),
				"what", text(d->what)));
	}
	return list;
}

/* ---- what it needs ---- */

static void need(json_t *list, const char *words)
{
	json_array_append_new(list, text(words));
}

/* system: the plan of the system disk, or of its mirror */
static void need_disk(const struct node *n, const struct diskplan *system, json_t *list)
{
	_cleanup_free_ char *words = NULL;

	if (system->fate == DISK_FATE_REFUSED)
		words = xasprintf("the disk of bay %u named: it %s",
			system->declared->bay, system->what);
	else if (system->fate == DISK_FATE_MISSING)
		words = xstrdup(system->what);
	else if (system->fate == DISK_FATE_UNSEEN)
		words = xasprintf("%s to be seen: no agent has run on it yet", n->name);
	if (words)
		need(list, words);
}

/* What stands in the way of a new installation; empty: nothing that is known. */
static json_t *needs_json(
	const struct node *n, const struct diskplans *disks, const char *image)
{
	const struct ondold *o = n->o;
	_cleanup_free_ char *memory = n->inv ? cloudparts_memory(o->cloud->parts, o->rack,
						       n->conf, n->inv->memory_bytes)
					     : NULL;
	_cleanup_free_ char *aside = n->fsm.state == FSM_MAINTENANCE
		? xasprintf("the end of its maintenance (%s): `ondol maintenance %s off`",
			  n->reason, n->name)
		: NULL;
	json_t *list = json_array();

	if (aside)
		need(list, aside);
	for (size_t i = 0; i < disks->n; i++)
		if (diskplan_is_system(&disks->list[i]))
			need_disk(n, &disks->list[i], list);
	if (memory)
		need(list, memory);
	if (image)
		need(list, image);
	return list;
}

/* ---- the node ---- */

static enum apply_action action_of(const struct node *n, char **ret_why)
{
	const struct ondold *o = n->o;
	_cleanup_free_ char *trouble = NULL;
	const char *to_name;
	struct apply_view view = {.fsm = &n->fsm,
		.inv = n->inv,
		.desired_changes =
			node_would_change(n, o->rack, o->cloud->parts, n->conf),
		.cloud = o->rack->cloud};

	(void)node_would_write(n, n->conf, NULL, &to_name, &trouble);
	view.trouble = trouble;
	return apply_decide(n->conf, n->conf, &view, ret_why);
}

/* Why the image of the rack in force cannot be given to anybody; NULL: it can. Caller frees. */
static char *image_trouble(const struct ondold *o)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	char *msg = NULL;

	return profile_load(o->opts.images_dir, o->rack->image, &m, &msg) < 0 ? msg
									      : NULL;
}

static bool wrote_mirror(const struct node *n)
{
	for (size_t i = 0; n->inv && i < n->inv->n_disks; i++)
		if (node_wrote_mirror(n, &n->inv->disks[i]))
			return true;
	return false;
}

static json_t *plan_json(const struct node *n)
{
	const struct rack_node *conf = n->conf;
	_cleanup_(diskplans_clear) struct diskplans disks = {0};
	_cleanup_free_ char *why = NULL, *image = image_trouble(n->o);
	enum apply_action action = action_of(n, &why);
	char lock[DIGEST_HEX];

	diskplans_make(&(struct diskplan_view){.node = conf,
			       .role = roledefs_find(
				       n->o->cloud->parts->roles, conf->role, conf->kind),
			       .inv = n->inv,
			       .past = node_disk_past(n),
			       .wrote_mirror = wrote_mirror(n),
			       .rack_id = enrol_rack_id(n->o)},
		&disks);
	node_disk_lock(n, lock);
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:I, s:o}", "node", n->name,
		"state", fsm_state_str(n->fsm.state), "action", apply_action_str(action),
		"why", text(why), "needs", needs_json(n, &disks, image), "lock", lock,
		"seen", (json_int_t)(n->inv ? n->inv_ms : 0), "disks",
		disks_json(&disks));
}

void api_plan_get(struct node *n, struct http_req *req)
{
	httpd_reply_json(req, 200, plan_json(n));
}
