/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ondol why NODE`: where the node is, the causes that ondold finds, each with its evidence and
 * what to do, and how it came there, as a timeline. Without --all it begins where the last run
 * began, and has one line for each event of that run that says something new.
 */
#include "bootstrap/cli.h"
#include "bootstrap/table.h"
#include "common/jsonx.h"

#define PAGE 1000

/* All events of the node, page by page; *ret_list is a JSON array. */
static int get_events(const struct cli *cli, const char *node, json_t **ret_list)
{
	_cleanup_(jx_freep) json_t *all = json_array();
	json_int_t since = 0;

	for (;;) {
		_cleanup_free_ char *msg = NULL, *path = NULL;
		_cleanup_(jx_freep) json_t *json = NULL;
		json_t *page;
		json_int_t last;

		path = xasprintf("/v1/events?since=%lld&node=%s&limit=%d",
			(long long)since, node, PAGE);
		if (client_call(cli->socket, "GET", path, NULL, CLIENT_TIMEOUT_MS, &json,
			    &msg) != 0) {
			cli_error(cli, "%s", msg);
			return CLI_FAILED;
		}
		page = json_object_get(json, "events");
		last = json_integer_value(json_object_get(
			json_array_get(page, json_array_size(page) - 1), "id"));
		json_array_extend(all, page);
		if (json_array_size(page) < PAGE || last <= since)
			break;
		since = last;
	}
	*ret_list = TAKE_PTR(all);
	return CLI_DONE;
}

/* ---- causes ---- */

/* Cleaned: nodes made it up, or an ondold that is not ours. Caller frees. */
static char *clean_at(const json_t *obj, const char *key)
{
	return text_clean(json_string_value(json_object_get(obj, key)), true);
}

static void print_evidence(const json_t *list)
{
	const json_t *e;
	size_t i;

	json_array_foreach(list, i, e)
	{
		_cleanup_free_ char *text = clean_at(e, "text"),
				    *type = clean_at(e, "type");
		char at[32];

		cli_date_time(
			(uint64_t)json_integer_value(json_object_get(e, "time")), at);
		printf("  seen        %s  %s%s%s\n", at, type, *text ? ": " : "", text);
	}
}

static void print_findings(const struct cli *cli, const json_t *list)
{
	const json_t *f;
	size_t i;

	json_array_foreach(list, i, f)
	{
		_cleanup_free_ char *title = clean_at(f, "title"),
				    *todo = clean_at(f, "todo");
		bool note = json_is_true(json_object_get(f, "note"));

		printf("%s%s%s %s\n",
			style_on(note ? STYLE_BOLD : STYLE_BAD, cli->out.color),
			note ? "Note:" : "Cause:",
			style_off(note ? STYLE_BOLD : STYLE_BAD, cli->out.color), title);
		print_evidence(json_object_get(f, "evidence"));
		printf("  what to do  %s\n\n", todo);
	}
}

static bool is_finding(const json_t *f)
{
	const json_t *list = json_object_get(f, "evidence"), *e;
	size_t i;

	json_array_foreach(list, i, e)
	{
		if (!json_is_string(json_object_get(e, "type")) ||
			!json_is_string(json_object_get(e, "text")))
			return false;
	}
	return json_is_array(list) && json_is_string(json_object_get(f, "title")) &&
		json_is_string(json_object_get(f, "todo"));
}

/* What ondold makes of the events; an older ondold knows of no causes. */
static int get_findings(const struct cli *cli, const char *node, json_t **ret)
{
	_cleanup_free_ char *msg = NULL, *path = xasprintf("/v1/nodes/%s/why", node);
	_cleanup_(jx_freep) json_t *json = NULL;
	const json_t *list, *f;
	size_t i;
	int r = client_call(
		cli->socket, "GET", path, NULL, CLIENT_TIMEOUT_MS, &json, &msg);

	if (r == 404) {
		*ret = json_array();
		return CLI_DONE;
	}
	if (r != 0) {
		cli_error(cli, "%s", msg);
		return CLI_FAILED;
	}
	list = json_object_get(json, "findings");
	json_array_foreach(list, i, f)
	{
		if (!is_finding(f)) {
			cli_error(cli, "ondold's findings are not understood");
			return CLI_FAILED;
		}
	}
	*ret = json_is_array(list) ? json_incref((json_t *)list) : json_array();
	return CLI_DONE;
}

/* The event with which the last run began: something was asked of the node. */
static size_t run_begin(const struct events_view *e)
{
	size_t i = e->n;

	while (i > 0) {
		const char *type = e->list[--i].type;

		if (streq(type, "install.wanted") || streq(type, "look.wanted") ||
			streq(type, "converge.wanted"))
			break;
	}
	return i;
}

static void print_head(const struct cli *cli, const struct node_view *n)
{
	_cleanup_free_ char *role = node_view_role(n),
			    *reason = text_clean(n->reason, cli->out.utf8);
	_cleanup_free_ char *step = text_clean(n->step, cli->out.utf8);
	char since[32];

	cli_date_time(n->since_ms, since);
	printf("%s%s%s (%s) is %s%s%s since %s", style_on(STYLE_BOLD, cli->out.color),
		n->name, style_off(STYLE_BOLD, cli->out.color), role,
		style_on(node_view_style(n), cli->out.color), n->state,
		style_off(node_view_style(n), cli->out.color), since);
	printf("%s%s\n", *reason ? ": " : "", reason);
	if (*step && node_view_is_going(n))
		printf("Now: %s\n", step);
	putchar('\n');
}

static enum term_style event_style(const struct event_view *e)
{
	const char *dot = strrchr(e->type, '.'), *kind = dot ? dot + 1 : e->type;

	if (streq(kind, "failed") || streq(kind, "disproved") || streq(kind, "error"))
		return STYLE_BAD;
	if (streq(kind, "warning") || streq(kind, "timeout"))
		return STYLE_WARN;
	return STYLE_PLAIN;
}

static void print_timeline(
	const struct cli *cli, const struct events_view *e, size_t first)
{
	static const char *const headings[] = {
		"time", "after", "source", "event", "text", NULL};
	_cleanup_(table_freep) struct table *t = table_new(headings);
	const struct event_view *before = NULL;
	char at[32], after[32];

	table_right(t, 1);
	for (size_t i = first; i < e->n; i++) {
		const struct event_view *x = &e->list[i];
		uint64_t ms = before && x->time_ms > before->time_ms
			? x->time_ms - before->time_ms
			: 0;

		if (x->old_news)
			continue;
		cli_date_time(x->time_ms, at);
		format_duration(ms, after);
		table_add(t, STYLE_DIM, "%s", at);
		table_add(t, STYLE_DIM, "%s%s", before ? "+" : "", before ? after : "");
		table_add(t, STYLE_PLAIN, "%s", x->source);
		table_add(t, event_style(x), "%s", x->type);
		table_add(t, event_style(x), "%s", x->text);
		before = x;
	}
	table_print(t, &cli->out);
}

static int print_why(const struct cli *cli, const struct node_view *n, const json_t *list,
	const json_t *findings)
{
	_cleanup_(jx_freep) json_t *wrapped =
		json_pack("{s:O, s:i}", "events", (json_t *)list, "last", 0);
	_cleanup_free_ char *msg = NULL;
	struct events_view e = {0};
	size_t first, left_out;

	if (events_view_parse(wrapped, &e, &msg) < 0) {
		cli_error(cli, "ondold's events are not understood: %s", msg);
		return CLI_FAILED;
	}
	first = cli->opt.all ? 0 : run_begin(&e);
	left_out = cli->opt.all ? 0 : events_view_mark_old_news(&e, first);
	print_head(cli, n);
	print_findings(cli, findings);
	if (e.n == 0)
		printf("No events yet.\n");
	else
		print_timeline(cli, &e, first);
	if (first > 0 || left_out > 0)
		printf("\n`ondol why %s --all` has %zu more events: %zu older, %zu that say "
		       "nothing new\n",
			n->name, first + left_out, first, left_out);
	events_view_clear(&e);
	return CLI_DONE;
}

int cmd_why(struct cli *cli)
{
	_cleanup_(node_view_clear) struct node_view n = {0};
	_cleanup_(jx_freep) json_t *node = NULL, *events = NULL, *findings = NULL;
	int r;

	if (cli->opt.n_args != 1)
		return cli_usage(cli, "why: expected one node");
	r = cli_get_node(cli, cli->opt.args[0], &node, &n);
	if (r == CLI_DONE)
		r = get_events(cli, n.name, &events);
	if (r == CLI_DONE)
		r = get_findings(cli, n.name, &findings);
	if (r != CLI_DONE)
		return r;
	if (!cli->opt.json)
		return print_why(cli, &n, events, findings);
	cli_print_json(json_pack(
		"{s:O, s:O, s:O}", "node", node, "findings", findings, "events", events));
	return CLI_DONE;
}
