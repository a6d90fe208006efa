/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links, addresses and routes of the kernel over rtnetlink: reading them, learning when
 * they change, and setting them where there is no systemd-networkd.
 */
#pragma once

#include <systemd/sd-event.h>

#include "netconf/links.h"

struct kernel;

int kernel_open(sd_event *event, struct kernel **ret, char **reterr_msg);
void kernel_close(struct kernel *k); /* NULL is fine */

/* Has a link, an address or a route changed since this was asked last? At first: yes. */
bool kernel_take_change(struct kernel *k);
/* The next kernel_take_change() says yes, whether something changed or not. */
void kernel_expect_change(struct kernel *k);
/* 0 also when there is no such link (ret->exists). Frees what ret held before. */
int kernel_read(struct kernel *k, const char *name, struct link_state *ret);
/* Is the address on any link? */
bool kernel_has_address(struct kernel *k, uint32_t address);
/* Makes the link what the plan says; its other IPv4 addresses go. */
int kernel_put(struct kernel *k, const struct plan_link *l, char **reterr_msg);
/*
 * The kernel's own IPv4 takes nothing that comes in on this NIC, and answers no ARP there; what
 * is for its ports still goes to Open vSwitch. Nothing happens where that cannot be set.
 */
void kernel_leave_to_ovs(const char *nic);
/* Does the kernel have Open vSwitch's datapath? Asking loads the module where it is. */
bool kernel_has_ovs_datapath(void);
