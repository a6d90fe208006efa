/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers IPv6 router solicitations of servers that boot from the network. iPXE asks for
 * a router on every boot and waits 17 seconds for the answer that an IPv4 network never
 * gives, before it fetches its script. Does not block.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/parse.h"

struct radv;

/* Is the server with this MAC to be answered? */
typedef bool (*radv_ask_fn)(const struct mac_addr *from, void *userdata);

/* -errno: no such interface, or no right to raw sockets; booting works then too, slower. */
int radv_new(sd_event *event, const char *interface, radv_ask_fn ask, void *userdata,
	struct radv **ret);
void radv_free(struct radv *r); /* NULL is fine */
