/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One node while the rack is up: its power, its boot device, its serial line, and the
 * QEMU process or container that it is. Does not block.
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-event.h>

#include "twin/plan.h"
#include "twin/power.h"

struct node;

/* ended (may be NULL) is called each time the node's process has ended, for good or for a restart. */
int node_new(sd_event *event, const struct twin_plan *p, const struct twin_node *n,
	enum twin_accel accel, void (*ended)(struct node *n, void *userdata),
	void *userdata, struct node **ret, char **reterr_msg);
void node_free(struct node *n); /* ends its process */

/* The four events that people cause. -EHOSTDOWN: a reset of a node that is off. */
int node_power(struct node *n, enum power_event event);
void node_set_boot(struct node *n, enum boot_device next); /* for the next start only */
enum boot_device node_next_boot(const struct node *n);
bool node_is_on(const struct node *n);
/* The UID light: on for that long, 0: off, UINT_MAX: until switched off. */
void node_identify(struct node *n, unsigned seconds);
const struct twin_node *node_plan(const struct node *n);
json_t *node_to_json(const struct node *n); /* for `ondol-twin status`; new reference */
