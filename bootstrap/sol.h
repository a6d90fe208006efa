/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One serial-over-LAN session: an ipmitool that runs beside the BMC's queue, as bytes in
 * and out. Does not block, except sol_free().
 */
#pragma once

#include <systemd/sd-event.h>

#include "bootstrap/ipmi.h"

struct sol;

struct sol_hooks {
	void (*up)(void *userdata); /* the BMC has given the console */
	void (*data)(const void *data, size_t len, void *userdata);
	/* It has ended by itself, and is freed after this returns. why: words without a secret. */
	void (*end)(enum ipmi_fault fault, const char *why, void *userdata);
	void *userdata;
};

int sol_start(sd_event *event, struct ipmi_bmc *b, const struct sol_hooks *hooks,
	struct sol **ret);
/* For the server; -EAGAIN: too much at once, and nothing of it is sent. */
int sol_type(struct sol *s, const char *text, size_t len);
/*
 * Gives the console back: ipmitool ends by itself, at most 5 s later. end is not called.
 * Until then the session is in the list.
 */
void sol_stop(struct sol *s, struct sol **stopped);
/* The same, awaited for at most 300 ms: when there is no event loop any more. NULL is fine. */
void sol_free(struct sol *s);
/* Each session of a list that sol_stop() made. */
void sol_free_stopped(struct sol **stopped);
