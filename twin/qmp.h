/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's QMP connection to one node's QEMU. QEMU connects to a socket that is
 * there before it starts, so there is nothing to wait for. Does not block.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/util.h"

struct qmp;

struct qmp_ops {
	void (*alive)(void *userdata); /* QEMU runs and answers */
};

int qmp_new(sd_event *event, const char *path, const struct qmp_ops *ops, void *userdata,
	struct qmp **ret);
void qmp_free(struct qmp *q);
/* A command without arguments. -ENOTCONN: no QEMU. */
int qmp_command(struct qmp *q, const char *name);
/*
 * QEMU has ended: takes what it still said, closes the connection. True when its last
 * word was that the guest asked for a reset.
 */
bool qmp_ended_by_reset(struct qmp *q);
