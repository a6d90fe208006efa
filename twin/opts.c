/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/opts.h"

#include <getopt.h>

#include "twin/cmd.h"

enum { OPT_HELP = 'h', OPT_DIR = 'd', OPT_FLAG = 'f', OPT_VALUE = 'v', OPT_NUMBER = 'n' };

static void add(struct option *list, size_t *n, const char *name, int has_arg, int val)
{
	if (name)
		list[(*n)++] = (struct option){name, has_arg, NULL, val};
}

static int check_operands(struct opts *o, int argc, char **argv)
{
	o->operand = argv + optind;
	o->n_operands = argc - optind;
	if (o->n_operands < o->min_operands ||
		(o->max_operands >= 0 && o->n_operands > o->max_operands))
		return cmd_usage(o->command, "expected %s", o->operands);
	return -1;
}

int opts_parse(struct opts *o, int argc, char **argv)
{
	struct option list[6] = {{0}};
	size_t n = 0;
	int c;

	add(list, &n, "help", no_argument, OPT_HELP);
	add(list, &n, o->no_dir ? NULL : "dir", required_argument, OPT_DIR);
	add(list, &n, o->flag, no_argument, OPT_FLAG);
	add(list, &n, o->value, required_argument, OPT_VALUE);
	add(list, &n, o->number, required_argument, OPT_NUMBER);
	o->values = xcalloc((size_t)argc + 1, sizeof(*o->values));
	while ((c = getopt_long(
			argc, argv, o->max_operands < 0 ? "+h" : "h", list, NULL)) != -1)
		switch (c) {
		case OPT_HELP:
			fputs(o->help, stdout);
			return EXIT_DONE;
		case OPT_DIR:
			o->dir = optarg;
			break;
		case OPT_FLAG:
			o->flag_is_set = true;
			break;
		case OPT_VALUE:
			o->values[o->n_values++] = optarg;
			break;
		case OPT_NUMBER:
			if (parse_unsigned(optarg, 1, o->number_max, &o->number_value) <
				0)
				return cmd_usage(o->command,
					"--%s: expected 1 to %u, found \"%s\"", o->number,
					o->number_max, optarg);
			break;
		default:
			return cmd_usage(o->command, "wrong option");
		}
	return check_operands(o, argc, argv);
}

void opts_clear(struct opts *o)
{
	free(o->values);
	o->values = NULL;
}
