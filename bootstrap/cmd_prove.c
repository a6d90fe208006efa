/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ondol prove NODE...`: the nodes prove again that their roles work, a hypervisor by
 * starting a guest. All are asked first, then waited for, so that they work side by side.
 */
#include "bootstrap/cli.h"
#include "bootstrap/nodeprint.h"
#include "common/jsonx.h"

#define HOLD_S 5 /* ondold holds a request for events so long */
#define DEFAULT_TIMEOUT_MS (10 * 60 * 1000)

static int ask(const struct cli *cli, const char *node, uint64_t *ret_task)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	struct jx j = {0};
	int r = cli_post_node(
		cli, node, "prove", json_object(), CLIENT_TIMEOUT_MS, &answer);

	if (r != CLI_DONE)
		return r;
	j.obj = answer;
	*ret_task = jx_uint(&j, "task", 0, UINT64_C(1) << 53);
	if (j.error) {
		cli_error(
			cli, "%s: ondold's answer is not understood: %s", node, j.error);
		jx_clear(&j);
		return CLI_FAILED;
	}
	return CLI_DONE;
}

/* Returns when something happened to the node after *since, or a little later. */
static int await_event(const struct cli *cli, const char *node, int64_t *since)
{
	_cleanup_free_ char *path = NULL, *msg = NULL;
	_cleanup_(jx_freep) json_t *json = NULL;
	struct events_view e = {0};

	path = xasprintf(
		"/v1/events?since=%lld&node=%s&wait=%d", (long long)*since, node, HOLD_S);
	if (client_call(cli->socket, "GET", path, NULL, CLIENT_TIMEOUT_MS, &json, &msg) !=
			0 ||
		events_view_parse(json, &e, &msg) < 0) {
		cli_error(cli, "%s", msg);
		return CLI_FAILED;
	}
	*since = e.last;
	events_view_clear(&e);
	return CLI_DONE;
}

/* Leaves in *ret the node as it is when its task is done. */
static int await_task(const struct cli *cli, const char *node, uint64_t task,
	uint64_t deadline_ms, struct node_view *ret)
{
	int64_t since = -1;

	for (;;) {
		struct node_view n = {0};
		int r = await_event(
			cli, node, &since); /* the first one only learns the last id */

		if (r == CLI_DONE)
			r = cli_get_node(cli, node, NULL, &n);
		if (r != CLI_DONE)
			return r;
		if (n.has_task && n.task_id >= task && n.task_done) {
			*ret = n;
			return CLI_DONE;
		}
		node_view_clear(&n);
		if (now_mono_ms() >= deadline_ms) {
			cli_error(cli,
				"%s did not answer in time; `ondol why %s` shows what it does",
				node, node);
			return CLI_FAILED;
		}
	}
}

static json_t *result_json(const struct node_view *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->n_task_proofs; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:b, s:s}", "name", n->task_proofs[i].name, "ok",
				n->task_proofs[i].ok, "text", n->task_proofs[i].text));
	return json_pack(
		"{s:s, s:b, s:o}", "node", n->name, "ok", n->task_ok, "proofs", list);
}

static bool all_ok(const struct node_view *n)
{
	for (size_t i = 0; i < n->n_task_proofs; i++)
		if (!n->task_proofs[i].ok)
			return false;
	return n->task_ok;
}

static int report(const struct cli *cli, const struct node_view *n, json_t *results)
{
	bool ok = all_ok(n);

	if (cli->opt.json) {
		json_array_append_new(results, result_json(n));
	} else {
		printf("%s%s%s: %s\n", style_on(STYLE_BOLD, cli->out.color), n->name,
			style_off(STYLE_BOLD, cli->out.color),
			ok ? "everything is proved" : "not everything works");
		nodeprint_proofs(cli, n->task_proofs, n->n_task_proofs);
		putchar('\n');
	}
	return ok ? CLI_DONE : CLI_FAILED;
}

static int prove_all(const struct cli *cli, uint64_t *tasks, json_t *results)
{
	uint64_t timeout_ms =
		cli->opt.timeout_ms ? cli->opt.timeout_ms : DEFAULT_TIMEOUT_MS;
	uint64_t deadline_ms = now_mono_ms() + timeout_ms;
	int worst = CLI_DONE;

	for (size_t i = 0; i < cli->opt.n_args; i++) {
		int r = ask(cli, cli->opt.args[i], &tasks[i]);

		if (r != CLI_DONE)
			return r;
	}
	for (size_t i = 0; i < cli->opt.n_args; i++) {
		_cleanup_(node_view_clear) struct node_view n = {0};
		int r = await_task(cli, cli->opt.args[i], tasks[i], deadline_ms, &n);

		if (r == CLI_DONE)
			r = report(cli, &n, results);
		if (r != CLI_DONE)
			worst = r;
	}
	return worst;
}

int cmd_prove(struct cli *cli)
{
	uint64_t *tasks;
	json_t *results;
	int r;

	if (cli->opt.n_args == 0)
		return cli_usage(cli, "prove: expected the names of nodes");
	tasks = xcalloc(cli->opt.n_args, sizeof(*tasks));
	results = json_array();
	r = prove_all(cli, tasks, results);
	free(tasks);
	if (cli->opt.json)
		cli_print_json(
			json_pack("{s:b, s:o}", "ok", r == CLI_DONE, "nodes", results));
	else
		json_decref(results);
	return r;
}
