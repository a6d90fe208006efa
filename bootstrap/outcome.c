/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/outcome.h"

#include "bootstrap/consent.h"
#include "bootstrap/table.h"
#include "common/jsonx.h"

/* Beside run_states[]. */
static const char *const headings[] = {"node", "role", "state", "address", "disk written",
	"power", "net-boot", "agent", "install", "1st boot", "config", "total s", NULL};
#define FIRST_SECONDS 5

static bool listed(const char *const *nodes, const char *name)
{
	for (const char *const *n = nodes; n && *n; n++)
		if (streq(*n, name))
			return true;
	return !nodes;
}

static void put_seconds(struct table *t, uint64_t ms)
{
	if (ms == 0)
		table_add(t, STYLE_DIM, "-");
	else if (ms < 10000)
		table_add(t, STYLE_PLAIN, "%.1f", (double)ms / 1000);
	else
		table_add(
			t, STYLE_PLAIN, "%llu", (unsigned long long)((ms + 500) / 1000));
}

static void put_node(struct table *t, const struct node_view *n)
{
	_cleanup_free_ char *role = node_view_role(n);
	const char *disk = *n->disk_serial ? n->disk_serial : n->disk_wwn;

	table_add(t, STYLE_BOLD, "%s", n->name);
	table_add(t, STYLE_PLAIN, "%s", role);
	table_add(t, node_view_style(n), "%s", n->state);
	table_add(t, STYLE_PLAIN, "%s", *n->address ? n->address : "-");
	table_add(t, STYLE_PLAIN, "%s", *disk ? disk : "-");
	for (size_t i = 0; run_states[i]; i++)
		put_seconds(t, node_view_phase_ms(n, run_states[i]));
	put_seconds(t, node_view_run_ms(n));
}

void outcome_table(
	const struct term *term, const struct status_view *s, const char *const *nodes)
{
	_cleanup_(table_freep) struct table *t = table_new(headings);

	for (size_t c = FIRST_SECONDS; headings[c]; c++)
		table_right(t, c);
	for (size_t i = 0; i < s->n_nodes; i++)
		if (listed(nodes, s->nodes[i].name))
			put_node(t, &s->nodes[i]);
	table_print(t, term);
}

/* What to do about a node that failed, by the state it can no longer leave. */
static void tell_failure(
	const struct cli *cli, const struct goal *g, const struct node_view *n)
{
	if (!n) {
		cli_error(cli,
			"%s is no longer in the rack: someone else applied another file",
			g->node);
		return;
	}
	if (g->kind == GOAL_HELD) {
		cli_error(cli, "%s %s", n->name, g->why);
		return;
	}
	cli_error(cli, "%s %s: %s", n->name, n->state,
		*n->reason ? n->reason : "no reason was given");
	if (streq(n->state, "maintenance"))
		fprintf(stderr,
			"       `ondol why %s` shows what led to it; `ondol maintenance %s off` "
			"takes it back.\n",
			g->node, g->node);
	else
		fprintf(stderr,
			"       `ondol why %s` shows what led to it; `ondol reinstall %s` tries "
			"again.\n",
			g->node, g->node);
}

static int judge(const struct cli *cli, const struct follow_spec *spec,
	const struct status_view *s)
{
	int exit_code = CLI_DONE;

	for (size_t i = 0; i < spec->n_goals; i++) {
		const struct goal *g = &spec->goals[i];
		const struct node_view *n = status_view_node(s, g->node);

		if (goal_check(g, n) != GOAL_FAILED)
			continue;
		tell_failure(cli, g, n);
		exit_code = CLI_FAILED;
	}
	return exit_code;
}

static void print_json(json_t *extra, json_t *status, int exit_code)
{
	json_t *out = json_object();

	json_object_set_new(out, "ok", json_boolean(exit_code == CLI_DONE));
	if (extra)
		json_object_update(out, extra);
	if (status)
		json_object_set(out, "nodes", json_object_get(status, "nodes"));
	cli_print_json(out);
}

static int tell_end(const struct cli *cli, int end, const char *msg)
{
	switch (end) {
	case FOLLOW_LEFT:
		fprintf(stderr,
			"Left. The work goes on in ondold; `ondol status` shows it.\n");
		return CLI_LEFT;
	case FOLLOW_TIMEOUT:
		cli_error(cli,
			"not done within --timeout; the work goes on in ondold: "
			"`ondol status` shows it, `ondol why NODE` what it waits for");
		return CLI_FAILED;
	}
	cli_error(cli, "%s", msg);
	return CLI_FAILED;
}

/* ---- nodes that ask ---- */

struct asking {
	const struct cli *cli;
	struct goal *goals; /* borrowed */
	size_t n;
	bool *left; /* owned: of each goal, whether its node got no yes and is left as it is */
};

static bool asks_for(const struct asking *a, size_t i, const struct status_view *s)
{
	const struct goal *g = &a->goals[i];
	const struct node_view *n = status_view_node(s, g->node);

	return n && n->asks && !a->left[i] && n->since_ms >= g->after_ms &&
		(g->kind == GOAL_LOOK || g->kind == GOAL_RUN);
}

/* Somebody else said yes meanwhile: what we wait for is the installation. */
static void see_agreed(struct asking *a, const struct status_view *s)
{
	for (size_t i = 0; i < a->n; i++) {
		struct goal *g = &a->goals[i];
		const struct node_view *n = status_view_node(s, g->node);

		if (g->kind == GOAL_LOOK && !a->left[i] && n && !n->asks &&
			goal_check(g, n) == GOAL_REACHED)
			g->kind = GOAL_RUN;
	}
}

/* What got no yes is waited for no longer: that it asks is all that is to be had of it. */
static void answered(struct asking *a, size_t i, bool yes)
{
	a->goals[i].kind = yes ? GOAL_RUN : GOAL_LOOK;
	a->left[i] = !yes;
}

/* --yes: it is said of each as soon as it asks. */
static bool say_yes(const struct status_view *s, void *userdata)
{
	struct asking *a = userdata;
	bool looks;

	see_agreed(a, s);
	for (size_t i = 0; i < a->n; i++)
		if (asks_for(a, i, s))
			answered(a, i,
				consent_give(a->cli,
					status_view_node(s, a->goals[i].node), NULL,
					&looks) == CLI_DONE);
	return false;
}

/* Else the operator is asked once, when all that are looked at ask or have failed. */
static bool stop_to_ask(const struct status_view *s, void *userdata)
{
	struct asking *a = userdata;
	bool any = false;

	see_agreed(a, s);
	for (size_t i = 0; i < a->n; i++) {
		const struct goal *g = &a->goals[i];

		if (g->kind == GOAL_LOOK &&
			goal_check(g, status_view_node(s, g->node)) == GOAL_GOING)
			return false;
		any |= asks_for(a, i, s);
	}
	return any;
}

static void ask(struct asking *a, const struct status_view *s)
{
	_cleanup_free_ const char **names = xcalloc(a->n + 1, sizeof(*names));
	_cleanup_free_ size_t *which = xcalloc(a->n + 1, sizeof(*which));
	_cleanup_free_ bool *agreed = xcalloc(a->n + 1, sizeof(*agreed));
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		if (asks_for(a, i, s)) {
			which[n] = i;
			names[n++] = a->goals[i].node;
		}
	consent_ask(a->cli, s, names, n, agreed);
	for (size_t i = 0; i < n; i++)
		answered(a, which[i], agreed[i]);
}

static int judge_asking(const struct asking *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->left[i])
			return CLI_FAILED;
	return CLI_DONE;
}

/* Watches, and asks where that is needed, until nothing is left to be waited for. */
static int follow_and_ask(struct follow_spec *spec, struct asking *a,
	struct status_view **ret, json_t **ret_json, char **reterr_msg)
{
	uint64_t until_ms = now_mono_ms() + spec->timeout_ms;
	int end;

	spec->userdata = a;
	spec->on_status = a->cli->opt.yes ? say_yes : stop_to_ask;
	while ((end = follow_run(spec, ret, ret_json, reterr_msg)) == FOLLOW_STOPPED) {
		uint64_t now = now_mono_ms();

		ask(a, *ret);
		status_view_free(TAKE_PTR(*ret));
		json_decref(TAKE_PTR(*ret_json));
		if (spec->timeout_ms) /* people take their time, too */
			spec->timeout_ms = until_ms > now ? until_ms - now : 1;
	}
	return end;
}

int outcome_wait(const struct cli *cli, struct goal *goals, size_t n_goals,
	const char *const *nodes, json_t *extra)
{
	_cleanup_free_ bool *left = xcalloc(n_goals + 1, sizeof(*left));
	struct asking asking = {cli, goals, n_goals, left};
	struct follow_spec spec = {.cli = cli,
		.term = cli->opt.json ? &cli->err : &cli->out,
		.goals = goals,
		.n_goals = n_goals,
		.nodes = nodes,
		.timeout_ms = cli->opt.timeout_ms};
	_cleanup_(status_view_freep) struct status_view *s = NULL;
	_cleanup_(jx_freep) json_t *json = NULL, *more = extra;
	_cleanup_free_ char *msg = NULL;
	int end = follow_and_ask(&spec, &asking, &s, &json, &msg), exit_code;

	if (end == FOLLOW_LEFT)
		return tell_end(cli, end, msg);
	if (s && !cli->opt.json) {
		putchar('\n');
		outcome_table(&cli->out, s, nodes);
	}
	exit_code = end == FOLLOW_DONE ? judge(cli, &spec, s) : tell_end(cli, end, msg);
	if (exit_code == CLI_DONE)
		exit_code = judge_asking(&asking);
	if (cli->opt.json)
		print_json(more, json, exit_code);
	else
		printf("Further: `ondol status`, `ondol status NODE`, `ondol why NODE`.\n");
	return exit_code;
}
