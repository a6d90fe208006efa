/* SPDX-License-Identifier: Apache-2.0 */
/* `ondol reinstall NODE...`: install again, over IPMI and PXE, whatever is on the system disk. */
#include "bootstrap/outcome.h"
#include "bootstrap/table.h"
#include "common/jsonx.h"

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

/* PLAN of docs/protocol.md in words: what becomes of each disk; and its lock. */
static int plan_text(const struct cli *cli, const struct status_view *s,
	const struct node_view *n, char **ret, char **ret_lock)
{
	_cleanup_free_ char *path = xasprintf("/v1/nodes/%s/plan", n->name), *msg = NULL,
			    *disks = NULL, *needs = NULL;
	_cleanup_(jx_freep) json_t *json = NULL;
	struct jx plan = {0};
	char ago[48], *lock;

	if (client_call(cli->socket, "GET", path, NULL, CLIENT_TIMEOUT_MS, &json, &msg) !=
		0) {
		cli_error(cli, "%s: what a reinstall would do to its disks: %s", n->name,
			msg);
		return CLI_FAILED;
	}
	plan.obj = json;
	disks = disk_table(cli, &plan);
	needs = needs_text(cli, &plan);
	cli_ago(jx_uint_opt(&plan, "seen", 0, UINT64_C(1) << 53, 0), s->now_ms, ago);
	lock = xstrdup(jx_str(&plan, "lock", 64));
	if (plan.error) {
		cli_error(cli, "%s: ondold's plan is not understood: %s", n->name,
			plan.error);
		free(plan.error);
		free(lock);
		return CLI_FAILED;
	}
	*ret_lock = lock;
	*ret = xasprintf(
		"%sIts disks were last seen by an agent: %s.\n%s", disks, ago, needs);
	return CLI_DONE;
}

/* Nobody agrees to what he has not seen; and a wrong name is noticed while it is typed. */
static int confirm(const struct cli *cli, const struct status_view *s,
	const struct node_view *n, char **ret_lock)
{
	_cleanup_free_ char *role = node_view_role(n), *plan = NULL, *text = NULL;
	int r;

	if (!term_can_ask())
		return cli_confirm(cli, "", n->name);
	r = plan_text(cli, s, n, &plan, ret_lock);
	if (r != CLI_DONE)
		return r;
	text = xasprintf("%s (%s, %s%s%s) will be powered off and installed anew.\n%s"
			 "Type its name to go on: ",
		n->name, role, n->state, *n->address ? ", " : "", n->address, plan);
	return cli_confirm(cli, text, n->name);
}

static int confirm_all(const struct cli *cli, const struct status_view *s, char **locks)
{
	for (size_t i = 0; i < cli->opt.n_args && !cli->opt.yes; i++) {
		int r = confirm(cli, s, status_view_node(s, cli->opt.args[i]), &locks[i]);

		if (r != CLI_DONE)
			return r;
	}
	return CLI_DONE;
}

/* lock: of the disks that were shown; NULL: it was said that nothing is to be shown. */
static json_t *request(const struct cli *cli, const char *lock)
{
	json_t *wipe = json_array();

	for (size_t i = 0; i < cli->opt.n_wipe; i++)
		json_array_append_new(wipe, json_string(cli->opt.wipe[i]));
	return json_pack("{s:o, s:s*}", "wipe", wipe, "lock", lock);
}

static int begin_all(const struct cli *cli, char **locks)
{
	for (size_t i = 0; i < cli->opt.n_args; i++) {
		json_t *answer = NULL;
		int r = cli_post_node(cli, cli->opt.args[i], "reinstall",
			request(cli, locks[i]), CLIENT_TIMEOUT_MS, &answer);

		json_decref(answer);
		if (r != CLI_DONE && i > 0)
			cli_error(cli, "those named before %s have begun",
				cli->opt.args[i]);
		if (r != CLI_DONE)
			return r;
	}
	return CLI_DONE;
}

static int ask_and_begin(const struct cli *cli, const struct status_view *s)
{
	char **locks = xcalloc(cli->opt.n_args, sizeof(*locks));
	int r = confirm_all(cli, s, locks);

	if (r == CLI_DONE)
		r = begin_all(cli, locks);
	for (size_t i = 0; i < cli->opt.n_args; i++)
		free(locks[i]);
	free(locks);
	return r;
}

int cmd_reinstall(struct cli *cli)
{
	_cleanup_(status_view_freep) struct status_view *s = NULL;
	struct goal *goals;
	int r;

	if (cli->opt.n_args == 0)
		return cli_usage(cli, "reinstall: expected the names of nodes");
	r = cli_get_status(cli, NULL, &s);
	if (r == CLI_DONE)
		r = cli_check_nodes(cli, s);
	if (r == CLI_DONE)
		r = ask_and_begin(cli, s);
	if (r != CLI_DONE)
		return r;
	if (cli->opt.no_wait) {
		if (cli->opt.json)
			cli_print_json(json_pack("{s:b}", "ok", 1));
		else
			printf("Begun. `ondol status --watch` shows it.\n");
		return CLI_DONE;
	}
	goals = xcalloc(cli->opt.n_args, sizeof(*goals));
	for (size_t i = 0; i < cli->opt.n_args; i++)
		goals[i] = (struct goal){cli->opt.args[i], GOAL_RUN, s->now_ms};
	r = outcome_wait(cli, goals, cli->opt.n_args, cli->opt.args, NULL);
	free(goals);
	return r;
}
