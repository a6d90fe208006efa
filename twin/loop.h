/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loop devices, which are the whole machine's: each is detached by the kernel when its
 * last user closes it, so a rack that is killed leaves none. Blocks for an ioctl.
 */
#pragma once

#include "common/util.h"

struct loop {
	int fd; /* owned; while it is open the device stays attached */
	unsigned number; /* /dev/loopNUMBER */
};

/* Attaches the file. -errno; -ENODEV: the machine has no loop devices. */
int loop_attach(const char *path, bool read_only, struct loop *ret);
void loop_clear(struct loop *l);

/* Files that several nodes use, each attached once however it is named. */
struct loop_pool {
	struct loop_shared *list; /* owned */
	size_t n, cap;
};
/* The device's number in *ret. */
int loop_pool_get(struct loop_pool *p, const char *path, unsigned *ret);
void loop_pool_clear(struct loop_pool *p);
