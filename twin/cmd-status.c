/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/cmd.h"

#include <jansson.h>

#include "common/jsonx.h"
#include "common/log.h"
#include "twin/ctlclient.h"
#include "twin/ns.h"
#include "twin/opts.h"

static const char help[] =
	"ondol-twin status [--dir DIR] [--json]\n\n"
	"The nodes of a rack that is up: power, process, what it booted from and what it\n"
	"will boot from next, the BMC's address and the file with the console's output.\n";

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && *s ? s : "-";
}

/* The supervisor knows pids as they are inside; people need those of the host. */
static void host_pids(json_t *status, pid_t first)
{
	json_t *node;
	size_t i;

	json_array_foreach(json_object_get(status, "nodes"), i, node)
	{
		pid_t inside = (pid_t)json_integer_value(json_object_get(node, "pid"));

		if (inside > 0)
			json_object_set_new(
				node, "pid", json_integer(ns_host_pid(first, inside)));
	}
}

static void print_table(const json_t *status)
{
	const json_t *node;
	size_t i;

	printf("%s: up (%s), %s %s, %s %s, in %s\n", text_of(status, "rack"),
		text_of(status, "accel"), text_of(status, "interface"),
		text_of(status, "address"), text_of(status, "bmc_interface"),
		text_of(status, "bmc_address"), text_of(status, "dir"));
	printf("%-12s %-11s %-7s %-5s %8s  %-8s %-8s %-15s %s\n", "NODE", "ROLE", "KIND",
		"POWER", "PID", "BOOTED", "NEXT", "BMC", "CONSOLE");
	json_array_foreach(json_object_get(status, "nodes"), i, node)
	{
		long long pid = json_integer_value(json_object_get(node, "pid"));
		char number[24] = "-";
		const char *next = text_of(node, "next_boot");

		if (pid > 0)
			snprintf(number, sizeof(number), "%lld", pid);
		printf("%-12s %-11s %-7s %-5s %8s  %-8s %-8s %-15s %s%s\n",
			text_of(node, "name"), text_of(node, "role"),
			text_of(node, "kind"), text_of(node, "power"), number,
			text_of(node, "boot"),
			streq(next, "pxe")               ? "network"
				: streq(next, "default") ? "disk"
							 : "-",
			text_of(node, "bmc"), text_of(node, "console"),
			json_is_true(json_object_get(node, "identify"))
				? " (UID light on)"
				: "");
	}
}

static int show(const char *dir, bool json)
{
	_cleanup_(rundir_state_freep) struct rundir_state *s = NULL;
	_cleanup_(jx_freep) json_t *status = NULL,
				   *request = json_pack("{s:s}", "op", "status");
	_cleanup_close_ int pidfd = -1;
	_cleanup_free_ char *msg = NULL;
	int r = cmd_need_up(dir, &s, &pidfd);

	if (r < 0)
		return EXIT_FAILED;
	if (ctl_call(dir, request, &status, &msg) < 0) {
		log_error("%s", msg);
		return EXIT_FAILED;
	}
	if (r == RUNDIR_UP)
		host_pids(status, s->pid);
	if (json) {
		json_object_set_new(status, "pid", json_integer(s->pid));
		json_object_set_new(status, "file", json_string(s->file));
		json_object_set_new(status, "disks", json_string(s->disks));
		json_dumpf(status, stdout, JSON_INDENT(1));
		putchar('\n');
	} else {
		print_table(status);
	}
	return EXIT_DONE;
}

int cmd_status(int argc, char **argv)
{
	_cleanup_(opts_clear) struct opts o = {.command = "status",
		.help = help,
		.flag = "json",
		.operands = "no word more"};
	_cleanup_free_ char *dir = NULL;
	int r = opts_parse(&o, argc, argv);

	if (r >= 0)
		return r;
	dir = cmd_find_dir(o.dir, NULL);
	return dir ? show(dir, o.flag_is_set) : EXIT_FAILED;
}
