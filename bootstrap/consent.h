/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator's yes to what an installation does to a node's disks: what is shown to him
 * before, what is asked, and what ondold is told. Blocks.
 */
#pragma once

#include "bootstrap/cli.h"

struct consent_plan { /* of one node, as ondold sees it now; all owned */
	char *text; /* its disks and what becomes of each, for people */
	char *lock; /* ondold's, of what was seen on them */
	/* serial or WWN of the system disk and its mirror, as far as they hold what is not this
	 * rack's and the command line does not name them */
	char *names[2];
	size_t n_names;
	char *to_type; /* these, as they are to be typed; NULL: none */
};

/* A cli_exit; what failed is told. *ret is cleared with consent_plan_clear. */
int consent_plan(const struct cli *cli, const char *node, uint64_t now_ms,
	struct consent_plan *ret);
void consent_plan_clear(struct consent_plan *p);

/*
 * Has a node installed; one that asks is agreed to. shown: the plan that got a yes, and whose
 * disk was named when there is one to be; NULL: it was said that nothing is to be shown.
 * *ret_looks: no agent has seen the node yet, so it is only looked at. A cli_exit.
 */
int consent_give(const struct cli *cli, const struct node_view *n,
	const struct consent_plan *shown, bool *ret_looks);

/* Has a node's disks looked at anew; it asks then. A cli_exit. */
int consent_look(const struct cli *cli, const char *node);

/* What is asked under the plan of a node, and the word that is a yes. Caller frees. */
char *consent_question(const struct consent_plan *p, const char *head);
const char *consent_word(const struct consent_plan *p, const char *node);

/*
 * Shows the disks of the named nodes, which ask, asks for a yes to each, and gives it. What
 * failed is told; agreed[i]: it was given.
 */
void consent_ask(const struct cli *cli, const struct status_view *s,
	const char *const *names, size_t n, bool *agreed);
