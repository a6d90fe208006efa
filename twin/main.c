/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/cmd.h"

#include <stdarg.h>

#include "common/log.h"
#include "common/roledef.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help; /* NULL: not for people */
} commands[] = {
	{"up", cmd_up, "FILE        bring up the rack that FILE (rack.ini) describes"},
	{"down", cmd_down, "[FILE]    end it and remove what it left"},
	{"exec", cmd_exec, "-- CMD... run a command inside the rack's network"},
	{"status", cmd_status, "        which nodes there are, and their power"},
	{"console", cmd_console, "NODE   what a node said on its serial line"},
	{"fault", cmd_fault, "NODE [FAULT...]  break something of a node, or mend it"},
	{"rack", cmd_rack,
		"FILE      print FILE with fewer nodes, to try a part of a rack"},
	{"chassis", cmd_chassis, NULL},
	{"hold-stdin", cmd_hold_stdin, NULL},
};

static void print_help(void)
{
	printf("ondol-twin: the rack in a box. Simulated servers with firmware, drives, a BMC\n"
	       "each and a switch, made from the same rack.ini as the real ones. Needs root.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].help)
			printf("  ondol-twin %s %s\n", commands[i].name,
				commands[i].help);
	printf("\nondol-twin COMMAND --help tells more. Exit status: 0 done, 1 failed, 2 wrong use\n"
	       "or an error in the file.\n");
}

int cmd_usage(const char *command, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	fprintf(stderr, "ondol-twin %s: %s; see ondol-twin %s --help\n", command,
		text ? text : "wrong use", command);
	return EXIT_USAGE;
}

struct rack *cmd_load_rack(const char *file)
{
	struct problems problems = {0};
	_cleanup_free_ char *role_dir = roledefs_default_dir();
	_cleanup_(roledefs_freep) struct roledefs *roles = NULL;
	struct rack *rack = NULL;

	if (roledefs_load(role_dir, &problems, &roles) == 0)
		(void)rack_load(file, roles, &problems, &rack);
	if (problems.n) {
		problems_sort(&problems);
		problems_print(&problems, stderr);
	}
	problems_clear(&problems);
	return rack;
}

char *cmd_find_dir(const char *dir, const char *file)
{
	_cleanup_free_ char *msg = NULL;
	char *found = NULL;

	if (dir) {
		found = realpath(dir, NULL);
		if (!found)
			log_error("%s: %s; is that rack up?", dir, strerror(errno));
		return found;
	}
	if (file) {
		_cleanup_(rack_freep) struct rack *rack = cmd_load_rack(file);

		if (!rack)
			log_error(
				"%s could not be read; name the run directory with --dir instead",
				file);
		return rack ? rundir_default(rack->name) : NULL;
	}
	if (rundir_only(&found, &msg) < 0)
		log_error("%s", msg);
	return found;
}

int cmd_need_up(const char *dir, struct rundir_state **ret_state, int *ret_pidfd)
{
	_cleanup_(rundir_state_freep) struct rundir_state *s = NULL;
	_cleanup_close_ int pidfd = -1;
	_cleanup_free_ char *msg = NULL;
	int r = rundir_look(dir, &s, &pidfd, &msg);

	if (r == RUNDIR_UP || r == RUNDIR_ELSEWHERE) {
		*ret_state = TAKE_PTR(s);
		*ret_pidfd = TAKE_FD(pidfd);
		return r;
	}
	if (r == RUNDIR_STALE)
		log_error(
			"the rack %s is not up: it ended without cleaning up (see %s/twin.log, if it "
			"was detached); `ondol-twin down --dir %s` removes what is left",
			s->rack, dir, dir);
	else
		log_error(
			"no rack is up in %s%s%s", dir, msg ? ": " : "", msg ? msg : "");
	return r < 0 ? r : -ENOENT;
}

int main(int argc, char **argv)
{
	log_open("ondol-twin");
	if (argc < 2) {
		print_help();
		return EXIT_USAGE;
	}
	if (streq(argv[1], "--help") || streq(argv[1], "-h") || streq(argv[1], "help")) {
		print_help();
		return EXIT_DONE;
	}
	if (streq(argv[1], "--version")) {
		printf("ondol-twin %s\n", ONDOL_VERSION);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "ondol-twin: there is no command \"%s\"; see ondol-twin --help\n",
		argv[1]);
	return EXIT_USAGE;
}
