/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ondol apply FILE`: check, show the plan, ask, hand over, watch.
 *
 * The plan that was shown and what ondold does are computed from the same text by the same
 * code. ondold gets back the lock of each node's disks as they were shown: when an agent has
 * seen other things on one that is to be written, nothing begins.
 */
#include "bootstrap/apply.h"
#include "bootstrap/outcome.h"
#include "bootstrap/plan.h"

static size_t count_named_so(const struct plan *p, const char *disk)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += streq(p->list[i].to_name, disk);
	return n;
}

/* Can its disk be given up at the prompt: typed as it is, and no other node's with it? */
static bool can_be_named(const struct cli *cli, const struct plan *p, size_t i)
{
	const struct plan_action *a = &p->list[i];

	if (!*a->to_name || !text_is_clean(a->to_name, cli->err.utf8))
		return false;
	if (count_named_so(p, a->to_name) == 1)
		return true;
	cli_error(cli,
		"%s: more than one node says that its disk is %s. One of them is meant: "
		"`ondol reinstall %s` asks for it alone",
		a->node, a->to_name, a->node);
	return false;
}

/*
 * A disk that holds what is not this rack's is given up by its own name. A node whose disk is
 * not named is left as it is, and the others go on.
 */
static void ask_for_names(const struct cli *cli, struct plan *p)
{
	size_t left = APPLY_MAX_WIPE - MIN(cli->opt.n_wipe, (size_t)APPLY_MAX_WIPE);

	for (size_t i = 0; i < p->n && left > 0 && !cli->opt.yes && term_can_ask(); i++) {
		struct plan_action *a = &p->list[i];
		_cleanup_free_ char *why = NULL, *question = NULL, *answer = NULL;

		if (!can_be_named(cli, p, i))
			continue;
		why = text_clean(a->why, cli->err.utf8);
		question = xasprintf(
			"\n%s %s\nType %s to have that disk wiped and %s installed; Enter "
			"leaves it: ",
			a->node, why, a->to_name, a->node);
		a->named = term_ask(question, &answer) == 0 && streq(answer, a->to_name);
		left -= a->named;
	}
}

/* Nodes whose disk will be written, and those that are looked at, for the question. */
static char *question(const struct cli *cli, const struct plan *p)
{
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	if (!f)
		abort();
	if (plan_count(p, "look") > 0) {
		fprintf(f,
			"\nNo agent has seen these yet. They are powered off and on and "
			"looked at, and you are asked again before anything is written:"
			"\n ");
		for (size_t i = 0; i < p->n; i++)
			if (streq(p->list[i].action, "look"))
				fprintf(f, " %s", p->list[i].node);
		fputc('\n', f);
	}
	if (plan_count(p, "install") > 0)
		fprintf(f,
			"\nThese disks will be written and what is on them is lost:\n");
	for (size_t i = 0; i < p->n; i++) {
		/* what a node has on its disks may be in it */
		_cleanup_free_ char *disk = text_clean(p->list[i].disk, cli->err.utf8);

		if (streq(p->list[i].action, "install"))
			fprintf(f, "  %s: %s\n", p->list[i].node, disk);
	}
	fprintf(f, "Type yes to go on: ");
	if (fclose(f) != 0)
		abort();
	return out;
}

static int confirm(const struct cli *cli, const struct plan *p)
{
	_cleanup_free_ char *text = NULL;

	if (plan_count(p, "install") + plan_count(p, "look") == 0)
		return CLI_DONE;
	text = question(cli, p);
	return cli_confirm(cli, text, "yes");
}

/* Nodes that ondold would not touch: nothing is begun, so that the file is not half done. */
static int refuse(const struct cli *cli, const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (streq(p->list[i].action, "refused"))
			cli_error(cli, "%s is refused: %s", p->list[i].node,
				p->list[i].why);
	cli_error(cli, "nothing was changed");
	return CLI_FAILED;
}

static struct goal *make_goals(
	const struct input *in, const struct plan *p, uint64_t began_ms)
{
	struct goal *goals = xcalloc(in->rack->n_nodes + 1, sizeof(*goals));

	for (size_t i = 0; i < in->rack->n_nodes; i++) {
		const char *name = in->rack->nodes[i].name;
		const struct plan_action *a = plan_action(p, name);
		const char *action = a ? a->action : "none";

		goals[i] = (struct goal){.node = name,
			/* it has asked for a while */
			.after_ms = streq(action, "asks") ? 0 : began_ms,
			.why = a ? a->why : "",
			.kind = streq(action, "install") ? GOAL_RUN
				: streq(action, "held")  ? GOAL_HELD
				: streq(action, "look") || streq(action, "asks")
				? GOAL_LOOK
				: streq(action, "converge") ? GOAL_REPORTED
							    : GOAL_SETTLED};
	}
	return goals;
}

/* What was held is not what the file says. */
static int tell_held(const struct cli *cli, const struct plan *done)
{
	for (size_t i = 0; i < done->n; i++)
		if (streq(done->list[i].action, "held"))
			cli_error(cli, "%s %s", done->list[i].node, done->list[i].why);
	return plan_count(done, "held") ? CLI_FAILED : CLI_DONE;
}

static int wait_for(const struct cli *cli, const struct input *in, const struct plan *p,
	uint64_t began_ms)
{
	struct goal *goals;
	int r;

	if (cli->opt.no_wait) {
		if (cli->opt.json)
			cli_print_json(plan_json(p));
		else
			printf("Begun. `ondol status --watch` shows it.\n");
		return tell_held(cli, p);
	}
	goals = make_goals(in, p, began_ms);
	r = outcome_wait(cli, goals, in->rack->n_nodes, NULL, plan_json(p));
	free(goals);
	return r;
}

static int apply(const struct cli *cli, const struct input *in)
{
	_cleanup_(status_view_freep) struct status_view *before = NULL;
	_cleanup_(plan_clear) struct plan plan = {0}, done = {0};
	int r = plan_post(cli, in, NULL, &plan);

	if (r != CLI_DONE)
		return r;
	plan_find_disks(cli, in, &plan);
	if (!cli->opt.json)
		plan_print(cli, in, &plan);
	if (plan_count(&plan, "refused") > 0)
		return refuse(cli, &plan);
	ask_for_names(cli, &plan);
	r = confirm(cli, &plan);
	if (r == CLI_DONE)
		r = cli_get_status(cli, NULL, &before); /* for ondold's clock */
	if (r == CLI_DONE)
		r = plan_post(cli, in, &plan, &done);
	if (r != CLI_DONE)
		return r;
	if (plan_count(&done, "refused") > 0) /* it changed while the question was open */
		return refuse(cli, &done);
	return wait_for(cli, in, &done, before->now_ms);
}

int cmd_apply(struct cli *cli)
{
	_cleanup_(input_clear) struct input in = {0};
	int r = plan_load(cli, &in);

	return r == CLI_DONE ? apply(cli, &in) : r;
}
