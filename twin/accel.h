/* SPDX-License-Identifier: Apache-2.0 */
/* Can this machine run a guest under KVM? Asked of a guest, not of /dev/kvm. */
#pragma once

#include "twin/plan.h"

/*
 * Resolves AUTO: starts the firmware under KVM and waits until it speaks on its serial
 * line. Blocks for 20 s at most, usually for one or two. nvram: a scratch copy of the
 * firmware's variables. KVM that was asked for and does not work is -ENODEV and *reterr_msg.
 */
int accel_choose(
	enum twin_accel want, const char *nvram, enum twin_accel *ret, char **reterr_msg);
