/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dnsmasq under supervision: configured from the rack, started, restarted with growing
 * pauses when it ends, its log lines handed on. Does not block.
 */
#pragma once

#include <systemd/sd-event.h>

#include "bootstrap/pxetext.h"

struct pxe;

struct pxe_hooks {
	/* ARCH lines are not handed on: what they say is in the DISCOVER that follows. */
	void (*line)(const struct pxe_line *line, void *userdata);
	void (*up)(void *userdata); /* dnsmasq runs */
	/* It ended by itself, or could not be started, and is tried again; the same words once. */
	void (*down)(const char *text, void *userdata);
	void *userdata;
};

/* state_dir and tftp_root are copied; the first must be there. A dnsmasq that an earlier ondold left is ended. */
struct pxe *pxe_new(sd_event *event, const char *state_dir, const char *tftp_root,
	const struct pxe_hooks *hooks);
void pxe_free(struct pxe *p); /* ends dnsmasq */
/* Takes the rack (borrowed during the call): dnsmasq is restarted when its configuration changed. */
int pxe_set_rack(struct pxe *p, const struct rack *rack);
