/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/plan.h"

#include "bootstrap/diskplan.h"
#include "bootstrap/table.h"
#include "common/diskmatch.h"
#include "common/jsonx.h"

int plan_load(const struct cli *cli, struct input *ret)
{
	struct input_spec spec = {.file = cli->opt.args[0],
		.secrets = cli->opt.secrets,
		.roles = cli->opt.roles};

	if (cli->opt.n_args != 1)
		return cli_usage(
			cli, "%s: expected one file, the rack.ini", cli->command);
	if (input_load(&spec, ret) == 0)
		return CLI_DONE;
	input_tell(ret);
	return CLI_USAGE;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static json_t *text_json(const char *text, size_t len)
{
	json_t *s = json_stringn(text, len);

	return s ? s : json_string(""); /* not UTF-8: the local check has told so */
}

static json_t *locks_json(const struct plan *shown)
{
	json_t *locks = json_object();

	for (size_t i = 0; i < shown->n; i++)
		json_object_set_new(
			locks, shown->list[i].node, json_string(shown->list[i].lock));
	return locks;
}

static json_t *request(
	const struct cli *cli, const struct input *in, const struct plan *shown)
{
	json_t *wipe = json_array(), *body;

	for (size_t i = 0; i < cli->opt.n_wipe; i++)
		json_array_append_new(
			wipe, text_json(cli->opt.wipe[i], strlen(cli->opt.wipe[i])));
	for (size_t i = 0; shown && i < shown->n; i++)
		if (shown->list[i].named)
			json_array_append_new(wipe, json_string(shown->list[i].to_name));
	body = json_pack("{s:o, s:o, s:o, s:o, s:b}", "file",
		text_json(base_name(in->file), strlen(base_name(in->file))), "rack_ini",
		text_json(in->rack_ini, in->rack_ini_len), "secrets_ini",
		text_json(in->secrets_ini, in->secrets_ini_len), "wipe", wipe, "dry_run",
		!shown);
	if (shown)
		json_object_set_new(body, "locks", locks_json(shown));
	return body;
}

static int parse_plan(const json_t *json, struct plan *p, char **reterr_msg)
{
	struct jx j = {.obj = json};
	const json_t *list, *item;
	size_t i;

	p->revision = jx_uint_opt(&j, "revision", 0, UINT64_C(1) << 53, 0);
	list = jx_array(&j, "actions", 2 * RACK_MAX_NODES);
	p->list = xcalloc(json_array_size(list) + 1, sizeof(*p->list));
	json_array_foreach(list, i, item)
	{
		struct jx a = {.obj = item};
		struct plan_action *x = &p->list[p->n++];

		x->node = xstrdup(jx_str(&a, "node", 64));
		x->action = xstrdup(jx_str(&a, "action", 32));
		x->why = xstrdup(jx_str_opt(&a, "why", PLAN_WHY_MAX, ""));
		x->disk = xstrdup("");
		x->lock = xstrdup(jx_str_opt(&a, "lock", 64, ""));
		x->to_name = xstrdup(jx_str_opt(&a, "to_name", 64, ""));
		jx_merge(&j, "actions", &a);
	}
	*reterr_msg = TAKE_PTR(j.error);
	return *reterr_msg ? -EPROTO : 0;
}

/* 422: ondold's own check of the files. */
static int tell_problems(const struct cli *cli, const json_t *answer, const char *msg)
{
	const json_t *list = json_object_get(answer, "problems"), *item;
	size_t i;

	if (json_array_size(list) == 0)
		cli_error(cli, "ondold refused the files: %s", msg);
	json_array_foreach(list, i, item)
	{
		const char *raw = json_string_value(item);
		_cleanup_free_ char *text = text_clean(raw ? raw : "?", cli->err.utf8);

		fprintf(stderr, "%s\n", text);
	}
	fprintf(stderr, "ondold refused the files; nothing was changed\n");
	return CLI_USAGE;
}

int plan_post(const struct cli *cli, const struct input *in, const struct plan *shown,
	struct plan *ret)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	_cleanup_free_ char *msg = NULL;
	struct plan p = {0};
	int r;

	r = client_call(cli->socket, "POST", "/v1/rack", request(cli, in, shown),
		CLIENT_TIMEOUT_MS, &answer, &msg);
	if (r == 422)
		return tell_problems(cli, answer, msg);
	if (r != 0) {
		cli_error(cli, "%s", msg);
		return CLI_FAILED;
	}
	if (parse_plan(answer, &p, &msg) < 0) {
		cli_error(cli, "ondold's plan is not understood: %s", msg);
		plan_clear(&p);
		return CLI_FAILED;
	}
	*ret = p;
	return CLI_DONE;
}

char *plan_disk_text(const struct rack_node *n, size_t i, const struct inventory *inv)
{
	const struct rack_disk *d = &n->profile->disks[i];
	_cleanup_free_ char *why = NULL, *contents = NULL;
	const struct inv_disk *found;
	char size[32];

	format_size(d->size_bytes, size);
	if (!inv)
		return xasprintf("bay %u, %s, %s", d->bay, disk_bus_str(d->bus), size);
	if (disk_match(n, i, inv, &found, &why) < 0)
		return xasprintf("bay %u: %s", d->bay, why);
	contents = disk_holds(found, NULL);
	return xasprintf("bay %u, %s, %s, serial %s; on it: %s", d->bay,
		disk_bus_str(d->bus), size, *found->serial ? found->serial : found->wwn,
		contents);
}

/* All disks of a node that will be written: the system disk at an install, and those of its role. */
static char *disks_text(const struct rack_node *n, const struct roledef *role,
	bool install, const struct inventory *inv)
{
	char *out = xstrdup("");

	for (size_t i = 0; i < n->profile->n_disks; i++) {
		enum disk_use use = n->profile->disks[i].use;
		bool data = use == DISK_DATA && role && (role->data_vg || role->data_dir);
		_cleanup_free_ char *one = NULL;
		char *more;

		if (!data && !(disk_use_is_system(use) && install))
			continue;
		one = plan_disk_text(n, i, inv);
		more = xasprintf("%s%s%s%s%s", out, *out ? " + " : "", one,
			!data                   ? ""
				: role->data_vg ? " for LVM "
						: " for XFS at ",
			!data                   ? ""
				: role->data_vg ? role->data_vg
						: role->data_dir);
		free(out);
		out = more;
	}
	return out;
}

/* NULL when ondold does not know the node yet, or never saw it. */
static struct inventory *last_inventory(const struct cli *cli, const char *node)
{
	_cleanup_free_ char *path = xasprintf("/v1/nodes/%s", node), *msg = NULL;
	_cleanup_(jx_freep) json_t *json = NULL;
	struct inventory *inv = NULL;
	const json_t *part;

	if (client_call(cli->socket, "GET", path, NULL, CLIENT_TIMEOUT_MS, &json, &msg) !=
		0)
		return NULL;
	part = json_object_get(json, "inventory");
	if (json_is_object(part) && inventory_from_json(part, &inv, &msg) < 0)
		cli_error(cli, "%s: its inventory is not understood: %s", node, msg);
	return inv;
}

void plan_find_disks(const struct cli *cli, const struct input *in, struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct rack_node *n = rack_node(in->rack, p->list[i].node);
		_cleanup_(inventory_freep) struct inventory *inv = NULL;
		bool install = streq(p->list[i].action, "install") ||
			streq(p->list[i].action, "asks");

		if (!n || (!install && !streq(p->list[i].action, "converge")))
			continue;
		inv = last_inventory(cli, n->name);
		free(p->list[i].disk);
		p->list[i].disk = disks_text(
			n, roledefs_find(in->roles, n->role, n->kind), install, inv);
	}
}

static enum term_style action_style(const char *action)
{
	if (streq(action, "install") || streq(action, "look") || streq(action, "asks") ||
		streq(action, "remove"))
		return STYLE_WARN;
	if (streq(action, "refused") || streq(action, "held"))
		return STYLE_BAD;
	return streq(action, "none") ? STYLE_DIM : STYLE_PLAIN;
}

static void put_role(struct table *t, const struct rack_node *n)
{
	if (!n)
		table_add(t, STYLE_PLAIN, "-");
	else
		table_add(t, STYLE_PLAIN, "%s%s%s", n->role, n->kind ? " " : "",
			n->kind ? n->kind : "");
}

void plan_print(const struct cli *cli, const struct input *in, const struct plan *p)
{
	static const char *const headings[] = {
		"node", "role", "action", "disks that are written", "why", NULL};
	_cleanup_(table_freep) struct table *t = table_new(headings);

	for (size_t i = 0; i < p->n; i++) {
		const struct plan_action *a = &p->list[i];

		table_add(t, STYLE_BOLD, "%s", a->node);
		put_role(t, rack_node(in->rack, a->node));
		table_add(t, action_style(a->action), "%s", a->action);
		table_add(t, STYLE_PLAIN, "%s", *a->disk ? a->disk : "-");
		table_add(t, STYLE_PLAIN, "%s", a->why);
	}
	table_print(t, &cli->out);
}

json_t *plan_json(const struct plan *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "node",
				p->list[i].node, "action", p->list[i].action, "why",
				p->list[i].why, "disk", p->list[i].disk, "lock",
				p->list[i].lock, "to_name", p->list[i].to_name));
	return json_pack(
		"{s:I, s:o}", "revision", (json_int_t)p->revision, "actions", list);
}

size_t plan_count(const struct plan *p, const char *action)
{
	size_t count = 0;

	for (size_t i = 0; i < p->n; i++)
		count += streq(p->list[i].action, action);
	return count;
}

const struct plan_action *plan_action(const struct plan *p, const char *node)
{
	for (size_t i = 0; i < p->n; i++)
		if (streq(p->list[i].node, node))
			return &p->list[i];
	return NULL;
}

void plan_clear(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->list[i].node);
		free(p->list[i].action);
		free(p->list[i].why);
		free(p->list[i].disk);
		free(p->list[i].lock);
		free(p->list[i].to_name);
	}
	free(p->list);
	*p = (struct plan){0};
}
