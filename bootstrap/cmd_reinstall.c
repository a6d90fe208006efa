/* SPDX-License-Identifier: Apache-2.0 */
/* `ondol reinstall NODE...`: install again, over IPMI and PXE, whatever is on the system disk. */
#include "bootstrap/consent.h"
#include "bootstrap/outcome.h"

/*
 * Nobody agrees to what he has not seen; and a wrong name is noticed while it is typed. A disk
 * that holds what is not this rack's is given up by its own name.
 */
static int confirm(const struct cli *cli, const struct status_view *s,
	const struct node_view *n, struct consent_plan *ret)
{
	_cleanup_free_ char *role = node_view_role(n), *head = NULL, *text = NULL;
	int r;

	if (!term_can_ask())
		return cli_confirm(cli, "", n->name);
	if (cli->opt.look) {
		text = xasprintf(
			"%s (%s, %s) will be powered off and its disks looked at. "
			"You are asked again before anything is written.\n"
			"Type its name to go on: ",
			n->name, role, n->state);
		return cli_confirm(cli, text, n->name);
	}
	r = consent_plan(cli, n->name, s->now_ms, ret);
	if (r != CLI_DONE)
		return r;
	head = n->asks
		? xasprintf("%s (%s) was powered on and looked at.", n->name, role)
		: xasprintf("%s (%s, %s%s%s) will be powered off and installed anew.",
			  n->name, role, n->state, *n->address ? ", " : "", n->address);
	text = consent_question(ret, head);
	return cli_confirm(cli, text, consent_word(ret, n->name));
}

static int confirm_all(
	const struct cli *cli, const struct status_view *s, struct consent_plan *shown)
{
	for (size_t i = 0; i < cli->opt.n_args && !cli->opt.yes; i++) {
		int r = confirm(cli, s, status_view_node(s, cli->opt.args[i]), &shown[i]);

		if (r != CLI_DONE)
			return r;
	}
	return CLI_DONE;
}

static int begin_all(const struct cli *cli, const struct status_view *s,
	const struct consent_plan *shown, struct goal *goals)
{
	for (size_t i = 0; i < cli->opt.n_args; i++) {
		const char *name = cli->opt.args[i];
		bool looks = true;
		int r = cli->opt.look ? consent_look(cli, name)
				      : consent_give(cli, status_view_node(s, name),
						shown[i].lock ? &shown[i] : NULL, &looks);

		if (r != CLI_DONE && i > 0)
			cli_error(cli, "those named before %s have begun", name);
		if (r != CLI_DONE)
			return r;
		goals[i].kind = looks ? GOAL_LOOK : GOAL_RUN;
	}
	return CLI_DONE;
}

static int ask_and_begin(
	const struct cli *cli, const struct status_view *s, struct goal *goals)
{
	struct consent_plan *shown = xcalloc(cli->opt.n_args, sizeof(*shown));
	int r = confirm_all(cli, s, shown);

	if (r == CLI_DONE)
		r = begin_all(cli, s, shown, goals);
	for (size_t i = 0; i < cli->opt.n_args; i++)
		consent_plan_clear(&shown[i]);
	free(shown);
	return r;
}

static int reinstall(
	const struct cli *cli, const struct status_view *s, struct goal *goals)
{
	int r = ask_and_begin(cli, s, goals);

	if (r != CLI_DONE)
		return r;
	if (!cli->opt.no_wait)
		return outcome_wait(cli, goals, cli->opt.n_args, cli->opt.args, NULL);
	if (cli->opt.json)
		cli_print_json(json_pack("{s:b}", "ok", 1));
	else
		printf("Begun. `ondol status --watch` shows it.\n");
	return CLI_DONE;
}

int cmd_reinstall(struct cli *cli)
{
	_cleanup_(status_view_freep) struct status_view *s = NULL;
	struct goal *goals;
	int r;

	if (cli->opt.n_args == 0)
		return cli_usage(cli, "reinstall: expected the names of nodes");
	if (cli->opt.look && cli->opt.n_wipe > 0)
		return cli_usage(cli,
			"reinstall: --look shows what is on the disks before one is given up: "
			"expected --look or --wipe, not both");
	r = cli_get_status(cli, NULL, &s);
	if (r == CLI_DONE)
		r = cli_check_nodes(cli, s);
	if (r != CLI_DONE)
		return r;
	goals = xcalloc(cli->opt.n_args, sizeof(*goals));
	for (size_t i = 0; i < cli->opt.n_args; i++)
		goals[i] = (struct goal){.node = cli->opt.args[i],
			.kind = GOAL_RUN,
			.after_ms = s->now_ms};
	r = reinstall(cli, s, goals);
	free(goals);
	return r;
}
