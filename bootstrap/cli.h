/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands of `ondol` share: the root struct of the program, messages, and the
 * requests that several of them make.
 */
#pragma once

#include "bootstrap/client.h"
#include "bootstrap/options.h"
#include "bootstrap/table.h"
#include "bootstrap/term.h"
#include "bootstrap/view.h"

enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1, /* it was tried and did not work */
	CLI_USAGE = 2, /* wrong usage or configuration: nothing was changed */
	CLI_LEFT = 130, /* Ctrl-C: only the watching has ended */
};

struct cli {
	const char *command; /* borrowed: the word given */
	struct options opt; /* owned */
	struct term out; /* standard output */
	struct term err; /* standard error */
	const char *socket; /* borrowed */
};

/* "ondol: ..." on standard error; what came from elsewhere is cleaned. */
void cli_error(const struct cli *cli, const char *fmt, ...) _printf_(2, 3);
/* cli_error with a pointer to `ondol help COMMAND`; CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *fmt, ...) _printf_(2, 3);
/* Prints JSON, indented, to standard output and releases it. */
void cli_print_json(json_t *json);

/* GET /v1/status; *ret_json (may be NULL) is the answer as it came. Says what failed: CLI_FAILED. */
int cli_get_status(const struct cli *cli, json_t **ret_json, struct status_view **ret);
/* GET /v1/nodes/NAME; an unknown name is told with the nearest one: CLI_USAGE. */
int cli_get_node(const struct cli *cli, const char *name, json_t **ret_json,
	struct node_view *ret);
/* Is every argument a node of the status? Otherwise says which is not: CLI_USAGE. */
int cli_check_nodes(const struct cli *cli, const struct status_view *s);
/* Is there a node of that name? Otherwise it is told with the nearest one: CLI_USAGE. */
int cli_check_node(const struct cli *cli, const char *name);
/* A request whose refusal or failure has only to be told. path_fmt holds one %s: node. */
int cli_post_node(const struct cli *cli, const char *node, const char *what, json_t *body,
	unsigned timeout_ms, json_t **ret);

/*
 * Asks and wants exactly this word. CLI_DONE: given, or --yes; CLI_USAGE: there is no one
 * to ask; CLI_FAILED: something else was typed.
 */
int cli_confirm(const struct cli *cli, const char *question, const char *word);

/* Times for people, in local time. */
void cli_time_of_day(uint64_t real_ms, char buf[static 16]); /* "03:12:05" */
void cli_date_time(uint64_t real_ms, char buf[static 32]); /* "2026-11-23 03:12:05" */
/* "12 s ago", "never" for 0 */
void cli_ago(uint64_t then_ms, uint64_t now_ms, char buf[static 48]);

/* The commands: each returns a cli_exit. */
int cmd_check(struct cli *cli);
int cmd_plan(struct cli *cli);
int cmd_apply(struct cli *cli);
int cmd_status(struct cli *cli);
int cmd_why(struct cli *cli);
int cmd_reinstall(struct cli *cli);
int cmd_cancel(struct cli *cli);
int cmd_maintenance(struct cli *cli);
int cmd_power(struct cli *cli);
int cmd_prove(struct cli *cli);
int cmd_update(struct cli *cli);
int cmd_image(struct cli *cli);
int cmd_identify(struct cli *cli);
int cmd_sensors(struct cli *cli);
int cmd_sel(struct cli *cli);
int cmd_console(struct cli *cli);
int cmd_init(struct cli *cli);
int cmd_token(struct cli *cli);
int cmd_ca(struct cli *cli);
int cmd_metrics(struct cli *cli);
int cmd_cloud(struct cli *cli);
/* `ondol cloud backup FILE`, `ondol cloud restore FILE` */
int cmd_cloud_backup(struct cli *cli, const char *file);
int cmd_cloud_restore(struct cli *cli, const char *file);
