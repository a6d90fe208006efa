/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/cmd.h"

#include "common/jsonx.h"
#include "common/log.h"
#include "twin/ctlclient.h"
#include "twin/fault.h"
#include "twin/opts.h"

static const char help[] =
	"ondol-twin fault [--dir DIR] NODE [FAULT...]\n\n"
	"Breaks these things of a node, and mends what was broken before; without a FAULT all\n"
	"is well again.\n\n";

static char *joined(char **words)
{
	char *text = xstrdup("");

	for (; *words; words++) {
		char *longer = xasprintf("%s%s%s", text, *text ? " " : "", *words);

		free(text);
		text = longer;
	}
	return text;
}

static int send(const char *dir, const char *node, const char *words)
{
	_cleanup_(jx_freep)
		json_t *answer = NULL,
		       *request = json_pack("{s:s, s:s, s:s, s:s}", "op", "set", "node",
			       node, "what", "fault", "value", words);
	_cleanup_(rundir_state_freep) struct rundir_state *s = NULL;
	_cleanup_close_ int pidfd = -1;
	_cleanup_free_ char *msg = NULL;

	if (cmd_need_up(dir, &s, &pidfd) < 0)
		return EXIT_FAILED;
	if (ctl_call(dir, request, &answer, &msg) < 0) {
		log_error("%s", msg);
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

int cmd_fault(int argc, char **argv)
{
	_cleanup_free_ char *text = xasprintf("%s%s", help, fault_help), *words = NULL,
			    *msg = NULL, *dir = NULL;
	_cleanup_(opts_clear) struct opts o = {.command = "fault",
		.help = text,
		.operands = "a NODE",
		.min_operands = 1,
		.max_operands = -1};
	struct twin_fault f;
	int r = opts_parse(&o, argc, argv);

	if (r >= 0)
		return r;
	words = joined(o.operand + 1);
	if (fault_parse(words, &f, &msg) < 0)
		return cmd_usage("fault", "%s", msg);
	dir = cmd_find_dir(o.dir, NULL);
	return dir ? send(dir, o.operand[0], words) : EXIT_FAILED;
}
