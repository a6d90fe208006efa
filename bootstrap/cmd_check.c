/* SPDX-License-Identifier: Apache-2.0 */
/* `ondol check FILE`: every problem of the files at once. Talks to nobody, changes nothing. */
#include "bootstrap/cli.h"
#include "bootstrap/input.h"
#include "bootstrap/summary.h"

static void print_json(const struct input *in)
{
	json_t *rack = in->rack && !in->problems.n ? summary_json(in->rack) : json_null();

	cli_print_json(json_pack("{s:b, s:o, s:o}", "ok", in->problems.n == 0, "problems",
		problems_json(&in->problems), "rack", rack));
}

int cmd_check(struct cli *cli)
{
	_cleanup_(input_clear) struct input in = {0};
	struct input_spec spec = {.secrets = cli->opt.secrets,
		.no_secrets = cli->opt.no_secrets,
		.roles = cli->opt.roles};
	int r;

	if (cli->opt.n_args != 1)
		return cli_usage(cli, "check: expected one file, the rack.ini");
	spec.file = cli->opt.args[0];
	r = input_load(&spec, &in);
	if (cli->opt.json) {
		print_json(&in);
	} else if (r < 0) {
		input_tell(&in);
	} else {
		_cleanup_free_ char *text = summary_text(in.rack);

		fputs(text, stdout);
	}
	return r < 0 ? CLI_USAGE : CLI_DONE;
}
