/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/notify.h"

#include <systemd/sd-daemon.h>

static void add(char **out, unsigned count, enum fsm_state state)
{
	char *more;

	if (!count)
		return;
	more = xasprintf("%s%c %u %s", *out, strchr(*out, ':') ? ',' : ':', count,
		fsm_state_str(state));
	free(*out);
	*out = more;
}

char *notify_words(
	const unsigned count[static FSM_N_STATES], bool has_rack, bool rack_lost)
{
	unsigned total = 0;
	char *out;

	if (!has_rack)
		return xstrdup(rack_lost
				? "the rack cannot be read: run `ondol apply` again"
				: "no rack yet: `ondol apply FILE`");
	for (unsigned s = 0; s < FSM_N_STATES; s++)
		total += count[s];
	out = xasprintf("%u node%s", total, total == 1 ? "" : "s");
	/* What is asked about first, then what goes on. */
	add(&out, count[FSM_READY], FSM_READY);
	add(&out, count[FSM_FAILED], FSM_FAILED);
	for (unsigned s = 0; s < FSM_N_STATES; s++)
		if (s != FSM_READY && s != FSM_FAILED)
			add(&out, count[s], (enum fsm_state)s);
	return out;
}

void notify_status(struct notify *n, const char *text)
{
	if (streq_ptr(n->told, text))
		return;
	free(n->told);
	n->told = xstrdup(text);
	sd_notifyf(0, "STATUS=%s", text);
}

void notify_clear(struct notify *n)
{
	free(n->told);
	n->told = NULL;
}
