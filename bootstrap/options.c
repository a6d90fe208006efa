/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table of options for all commands and getopt_long for the forms (--wipe X, --wipe=X,
 * options behind arguments, "--"); the command's mask decides which of them exist.
 */
#include "bootstrap/options.h"

#include "common/nearest.h"

#include <getopt.h>

#include "common/parse.h"

enum { OPT_SOCKET = 1 << 29, OPT_HELP = 1 << 30 };

static const struct option_def {
	const char *name;
	unsigned bit;
	int has_value; /* no_argument, required_argument, optional_argument */
} defs[] = {
	{"socket", OPT_SOCKET, required_argument},
	{"help", OPT_HELP, no_argument},
	{"secrets", OPT_SECRETS, required_argument},
	{"no-secrets", OPT_NO_SECRETS, no_argument},
	{"json", OPT_JSON, no_argument},
	{"wipe", OPT_WIPE, required_argument},
	{"yes", OPT_YES, no_argument},
	{"no-wait", OPT_NO_WAIT, no_argument},
	{"timeout", OPT_TIMEOUT, required_argument},
	{"watch", OPT_WATCH, no_argument},
	{"all", OPT_ALL, no_argument},
	{"roles", OPT_ROLES, required_argument},
	{"wait", OPT_WAIT, optional_argument},
	{"student", OPT_STUDENT, no_argument},
	{"ca", OPT_CA, required_argument},
	{"clear", OPT_CLEAR, no_argument},
	{"log", OPT_LOG, no_argument},
	{"read-only", OPT_READ_ONLY, no_argument},
	{"role", OPT_ROLE, required_argument},
	{"look", OPT_LOOK, no_argument},
	{"images", OPT_IMAGES, required_argument},
	{"site", OPT_SITE, required_argument},
	{"kit", OPT_KIT, required_argument},
};

static int set_timeout(struct options *o, const char *value, char **reterr_msg)
{
	if (parse_duration_ms(value, &o->timeout_ms) == 0 && o->timeout_ms > 0)
		return 0;
	*reterr_msg = xasprintf(
		"--timeout: expected a time such as 30s, 20m or 2h, found \"%s\"", value);
	return -EINVAL;
}

/* --wait, --wait=600, --wait=10m */
static int set_wait(struct options *o, const char *value, char **reterr_msg)
{
	uint64_t seconds;

	o->wait = true;
	if (!value)
		return 0;
	if (parse_u64(value, 1, 10000000, &seconds) == 0) {
		o->wait_ms = seconds * 1000;
		return 0;
	}
	if (parse_duration_ms(value, &o->wait_ms) == 0 && o->wait_ms > 0)
		return 0;
	*reterr_msg = xasprintf(
		"--wait: expected seconds, or a time such as 20m, found \"%s\"", value);
	return -EINVAL;
}

static int set_option(
	struct options *o, unsigned bit, const char *value, char **reterr_msg)
{
	switch (bit) {
	case OPT_SOCKET:
		o->socket = value;
		return 0;
	case OPT_HELP:
		o->help = true;
		return 0;
	case OPT_SECRETS:
		o->secrets = value;
		return 0;
	case OPT_NO_SECRETS:
		o->no_secrets = true;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_WIPE:
		o->wipe[o->n_wipe++] = value;
		return 0;
	case OPT_YES:
		o->yes = true;
		return 0;
	case OPT_NO_WAIT:
		o->no_wait = true;
		return 0;
	case OPT_TIMEOUT:
		return set_timeout(o, value, reterr_msg);
	case OPT_WATCH:
		o->watch = true;
		return 0;
	case OPT_ALL:
		o->all = true;
		return 0;
	case OPT_ROLES:
		o->roles = value;
		return 0;
	case OPT_WAIT:
		return set_wait(o, value, reterr_msg);
	case OPT_STUDENT:
		o->student = true;
		return 0;
	case OPT_CA:
		o->ca = value;
		return 0;
	case OPT_CLEAR:
		o->clear = true;
		return 0;
	case OPT_LOG:
		o->log = true;
		return 0;
	case OPT_READ_ONLY:
		o->read_only = true;
		return 0;
	case OPT_ROLE:
		o->role = value;
		return 0;
	case OPT_LOOK:
		o->look = true;
		return 0;
	case OPT_IMAGES:
		o->images = value;
		return 0;
	case OPT_SITE:
		o->site = value;
		return 0;
	case OPT_KIT:
		o->kit = value;
		return 0;
	}
	abort(); /* every bit of defs[] is above */
}

static bool accepted(const struct option_def *d, unsigned accepts)
{
	return (d->bit & (accepts | OPT_SOCKET | OPT_HELP)) != 0;
}

/* getopt_long met something that it does not know, or an option without its value. */
static char *usage_error(int what, char *argv[], unsigned accepts)
{
	const char *names[ARRAY_SIZE(defs) + 1] = {NULL}, *word = argv[optind - 1], *near;
	_cleanup_free_ char *bare = NULL;
	size_t n = 0;

	if (what == ':')
		return xasprintf("%s: a value is missing after it", word);
	if (!str_startswith(word, "--"))
		return xasprintf("no such option: -%c", optopt);
	for (size_t i = 0; i < ARRAY_SIZE(defs); i++)
		if (accepted(&defs[i], accepts))
			names[n++] = defs[i].name;
	bare = xstrndup(word + 2, strcspn(word + 2, "="));
	if (optopt != 0) /* known, but without the value that was given */
		return xasprintf("--%s takes no value", bare);
	near = nearest_word(bare, names);
	if (near)
		return xasprintf("no such option: --%s; was --%s meant?", bare, near);
	return xasprintf("no such option: --%s", bare);
}

int options_parse(
	int argc, char *argv[], unsigned accepts, struct options *o, char **reterr_msg)
{
	struct option longs[ARRAY_SIZE(defs) + 1] = {{0}};
	size_t n = 0;
	int c;

	*o = (struct options){0};
	o->wipe = xcalloc((size_t)argc + 1, sizeof(*o->wipe));
	o->args = xcalloc((size_t)argc + 1, sizeof(*o->args));
	for (size_t i = 0; i < ARRAY_SIZE(defs); i++)
		if (accepted(&defs[i], accepts))
			longs[n++] = (struct option){
				defs[i].name, defs[i].has_value, NULL, (int)defs[i].bit};
	optind = 0; /* start anew, also when called a second time */
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		if (c == '?' || c == ':') {
			*reterr_msg = usage_error(c, argv, accepts);
			return -EINVAL;
		}
		if (set_option(o, c == 'h' ? OPT_HELP : (unsigned)c, optarg, reterr_msg) <
			0)
			return -EINVAL;
	}
	while (optind < argc)
		o->args[o->n_args++] = argv[optind++];
	return 0;
}

void options_clear(struct options *o)
{
	free(o->wipe);
	free(o->args);
	*o = (struct options){0};
}
