/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/cmd.h"

#include <getopt.h>

#include "common/log.h"
#include "twin/cut.h"

static const char help[] =
	"ondol-twin rack FILE --nodes N | --node NAME...\n\n"
	"Prints FILE with only N nodes (the first of each role and kind, then the others) or\n"
	"only those named: a smaller rack for ondold and `ondol-twin up` alike.\n";

static int print_cut(const char *file, const struct twin_options *opt)
{
	_cleanup_(rack_freep) struct rack *rack = cmd_load_rack(file);
	_cleanup_free_ const struct rack_node **keep = NULL;
	_cleanup_free_ char *text = NULL, *cut = NULL, *msg = NULL;
	size_t n, len;
	int r;

	if (!rack)
		return EXIT_USAGE;
	keep = xcalloc(rack->n_nodes + 1, sizeof(*keep));
	if (twin_select(rack, opt, keep, &n, &msg) < 0) {
		log_error("%s", msg);
		return EXIT_USAGE;
	}
	r = read_file(file, CONF_MAX_BYTES, &text, &len);
	if (r < 0) {
		log_error("%s: %s", file, strerror(-r));
		return EXIT_USAGE;
	}
	cut = cut_rack(text, keep, n);
	return write_all(STDOUT_FILENO, cut, strlen(cut)) < 0 ? EXIT_FAILED : EXIT_DONE;
}

int cmd_rack(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'},
		{"nodes", required_argument, NULL, 'N'},
		{"node", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
	_cleanup_free_ const char **names = xcalloc((size_t)argc + 1, sizeof(*names));
	struct twin_options opt = {0};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (c == '?')
			return cmd_usage("rack", "wrong option");
		if (c == 'n')
			names[opt.n_node_names++] = optarg;
		if (c == 'N' &&
			parse_unsigned(optarg, 1, RACK_MAX_NODES, &opt.n_nodes) < 0)
			return cmd_usage("rack",
				"--nodes: expected 1 to %d, found \"%s\"", RACK_MAX_NODES,
				optarg);
	}
	if (optind + 1 != argc)
		return cmd_usage("rack", "expected one FILE");
	if (!opt.n_nodes == !opt.n_node_names)
		return cmd_usage("rack", "expected either --nodes or --node");
	opt.node_names = opt.n_node_names ? names : NULL;
	return print_cut(argv[optind], &opt);
}
