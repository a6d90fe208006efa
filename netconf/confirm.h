/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Can the server be reached? Tried again and again inside sd-event until it can; the
 * caller has the deadline.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/util.h"

struct confirm;

/* TCP connect to address (host order) and port; with url an HTTP GET that is answered. */
int confirm_start(sd_event *event, uint32_t address, unsigned port, const char *url,
	struct confirm **ret);
bool confirm_is_done(const struct confirm *c);
const char *confirm_last_error(const struct confirm *c); /* of the last try; borrowed */
void confirm_free(struct confirm *c); /* NULL is fine */
