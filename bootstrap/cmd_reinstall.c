/* SPDX-License-Identifier: Apache-2.0 */
/* `ondol reinstall NODE...`: install again, over IPMI and PXE, whatever is on the system disk. */
#include "bootstrap/outcome.h"

/* Each node's name is typed: a wrong one is noticed while it is. */
static int confirm_all(const struct cli *cli, const struct status_view *s)
{
	for (size_t i = 0; i < cli->opt.n_args; i++) {
		const struct node_view *n = status_view_node(s, cli->opt.args[i]);
		_cleanup_free_ char *role = node_view_role(n);
		_cleanup_free_ char *text = xasprintf(
			"%s (%s, %s%s%s) will be powered off and installed anew; its system disk%s%s "
			"is overwritten.\nType its name to go on: ",
			n->name, role, n->state, *n->address ? ", " : "", n->address,
			*n->disk_serial ? " " : "", n->disk_serial);
		int r = cli_confirm(cli, text, n->name);

		if (r != CLI_DONE)
			return r;
	}
	return CLI_DONE;
}

static json_t *request(const struct cli *cli)
{
	json_t *wipe = json_array();

	for (size_t i = 0; i < cli->opt.n_wipe; i++)
		json_array_append_new(wipe, json_string(cli->opt.wipe[i]));
	return json_pack("{s:o}", "wipe", wipe);
}

static int begin_all(const struct cli *cli)
{
	for (size_t i = 0; i < cli->opt.n_args; i++) {
		json_t *answer = NULL;
		int r = cli_post_node(cli, cli->opt.args[i], "reinstall", request(cli),
			CLIENT_TIMEOUT_MS, &answer);

		json_decref(answer);
		if (r != CLI_DONE && i > 0)
			cli_error(cli, "those named before %s have begun",
				cli->opt.args[i]);
		if (r != CLI_DONE)
			return r;
	}
	return CLI_DONE;
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
		r = confirm_all(cli, s);
	if (r == CLI_DONE)
		r = begin_all(cli);
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
