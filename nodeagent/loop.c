/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/loop.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

int loop_start(sd_event **ret)
{
	sd_event *event = NULL;
	sigset_t mask;
	int r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	r = sd_event_default(&event);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_set_watchdog(event, true);
	if (r < 0) {
		sd_event_unref(event);
		return r;
	}
	*ret = event;
	return 0;
}
