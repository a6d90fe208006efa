/* SPDX-License-Identifier: Apache-2.0 */
/* `ondol status`: the rack in a table, or one node in full, or the rack as it changes. */
#include "bootstrap/follow.h"
#include "bootstrap/nodeprint.h"
#include "bootstrap/table.h"
#include "common/jsonx.h"

static void put_remark(struct table *t, const struct node_view *n, uint64_t now_ms)
{
	_cleanup_free_ char *text = node_view_remark(n, now_ms);

	if (n->has_progress && n->total > 0)
		table_add(t, STYLE_PLAIN, "%s %u %%", text,
			progress_percent(n->done, n->total));
	else
		table_add(t, STYLE_PLAIN, "%s", text);
}

/* How far back `ondol why --all` can look. */
static void print_kept(const struct status_view *s)
{
	char size[32], since[32];

	if (!s->n_events)
		return;
	format_size(s->store_bytes, size);
	cli_date_time(s->oldest_ms, since);
	printf("\n%llu events since %s, in %s\n", (unsigned long long)s->n_events, since,
		size);
}

static void print_table(const struct cli *cli, const struct status_view *s)
{
	static const char *const headings[] = {"node", "unit", "role", "state", "since",
		"address", "BMC", "power", "seen", "what", NULL};
	_cleanup_(table_freep) struct table *t = table_new(headings);
	char since[48], seen[48];

	table_right(t, 1);
	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct node_view *n = &s->nodes[i];
		_cleanup_free_ char *role = node_view_role(n);

		cli_ago(n->since_ms, s->now_ms, since);
		cli_ago(n->last_seen_ms, s->now_ms, seen);
		table_add(t, STYLE_BOLD, "%s", n->name);
		if (n->unit)
			table_add(t, STYLE_PLAIN, "%u", n->unit);
		else
			table_add(t, STYLE_DIM, "-");
		table_add(t, STYLE_PLAIN, "%s", role);
		table_add(t, node_view_style(n), "%s", n->state);
		table_add(t, STYLE_PLAIN, "%s", since);
		table_add(t, STYLE_PLAIN, "%s", *n->address ? n->address : "-");
		table_add(t, STYLE_PLAIN, "%s", *n->bmc ? n->bmc : "-");
		table_add(t, STYLE_PLAIN, "%s", *n->power ? n->power : "-");
		table_add(t, STYLE_PLAIN, "%s", seen);
		put_remark(t, n, s->now_ms);
	}
	table_print(t, &cli->out);
	print_kept(s);
}

static int print_all(const struct cli *cli)
{
	_cleanup_(status_view_freep) struct status_view *s = NULL;
	json_t *json = NULL;
	int r = cli_get_status(cli, &json, &s);

	if (r != CLI_DONE)
		return r;
	if (cli->opt.json) {
		cli_print_json(json);
		return CLI_DONE;
	}
	json_decref(json);
	if (!*s->rack) {
		printf("ondold %s has no rack yet. Give it one: `ondol apply FILE`.\n",
			s->version);
		return CLI_DONE;
	}
	print_table(cli, s);
	return CLI_DONE;
}

static int print_one(const struct cli *cli, const char *name)
{
	_cleanup_(node_view_clear) struct node_view n = {0};
	json_t *json = NULL;
	int r = cli_get_node(cli, name, &json, &n);

	if (r != CLI_DONE)
		return r;
	if (cli->opt.json) {
		cli_print_json(json);
		return CLI_DONE;
	}
	json_decref(json);
	nodeprint_state(cli, &n);
	nodeprint_inventory(cli, &n);
	nodeprint_proofs(cli, n.proofs, n.n_proofs);
	return CLI_DONE;
}

static int watch_on(const struct cli *cli)
{
	_cleanup_(status_view_freep) struct status_view *s = NULL;
	_cleanup_(jx_freep) json_t *json = NULL;
	_cleanup_free_ char *msg = NULL;
	struct follow_spec spec = {
		.cli = cli, .term = &cli->out, .timeout_ms = cli->opt.timeout_ms};
	int r = cli_get_status(cli, NULL, &s);

	if (r == CLI_DONE)
		r = cli_check_nodes(cli, s);
	if (r != CLI_DONE)
		return r;
	status_view_freep(&s);
	s = NULL;
	if (cli->opt.n_args)
		spec.nodes = cli->opt.args;
	r = follow_run(&spec, &s, &json, &msg);
	if (r >= 0)
		return r == FOLLOW_LEFT ? CLI_LEFT : CLI_DONE;
	cli_error(cli, "%s", msg);
	return CLI_FAILED;
}

int cmd_status(struct cli *cli)
{
	if (cli->opt.watch && cli->opt.json)
		return cli_usage(cli, "status: --watch and --json do not go together");
	if (cli->opt.watch)
		return watch_on(cli);
	if (cli->opt.n_args > 1)
		return cli_usage(cli, "status: expected one node, or none for all");
	return cli->opt.n_args ? print_one(cli, cli->opt.args[0]) : print_all(cli);
}
