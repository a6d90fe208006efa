/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node's serial line: QEMU on one side (which comes and goes with the node's power), the
 * BMC's serial-over-LAN on the other (which stays connected). What the node sends is
 * appended to a log, and
 * dropped otherwise when nobody takes it, as on a wire. Does not block.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/util.h"

struct relay;

int relay_new(sd_event *event, const char *node_path, unsigned sol_port,
	const char *log_path, struct relay **ret);
void relay_free(struct relay *r);
