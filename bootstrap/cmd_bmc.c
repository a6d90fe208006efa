/* SPDX-License-Identifier: Apache-2.0 */
/* `ondol identify`, `ondol sensors` and `ondol sel`: what a node's BMC shows and knows. */
#include "bootstrap/cli.h"
#include "common/jsonx.h"
#include "common/parse.h"

#define BMC_TIMEOUT_MS 180000 /* it may wait behind a power operation */
#define DEFAULT_SECONDS 240 /* time to walk to the rack */

static int get(const struct cli *cli, const char *what, json_t **ret)
{
	const char *node = cli->opt.args[0];
	_cleanup_free_ char *path = xasprintf("/v1/nodes/%s/%s", node, what), *msg = NULL;
	int r = cli_check_node(cli, node);

	if (r != CLI_DONE)
		return r;
	if (client_call(cli->socket, "GET", path, NULL, BMC_TIMEOUT_MS, ret, &msg) == 0)
		return CLI_DONE;
	cli_error(cli, "%s: %s: %s", node, what, msg);
	return CLI_FAILED;
}

/* ---- identify ---- */

static json_t *identify_body(const char *word)
{
	unsigned seconds = DEFAULT_SECONDS;

	if (word && streq(word, "on"))
		return json_pack("{s:b}", "on", 1);
	if (word && streq(word, "off"))
		seconds = 0;
	else if (word && parse_unsigned(word, 1, 255, &seconds) < 0)
		return NULL;
	return json_pack("{s:i}", "seconds", (int)seconds);
}

static void say_identify(const char *node, const json_t *body)
{
	json_int_t seconds = json_integer_value(json_object_get(body, "seconds"));

	if (json_object_get(body, "on"))
		printf("%s: the UID light is on until `ondol identify %s off`\n", node,
			node);
	else if (seconds)
		printf("%s: the UID light is on for %d s\n", node, (int)seconds);
	else
		printf("%s: the UID light is off\n", node);
}

int cmd_identify(struct cli *cli)
{
	_cleanup_(jx_freep) json_t *answer = NULL, *body = NULL;
	int r;

	if (cli->opt.n_args < 1 || cli->opt.n_args > 2)
		return cli_usage(
			cli, "identify: expected a node, and for how many seconds");
	body = identify_body(cli->opt.args[1]);
	if (!body)
		return cli_usage(cli,
			"identify: expected 1 to 255 seconds, on or off, found %s",
			cli->opt.args[1]);
	r = cli_post_node(cli, cli->opt.args[0], "identify", json_incref(body),
		BMC_TIMEOUT_MS, &answer);
	if (r == CLI_DONE && cli->opt.json)
		cli_print_json(TAKE_PTR(answer));
	else if (r == CLI_DONE)
		say_identify(cli->opt.args[0], body);
	return r;
}

/* ---- sensors ---- */

static const char *text_of(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s ? s : "";
}

/* As a BMC tells them: up to three decimals; those that are zero are left out. */
static void number_text(const json_t *v, char buf[static 32])
{
	size_t n;

	buf[0] = 0;
	if (!json_is_number(v))
		return;
	snprintf(buf, 32, "%.3f", json_number_value(v));
	for (n = strlen(buf); n > 0 && buf[n - 1] == '0'; n--)
		buf[n - 1] = 0;
	if (n > 0 && buf[n - 1] == '.')
		buf[n - 1] = 0;
}

/* "10 / 5": warning, critical, fatal, those that there are. */
static char *limits_text(const json_t *row, const char *side)
{
	static const char *const names[] = {"warning", "critical", "fatal"};
	char *text = xstrdup("");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *key = xasprintf("%s_%s", side, names[i]),
				    *old = text;
		char number[32];

		number_text(json_object_get(row, key), number);
		text = xasprintf("%s%s%s", old, *old && *number ? " / " : "", number);
	}
	return text;
}

static const char *status_text(const char *status)
{
	static const char *const words[][2] = {{"ns", "-"}, {"na", "-"},
		{"nc", "warning"}, {"cr", "critical"}, {"nr", "fatal"},
		{"lnc", "low: warning"}, {"lcr", "low: critical"}, {"lnr", "low: fatal"},
		{"unc", "high: warning"}, {"ucr", "high: critical"},
		{"unr", "high: fatal"}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(status, words[i][0]))
			return words[i][1];
	return status;
}

static enum term_style style_of(const json_t *row)
{
	const char *status = text_of(row, "status");

	if (!json_is_false(json_object_get(row, "well")))
		return STYLE_PLAIN;
	return strstr(status, "nc") ? STYLE_WARN : STYLE_BAD;
}

static void print_sensors(const struct cli *cli, const json_t *list)
{
	static const char *const headings[] = {
		"SENSOR", "READING", "UNIT", "STATUS", "LOWER", "UPPER", NULL};
	_cleanup_(table_freep) struct table *t = table_new(headings);
	const json_t *row;
	size_t i;

	table_right(t, 1);
	json_array_foreach(list, i, row)
	{
		_cleanup_free_ char *lower = limits_text(row, "lower"),
				    *upper = limits_text(row, "upper");
		enum term_style style = style_of(row);
		char reading[32];

		number_text(json_object_get(row, "reading"), reading);
		table_add(t, style, "%s", text_of(row, "name"));
		table_add(t, style, "%s", *reading ? reading : "-");
		table_add(t, style, "%s", text_of(row, "unit"));
		table_add(t, style, "%s", status_text(text_of(row, "status")));
		table_add(t, style, "%s", lower);
		table_add(t, style, "%s", upper);
	}
	table_print(t, &cli->out);
}

int cmd_sensors(struct cli *cli)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	const json_t *list;
	int r;

	if (cli->opt.n_args != 1)
		return cli_usage(cli, "sensors: expected a node");
	r = get(cli, "sensors", &answer);
	if (r != CLI_DONE)
		return r;
	list = json_object_get(answer, "sensors");
	if (cli->opt.json)
		cli_print_json(TAKE_PTR(answer));
	else if (json_array_size(list))
		print_sensors(cli, list);
	else
		printf("%s: its BMC tells of no sensor\n", cli->opt.args[0]);
	return CLI_DONE;
}

/* ---- the event log ---- */

static void entry_time(const json_t *row, char buf[static 32])
{
	const json_t *time = json_object_get(row, "time");

	if (json_is_integer(time))
		cli_date_time((uint64_t)json_integer_value(time), buf);
	else
		strcpy(buf, "(clock not set)");
}

static void print_sel(const struct cli *cli, const json_t *list)
{
	static const char *const headings[] = {"ID", "TIME", "SENSOR", "EVENT", NULL};
	_cleanup_(table_freep) struct table *t = table_new(headings);
	const json_t *row;
	size_t i;

	table_right(t, 0);
	json_array_foreach(list, i, row)
	{
		const char *detail = text_of(row, "detail"),
			   *direction = text_of(row, "direction");
		bool over = streq(direction, "deasserted");
		char time[32];

		entry_time(row, time);
		table_add(t, STYLE_DIM, "%d",
			(int)json_integer_value(json_object_get(row, "id")));
		table_add(t, STYLE_PLAIN, "%s", time);
		table_add(t, STYLE_PLAIN, "%s", text_of(row, "sensor"));
		table_add(t, STYLE_PLAIN, "%s%s%s%s", text_of(row, "event"),
			over ? " (over)" : "", *detail ? ": " : "", detail);
	}
	table_print(t, &cli->out);
}

static int clear_sel(struct cli *cli)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	const char *node = cli->opt.args[0];
	_cleanup_free_ char *question = xasprintf(
		"The BMC of %s forgets its event log.\nType yes to go on: ", node);
	int r = cli_check_node(cli, node);

	if (r == CLI_DONE)
		r = cli_confirm(cli, question, "yes");
	if (r == CLI_DONE)
		r = cli_post_node(cli, node, "sel", json_pack("{s:b}", "clear", 1),
			BMC_TIMEOUT_MS, &answer);
	if (r == CLI_DONE && cli->opt.json)
		cli_print_json(TAKE_PTR(answer));
	else if (r == CLI_DONE)
		printf("%s: the event log is cleared\n", node);
	return r;
}

int cmd_sel(struct cli *cli)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	const json_t *list;
	int r;

	if (cli->opt.n_args != 1)
		return cli_usage(cli, "sel: expected a node");
	if (cli->opt.clear)
		return clear_sel(cli);
	r = get(cli, "sel", &answer);
	if (r != CLI_DONE)
		return r;
	list = json_object_get(answer, "entries");
	if (cli->opt.json)
		cli_print_json(TAKE_PTR(answer));
	else if (json_array_size(list))
		print_sel(cli, list);
	else
		printf("%s: the event log is empty\n", cli->opt.args[0]);
	return CLI_DONE;
}
