/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches the mirror that the system is on, where it is one (docs/protocol.md, "A system
 * disk"): a half that was lost is told at once, and so is that it is whole again. The kernel
 * wakes it; it never looks by itself. Inside sd-event.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/util.h"

struct mirrorwatch;

/*
 * note is called with what is to be told, also once at the start when a half is missing then.
 * On a node whose system is on one disk *ret is NULL. 0 or -errno.
 */
int mirrorwatch_new(sd_event *event, void (*note)(const char *text, void *userdata),
	void *userdata, struct mirrorwatch **ret);
void mirrorwatch_free(struct mirrorwatch *w); /* NULL is fine */

/*
 * How the mirror is by sysfs below root ("" on a node), for people; NULL: whole, or none is
 * there. Caller frees.
 */
char *mirrorwatch_trouble(const char *root);
