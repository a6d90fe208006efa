/* SPDX-License-Identifier: Apache-2.0 */
/* The QEMU command line of one node. Pure: no file is looked at. */
#pragma once

#include "twin/args.h"
#include "twin/plan.h"
#include "twin/power.h"

#define TWIN_QEMU "qemu-system-x86_64"
#define TWIN_FIRMWARE_CODE "/usr/share/OVMF/OVMF_CODE_4M.fd"
#define TWIN_FIRMWARE_VARS "/usr/share/OVMF/OVMF_VARS_4M.fd"

/* accel: KVM or TCG, already decided. first: BOOT_DISK or BOOT_NETWORK. */
void qemu_args(struct args *a, const struct twin_plan *p, const struct twin_node *n,
	enum twin_accel accel, enum boot_device first);
/* A value inside a QEMU option: commas doubled. Caller frees. */
char *qemu_escape(const char *s);
