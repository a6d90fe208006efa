/* SPDX-License-Identifier: Apache-2.0 */
/* `ondol cloud`: what the cloud's services say of themselves, and the keys to it. */
#include "bootstrap/capath.h"
#include "bootstrap/cli.h"
#include "bootstrap/cloudview.h"
#include "bootstrap/table.h"
#include "common/jsonx.h"
#include "common/nearest.h"

#define POLL_S 30u

/* ---- asking ---- */

static int get(const struct cli *cli, const char *path, json_t **ret)
{
	_cleanup_free_ char *msg = NULL;
	int r = client_call(cli->socket, "GET", path, NULL,
		CLIENT_TIMEOUT_MS + POLL_S * 1000, ret, &msg);

	if (r == 0)
		return CLI_DONE;
	json_decref(r > 0 ? *ret : NULL);
	*ret = NULL;
	cli_error(cli, "%s", msg);
	return CLI_FAILED;
}

/* stamp 0: at once; else when something has changed, or after wait_s seconds. */
static int get_view(const struct cli *cli, uint64_t stamp, unsigned wait_s,
	json_t **ret_json, struct cloud_view *ret)
{
	_cleanup_free_ char *path = xasprintf("/v1/cloud?wait=%u&stamp=%llu",
		stamp ? wait_s : 0, (unsigned long long)stamp);
	_cleanup_free_ char *msg = NULL;
	_cleanup_(jx_freep) json_t *json = NULL;
	int r = get(cli, path, &json);

	if (r != CLI_DONE)
		return r;
	if (cloud_view_parse(json, ret, &msg) < 0) {
		cli_error(cli,
			"ondold's answer is not understood: %s. Are ondol and ondold of "
			"the same version?",
			msg);
		return CLI_FAILED;
	}
	if (ret_json)
		*ret_json = TAKE_PTR(json);
	return CLI_DONE;
}

static int not_a_cloud(const struct cli *cli, const struct cloud_view *v)
{
	if (*v->rack)
		cli_error(cli,
			"the rack %s is no cloud: its rack.ini has no section [cloud]",
			v->rack);
	else
		cli_error(
			cli, "ondold has no rack yet. Give it one: `ondol apply FILE`.");
	return CLI_FAILED;
}

/* ---- status ---- */

static void print_services(const struct cli *cli, const struct cloud_view *v)
{
	static const char *const headings[] = {
		"node", "service", "state", "what it says", NULL};
	_cleanup_(table_freep) struct table *t = table_new(headings);

	for (size_t i = 0; i < v->n_services; i++) {
		const struct cloud_service *s = &v->services[i];

		table_add(t, STYLE_BOLD, "%s", s->node);
		table_add(t, STYLE_PLAIN, "%s", s->service);
		if (v->is_old)
			table_add(t, STYLE_WARN, "unknown");
		else
			table_add(t, s->ok ? STYLE_GOOD : STYLE_BAD,
				s->ok ? "well" : "not well");
		table_add(t, STYLE_PLAIN, "%s", s->text);
	}
	table_print(t, &cli->out);
}

/* One of many lines that came from nodes: cleaned. */
static void print_line(const struct term *term, const char *text)
{
	_cleanup_free_ char *clean = text_clean(text, term->utf8);

	fprintf(term->out, "%s\n", clean);
}

static void print_status(const struct cli *cli, const struct cloud_view *v)
{
	_cleanup_free_ char *sums = cloud_view_sums(v);
	size_t others;
	char ago[48];

	if (v->n_services) {
		print_services(cli, v);
		cli_ago(v->told_ms, v->now_ms, ago);
		printf("%s, as the controller said %s.\n", sums, ago);
	}
	if (cloud_view_is_well(v)) {
		printf("The cloud is well.");
		if (*v->dashboard)
			printf(" Dashboard: %s", v->dashboard);
		putchar('\n');
		return;
	}
	others = strv_len(v->missing) - v->n_unwell;
	printf("The cloud is not well%s\n", others ? ":" : ": see the services above.");
	for (size_t i = 0; i < others; i++) {
		_cleanup_free_ char *line = xasprintf("  %s", v->missing[i]);

		print_line(&cli->out, line);
	}
}

/* While waiting: what is missing, when that is something else than before. */
static void print_missing(
	const struct cli *cli, const struct cloud_view *v, char **before)
{
	_cleanup_free_ char *now = strv_join(v->missing, "\n");
	char at[16];

	if (*before && streq(*before, now))
		return;
	cli_time_of_day(v->now_ms, at);
	for (char **m = v->missing; m && *m; m++) {
		_cleanup_free_ char *line = xasprintf("%s  %s", at, *m);

		if (!*before || !strstr(*before, *m))
			print_line(&cli->err, line);
	}
	free(*before);
	*before = TAKE_PTR(now);
}

/* Until all is well, or the time is over; ret is the last that was seen. */
static int wait_well(const struct cli *cli, json_t **json, struct cloud_view *v)
{
	uint64_t until = cli->opt.wait_ms ? now_mono_ms() + cli->opt.wait_ms : UINT64_MAX;
	_cleanup_free_ char *before = NULL;

	while (v->is_cloud && !cloud_view_is_well(v)) {
		uint64_t now = now_mono_ms(), stamp = v->stamp;
		int r;

		if (now >= until)
			return CLI_DONE;
		print_missing(cli, v, &before);
		cloud_view_clear(v);
		jx_freep(json);
		r = get_view(cli, stamp,
			(unsigned)MIN((until - now + 999) / 1000, (uint64_t)POLL_S), json,
			v);
		if (r != CLI_DONE)
			return r;
	}
	return CLI_DONE;
}

static int status(struct cli *cli)
{
	_cleanup_(cloud_view_clear) struct cloud_view v = {0};
	_cleanup_(jx_freep) json_t *json = NULL;
	int r = get_view(cli, 0, 0, &json, &v);
	bool well;

	if (r == CLI_DONE && cli->opt.wait)
		r = wait_well(cli, &json, &v);
	if (r != CLI_DONE)
		return r;
	if (!v.is_cloud)
		return not_a_cloud(cli, &v);
	well = cloud_view_is_well(&v);
	if (cli->opt.json) {
		json_t *missing = json_array();

		for (char **m = v.missing; m && *m; m++)
			json_array_append_new(missing, json_string(*m));
		json_object_set_new(json, "well", json_boolean(well));
		json_object_set_new(json, "missing", missing);
		cli_print_json(TAKE_PTR(json));
	} else {
		print_status(cli, &v);
	}
	return well ? CLI_DONE : CLI_FAILED;
}

/* ---- keys ---- */

static int write_ca(const struct cli *cli, const char *file)
{
	_cleanup_(jx_freep) json_t *json = NULL;
	int r = get(cli, "/v1/cloud/ca", &json);
	const char *pem = json_string_value(json_object_get(json, "ca"));

	if (r != CLI_DONE)
		return r;
	if (!pem) {
		cli_error(cli, "ondold's answer has no certificate");
		return CLI_FAILED;
	}
	if (!file) {
		fputs(pem, stdout);
		return CLI_DONE;
	}
	r = write_file_atomic(file, pem, strlen(pem), 0644);
	if (r == 0)
		return CLI_DONE;
	cli_error(cli, "%s cannot be written: %s", file, strerror(-r));
	return CLI_FAILED;
}

static int openrc(struct cli *cli)
{
	_cleanup_free_ char *ca = cli->opt.ca ? realpath(cli->opt.ca, NULL) : NULL,
			    *msg = NULL;
	_cleanup_(jx_freep) json_t *json = NULL;
	char *text;
	int r = get(cli,
		cli->opt.student ? "/v1/cloud/openrc?user=student" : "/v1/cloud/openrc",
		&json);

	if (r == CLI_DONE && cli->opt.ca)
		r = write_ca(cli, cli->opt.ca);
	if (r != CLI_DONE)
		return r;
	if (!ca)
		ca = cli->opt.ca ? realpath(cli->opt.ca, NULL)
				 : cloud_ca_path(cli->socket);
	text = cloud_openrc(json, ca ? ca : cli->opt.ca, &msg);
	if (!text) {
		cli_error(cli, "ondold's answer is not understood: %s", msg);
		return CLI_FAILED;
	}
	fputs(text, stdout);
	fflush(stdout);
	secret_free(text);
	cli_error(cli,
		"this holds a password: `eval \"$(ondol cloud openrc)\"` takes it without "
		"showing it");
	return CLI_DONE;
}

static int dashboard(struct cli *cli)
{
	_cleanup_(cloud_view_clear) struct cloud_view v = {0};
	int r = get_view(cli, 0, 0, NULL, &v);

	if (r != CLI_DONE)
		return r;
	if (!v.is_cloud)
		return not_a_cloud(cli, &v);
	if (!*v.dashboard) {
		cli_error(cli,
			"the controller %s has not said yet where the dashboard is (or "
			"horizon is not among [cloud] services): see `ondol cloud status`",
			v.controller);
		return CLI_FAILED;
	}
	printf("%s\n\n"
	       "Sign in to the domain \"Default\":\n"
	       "  as the administrator: user admin, password: OS_PASSWORD of `ondol cloud openrc`\n"
	       "  as the first student: user %s, password: OS_PASSWORD of `ondol cloud openrc "
	       "--student`\n"
	       "Browsers trust it once they have the rack's certificate: `ondol cloud ca`.\n",
		v.dashboard, v.student);
	return CLI_DONE;
}

static int ca(struct cli *cli)
{
	return write_ca(cli, NULL);
}

static const struct sub {
	const char *name;
	int (*run)(struct cli *cli);
	int (*run_file)(struct cli *cli, const char *file);
	unsigned options; /* of those that belong to one of them */
} subs[] = {
	{"status", status, NULL, OPT_JSON | OPT_WAIT},
	{"openrc", openrc, NULL, OPT_STUDENT | OPT_CA},
	{"dashboard", dashboard, NULL, 0},
	{"ca", ca, NULL, 0},
	{"backup", NULL, cmd_cloud_backup, OPT_TIMEOUT},
	{"restore", NULL, cmd_cloud_restore, OPT_YES},
};

static const char *superfluous(const struct options *o, unsigned options)
{
	if (o->json && !(options & OPT_JSON))
		return "--json";
	if (o->wait && !(options & OPT_WAIT))
		return "--wait";
	if (o->student && !(options & OPT_STUDENT))
		return "--student";
	if (o->ca && !(options & OPT_CA))
		return "--ca";
	if (o->timeout_ms && !(options & OPT_TIMEOUT))
		return "--timeout";
	if (o->yes && !(options & OPT_YES))
		return "--yes";
	return NULL;
}

static int run(struct cli *cli, const struct sub *s)
{
	const char *option = superfluous(&cli->opt, s->options);

	if (option)
		return cli_usage(cli, "cloud %s: no such option: %s", s->name, option);
	if (s->run_file && cli->opt.n_args != 2)
		return cli_usage(cli, "cloud %s: expected one file", s->name);
	if (s->run && cli->opt.n_args != 1)
		return cli_usage(cli, "cloud %s: takes no argument", s->name);
	return s->run ? s->run(cli) : s->run_file(cli, cli->opt.args[1]);
}

int cmd_cloud(struct cli *cli)
{
	const char *names[ARRAY_SIZE(subs) + 1] = {NULL}, *near, *word = cli->opt.args[0];

	if (!word)
		return cli_usage(cli,
			"cloud: expected status, openrc, dashboard, ca, backup or "
			"restore");
	for (size_t i = 0; i < ARRAY_SIZE(subs); i++) {
		if (streq(subs[i].name, word))
			return run(cli, &subs[i]);
		names[i] = subs[i].name;
	}
	near = nearest_word(word, names);
	if (near)
		return cli_usage(cli, "cloud: no \"%s\"; was %s meant?", word, near);
	return cli_usage(cli,
		"cloud: no \"%s\"; expected status, openrc, dashboard, ca, backup or "
		"restore",
		word);
}
