/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ondol cancel NODE`: ends the run of a node. `ondol maintenance NODE on|off`: ondold
 * leaves a node alone, or takes it back.
 */
#include "bootstrap/cli.h"
#include "common/jsonx.h"

/* Shows what became of the node; takes answer. */
static int tell(const struct cli *cli, const char *node, json_t *answer)
{
	const char *state = json_string_value(json_object_get(answer, "state"));
	const char *said = json_string_value(json_object_get(answer, "reason"));
	_cleanup_free_ char *reason = text_clean(said ? said : "", cli->out.utf8);

	if (cli->opt.json) {
		cli_print_json(answer);
		return CLI_DONE;
	}
	printf("%s is %s%s%s\n", node, state ? state : "as it was", *reason ? ": " : "",
		reason);
	json_decref(answer);
	return CLI_DONE;
}

int cmd_cancel(struct cli *cli)
{
	json_t *answer = NULL;
	int r;

	if (cli->opt.n_args != 1)
		return cli_usage(cli, "cancel: expected one node");
	r = cli_post_node(cli, cli->opt.args[0], "cancel", json_object(),
		CLIENT_TIMEOUT_MS, &answer);
	return r == CLI_DONE ? tell(cli, cli->opt.args[0], answer) : r;
}

int cmd_maintenance(struct cli *cli)
{
	const char *const *args = (const char *const *)cli->opt.args;
	bool on = cli->opt.n_args > 1 && streq(args[1], "on");
	json_t *answer = NULL;
	int r;

	if (cli->opt.n_args < 2 || cli->opt.n_args > 3 ||
		(!on && !streq(args[1], "off")) || (!on && cli->opt.n_args == 3))
		return cli_usage(cli,
			"maintenance: expected NODE on [REASON], with the reason in quotes, or "
			"NODE off");
	r = cli_post_node(cli, args[0], "maintenance",
		json_pack("{s:b, s:s}", "on", (int)on, "reason",
			on && args[2] ? args[2] : ""),
		CLIENT_TIMEOUT_MS, &answer);
	return r == CLI_DONE ? tell(cli, args[0], answer) : r;
}
