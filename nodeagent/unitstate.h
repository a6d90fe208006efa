/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd says of one unit, and what that means. */
#pragma once

#include "common/util.h"

struct unit_state {
	char load[24]; /* "loaded", "not-found", "masked", ... */
	char active[24]; /* "active", "inactive", "failed", "activating", ... */
	char sub[32]; /* "running", "listening", "exited", ... */
	/* of a service: "success", "exit-code", "timeout", ...; else "" */
	char result[32];
	char type[24]; /* of a service: "notify", "oneshot", ...; else "" */
	uint32_t restarts;
};

/* Is the unit up for good? Not while it starts, and not a service that has ended. */
bool unit_state_is_up(const struct unit_state *s);
char *unit_state_text(const char *unit, const struct unit_state *s); /* caller frees */
