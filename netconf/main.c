/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments in, one result out: on standard output one line (of JSON with --json), on
 * standard error the log, and the exit status of netconf.h.
 */
#include <getopt.h>
#include <stdarg.h>

#include "common/log.h"
#include "common/parse.h"
#include "netconf/apply.h"
#include "netconf/show.h"

static const char usage[] =
	"usage: ondol-netconf apply DESIRED.json [OPTION...]\n"
	"       ondol-netconf show [DESIRED.json] [OPTION...]\n"
	"       ondol-netconf rollback [OPTION...]\n"
	"\n"
	"apply     brings Open vSwitch and the addresses in line with the desired state, and\n"
	"          puts the last confirmed network back when the server cannot be reached then\n"
	"show      what is there now, and what differs from the confirmed (or given) state\n"
	"rollback  puts the last confirmed network back\n"
	"\n"
	"  --confirm URL|none   instead of a TCP connect to the server: an HTTP answer from\n"
	"                       URL, or nothing\n"
	"  --timeout TIME       for change and confirmation, such as 90s or 2m (60s)\n"
	"  --db unix:PATH       socket of ovsdb-server (" NETCONF_OVSDB ")\n"
	"  --datapath TYPE      system or netdev (system where the kernel has it)\n"
	"  --addresses HOW      networkd or netlink (networkd where it is on the bus)\n"
	"  --json               the result as JSON\n"
	"  --help --version\n"
	"\n"
	"Exit status: 0 done (show: no difference); 1 not done, the network is as it was;\n"
	"2 wrong arguments or desired state, nothing touched; 3 the old network could not be\n"
	"put back either.\n";

enum command { COMMAND_APPLY, COMMAND_SHOW, COMMAND_ROLLBACK };

struct arguments {
	enum command command;
	struct apply_options o;
	bool json;
};

static int wrong(const char *fmt, ...) _printf_(1, 2);
static int wrong(const char *fmt, ...)
{
	va_list ap;

	fputs(NETCONF_PROGRAM ": ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("; see " NETCONF_PROGRAM " --help\n", stderr);
	return -EINVAL;
}

static int parse_choice(const char *option, const char *value, struct arguments *a)
{
	if (streq(option, "datapath")) {
		if (!streq(value, "system") && !streq(value, "netdev"))
			return wrong(
				"--datapath: expected system or netdev, found \"%s\"",
				value);
		a->o.net.datapath = value;
	} else if (streq(value, "networkd")) {
		a->o.net.addresses = NET_ADDRESSES_NETWORKD;
	} else if (streq(value, "netlink")) {
		a->o.net.addresses = NET_ADDRESSES_NETLINK;
	} else if (!streq(value, "auto")) {
		return wrong(
			"--addresses: expected networkd, netlink or auto, found \"%s\"",
			value);
	}
	return 0;
}

/* 0; 1: the program has said what was asked and may end; -EINVAL */
static int parse_option(int option, struct arguments *a)
{
	switch (option) {
	case 'c':
		a->o.confirm = optarg;
		if (!streq(optarg, "none") && !str_startswith(optarg, "http://"))
			return wrong(
				"--confirm: expected an http:// URL or none, found \"%s\"",
				optarg);
		return 0;
	case 't':
		if (parse_duration_ms(optarg, &a->o.timeout_ms) < 0 ||
			a->o.timeout_ms < 1000 || a->o.timeout_ms > 3600000)
			return wrong(
				"--timeout: expected 1s to 1h, found \"%s\"", optarg);
		return 0;
	case 'd':
		a->o.net.db = optarg;
		if (!str_startswith(optarg, "unix:"))
			return wrong("--db: expected unix:PATH, found \"%s\"", optarg);
		return 0;
	case 'p':
		return parse_choice("datapath", optarg, a);
	case 'a':
		return parse_choice("addresses", optarg, a);
	case 'j':
		a->json = true;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	case 'V':
		puts("ondol-netconf " ONDOL_VERSION);
		return 1;
	default: /* getopt has said what */
		return -EINVAL;
	}
}

static int parse_command(int argc, char **argv, struct arguments *a)
{
	static const struct {
		const char *name;
		enum command command;
		int min, max;
	} commands[] = {{"apply", COMMAND_APPLY, 1, 1}, {"show", COMMAND_SHOW, 0, 1},
		{"rollback", COMMAND_ROLLBACK, 0, 0}};

	if (argc == 0)
		return wrong("%s", "expected apply, show or rollback");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!streq(argv[0], commands[i].name))
			continue;
		if (argc - 1 < commands[i].min)
			return wrong("%s: expected the path of a desired state", argv[0]);
		if (argc - 1 > commands[i].max)
			return wrong(
				"unexpected argument \"%s\"", argv[commands[i].max + 1]);
		a->command = commands[i].command;
		a->o.desired = argc > 1 ? argv[1] : NULL;
		return 0;
	}
	return wrong("expected apply, show or rollback, found \"%s\"", argv[0]);
}

static int parse_arguments(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {{"confirm", required_argument, NULL, 'c'},
		{"timeout", required_argument, NULL, 't'},
		{"db", required_argument, NULL, 'd'},
		{"datapath", required_argument, NULL, 'p'},
		{"addresses", required_argument, NULL, 'a'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'}, {0}};
	int option, r;

	while ((option = getopt_long(argc, argv, "hV", options, NULL)) >= 0)
		if ((r = parse_option(option, a)) != 0)
			return r;
	return parse_command(argc - optind, argv + optind, a);
}

static void print_result(
	const struct arguments *a, const struct apply_result *r, json_t *shown)
{
	json_t *all;

	if (!a->json) {
		if (shown)
			show_print(shown, stdout);
		puts(r->text);
		return;
	}
	all = json_pack("{s:b, s:b, s:s}", "changed", r->changed, "ok",
		r->exit == NETCONF_EXIT_OK, "text", r->text);
	if (shown)
		json_object_update(all, shown);
	json_dumpf(all, stdout, JSON_COMPACT);
	fputc('\n', stdout);
	json_decref(all);
}

int main(int argc, char **argv)
{
	struct arguments a = {
		.o = {.net = {.db = NETCONF_OVSDB}, .timeout_ms = NETCONF_TIMEOUT_MS}};
	_cleanup_(apply_result_clear) struct apply_result result = {0};
	const char *level = getenv("ONDOL_LOG");
	json_t *shown = NULL;
	int r = parse_arguments(argc, argv, &a);

	if (r != 0)
		return r < 0 ? NETCONF_EXIT_USAGE : NETCONF_EXIT_OK;
	log_open_journal(NETCONF_PROGRAM);
	a.o.net.debug = level && streq(level, "debug");
	switch (a.command) {
	case COMMAND_APPLY:
		apply_run(&a.o, &result);
		break;
	case COMMAND_ROLLBACK:
		apply_rollback(&a.o, &result);
		break;
	case COMMAND_SHOW:
		show_run(&a.o, &result, &shown);
		break;
	}
	print_result(&a, &result, shown);
	json_decref(shown);
	return (int)result.exit;
}
