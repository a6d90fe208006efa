/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps that bring a node from what it has taken on (applied.h) to what is desired,
 * in order. Pure: converge.c carries them out. Each step may be repeated without harm.
 */
#pragma once

#include "common/order.h"
#include "common/roledef.h"
#include "nodeagent/applied.h"

#define PLAN_STEPS(X)                                           \
	X(IDENTITY, "host name, hosts, keys")                   \
	X(OVS, "starting Open vSwitch")                         \
	X(FIREWALL, "guarding the external network's address")  \
	X(NETWORK, "applying the network")                      \
	X(GUESTS, "looking for virtual machines that run here") \
	X(VM_NETWORKS, "libvirt networks")                      \
	X(FORGET_VMS, "recording that no machine is left")      \
	X(PART_LEAVE, "leaving")                                \
	X(STOP, "stopping")                                     \
	X(DISABLE, "disabling the old role's units")            \
	X(LUKS_OPEN, "opening what disks are encrypted")        \
	X(VG_LEAVE, "giving up volume group")                   \
	X(XFS_LEAVE, "unmounting the data disks from")          \
	X(LUKS_CLOSE, "closing what disks are encrypted")       \
	X(RECORD, "recording the new role")                     \
	X(MODULES, "loading KVM")                               \
	X(LUKS_ENTER, "encryption of data disks")               \
	X(VG_ENTER, "volume group")                             \
	X(XFS_ENTER, "data disks at")                           \
	X(ENABLE, "enabling the role's units")                  \
	X(START, "starting")                                    \
	X(PARTS, "parts of the cloud")                          \
	X(SETTLE, "recording the new role as entered")

#define X(name, text) STEP_##name,
enum step_type { PLAN_STEPS(X) };
#undef X

struct step {
	enum step_type type;
	char *arg; /* owned: unit, volume group, directory; NULL: the step has none */
};

struct plan {
	struct step *list; /* owned */
	size_t n, cap;
	char **disable; /* owned, NULL-terminated: units of the old role alone */
};

/*
 * network: false when this revision's network is known to be in place already; outside: the
 * node has an address in the external network in it.
 * def NULL: the role is not known, so the old one stays and only the network is seen to.
 * old, def: borrowed during the call. The caller frees.
 */
struct plan *plan_build(
	const struct applied *old, const struct roledef *def, bool network, bool outside);
void plan_free(struct plan *p);
void plan_freep(struct plan **p);
char *step_text(const struct step *s); /* "starting libvirtd.service"; caller frees */
const char *step_name(enum step_type type); /* "START" */
