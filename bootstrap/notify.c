/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/notify.h"

#include <systemd/sd-daemon.h>

/* Well first, then what goes on, in the order of an install. */
static const enum fsm_state order[FSM_N_STATES] = {FSM_READY, FSM_FAILED, FSM_ENROL, FSM_IDLE,
	FSM_RETRY, FSM_BMC_RESET, FSM_POWERING, FSM_NETBOOT, FSM_AGENT, FSM_INSTALLING, FSM_FIRST_BOOT, FSM_CONFIGURING,
	FSM_MAINTENANCE, FSM_CANCELLED};

char *notify_words(const unsigned count[static FSM_N_STATES], bool has_rack, bool rack_lost)
{
	unsigned total = 0;
	char *out;

	if (!has_rack)
		return xstrdup(rack_lost ? "the rack cannot be read: run `ondol apply` again"
					 : "no rack yet: `ondol apply FILE`");
	for (unsigned s = 0; s < FSM_N_STATES; s++)
		total += count[s];
	out = xasprintf("%u node%s", total, total == 1 ? "" : "s");
	for (size_t i = 0, n = 0; i < ARRAY_SIZE(order); i++) {
		char *more;

		if (!count[order[i]])
			continue;
		more = xasprintf("%s%s %u %s", out, n++ ? "," : ":", count[order[i]],
			fsm_state_str(order[i]));
		free(out);
		out = more;
	}
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
