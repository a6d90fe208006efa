/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ondol token`: who may use the page. A token is shown once, when it is made: ondold keeps
 * only its digest. `ondol ca`: what browsers are to trust.
 */
#include "bootstrap/cli.h"
#include "bootstrap/table.h"
#include "common/jsonx.h"

static int call(const struct cli *cli, const char *method, const char *path, json_t *body,
	json_t **ret)
{
	_cleanup_free_ char *msg = NULL;
	int r = client_call(
		cli->socket, method, path, body, CLIENT_TIMEOUT_MS, ret, &msg);

	if (r == 0)
		return CLI_DONE;
	cli_error(cli, "%s", msg);
	return r == 400 ? CLI_USAGE : CLI_FAILED;
}

static void say_where(const struct cli *cli)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	const char *page;

	if (call(cli, "GET", "/v1/tokens", NULL, &answer) != CLI_DONE)
		return;
	page = json_string_value(json_object_get(answer, "page"));
	if (page)
		cli_error(cli,
			"it is shown only now. The page is at %s; browsers trust it once they "
			"have what `ondol ca` prints",
			page);
	else
		cli_error(cli,
			"it is shown only now. The rack has no page yet: give rack.ini "
			"[deploy] page = ADDRESS:PORT, and apply it");
}

static int token_add(struct cli *cli)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	const char *token;
	int r;

	if (!cli->opt.role)
		return cli_usage(
			cli, "token add: expected --role viewer or --role operator");
	r = call(cli, "POST", "/v1/tokens",
		json_pack("{s:s, s:s}", "name", cli->opt.args[1], "role", cli->opt.role),
		&answer);
	if (r != CLI_DONE)
		return r;
	token = json_string_value(json_object_get(answer, "token"));
	if (!token) {
		cli_error(cli,
			"ondold's answer has no token in it: `ondol token list` says "
			"whether there is a new one");
		return CLI_FAILED;
	}
	printf("%s\n", token);
	say_where(cli);
	return CLI_DONE;
}

static const char *text_at(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s ? s : "";
}

static int token_list(struct cli *cli)
{
	static const char *const headings[] = {"NAME", "ROLE", "SINCE", NULL};
	_cleanup_(jx_freep) json_t *answer = NULL;
	_cleanup_(table_freep) struct table *t = NULL;
	json_t *token, *list;
	size_t i;
	int r = call(cli, "GET", "/v1/tokens", NULL, &answer);

	if (r != CLI_DONE)
		return r;
	if (cli->opt.json) {
		cli_print_json(TAKE_PTR(answer));
		return CLI_DONE;
	}
	list = json_object_get(answer, "tokens");
	if (!json_array_size(list)) {
		cli_error(cli,
			"there is no token: `ondol token add NAME --role viewer` makes one");
		return CLI_DONE;
	}
	t = table_new(headings);
	json_array_foreach(list, i, token)
	{
		char since[32];

		cli_date_time(
			(uint64_t)json_integer_value(json_object_get(token, "created")),
			since);
		table_add(t, STYLE_BOLD, "%s", text_at(token, "name"));
		table_add(t, STYLE_PLAIN, "%s", text_at(token, "role"));
		table_add(t, STYLE_PLAIN, "%s", since);
	}
	table_print(t, &cli->out);
	return CLI_DONE;
}

/* A name goes into a path: what no token can be called is not asked for. */
static bool is_name(const char *s)
{
	return *s &&
		strspn(s,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		strlen(s);
}

static int token_revoke(struct cli *cli)
{
	_cleanup_free_ char *path = xasprintf("/v1/tokens/%s", cli->opt.args[1]);
	_cleanup_(jx_freep) json_t *answer = NULL;

	if (!is_name(cli->opt.args[1]))
		return cli_usage(cli,
			"token revoke: expected a name of letters, digits and . _ -");
	return call(cli, "DELETE", path, NULL, &answer);
}

int cmd_token(struct cli *cli)
{
	const char *word = cli->opt.args[0];

	if (!word)
		return cli_usage(cli, "token: expected add, list or revoke");
	if (streq(word, "list") && cli->opt.n_args == 1)
		return token_list(cli);
	if (streq(word, "list"))
		return cli_usage(cli, "token list: takes no argument");
	if (!streq(word, "add") && !streq(word, "revoke"))
		return cli_usage(
			cli, "token: no \"%s\"; expected add, list or revoke", word);
	if (cli->opt.n_args != 2)
		return cli_usage(cli, "token %s: expected one name", word);
	return streq(word, "add") ? token_add(cli) : token_revoke(cli);
}

int cmd_ca(struct cli *cli)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	int r;

	if (cli->opt.n_args)
		return cli_usage(cli, "ca: takes no argument");
	r = call(cli, "GET", "/v1/ca", NULL, &answer);
	if (r == CLI_DONE)
		fputs(text_at(answer, "ca"), stdout);
	return r;
}
