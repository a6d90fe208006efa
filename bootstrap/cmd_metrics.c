/* SPDX-License-Identifier: Apache-2.0 */
/* `ondol metrics`: what Prometheus would fetch, as it is. */
#include "bootstrap/cli.h"

int cmd_metrics(struct cli *cli)
{
	_cleanup_free_ char *text = NULL, *msg = NULL;

	if (cli->opt.n_args)
		return cli_usage(cli, "metrics: takes no argument");
	if (client_get_text(cli->socket, "/metrics", CLIENT_TIMEOUT_MS, &text, &msg) !=
		0) {
		cli_error(cli, "%s", msg);
		return CLI_FAILED;
	}
	fputs(text, stdout);
	return CLI_DONE;
}
