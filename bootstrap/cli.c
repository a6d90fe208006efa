/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/cli.h"

#include <stdarg.h>
#include <time.h>

#include "common/jsonx.h"
#include "common/nearest.h"

static _printf_(2, 0) void say(const struct cli *cli, const char *fmt, va_list ap)
{
	_cleanup_free_ char *clean = NULL;
	char *text;

	text = xvasprintf(fmt, ap);
	clean = text_clean(text, cli->err.utf8);
	free(text);
	fflush(stdout);
	fprintf(stderr, "ondol: %s\n", clean);
}

void cli_error(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(cli, fmt, ap);
	va_end(ap);
}

int cli_usage(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(cli, fmt, ap);
	va_end(ap);
	fprintf(stderr, "`ondol help%s%s` says how it is used.\n",
		cli->command ? " " : "", cli->command ? cli->command : "");
	return CLI_USAGE;
}

void cli_print_json(json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
}

int cli_get_status(const struct cli *cli, json_t **ret_json, struct status_view **ret)
{
	_cleanup_(jx_freep) json_t *json = NULL;
	_cleanup_free_ char *msg = NULL;
	int r = client_call(
		cli->socket, "GET", "/v1/status", NULL, CLIENT_TIMEOUT_MS, &json, &msg);

	if (r != 0) {
		cli_error(cli, "%s", msg);
		return CLI_FAILED;
	}
	r = status_view_parse(json, ret, &msg);
	if (r < 0) {
		cli_error(cli, "ondold's status is not understood: %s", msg);
		return CLI_FAILED;
	}
	if (ret_json)
		*ret_json = TAKE_PTR(json);
	return CLI_DONE;
}

/* No node has this name: the nearest, or all names. */
static int unknown_node(
	const struct cli *cli, const char *name, const struct status_view *s)
{
	const char **names = xcalloc(s->n_nodes + 1, sizeof(*names)), *near;

	for (size_t i = 0; i < s->n_nodes; i++)
		names[i] = s->nodes[i].name;
	near = nearest_word(name, names);
	if (!s->n_nodes)
		cli_error(cli,
			"ondold has no rack yet, so there is no node %s; give it one with "
			"`ondol apply FILE`",
			name);
	else if (near)
		cli_error(cli, "the rack %s has no node %s; was %s meant?", s->rack, name,
			near);
	else
		cli_error(cli, "the rack %s has no node %s; `ondol status` lists them",
			s->rack, name);
	free(names);
	return CLI_USAGE;
}

int cli_check_nodes(const struct cli *cli, const struct status_view *s)
{
	for (size_t i = 0; i < cli->opt.n_args; i++)
		if (!status_view_node(s, cli->opt.args[i]))
			return unknown_node(cli, cli->opt.args[i], s);
	return CLI_DONE;
}

/* The node's part of a path may hold nothing but a host name. */
static bool is_node_name(const char *name)
{
	return *name && strlen(name) <= 63 &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

static int node_not_found(const struct cli *cli, const char *name)
{
	_cleanup_(status_view_freep) struct status_view *s = NULL;
	int r = cli_get_status(cli, NULL, &s);

	return r == CLI_DONE ? unknown_node(cli, name, s) : r;
}

int cli_get_node(
	const struct cli *cli, const char *name, json_t **ret_json, struct node_view *ret)
{
	_cleanup_free_ char *path = xasprintf("/v1/nodes/%s", name), *msg = NULL;
	_cleanup_(jx_freep) json_t *json = NULL;
	int r;

	if (!is_node_name(name))
		return node_not_found(cli, name);
	r = client_call(cli->socket, "GET", path, NULL, CLIENT_TIMEOUT_MS, &json, &msg);
	if (r == 404)
		return node_not_found(cli, name);
	if (r != 0) {
		cli_error(cli, "%s", msg);
		return CLI_FAILED;
	}
	if (node_view_parse(json, ret, &msg) < 0) {
		cli_error(
			cli, "ondold's answer about %s is not understood: %s", name, msg);
		return CLI_FAILED;
	}
	if (ret_json)
		*ret_json = TAKE_PTR(json);
	return CLI_DONE;
}

int cli_check_node(const struct cli *cli, const char *name)
{
	_cleanup_(node_view_clear) struct node_view n = {0};

	return cli_get_node(cli, name, NULL, &n);
}

int cli_post_node(const struct cli *cli, const char *node, const char *what, json_t *body,
	unsigned timeout_ms, json_t **ret)
{
	_cleanup_free_ char *path = xasprintf("/v1/nodes/%s/%s", node, what), *msg = NULL;
	_cleanup_(jx_freep) json_t *json = NULL;
	int r;

	if (!is_node_name(node)) {
		json_decref(body);
		return node_not_found(cli, node);
	}
	r = client_call(cli->socket, "POST", path, body, timeout_ms, &json, &msg);
	if (r == 404)
		return node_not_found(cli, node);
	if (r != 0) {
		if (str_startswith(msg, node)) /* "hp02 is failed: ..." */
			cli_error(cli, "%s: %s", what, msg);
		else
			cli_error(cli, "%s: %s: %s", node, what, msg);
		return CLI_FAILED;
	}
	*ret = TAKE_PTR(json);
	return CLI_DONE;
}

int cli_confirm(const struct cli *cli, const char *question, const char *word)
{
	_cleanup_free_ char *answer = NULL;

	if (cli->opt.yes)
		return CLI_DONE;
	if (!term_can_ask()) {
		cli_error(cli,
			"this has to be confirmed, and there is no terminal to ask on; "
			"nothing was changed. A script says --yes.");
		return CLI_USAGE;
	}
	if (term_ask(question, &answer) < 0 || !streq(answer, word)) {
		cli_error(cli, "not confirmed; nothing was changed");
		return CLI_FAILED;
	}
	return CLI_DONE;
}

static struct tm local_time(uint64_t real_ms)
{
	time_t seconds = (time_t)(real_ms / 1000);
	struct tm tm = {0};

	localtime_r(&seconds, &tm);
	return tm;
}

void cli_time_of_day(uint64_t real_ms, char buf[static 16])
{
	struct tm tm = local_time(real_ms);

	strftime(buf, 16, "%H:%M:%S", &tm);
}

void cli_date_time(uint64_t real_ms, char buf[static 32])
{
	struct tm tm = local_time(real_ms);

	strftime(buf, 32, "%Y-%m-%d %H:%M:%S", &tm);
}

void cli_ago(uint64_t then_ms, uint64_t now_ms, char buf[static 48])
{
	uint64_t age_ms;
	char duration[32];

	if (then_ms == 0) {
		strcpy(buf, "never");
		return;
	}
	age_ms = now_ms > then_ms ? now_ms - then_ms : 0;
	if (age_ms < 60000)
		snprintf(duration, sizeof(duration), "%us", (unsigned)(age_ms / 1000));
	else
		format_duration(age_ms, duration);
	snprintf(buf, 48, "%s ago", duration);
}
