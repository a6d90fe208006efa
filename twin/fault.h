/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is broken in one simulated server, on purpose: `ondol-twin fault`. Pure; what acts
 * on it is node.c (power, boot device) and qemu.c (the machine, from its next start on).
 */
#pragma once

#include "common/util.h"

#define FAULT_MAX_BAY 31
#define FAULT_MAX_SERIAL 32

struct twin_fault {
	bool power_ignored; /* the BMC takes power commands, the server does not follow */
	bool boot_ignored; /* the BMC keeps the boot device, the server starts its disks first */
	uint32_t no_disks, bad_disks; /* bits 1 << bay: not there; each write fails */
	/* "2011-03-01T00:00:00", what the clock starts with; "": this machine's */
	char clock[20];
	char serial[FAULT_MAX_SERIAL + 1],
		uuid[37]; /* instead of those of rack.ini; "": those */
};

/*
 * From words between blanks; no word: nothing is broken. -EINVAL and *reterr_msg when
 * one of them is not understood.
 */
int fault_parse(const char *words, struct twin_fault *ret, char **reterr_msg);
/* Is anything of it about what the machine is made of? */
bool fault_changes_machine(const struct twin_fault *f);
/* A line for each word, for help. */
extern const char fault_help[];
