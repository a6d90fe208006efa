/* SPDX-License-Identifier: Apache-2.0 */
/* The section [deadlines], for rackfile.c alone. */
#pragma once

#include "common/rack.h"

/* Fills r->deadlines, also when the section is not there. */
void rackpace_read(struct rack *r, struct conf *c, struct problems *problems);
