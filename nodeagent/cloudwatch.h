/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On the controller: what the cloud's APIs say of every service, asked again and again in a
 * worker, for ondold's report. Inside sd-event.
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-event.h>

#include "common/util.h"

#define CLOUDWATCH_MS 30000 /* between two looks, begin to begin */
#define CLOUDWATCH_SOON_MS 10000 /* while a service is not well */

struct cloudwatch;

/* changed: a look came to its end. */
struct cloudwatch *cloudwatch_new(
	sd_event *event, void (*changed)(void *userdata), void *userdata);
void cloudwatch_free(struct cloudwatch *c);
/* On a controller whose Keystone answers; off drops what was known. */
void cloudwatch_set(struct cloudwatch *c, bool on);
json_t *cloudwatch_json(
	const struct cloudwatch *c); /* new reference; null: nothing known */
