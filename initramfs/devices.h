/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices as they come: loads the module of each device that sysfs has or the kernel
 * announces, brings up network ports, and is where the agent waits for anything. Owns
 * two netlink sockets and a libkmod context. Single-threaded.
 */
#pragma once

#include "common/util.h"

struct devices;

enum devices_want {
	DEVICES_ALL, /* network first: disks are found while a link negotiates, or later */
	DEVICES_STORAGE, /* leave network drivers to the installed system */
};

int devices_new(enum devices_want want, struct devices **ret, char **reterr_msg);
void devices_free(struct devices *d); /* NULL is fine */
void devices_freep(struct devices **d);

/*
 * Loads modules for every device that there is now. Blocks while drivers probe; with DEVICES_ALL
 * only those of the network, the others follow with devices_load_rest().
 */
void devices_coldplug(struct devices *d);
/*
 * In a child process, once: for when there is nothing else to do, as while a link negotiates.
 * devices_await_loaded() does it at the latest.
 */
void devices_load_rest(struct devices *d);

/*
 * Waits for kernel events and handles them, until done(userdata) is true (0), or
 * deadline_ms of now_mono_ms() has passed (-ETIMEDOUT). done is asked first and after
 * each batch of events; NULL: only the deadline ends it, and it returns 0.
 */
int devices_wait(struct devices *d, uint64_t deadline_ms, bool (*done)(void *userdata),
	void *userdata);
/* Until they are loaded. -ETIMEDOUT: drivers still probe. */
int devices_await_loaded(struct devices *d, uint64_t deadline_ms);
/* Until no event came for quiet_ms, or deadline_ms has passed (-ETIMEDOUT). */
int devices_settle(struct devices *d, unsigned quiet_ms, uint64_t deadline_ms);

/* How often the set of block or network devices has changed: compare to know of news. */
uint64_t devices_generation(const struct devices *d);

/*
 * Loads a module and what it needs by name or alias: what /sbin/modprobe does for the
 * kernel, which asks for file systems, code pages and checksums that way. 0 or -errno.
 */
int devices_modprobe(const char *name);
