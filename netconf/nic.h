/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which interface is the NIC with a given MAC. Reads a few sysfs files.
 */
#pragma once

#include "common/parse.h"

/*
 * The permanent address of an interface, 0 or -errno; nic_permanent_mac() asks the driver
 * through ethtool, a test has its own.
 */
typedef int (*nic_permanent_fn)(const char *name, struct mac_addr *ret);
int nic_permanent_mac(const char *name, struct mac_addr *ret);

/*
 * Looks in SYSFS/class/net for the one NIC with that MAC (the permanent one; the present
 * one where there is no permanent one). An interface with a device below it wins over one
 * without (the veth of a container); bridges, bonds, VLANs, taps and whatever is_virtual
 * (may be NULL) says are never NICs: a port of Open vSwitch often has its NIC's MAC.
 * 0 with *ret (caller frees); -ENOENT or -ENOTUNIQ with *reterr_msg: what was there.
 */
int nic_find(const char *sysfs, const struct mac_addr *mac, nic_permanent_fn permanent,
	bool (*is_virtual)(const char *name, void *userdata), void *userdata, char **ret,
	char **reterr_msg);
