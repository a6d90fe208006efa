/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ipmi_sim needs from us. `chassis DIR NODE get|set WORD...` is its chassis_control
 * program: words after get are names, after set pairs of name and value; what get found
 * is printed as "name:value". `hold-stdin CMD...` runs a command whose standard input
 * never ends.
 */
#include "twin/cmd.h"

#include <fcntl.h>

#include "common/jsonx.h"
#include "common/log.h"
#include "twin/ctlclient.h"

static int ask(const char *dir, json_t *request, json_t **ret)
{
	_cleanup_(jx_freep) json_t *owned = request;
	_cleanup_free_ char *msg = NULL;
	int r = ctl_call(dir, owned, ret, &msg);

	if (r < 0)
		log_error("%s", msg);
	return r;
}

static int get_one(const char *dir, const char *node, const char *what)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	const char *value;
	int r = ask(dir,
		json_pack("{s:s, s:s, s:s}", "op", "get", "node", node, "what", what),
		&answer);

	if (r < 0)
		return r;
	value = json_string_value(json_object_get(answer, "value"));
	if (!value)
		return -EPROTO;
	printf("%s:%s\n", what, value);
	return 0;
}

static int set_one(const char *dir, const char *node, const char *what, const char *value)
{
	_cleanup_(jx_freep) json_t *answer = NULL;

	return ask(dir,
		json_pack("{s:s, s:s, s:s, s:s}", "op", "set", "node", node, "what", what,
			"value", value),
		&answer);
}

int cmd_chassis(int argc, char **argv)
{
	int r = 0;

	if (argc < 5)
		return cmd_usage("chassis", "expected DIR NODE get|set WORD...");
	if (streq(argv[3], "get")) {
		for (int i = 4; i < argc && r == 0; i++)
			r = get_one(argv[1], argv[2], argv[i]);
	} else if (streq(argv[3], "set") && argc % 2 == 0) {
		for (int i = 4; i + 1 < argc && r == 0; i += 2)
			r = set_one(argv[1], argv[2], argv[i], argv[i + 1]);
	} else {
		return cmd_usage("chassis", "expected get NAME... or set NAME VALUE...");
	}
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* Both ends of the pipe go along: as long as the command lives, its input does not end. */
int cmd_hold_stdin(int argc, char **argv)
{
	int fds[2];

	if (argc < 2)
		return cmd_usage("hold-stdin", "the command is missing");
	if (pipe(fds) < 0 || dup2(fds[0], STDIN_FILENO) < 0) {
		log_error("hold-stdin: %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (fds[0] != STDIN_FILENO)
		close(fds[0]);
	execvp(argv[1], argv + 1);
	log_error("%s: %s (package openipmi)", argv[1], strerror(errno));
	return EXIT_FAILED;
}
