/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include "bootstrap/console.h"

/* When a node's serial console is recorded, and where its events go. */

static void on_event(const char *type, const char *text, void *userdata)
{
	struct node *n = userdata;

	ondold_event(n->o, n, "console", type, text, NULL);
}

static void on_kick(void *userdata)
{
	struct node *n = userdata;

	ondold_kick(n->o, n->console);
}

void node_console_new(struct node *n)
{
	_cleanup_free_ char *dir =
		xasprintf("%s/console/%s", n->o->opts.state_dir, n->name);
	struct console_hooks hooks = {.event = on_event, .kick = on_kick, .userdata = n};

	n->console =
		console_new(n->o->event, &n->o->consoles, n->bmc, dir, n->name, &hooks);
}

/* From power-on until it is ready, or will not be; in the pause it may yet say why. */
static bool is_recorded(enum fsm_state s)
{
	return s == FSM_RETRY || s == FSM_POWERING || s == FSM_NETBOOT ||
		s == FSM_AGENT || s == FSM_INVENTORIED || s == FSM_INSTALLING ||
		s == FSM_FIRST_BOOT || s == FSM_CONFIGURING;
}

void node_console_follow(struct node *n, bool new_run)
{
	if (new_run)
		console_new_run(n->console);
	console_record(n->console, is_recorded(n->fsm.state));
}
