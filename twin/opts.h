/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options that the commands which look at a running rack have in common: --help and
 * --dir, and a few of a command's own: a flag, a word, a number.
 */
#pragma once

#include "common/util.h"

struct opts {
	const char *command, *help; /* literals */
	const char *flag; /* an option without a value, "json"; NULL: none */
	const char *value; /* an option with a value, "node"; NULL: none */
	const char *number; /* an option with a number, "nodes"; NULL: none */
	unsigned number_max;
	bool no_dir; /* the command has no --dir */
	/* what is expected after them, "one FILE", for the message */
	const char *operands;
	int min_operands, max_operands; /* max -1: any number; options end at the first */
	/* filled in */
	const char *dir; /* --dir; borrowed from argv */
	bool flag_is_set;
	const char **values; /* owned list of borrowed words: each time it was given */
	size_t n_values;
	unsigned number_value; /* 0: not given */
	char **operand; /* NULL-terminated, borrowed */
	int n_operands;
};

/* -1: go on; else the exit status (help was shown, or the use was wrong and said so). */
int opts_parse(struct opts *o, int argc, char **argv);
void opts_clear(struct opts *o);
