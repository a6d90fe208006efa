/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line after the command's word: options that the command has, and its
 * arguments. Nothing here prints; what is wrong comes back in words.
 */
#pragma once

#include "common/util.h"

enum option_bit {
	OPT_SECRETS = 1 << 0, /* --secrets FILE */
	OPT_NO_SECRETS = 1 << 1, /* --no-secrets */
	OPT_JSON = 1 << 2,
	OPT_WIPE = 1 << 3, /* --wipe SERIAL, may be repeated */
	OPT_YES = 1 << 4,
	OPT_NO_WAIT = 1 << 5,
	OPT_TIMEOUT = 1 << 6, /* --timeout 30m */
	OPT_WATCH = 1 << 7,
	OPT_ALL = 1 << 8,
	OPT_ROLES = 1 << 9, /* --roles DIR */
	OPT_WAIT = 1 << 10, /* --wait[=TIME] */
	OPT_STUDENT = 1 << 11,
	OPT_CA = 1 << 12, /* --ca FILE */
	OPT_CLEAR = 1 << 13,
	OPT_LOG = 1 << 14,
	OPT_READ_ONLY = 1 << 15,
	OPT_ROLE = 1 << 16, /* --role viewer|operator */
	OPT_LOOK = 1 << 17,
	OPT_IMAGES = 1 << 18, /* --images DIR */
	OPT_SITE = 1 << 19, /* --site DIR */
	OPT_KIT = 1 << 20, /* --kit DIR */
};

struct options {
	const char *socket; /* --socket PATH, for every command; NULL: not said */
	const char *secrets; /* all strings are borrowed from argv */
	const char *roles;
	const char *ca;
	const char *role;
	const char *images, *site, *kit;
	bool no_secrets, json, yes, no_wait, watch, all, help, wait, student, clear, log,
		read_only, look;
	uint64_t timeout_ms; /* 0: not said */
	uint64_t wait_ms; /* of --wait; 0: for ever */
	const char **wipe; /* owned array */
	size_t n_wipe;
	const char **args; /* owned array, n_args and a NULL */
	size_t n_args;
};

/*
 * argv[0] is the command's word. accepts: option_bits. --socket and --help are accepted
 * always. -EINVAL with *reterr_msg (caller frees) for a usage that is wrong; o is cleared
 * with options_clear in every case.
 */
int options_parse(
	int argc, char *argv[], unsigned accepts, struct options *o, char **reterr_msg);
void options_clear(struct options *o);
