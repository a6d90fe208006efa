/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Confirm-or-roll-back: applies a desired state, keeps it when the server can be reached
 * through it, puts the last confirmed one back when not. Blocks until that is settled.
 */
#pragma once

#include "netconf/net.h"
#include "netconf/netconf.h"

struct apply_options {
	struct net_options net;
	const char *desired; /* borrowed: path of DESIRED.json */
	/* borrowed: URL, "none", or NULL: TCP connect to the server */
	const char *confirm;
	uint64_t timeout_ms;
};

struct apply_result {
	enum netconf_exit exit;
	bool changed; /* something was written, also when it was undone again */
	char *text; /* owned: one line for people; never NULL after a run */
};

void apply_result_clear(struct apply_result *r);
void apply_run(const struct apply_options *o, struct apply_result *ret);
/* Back to the last confirmed state; without one, to the plain network of the desired. */
void apply_rollback(const struct apply_options *o, struct apply_result *ret);
