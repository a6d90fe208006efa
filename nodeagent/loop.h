/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop of ondol-noded's commands: ends well on SIGTERM and SIGINT, reaps children. */
#pragma once

#include <systemd/sd-event.h>

int loop_start(sd_event **ret); /* 0 or -errno */
