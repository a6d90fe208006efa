/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node is made of while it is powered on: a QEMU process or a container. node.c
 * has the power and the boot device; this is the part that differs. Nothing here blocks.
 */
#pragma once

#include <systemd/sd-event.h>

#include "twin/plan.h"
#include "twin/power.h"

struct vehicle; /* each implementation has its own */

struct vehicle_events {
	void (*alive)(void *userdata); /* it runs, and hears a power button */
	/*
	 * It has ended and left nothing. rebooted: it asked to be started again. why (may
	 * be NULL) is what it said last when that was not in order.
	 */
	void (*ended)(bool rebooted, int status, const char *why, void *userdata);
};

struct vehicle_ops {
	const char *name; /* for messages: "QEMU" */
	/* plan and node are borrowed until free; *reterr_msg on failure. */
	int (*open)(sd_event *event, const struct twin_plan *p, const struct twin_node *n,
		enum twin_accel accel, const struct vehicle_events *events,
		void *userdata, struct vehicle **ret, char **reterr_msg);
	int (*start)(struct vehicle *v, enum boot_device first);
	int (*kill)(struct vehicle *v); /* ended follows */
	int (*button)(struct vehicle *v); /* the power button: the system may shut down */
	pid_t (*pid)(const struct vehicle *v); /* 0: does not run */
	void (*free)(struct vehicle *v); /* NULL is fine; ends it without a callback */
};

extern const struct vehicle_ops vehicle_qemu, vehicle_container;
