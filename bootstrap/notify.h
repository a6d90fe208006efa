/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd is told while ondold runs: the line that `systemctl status ondold` shows. */
#pragma once

#include "bootstrap/fsm.h"

struct notify { /* zeroed at the start */
	char *told; /* owned: the line that was sent last */
};

/*
 * "10 nodes: 9 ready, 1 failed", of the number of nodes in each state; caller frees. rack_lost:
 * there is a rack, and it cannot be read.
 */
char *notify_words(
	const unsigned count[static FSM_N_STATES], bool has_rack, bool rack_lost);
/* Sends STATUS=text when it is another than last time; without a service manager: nothing. */
void notify_status(struct notify *n, const char *text);
void notify_clear(struct notify *n);
