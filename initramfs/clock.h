/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of a server that may have been off for years. Certificates, logs and file
 * times depend on it, so it is set before anything else is said or written.
 */
#pragma once

#include "common/util.h"

#define CLOCK_SLACK_S 60

/*
 * Sets the system's and the hardware's clock to seconds since 1970 when they differ by
 * more than CLOCK_SLACK_S. 1: set; 0: close enough; -errno.
 */
int clock_set(uint64_t seconds);
