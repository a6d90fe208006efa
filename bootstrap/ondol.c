/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ondol`: the operator's one command. It holds no state: what it knows it reads from the
 * files named to it or asks of ondold.
 */
#include "bootstrap/cli.h"
#include "bootstrap/help.h"
#include "common/log.h"
#include "common/nearest.h"
#include "common/nodump.h"

#define WAITING (OPT_WIPE | OPT_YES | OPT_NO_WAIT | OPT_TIMEOUT | OPT_JSON)

static const struct command {
	const char *name;
	int (*run)(struct cli *cli);
	unsigned options;
} commands[] = {
	{"init", cmd_init, 0},
	{"check", cmd_check, OPT_SECRETS | OPT_NO_SECRETS | OPT_ROLES | OPT_JSON},
	{"plan", cmd_plan, OPT_SECRETS | OPT_WIPE | OPT_JSON},
	{"apply", cmd_apply, OPT_SECRETS | WAITING},
	{"status", cmd_status, OPT_JSON | OPT_WATCH | OPT_TIMEOUT},
	{"why", cmd_why, OPT_JSON | OPT_ALL},
	{"reinstall", cmd_reinstall, WAITING | OPT_LOOK},
	{"cancel", cmd_cancel, OPT_JSON},
	{"maintenance", cmd_maintenance, OPT_JSON},
	{"power", cmd_power, OPT_YES | OPT_JSON},
	{"identify", cmd_identify, OPT_JSON},
	{"sensors", cmd_sensors, OPT_JSON},
	{"sel", cmd_sel, OPT_CLEAR | OPT_YES | OPT_JSON},
	{"console", cmd_console, OPT_LOG | OPT_READ_ONLY | OPT_JSON},
	{"prove", cmd_prove, OPT_TIMEOUT | OPT_JSON},
	{"update", cmd_update, OPT_YES | OPT_TIMEOUT | OPT_JSON},
	{"image", cmd_image, OPT_IMAGES | OPT_SITE | OPT_KIT | OPT_YES | OPT_JSON},
	{"token", cmd_token, OPT_ROLE | OPT_JSON},
	{"ca", cmd_ca, 0},
	{"metrics", cmd_metrics, 0},
	{"cloud", cmd_cloud,
		OPT_JSON | OPT_WAIT | OPT_STUDENT | OPT_CA | OPT_YES | OPT_TIMEOUT},
};

static const struct help_text *find_help(const char *name)
{
	for (const struct help_text *h = help_texts; h->command; h++)
		if (streq(h->command, name))
			return h;
	return NULL;
}

static int unknown_command(const struct cli *cli, const char *word)
{
	const char *names[32] = {NULL}, *near;
	size_t n = 0;

	for (const struct help_text *h = help_texts; h->command; h++)
		names[n++] = h->command;
	near = nearest_word(word, names);
	if (near)
		cli_error(cli, "there is no command \"%s\"; was `ondol %s` meant?", word,
			near);
	else
		cli_error(
			cli, "there is no command \"%s\"; `ondol help` lists them", word);
	return CLI_USAGE;
}

static int print_overview(FILE *f)
{
	fputs(help_overview_head, f);
	for (const struct help_text *h = help_texts; h->command; h++)
		fprintf(f, "  %-10s %s\n", h->command, h->brief);
	fputs(help_overview_tail, f);
	return f == stdout ? CLI_DONE : CLI_USAGE;
}

static int print_help(const struct cli *cli, const char *name)
{
	const struct help_text *h = find_help(name);

	if (!h)
		return unknown_command(cli, name);
	fputs(h->text, stdout);
	return CLI_DONE;
}

static int run_command(struct cli *cli, const struct command *c, int argc, char *argv[])
{
	_cleanup_free_ char *wrong = NULL;
	int r;

	cli->command = c->name;
	r = options_parse(argc, argv, c->options, &cli->opt, &wrong);
	cli->socket = client_socket(cli->opt.socket);
	if (r < 0)
		r = cli_usage(cli, "%s: %s", c->name, wrong);
	else if (cli->opt.help)
		r = print_help(cli, c->name);
	else
		r = c->run(cli);
	options_clear(&cli->opt);
	return r;
}

static int dispatch(struct cli *cli, int argc, char *argv[])
{
	const char *word = argv[0];

	if (streq(word, "help") || streq(word, "--help") || streq(word, "-h"))
		return argc > 1 ? print_help(cli, argv[1]) : print_overview(stdout);
	if (streq(word, "version") || streq(word, "--version")) {
		printf("ondol %s\n", ONDOL_VERSION);
		return CLI_DONE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(commands[i].name, word))
			return run_command(cli, &commands[i], argc, argv);
	return unknown_command(cli, word);
}

/* "--socket PATH" may also stand before the command: it is moved behind it. */
static int move_socket(int argc, char *argv[])
{
	char *option[2];
	int n = 0;

	if (argc > 1 && str_startswith(argv[1], "--socket="))
		n = 1;
	else if (argc > 2 && streq(argv[1], "--socket"))
		n = 2;
	if (argc <= n + 1)
		return -EINVAL; /* no command */
	memcpy(option, argv + 1, (size_t)n * sizeof(*option));
	argv[1] = argv[n + 1];
	memcpy(argv + 2, option, (size_t)n * sizeof(*option));
	return 0;
}

int main(int argc, char *argv[])
{
	struct cli cli = {0};
	bool utf8;
	int r;

	log_open("ondol");
	nodump();
	term_setup(&utf8);
	term_open(&cli.out, stdout, utf8);
	term_open(&cli.err, stderr, utf8);
	if (move_socket(argc, argv) < 0)
		return print_overview(stderr);
	r = dispatch(&cli, argc - 1, argv + 1);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		cli_error(&cli, "writing the output failed: %s", strerror(errno));
		return CLI_FAILED;
	}
	return r;
}
