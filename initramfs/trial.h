/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slot on trial (docs/protocol.md, `ondol.trial`): systemd is told, from outside the image that
 * is tried, to reboot when the time is over. ondol-noded stops that timer when the node has become
 * ready; an image in which it does not, or does not even start, goes back by itself.
 */
#pragma once

#include "images/cmdline.h"

/* BOOT_TRIAL_TIMER, below run_dir ("/run"), which becomes that of the system. -errno with *reterr_msg. */
int trial_arm(const char *run_dir, unsigned seconds, char **reterr_msg);
