/* SPDX-License-Identifier: Apache-2.0 */
/* `ondol power NODE ACTION`: over the node's BMC; done when the BMC says it is so. */
#include "bootstrap/cli.h"
#include "common/jsonx.h"

#define POWER_TIMEOUT_MS 240000 /* a soft off takes as long as the system takes to end */
#define RESET_TIMEOUT_MS 360000 /* a BMC takes minutes to start */

static const char *const actions[] = {
	"status", "on", "off", "cycle", "reset", "soft", "bmc-reset", NULL};

static bool is_action(const char *word)
{
	for (size_t i = 0; actions[i]; i++)
		if (streq(actions[i], word))
			return true;
	return false;
}

/* Does it take a running system away? */
static bool is_harsh(const char *action)
{
	return streq(action, "off") || streq(action, "cycle") || streq(action, "reset");
}

static int confirm(const struct cli *cli, const char *node, const char *action)
{
	_cleanup_(node_view_clear) struct node_view n = {0};
	_cleanup_free_ char *text = NULL, *role = NULL;
	int r = cli_get_node(cli, node, NULL, &n);

	if (r != CLI_DONE || streq(n.state, "enrol") || streq(n.state, "idle") ||
		streq(n.state, "failed"))
		return r;
	role = node_view_role(&n);
	text = xasprintf("%s (%s) is %s; power %s takes it away without a shutdown.\n"
			 "Type yes to go on: ",
		n.name, role, n.state, action);
	return cli_confirm(cli, text, "yes");
}

int cmd_power(struct cli *cli)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	const char *node, *action, *power;
	int r;

	if (cli->opt.n_args != 2)
		return cli_usage(cli,
			"power: expected a node and one of status, on, off, cycle, reset, soft, "
			"bmc-reset");
	node = cli->opt.args[0];
	action = cli->opt.args[1];
	if (!is_action(action))
		return cli_usage(cli,
			"power: expected status, on, off, cycle, reset, soft or bmc-reset, found %s",
			action);
	r = is_harsh(action) && !cli->opt.yes ? confirm(cli, node, action) : CLI_DONE;
	if (r == CLI_DONE)
		r = cli_post_node(cli, node, "power",
			json_pack("{s:s}", "action", action),
			streq(action, "bmc-reset") ? RESET_TIMEOUT_MS : POWER_TIMEOUT_MS,
			&answer);
	if (r != CLI_DONE)
		return r;
	if (cli->opt.json) {
		cli_print_json(TAKE_PTR(answer));
		return CLI_DONE;
	}
	power = json_string_value(json_object_get(answer, "power"));
	printf("%s: power is %s\n", node, power ? power : "unknown");
	return CLI_DONE;
}
