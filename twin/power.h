/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power state of one node. Pure: events in, action out. A reset is a new QEMU
 * process, because the boot order of a running one cannot be changed.
 */
#pragma once

#include "common/util.h"

/* clang-format off */
#define POWER_STATES(X) \
	X(OFF)        /* no process */ \
	X(STARTING)   /* process started, not yet heard from */ \
	X(ON)         \
	X(STOPPING)   /* killed, its end awaited; then OFF */ \
	X(RESTARTING) /* killed, its end awaited; then STARTING */
#define POWER_EVENTS(X) \
	X(POWER_ON) X(POWER_OFF) X(RESET) X(SOFT_OFF) \
	X(ALIVE)     /* the process answers */ \
	X(ENDED)     /* the process has ended: guest powered off, killed, crashed */ \
	X(REBOOTED)  /* the process has ended because the guest asked for a reset */
/* clang-format on */

#define POWER_ENUM_STATE(x) POWER_##x,
#define POWER_ENUM_EVENT(x) POWER_EV_##x,
enum power_state { POWER_STATES(POWER_ENUM_STATE) };
enum power_event { POWER_EVENTS(POWER_ENUM_EVENT) };
enum power_action {
	POWER_DO_NOTHING,
	POWER_DO_START,
	POWER_DO_KILL,
	POWER_DO_ACPI,
	POWER_DO_REFUSE
};

const char *power_state_str(enum power_state s);
enum power_action power_step(enum power_state *state, enum power_event event);
/* What a BMC says: power is on as long as there is a process, or one about to be. */
bool power_is_on(enum power_state s);

/* ---- what to boot from ---- */

enum boot_device { BOOT_DEFAULT, BOOT_NETWORK, BOOT_DISK };
/* The names that ipmi_sim uses: "none", "pxe", "default" (its word for the disk). */
const char *boot_device_ipmi(enum boot_device b);
int boot_device_from_ipmi(const char *s, enum boot_device *ret);
/* Takes the one-shot choice: returns what this start boots first and clears *next. */
enum boot_device boot_device_take(enum boot_device *next);
