/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ipmitool prints, read strictly: power state, boot flags, and why it failed. Pure.
 */
#pragma once

#include "common/util.h"

enum ipmi_power { IPMI_POWER_UNKNOWN, IPMI_POWER_OFF, IPMI_POWER_ON };
const char *ipmi_power_str(enum ipmi_power p); /* "unknown", "off", "on" */

enum ipmi_fault {
	IPMI_FAULT_NONE,
	IPMI_FAULT_UNREACHABLE, /* nothing came back */
	IPMI_FAULT_CIPHER, /* the BMC does not speak this cipher suite */
	IPMI_FAULT_USER, /* it does not know the user */
	IPMI_FAULT_PASSWORD, /* the password is another one */
	IPMI_FAULT_PRIVILEGE, /* the user may not do this */
	IPMI_FAULT_BUSY, /* ask again later */
	IPMI_FAULT_NO_TOOL, /* ipmitool itself is missing */
	IPMI_FAULT_OTHER,
};
#define IPMI_N_FAULTS (IPMI_FAULT_OTHER + 1)
/* "ok", "unreachable", ...: a word each */
const char *ipmi_fault_str(enum ipmi_fault fault);

/* "Chassis Power is on" in out; -EBADMSG when no such line is there. */
int ipmi_parse_power(const char *out, enum ipmi_power *ret);

struct ipmi_bootflags {
	bool pxe; /* the next boot is from the network */
	bool efi; /* and by UEFI */
	bool valid; /* the BMC says that the flags count; ipmi_sim, and others after a minute, do not */
};
/* What `chassis bootparam get 5` says. -EBADMSG: it does not name a boot device. */
int ipmi_parse_bootparam(const char *out, struct ipmi_bootflags *ret);
/*
 * Why ipmitool ended with status (as in common/run.h). Some of its commands end with 0
 * and yet say that they failed; that is found too.
 */
enum ipmi_fault ipmi_classify(int status, bool timed_out, const char *out);
/* Does the BMC not let this user in? It is not to be asked again: iLOs lock the account. */
bool ipmi_fault_is_login(enum ipmi_fault fault);
/* The last line of what ipmitool printed, escaped; caller frees. */
char *ipmi_last_line(const char *out);
/* The fault for people, with what to do; never has a secret in it; caller frees. */
char *ipmi_fault_words(
	enum ipmi_fault fault, const char *bmc, const char *user, const char *out);
