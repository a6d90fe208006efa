/* SPDX-License-Identifier: Apache-2.0 */
/* The section [cloud], for rackfile.c alone. */
#pragma once

#include "common/rack.h"

struct roledefs;

/* Reads [cloud] into r->cloud, when it is there. Networks are read before. */
void rackcloud_read(struct rack *r, struct conf *c, struct problems *problems);
/* What a cloud asks of the rest of the rack. Everything is read before. */
void rackcloud_check(const struct rack *r, struct conf *c, struct problems *problems);
void rackcloud_free(struct rack_cloud *cloud);
