/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What GET /metrics tells: the counters that ondold keeps while it runs, and the text made of
 * them and of the rack as it is. Pure; api_metrics.c fills in what is here.
 */
#pragma once

#include "bootstrap/fsm.h"
#include "bootstrap/httpd.h"
#include "bootstrap/ipmitext.h"

/* clang-format off */
#define METRICS_SOURCES(X) /* of events; others are counted as OTHER */                    \
	X(ONDOLD, "ondold") X(IPMI, "ipmi") X(DNSMASQ, "dnsmasq") X(HTTP, "http")          \
	X(AGENT, "agent") X(NODED, "noded") X(OPERATOR, "operator") X(CONSOLE, "console")  \
	X(BMC, "bmc") X(OTHER, "other")
#define METRICS_LISTENERS(X) \
	X(UNIX, "unix")   /* the operators' socket */                                      \
	X(BOOT, "boot")   /* what firmware fetches */                                      \
	X(NODES, "nodes") /* the node API, over TLS */                                     \
	X(PAGE, "page")   /* operators over TLS */
#define METRICS_RESULTS(X) /* of an install: a run that began with power-on */             \
	X(READY, "ready") X(FAILED, "failed") X(CANCELLED, "cancelled")
#define METRICS_REFUSALS(X) \
	X(TOKEN, "token")     /* nobody has this token */                                  \
	X(TRIES, "too-many-tries") /* the address has to wait */
/* clang-format on */

#define METRICS_ENUM(id, name) METRICS_##id,
enum metrics_source { METRICS_SOURCES(METRICS_ENUM) METRICS_N_SOURCES };
enum metrics_listener { METRICS_LISTENERS(METRICS_ENUM) METRICS_N_LISTENERS };
#undef METRICS_ENUM
#define METRICS_ENUM(id, name) METRICS_RESULT_##id,
enum metrics_result { METRICS_RESULTS(METRICS_ENUM) METRICS_N_RESULTS };
#undef METRICS_ENUM
#define METRICS_ENUM(id, name) METRICS_REFUSED_##id,
enum metrics_refusal { METRICS_REFUSALS(METRICS_ENUM) METRICS_N_REFUSALS };
#undef METRICS_ENUM

#define METRICS_N_IPMI_BOUNDS 9

struct metrics_counts { /* since ondold started */
	uint64_t events[METRICS_N_SOURCES];
	struct httpd_counts http[METRICS_N_LISTENERS];
	uint64_t installs[METRICS_N_RESULTS];
	uint64_t multicast_bytes; /* datagrams' own, without headers */
	uint64_t refused[METRICS_N_REFUSALS]; /* sign-ins and bearers of the page */
	uint64_t ipmi[IPMI_N_FAULTS]; /* IPMI_FAULT_NONE: it did what it was told */
	uint64_t ipmi_took[METRICS_N_IPMI_BOUNDS + 1]; /* those that ran, by duration */
	uint64_t ipmi_ms; /* their sum */
};

void metrics_count_event(struct metrics_counts *c, const char *source);
/* One ipmitool has ended; IPMI_FAULT_NO_TOOL: it could not be started. */
void metrics_count_ipmi(
	struct metrics_counts *c, enum ipmi_fault fault, uint64_t took_ms);
/*
 * A node went from one state to another; began: the first state of its run. Counted when
 * that is the end of an install.
 */
void metrics_count_transition(struct metrics_counts *c, enum fsm_state began,
	enum fsm_state from, enum fsm_state to);

struct metrics_node { /* strings are borrowed */
	const char *name, *role, *kind;
	enum fsm_state state;
	uint64_t since_ms, last_seen_ms; /* since 1970; last seen 0: never */
	bool silent, has_progress;
	uint64_t done, total; /* bytes */
	enum ipmi_power power;
	int bmc_reachable; /* 0, 1; -1: not asked yet */
};

struct metrics_process {
	uint64_t started_ms; /* since 1970 */
	uint64_t cpu_ms;
	uint64_t resident_bytes, virtual_bytes;
	uint64_t open_fds, max_fds;
};

struct metrics { /* all borrowed */
	const struct metrics_counts *counts;
	const char *version;
	const char *rack; /* NULL: none yet */
	uint64_t rack_revision;
	uint64_t now_ms; /* since 1970 */
	const struct metrics_node *nodes;
	size_t n_nodes;
	bool listens[METRICS_N_LISTENERS], dnsmasq_up;
	uint64_t held[METRICS_N_LISTENERS], streams;
	uint64_t consoles, max_consoles;
	uint64_t store_bytes, store_events, events_dropped;
	uint64_t images_free_bytes, state_free_bytes; /* UINT64_MAX: not known */
	struct metrics_process process;
};

/* The text in the format of promtext.h; caller frees. */
char *metrics_text(const struct metrics *m);
