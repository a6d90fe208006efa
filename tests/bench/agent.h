/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One server of the swarm: how far it is, and the requests that firmware, agent and noded
 * make at each step.
 */
#pragma once

#include "tests/bench/conn.h"

enum step { /* what an agent does next */
	ST_OFF,
	ST_BOOT,
	ST_KERNEL,
	ST_INITRD,
	ST_ENROL,
	ST_UP,
	ST_INVENTORY,
	ST_ORDER,
	ST_PROGRESS,
	ST_INSTALLED,
	ST_KEXEC,
	ST_NODED_UP,
	ST_DESIRED, /* the first question, with a report that it is not ready */
	ST_REPORT, /* that it is, beside the question that is held */
	ST_READY, /* reports and asks in one, for the time of a heartbeat */
};

struct agent_ways { /* what all agents have in common */
	struct tls_maker *maker;
	unsigned n_progress; /* how often each tells of its image */
	bool talks; /* those that are ready say events instead of reporting */
};

struct agent {
	unsigned number;
	enum step step;
	unsigned progress; /* told so far */
	unsigned events; /* told so far: its events are numbered */
	uint64_t revision;
	char boot_token[33];
	gnutls_certificate_credentials_t cred; /* owned, NULL: not enrolled */
	struct conn post, poll;
	char said[80]; /* texts of the events under way, for the ledger */
	const struct agent_ways *ways; /* borrowed */
	struct agent *next; /* of the queue */
	uint64_t due_ms;
};

/* The request of the agent's present step; caller frees. A new event has its text in said. */
char *agent_request(struct agent *a);
/* Reports, and asks for the next desired state, held for so long; caller frees. */
char *agent_poll(struct agent *a, unsigned wait_s);
