/* SPDX-License-Identifier: Apache-2.0 */
/* The section [deadlines], power_on_interval and multicast of [deploy]; for rackfile.c alone. */
#pragma once

#include "common/rack.h"

/* Fills r->deadlines, r->power_on_interval_ms and r->cast_*, also when nothing is said of them. */
void rackpace_read(struct rack *r, struct conf *c, struct problems *problems);
