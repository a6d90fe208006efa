/* SPDX-License-Identifier: Apache-2.0 */
/* The section [cloud], for what makes up the rack model alone. */
#pragma once

#include "common/rack.h"

struct roledefs;

/* Reads [cloud] into r->cloud, when it is there. Networks are read before. */
void rackcloud_read(struct rack *r, struct conf *c, struct problems *problems);
/* What a cloud asks of the rest of the rack. Everything is read before. */
void rackcloud_check(const struct rack *r, struct conf *c, struct problems *problems);
/* Does the node give out shares? */
bool rackcloud_has_shares(const struct rack *r, const struct rack_node *n);
void rackcloud_free(struct rack_cloud *cloud);
