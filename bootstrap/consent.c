/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/consent.h"

#include "bootstrap/table.h"
#include "common/jsonx.h"

/* ---- what is shown ---- */

/* What a node made up may be in it: the table cleans it. */
static const char *words(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s && *s ? s : "-";
}

static void add_disk(const json_t *plan, struct table *t)
{
	const json_t *declared = json_object_get(plan, "declared"),
		     *found = json_object_get(plan, "found");
	const json_t *d = json_is_object(declared) ? declared : found,
		     *f = json_is_object(found) ? found : declared;
	json_int_t bay = json_integer_value(json_object_get(d, "bay")),
		   bytes = json_integer_value(json_object_get(f, "size_bytes"));
	const char *serial = words(f, "serial");
	char size[32];

	format_size(bytes > 0 ? (uint64_t)bytes : 0, size);
	if (bay > 0)
		table_add(t, STYLE_PLAIN, "%u", (unsigned)bay);
	else
		table_add(t, STYLE_DIM, "-");
	table_add(t, STYLE_BOLD, "%s", words(f, "name"));
	table_add(t, STYLE_PLAIN, "%s", streq(serial, "-") ? words(f, "wwn") : serial);
	table_add(t, STYLE_PLAIN, "%s", size);
	table_add(t, STYLE_PLAIN, "%s", words(plan, "holds"));
	table_add(t, streq(words(plan, "fate"), "kept") ? STYLE_PLAIN : STYLE_WARN, "%s",
		words(plan, "what"));
}

static char *disk_table(const struct cli *cli, struct jx *plan)
{
	static const char *const headings[] = {
		"bay", "disk", "serial", "size", "on it", "what happens to it", NULL};
	_cleanup_(table_freep) struct table *t = table_new(headings);
	const json_t *list = jx_array(plan, "disks", RACK_MAX_NODES), *item;
	size_t i;

	json_array_foreach(list, i, item) add_disk(item, t);
	return table_render(t, term_columns(&cli->err), cli->err.color, cli->err.utf8);
}

static char *needs_text(const struct cli *cli, struct jx *plan)
{
	const json_t *list = jx_array_opt(plan, "needs", RACK_MAX_NODES), *item;
	char *text = xstrdup("");
	size_t i;

	json_array_foreach(list, i, item)
	{
		_cleanup_free_ char *before = text, *clean = NULL;

		if (json_is_string(item))
			clean = text_clean(json_string_value(item), cli->err.utf8);
		text = xasprintf("%sIt needs first: %s.\n", before, clean ? clean : "?");
	}
	return text;
}

static bool is_named(const struct cli *cli, const char *disk)
{
	for (size_t i = 0; disk && i < cli->opt.n_wipe; i++)
		if (streq(cli->opt.wipe[i], disk))
			return true;
	return false;
}

/*
 * The names of the system disk and its mirror, as far as they may only be written when they are
 * given, and were not yet. One that has none, or that nobody can type, is refused by ondold.
 */
static void read_names(const struct cli *cli, const json_t *plan, struct consent_plan *p)
{
	const json_t *d;
	size_t i;

	json_array_foreach(json_object_get(plan, "disks"), i, d)
	{
		const json_t *found = json_object_get(d, "found");
		const char *fate = json_string_value(json_object_get(d, "fate")),
			   *serial = json_string_value(json_object_get(found, "serial")),
			   *wwn = json_string_value(json_object_get(found, "wwn")),
			   *name = serial && *serial ? serial : wwn;

		if (!streq_ptr(fate, "refused") || p->n_names == ARRAY_SIZE(p->names) ||
			!name || !*name || is_named(cli, serial) || is_named(cli, wwn) ||
			!text_is_clean(name, cli->err.utf8))
			continue;
		p->names[p->n_names++] = xstrdup(name);
	}
	if (p->n_names)
		p->to_type = p->n_names == 1
			? xstrdup(p->names[0])
			: xasprintf("%s %s", p->names[0], p->names[1]);
}

int consent_plan(const struct cli *cli, const char *node, uint64_t now_ms,
	struct consent_plan *ret)
{
	_cleanup_free_ char *path = xasprintf("/v1/nodes/%s/plan", node), *msg = NULL,
			    *disks = NULL, *needs = NULL;
	_cleanup_(jx_freep) json_t *json = NULL;
	struct consent_plan p = {0};
	struct jx plan = {0};
	char ago[48];

	if (client_call(cli->socket, "GET", path, NULL, CLIENT_TIMEOUT_MS, &json, &msg) !=
		0) {
		cli_error(
			cli, "%s: what a reinstall would do to its disks: %s", node, msg);
		return CLI_FAILED;
	}
	plan.obj = json;
	disks = disk_table(cli, &plan);
	needs = needs_text(cli, &plan);
	cli_ago(jx_uint_opt(&plan, "seen", 0, UINT64_C(1) << 53, 0), now_ms, ago);
	p.lock = xstrdup(jx_str(&plan, "lock", 64));
	read_names(cli, json, &p);
	p.text = xasprintf(
		"%sIts disks were last seen by an agent: %s.\n%s", disks, ago, needs);
	if (plan.error) {
		cli_error(
			cli, "%s: ondold's plan is not understood: %s", node, plan.error);
		free(plan.error);
		consent_plan_clear(&p);
		return CLI_FAILED;
	}
	*ret = p;
	return CLI_DONE;
}

void consent_plan_clear(struct consent_plan *p)
{
	free(p->text);
	free(p->lock);
	for (size_t i = 0; i < p->n_names; i++)
		free(p->names[i]);
	free(p->to_type);
	*p = (struct consent_plan){0};
}

/* ---- what ondold is told ---- */

int consent_give(const struct cli *cli, const struct node_view *n,
	const struct consent_plan *shown, bool *ret_looks)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	json_t *wipe = json_array();
	const char *action;
	int r;

	for (size_t i = 0; i < cli->opt.n_wipe; i++)
		json_array_append_new(wipe, json_string(cli->opt.wipe[i]));
	for (size_t i = 0; shown && i < shown->n_names; i++)
		json_array_append_new(wipe, json_string(shown->names[i]));
	r = cli_post_node(cli, n->name, n->asks ? "agree" : "reinstall",
		json_pack(
			"{s:o, s:s*}", "wipe", wipe, "lock", shown ? shown->lock : NULL),
		CLIENT_TIMEOUT_MS, &answer);
	action = json_string_value(json_object_get(answer, "action"));
	*ret_looks = streq_ptr(action, "look");
	return r;
}

int consent_look(const struct cli *cli, const char *node)
{
	_cleanup_(jx_freep) json_t *answer = NULL;

	return cli_post_node(cli, node, "reinstall", json_pack("{s:b}", "look", 1),
		CLIENT_TIMEOUT_MS, &answer);
}

/* ---- nodes that ask ---- */

char *consent_question(const struct consent_plan *p, const char *head)
{
	if (!p->to_type)
		return xasprintf("%s\n%sType its name to go on: ", head, p->text);
	return xasprintf("%s\n%sType %s to have %s wiped and the node installed: ", head,
		p->text, p->to_type, p->n_names == 1 ? "that disk" : "those disks");
}

const char *consent_word(const struct consent_plan *p, const char *node)
{
	return p->to_type ? p->to_type : node;
}

struct asked {
	const struct node_view *node; /* borrowed */
	struct consent_plan plan;
	bool is_known; /* the plan is */
	bool yes;
};

static char *heading(const struct asked *a)
{
	return xasprintf("\n%s was never seen before. This is what its agent has found:",
		a->node->name);
}

/* Each by itself: its disk is to be named. */
static void ask_for_name(struct asked *a)
{
	_cleanup_free_ char *head = heading(a), *answer = NULL;
	_cleanup_free_ char *question = consent_question(&a->plan, head);

	a->yes = term_ask(question, &answer) == 0 && streq(answer, a->plan.to_type);
}

/* The others, at once. */
static void ask_for_yes(struct asked *list, size_t n)
{
	_cleanup_free_ char *question = NULL, *answer = NULL;
	bool yes;
	size_t len, asks = 0;
	FILE *f = open_memstream(&question, &len);

	if (!f)
		abort();
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *head = NULL;

		if (!list[i].is_known || list[i].plan.to_type)
			continue;
		head = heading(&list[i]);
		fprintf(f, "%s\n%s", head, list[i].plan.text);
		asks++;
	}
	fprintf(f, "Type yes to have %s installed: ", asks == 1 ? "it" : "them");
	if (fclose(f) != 0)
		abort();
	yes = asks > 0 && term_ask(question, &answer) == 0 && streq(answer, "yes");
	for (size_t i = 0; i < n; i++)
		if (list[i].is_known && !list[i].plan.to_type)
			list[i].yes = yes;
}

static void read_plans(const struct cli *cli, const struct status_view *s,
	const char *const *names, struct asked *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		list[i].node = status_view_node(s, names[i]);
		list[i].is_known = list[i].node &&
			consent_plan(cli, names[i], s->now_ms, &list[i].plan) == CLI_DONE;
	}
}

void consent_ask(const struct cli *cli, const struct status_view *s,
	const char *const *names, size_t n, bool *agreed)
{
	struct asked *list = xcalloc(n + 1, sizeof(*list));
	bool looks;

	read_plans(cli, s, names, list, n);
	for (size_t i = 0; i < n && term_can_ask(); i++)
		if (list[i].is_known && list[i].plan.to_type)
			ask_for_name(&list[i]);
	if (term_can_ask())
		ask_for_yes(list, n);
	for (size_t i = 0; i < n; i++) {
		agreed[i] = list[i].yes &&
			consent_give(cli, list[i].node, &list[i].plan, &looks) ==
				CLI_DONE;
		if (!agreed[i])
			cli_error(cli,
				"%s waits, and nothing was written: `ondol reinstall %s` asks "
				"again, `ondol cancel %s` ends it",
				names[i], names[i], names[i]);
		consent_plan_clear(&list[i].plan);
	}
	free(list);
}
