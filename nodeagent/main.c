/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"
#include "common/nodump.h"
#include "nodeagent/noded.h"
#include "nodeagent/paths.h"
#include "nodeagent/statefile.h"
#include "nodeagent/workops.h"

static int usage(FILE *out, int status)
{
	fputs("usage: ondol-noded [run]           the daemon\n"
	      "       ondol-noded status          what it knows of this node; 0 ready, 1 not\n"
	      "       ondol-noded prove [--json]  prove this node's role now; 0 all holds, 1 not\n"
	      "       ondol-noded --version\n",
		out);
	return status;
}

int main(int argc, char *argv[])
{
	const char *cmd = argc > 1 ? argv[1] : "run";

	log_open_journal("ondol-noded");
	nodump();
	if (streq(cmd, "run") && argc <= 2)
		return noded_run();
	if (streq(cmd, "status") && argc == 2)
		return statefile_show(NODE_STATE, stdout);
	if (streq(cmd, "prove") && (argc == 2 || (argc == 3 && streq(argv[2], "--json"))))
		return noded_prove(argc == 3);
	if (streq(cmd, "work") && (argc == 3 || argc == 4))
		return workops_main(argv[2], argc == 4 ? argv[3] : NULL);
	if (streq(cmd, "--version"))
		return puts("ondol-noded " ONDOL_VERSION) < 0;
	if (streq(cmd, "--help"))
		return usage(stdout, 0);
	return usage(stderr, 2);
}
