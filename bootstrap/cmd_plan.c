/* SPDX-License-Identifier: Apache-2.0 */
/* `ondol plan FILE`: what `ondol apply FILE` would do to each node and disk. */
#include "bootstrap/plan.h"

int cmd_plan(struct cli *cli)
{
	_cleanup_(input_clear) struct input in = {0};
	_cleanup_(plan_clear) struct plan p = {0};
	int r = plan_load(cli, &in);

	if (r != CLI_DONE)
		return r;
	r = plan_post(cli, &in, NULL, &p);
	if (r != CLI_DONE)
		return r;
	plan_find_disks(cli, &in, &p);
	if (cli->opt.json) {
		cli_print_json(plan_json(&p));
		return CLI_DONE;
	}
	plan_print(cli, &in, &p);
	printf("Nothing was changed. `ondol apply %s` does it.\n", in.file);
	return CLI_DONE;
}
