/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: Open vSwitch's poll_block() outside, sd-event inside.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/util.h"
#include "netconf/ovs.h"

struct loop {
	sd_event *event; /* owned */
	struct ovs_db *db; /* owned; kept up to date while the loop runs */
	int signal; /* SIGINT or SIGTERM that came; 0: none */
	bool ignore_signals; /* while the old network is put back */
};

/* Blocks SIGINT and SIGTERM, which are events from here on, and ignores SIGHUP. */
int loop_open(const char *remote, bool debug, struct loop *ret);
void loop_close(struct loop *l);
/*
 * Runs until done() says so, asked after every event: 0. -ETIMEDOUT at the deadline
 * (now_mono_ms), -EINTR after a signal, another -errno when the loop itself failed.
 */
int loop_until(struct loop *l, bool (*done)(void *userdata), void *userdata,
	uint64_t deadline_ms);
