/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slot on trial (docs/protocol.md, `ondol.trial`): systemd is told, from outside the image that
 * is tried, to reboot when the time is over. ondol-noded stops that timer when the node has become
 * ready; an image in which it does not, or does not even start, goes back by itself. For one that
 * does not come as far as systemd there is the server's watchdog: systemd takes it over, and what
 * nobody feeds any more resets the server, which starts the slot before.
 */
#pragma once

#include "images/cmdline.h"

#define TRIAL_WATCHDOG_S 600 /* at most; from the initramfs to systemd */
#define TRIAL_WATCHDOG "/dev/watchdog"

/*
 * Has the watchdog reset the server in half of the trial's time, unless it is fed; it goes on
 * when this program ends. *ret_seconds is what it was able to do. -ENOENT: the server has none
 * for which there is a driver; another -errno: it does not run.
 */
int trial_watchdog(const char *device, unsigned trial_s, unsigned *ret_seconds);
/* BOOT_TRIAL_TIMER, below run_dir ("/run"), which becomes that of the system. -errno with *reterr_msg. */
int trial_arm(const char *run_dir, unsigned seconds, char **reterr_msg);
