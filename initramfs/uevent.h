/* SPDX-License-Identifier: Apache-2.0 */
/* One kernel uevent, as it comes over netlink: "add@/devices/...\0ACTION=add\0...". Pure. */
#pragma once

#include "common/util.h"

struct uevent { /* all borrowed from the message; "" when not said */
	const char *action; /* "add", "remove", "change", "bind", ... */
	const char *subsystem; /* "block", "net", "pci", ... */
	const char *devpath;
	const char *devname; /* "sda1" */
	const char *interface; /* "eth0" */
	const char *modalias;
};

/* msg has len bytes and is NUL-terminated beyond them. 0, or -EBADMSG: not a kernel uevent. */
int uevent_parse(const char *msg, size_t len, struct uevent *ret);
