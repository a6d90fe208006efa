/* SPDX-License-Identifier: Apache-2.0 */
/* The command line and environment of one ipmitool. Pure. */
#pragma once

#include "common/util.h"

struct ipmi_call {
	const char *argv[28]; /* borrowed strings */
	const char *env[4];
	char suite[8];
	char *password; /* owned: "IPMI_PASSWORD=..." */
};

/*
 * user and password may be NULL; words: NULL-terminated, at most ten. Dates come in one
 * form and in UTC. c must stay where it is: argv points into it.
 */
void ipmi_call_make(struct ipmi_call *c, const char *address, const char *user,
	const char *password, unsigned cipher, bool verbose, const char *const words[]);
void ipmi_call_clear(struct ipmi_call *c); /* forgets the password */
