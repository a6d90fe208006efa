/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container node while it is powered on:
 *
 *     keeper (own network namespace) -- line (serial port to pty)
 *       \-- first (pid 1 of a PID and mount namespace): firmware, installer, then
 *             \-- systemd-nspawn -- the installed system
 *
 * keeper is forked by the supervisor, which speaks with it by signals: SIGTERM cuts the
 * power, SIGUSR1 is the power button. When first ends, everything in it has ended.
 */
#pragma once

#include "twin/plan.h"
#include "twin/power.h"

#define CONTAINER_REBOOT \
	133 /* exit status: the system asked for a restart (nspawn's word) */

struct container {
	const struct twin_plan *plan;
	const struct twin_node *node;
	enum boot_device first;
	const int *loops; /* by disk; -1: has none */
	int alive; /* a byte is written here when the node runs */
};

/* The keeper; ends with 0 (off), CONTAINER_REBOOT or another status (failed). Blocks. */
_Noreturn void container_keep(const struct container *c);

/*
 * The first process of the system in the container whose keeper is pid, as this PID
 * namespace sees both; 0: no system runs.
 */
pid_t container_leader(pid_t keeper);
/* Between fork and exec of a command: into the container of that process. 0 or -errno. */
int container_enter(pid_t leader);
