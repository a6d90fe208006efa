/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/cmd.h"

#include "common/log.h"
#include "twin/cut.h"
#include "twin/opts.h"

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
	_cleanup_(opts_clear) struct opts o = {.command = "rack",
		.help = help,
		.no_dir = true,
		.value = "node",
		.number = "nodes",
		.number_max = RACK_MAX_NODES,
		.operands = "one FILE",
		.min_operands = 1,
		.max_operands = 1};
	struct twin_options opt = {0};
	int r = opts_parse(&o, argc, argv);

	if (r >= 0)
		return r;
	if (!o.number_value == !o.n_values)
		return cmd_usage("rack", "expected either --nodes or --node");
	opt.n_nodes = o.number_value;
	opt.n_node_names = o.n_values;
	opt.node_names = o.n_values ? o.values : NULL;
	return print_cut(o.operand[0], &opt);
}
