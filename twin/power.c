/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power status must be true when read back, so "off" begins when the process has been
 * reaped and not when it was killed, and a restart counts as on throughout.
 */
#include "twin/power.h"

#define POWER_NAME_STATE(x) #x,

const char *power_state_str(enum power_state s)
{
	static const char *const names[] = {POWER_STATES(POWER_NAME_STATE)};

	return names[s];
}

static enum power_action to(
	enum power_state *state, enum power_state next, enum power_action action)
{
	*state = next;
	return action;
}

static enum power_action step_off(enum power_state *state, enum power_event event)
{
	switch (event) {
	case POWER_EV_POWER_ON:
		return to(state, POWER_STARTING, POWER_DO_START);
	case POWER_EV_RESET:
		return POWER_DO_REFUSE;
	case POWER_EV_POWER_OFF:
	case POWER_EV_SOFT_OFF:
	case POWER_EV_ALIVE:
	case POWER_EV_ENDED:
	case POWER_EV_REBOOTED:
		break;
	}
	return POWER_DO_NOTHING;
}

static enum power_action step_running(enum power_state *state, enum power_event event)
{
	switch (event) {
	case POWER_EV_ALIVE:
		return to(state, POWER_ON, POWER_DO_NOTHING);
	case POWER_EV_POWER_OFF:
		return to(state, POWER_STOPPING, POWER_DO_KILL);
	case POWER_EV_RESET:
		return to(state, POWER_RESTARTING, POWER_DO_KILL);
	case POWER_EV_SOFT_OFF: /* a power button pressed before there is firmware: off */
		if (*state == POWER_STARTING)
			return to(state, POWER_STOPPING, POWER_DO_KILL);
		return POWER_DO_ACPI;
	case POWER_EV_ENDED:
		return to(state, POWER_OFF, POWER_DO_NOTHING);
	case POWER_EV_REBOOTED:
		return to(state, POWER_STARTING, POWER_DO_START);
	case POWER_EV_POWER_ON:
		break;
	}
	return POWER_DO_NOTHING;
}

static enum power_action step_ending(enum power_state *state, enum power_event event)
{
	switch (event) {
	case POWER_EV_ENDED:
	case POWER_EV_REBOOTED:
		if (*state == POWER_RESTARTING)
			return to(state, POWER_STARTING, POWER_DO_START);
		return to(state, POWER_OFF, POWER_DO_NOTHING);
	case POWER_EV_POWER_ON:
		return to(state, POWER_RESTARTING, POWER_DO_NOTHING);
	case POWER_EV_POWER_OFF:
	case POWER_EV_SOFT_OFF:
		return to(state, POWER_STOPPING, POWER_DO_NOTHING);
	case POWER_EV_RESET:
	case POWER_EV_ALIVE:
		break;
	}
	return POWER_DO_NOTHING;
}

enum power_action power_step(enum power_state *state, enum power_event event)
{
	switch (*state) {
	case POWER_OFF:
		return step_off(state, event);
	case POWER_STARTING:
	case POWER_ON:
		return step_running(state, event);
	case POWER_STOPPING:
	case POWER_RESTARTING:
		return step_ending(state, event);
	}
	return POWER_DO_NOTHING;
}

bool power_is_on(enum power_state s)
{
	return s != POWER_OFF;
}

static const char *const ipmi_names[] = {
	[BOOT_DEFAULT] = "none", [BOOT_NETWORK] = "pxe", [BOOT_DISK] = "default"};

const char *boot_device_ipmi(enum boot_device b)
{
	return ipmi_names[b];
}

int boot_device_from_ipmi(const char *s, enum boot_device *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(ipmi_names); i++)
		if (streq(s, ipmi_names[i])) {
			*ret = (enum boot_device)i;
			return 0;
		}
	return -EINVAL;
}

enum boot_device boot_device_take(enum boot_device *next)
{
	enum boot_device now = *next;

	*next = BOOT_DEFAULT;
	return now == BOOT_DEFAULT ? BOOT_DISK : now;
}
