/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One BMC: a queue of power operations, run one ipmitool at a time, paced, each with a
 * deadline, retried, and verified by reading the power back. Does not block. The password
 * goes to ipmitool in its environment, never in argv.
 */
#pragma once

#include <systemd/sd-event.h>

#include "bootstrap/ipmiline.h"
#include "bootstrap/ipmitext.h"

enum ipmi_op {
	IPMI_STATUS,
	IPMI_ON,
	IPMI_OFF,
	IPMI_SOFT, /* asks the operating system; up to three minutes */
	IPMI_RESET,
	IPMI_CYCLE, /* off, then on: both verified */
	IPMI_NETBOOT, /* off, boot from the network once, on */
	/*
	 * The BMC itself starts anew, the server goes on: the last thing to try with a BMC that
	 * takes commands and does not carry them out. Done when it answers again, in at most
	 * five minutes; -ETIMEDOUT: it stayed away.
	 */
	IPMI_COLD_RESET,
	/* The following are asked with ipmi_ask() and answered with ipmitool's output. */
	IPMI_IDENTIFY, /* arg: seconds ("0" to "255"), or "force": until it is told otherwise */
	IPMI_SENSORS, /* for sensors_parse() */
	IPMI_SEL, /* the newest 1000 entries, for sel_parse() */
	IPMI_SEL_CLEAR,
	/* Whoever has the serial console loses it; fine when nobody has. Never tried twice. */
	IPMI_SOL_OFF,
};
/* "status" "on" "off" "soft" "reset" "cycle" "bmc-reset" */
int ipmi_op_parse(const char *s, enum ipmi_op *ret);

struct ipmi_bmc;
struct ipmi_job;

struct ipmi_hooks {
	/* Each time the power was read. */
	void (*power)(enum ipmi_power power, void *userdata);
	/* Something the operator should know that did not end the operation. */
	void (*note)(const char *text, void *userdata);
	/* A cipher suite has worked that is not the one last told, or given as a hint. */
	void (*cipher)(unsigned suite, void *userdata);
	/*
	 * A power-on is about to be sent: from when on (mono, ms) it may be; each call takes a
	 * turn. May be NULL: at once.
	 */
	uint64_t (*power_on)(void *userdata);
	/* An ipmitool of the queue has ended so, after took_ms; or could not be started. May be NULL. */
	void (*ran)(enum ipmi_fault fault, uint64_t took_ms, void *userdata);
	void *userdata;
};

/*
 * Once per job: r is 0, or -errno with words in msg; -EHOSTUNREACH when the BMC does not
 * answer, -EACCES when it refuses the login, -EPROTONOSUPPORT: every cipher suite, -ENOENT:
 * there is no ipmitool; -ECANCELED when the BMC was freed. Called from the event loop, never
 * from within ipmi_submit.
 */
typedef void (*ipmi_done_fn)(
	int r, enum ipmi_power power, const char *msg, void *userdata);

/* As ipmi_done_fn; text is ipmitool's output when r is 0, else what went wrong. */
typedef void (*ipmi_text_fn)(int r, const char *text, void *userdata);

/* Would it say the same when it was asked again, until a person has changed something? */
bool ipmi_is_refusal(int r);

/* line may be NULL: then there is no limit. */
struct ipmi_bmc *ipmi_bmc_new(
	sd_event *event, struct ipmi_line *line, const struct ipmi_hooks *hooks);
void ipmi_bmc_free(struct ipmi_bmc *b); /* ends the running child; NULL is fine */
/* Copies all three. Where they changed, the cipher suite is found anew, and it is true. */
bool ipmi_bmc_set(
	struct ipmi_bmc *b, uint32_t address, const char *user, const char *password);
/* The suite that worked in an earlier life, 17 or 3 (others are not taken): tried first. */
void ipmi_bmc_hint_cipher(struct ipmi_bmc *b, unsigned suite);

struct ipmi_job *ipmi_submit(
	struct ipmi_bmc *b, enum ipmi_op op, ipmi_done_fn done, void *userdata);
/* arg is copied; NULL: none. Else as ipmi_submit, whose jobs, and IPMI_SOL_OFF, go before what waits here. */
struct ipmi_job *ipmi_ask(struct ipmi_bmc *b, enum ipmi_op op, const char *arg,
	ipmi_text_fn done, void *userdata);
/* How many of ipmi_ask's wait or run, beside IPMI_SOL_OFF. */
unsigned ipmi_asked(const struct ipmi_bmc *b);
/* done is not called. A command that was already sent to the BMC is not taken back. */
void ipmi_cancel(struct ipmi_job *j);

/*
 * Starts `ipmitool sol activate` beside the queue: its stdin is what is typed, its stdout
 * what the server says. It goes on until stdin ends, and gives the session back then.
 * IPMI_SOL_ESCAPE is not sent to the server but taken for ipmitool's own escape. The caller
 * reaps *ret.
 */
#define IPMI_SOL_ESCAPE '\x1e' /* Ctrl-^, which hardly anybody types */
int ipmi_sol_spawn(struct ipmi_bmc *b, int in, int out, pid_t *ret);
