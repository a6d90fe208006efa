/* SPDX-License-Identifier: Apache-2.0 */
/* The section [deadlines], and power_on_interval of [deploy]; for rackfile.c alone. */
#pragma once

#include "common/rack.h"

/* Fills r->deadlines and r->power_on_interval_ms, also when nothing is said of them. */
void rackpace_read(struct rack *r, struct conf *c, struct problems *problems);
