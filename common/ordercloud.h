/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the desired state that a cloud adds; for order.c alone. */
#pragma once

#include "common/jsonx.h"
#include "common/order.h"

void ordercloud_from_rack(struct desired *d, const struct rack *r);
/* Puts "cloud", "secrets", "facts" and "restore" into root, as far as they are there. */
void ordercloud_to_json(const struct desired *d, json_t *root);
void ordercloud_from_json(struct jx *j, struct desired *d);
void ordercloud_clear(struct desired *d);

void ordercloud_peer_from_rack(
	struct desired_peer *p, const struct rack *r, const struct rack_node *n);
void ordercloud_peer_to_json(const struct desired_peer *p, json_t *obj);
void ordercloud_peer_from_json(struct jx *j, struct desired_peer *p);
void ordercloud_peer_clear(struct desired_peer *p);
