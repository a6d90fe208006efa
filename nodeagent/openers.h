/* SPDX-License-Identifier: Apache-2.0 */
/* Who keeps a file system busy, as /proc tells it. Reads only; blocks for the time of it. */
#pragma once

#include <sys/types.h>

/*
 * "swift-object-se (pid 812), sh (pid 9) and 3 more": processes with a file, a mapping or
 * their directory on the device. NULL when there is none. The caller frees.
 */
char *openers_text(dev_t device);
