/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One BMC: a queue of power operations, run one ipmitool at a time, paced, each with a
 * deadline, retried, and verified by reading the power back. Does not block. The password
 * goes to ipmitool in its environment, never in argv.
 */
#pragma once

#include <systemd/sd-event.h>

#include "bootstrap/ipmitext.h"

enum ipmi_op {
	IPMI_STATUS,
	IPMI_ON,
	IPMI_OFF,
	IPMI_SOFT, /* asks the operating system; up to three minutes */
	IPMI_RESET,
	IPMI_CYCLE, /* off, then on: both verified */
	IPMI_NETBOOT, /* off, boot from the network once, on */
};
int ipmi_op_parse(const char *s,
	enum ipmi_op *ret); /* "status" "on" "off" "soft" "reset" "cycle" */

struct ipmi_bmc;
struct ipmi_job;

struct ipmi_hooks {
	/* Each time the power was read. */
	void (*power)(enum ipmi_power power, void *userdata);
	/* Something the operator should know that did not end the operation. */
	void (*note)(const char *text, void *userdata);
	void *userdata;
};

/*
 * Once per job: r is 0, or -errno with words in msg; -ECANCELED when the BMC was freed.
 * Called from the event loop, never from within ipmi_submit.
 */
typedef void (*ipmi_done_fn)(
	int r, enum ipmi_power power, const char *msg, void *userdata);

struct ipmi_bmc *ipmi_bmc_new(sd_event *event, const struct ipmi_hooks *hooks);
void ipmi_bmc_free(struct ipmi_bmc *b); /* ends the running child; NULL is fine */
/* Copies all three. Where they changed, the cipher suite is found anew. */
void ipmi_bmc_set(
	struct ipmi_bmc *b, uint32_t address, const char *user, const char *password);

struct ipmi_job *ipmi_submit(
	struct ipmi_bmc *b, enum ipmi_op op, ipmi_done_fn done, void *userdata);
/* done is not called. A command that was already sent to the BMC is not taken back. */
void ipmi_cancel(struct ipmi_job *j);
