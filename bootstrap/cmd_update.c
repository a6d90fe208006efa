/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ondol update NODE...`: another image, kept only when the node becomes ready with it. One node
 * after the other: an image that does not work takes no second node with it.
 */
#include "bootstrap/follow.h"
#include "common/jsonx.h"

struct update {
	const char *node; /* borrowed */
	uint64_t task; /* 0: nothing is to be done */
	char *version, *before; /* owned */
};

static void update_clear(struct update *u)
{
	free(u->version);
	free(u->before);
}

static int confirm_all(const struct cli *cli, const struct status_view *s)
{
	for (size_t i = 0; i < cli->opt.n_args && !cli->opt.yes; i++) {
		const struct node_view *n = status_view_node(s, cli->opt.args[i]);
		_cleanup_free_ char *role = node_view_role(n), *question = NULL;
		int r;

		question = xasprintf(
			"%s (%s, %s, image %s) will be restarted with the image as it is now; "
			"guests that run on it end.\nType its name to go on: ",
			n->name, role, n->state, *n->image ? n->image : "not known");
		r = cli_confirm(cli, question, n->name);
		if (r != CLI_DONE)
			return r;
	}
	return CLI_DONE;
}

static int begin(const struct cli *cli, const char *node, struct update *ret)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	_cleanup_(jx_clear) struct jx j = {0};
	int r = cli_post_node(
		cli, node, "update", json_object(), CLIENT_TIMEOUT_MS, &answer);

	if (r != CLI_DONE)
		return r;
	j.obj = answer;
	*ret = (struct update){node, jx_uint(&j, "task", 0, UINT64_C(1) << 53),
		xstrdup(jx_str(&j, "version", 128)), xstrdup(jx_str(&j, "before", 128))};
	if (!j.error)
		return CLI_DONE;
	cli_error(cli, "%s: ondold's answer is not understood: %s", node, j.error);
	return CLI_FAILED;
}

/* What the node said at the end: its one proof. */
static const char *last_words(const struct status_view *s, const char *node)
{
	const struct node_view *n = s ? status_view_node(s, node) : NULL;

	return n && n->n_task_proofs ? n->task_proofs[0].text
				     : "`ondol why` shows what it did";
}

static int tell_end(const struct cli *cli, const struct update *u, int end,
	const struct status_view *s, const struct goal *goal, const char *msg)
{
	const struct node_view *n = s ? status_view_node(s, u->node) : NULL;

	if (end == FOLLOW_DONE && goal_check(goal, n) == GOAL_REACHED) {
		if (!cli->opt.json)
			printf("%s: image %s in place of %s\n", u->node, n->image,
				u->before);
		return CLI_DONE;
	}
	if (end == FOLLOW_LEFT) {
		fprintf(stderr,
			"Left. %s goes on; `ondol status %s` shows what came of it.\n",
			u->node, u->node);
		return CLI_LEFT;
	}
	if (end == FOLLOW_DONE)
		cli_error(cli, "%s: %s", u->node, last_words(s, u->node));
	else if (end == FOLLOW_TIMEOUT)
		cli_error(cli,
			"%s: not done within --timeout; it goes on, and `ondol status %s` "
			"shows what came of it",
			u->node, u->node);
	else
		cli_error(cli, "%s", msg);
	return CLI_FAILED;
}

static int await_end(const struct cli *cli, const struct update *u)
{
	const char *const nodes[] = {u->node, NULL};
	struct goal goal = {.node = u->node, .kind = GOAL_TASK, .task = u->task};
	struct follow_spec spec = {.cli = cli,
		.term = cli->opt.json ? &cli->err : &cli->out,
		.goals = &goal,
		.n_goals = 1,
		.nodes = nodes,
		.timeout_ms = cli->opt.timeout_ms};
	_cleanup_(status_view_freep) struct status_view *s = NULL;
	_cleanup_(jx_freep) json_t *json = NULL;
	_cleanup_free_ char *msg = NULL;
	int end = follow_run(&spec, &s, &json, &msg);

	return tell_end(cli, u, end, s, &goal, msg);
}

static int update_one(const struct cli *cli, const char *node, json_t *results)
{
	_cleanup_(update_clear) struct update u = {0};
	int r = begin(cli, node, &u);

	if (r != CLI_DONE)
		return r;
	if (u.task)
		r = await_end(cli, &u);
	else if (!cli->opt.json)
		printf("%s: has image %s already\n", node, u.version);
	json_array_append_new(results,
		json_pack("{s:s, s:b, s:b, s:s, s:s}", "node", node, "ok", r == CLI_DONE,
			"updated", u.task && r == CLI_DONE, "version", u.version,
			"before", u.before));
	return r;
}

static int update_all(const struct cli *cli, json_t *results)
{
	for (size_t i = 0; i < cli->opt.n_args; i++) {
		int r = update_one(cli, cli->opt.args[i], results);

		if (r == CLI_DONE)
			continue;
		if (i + 1 < cli->opt.n_args)
			cli_error(cli, "those named after %s have not begun",
				cli->opt.args[i]);
		return r;
	}
	return CLI_DONE;
}

int cmd_update(struct cli *cli)
{
	_cleanup_(status_view_freep) struct status_view *s = NULL;
	json_t *results;
	int r;

	if (cli->opt.n_args == 0)
		return cli_usage(cli, "update: expected the names of nodes");
	r = cli_get_status(cli, NULL, &s);
	if (r == CLI_DONE)
		r = cli_check_nodes(cli, s);
	if (r == CLI_DONE)
		r = confirm_all(cli, s);
	if (r != CLI_DONE)
		return r;
	results = json_array();
	r = update_all(cli, results);
	if (cli->opt.json)
		cli_print_json(
			json_pack("{s:b, s:o}", "ok", r == CLI_DONE, "nodes", results));
	else
		json_decref(results);
	return r;
}
