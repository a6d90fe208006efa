/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps, proofs and duties that part files name by "op =": what ondol does itself with
 * the cloud's APIs and Swift's rings. Blocks; for workers.
 *
 * steps: identity (a part's users and services), heat-domain, setup, rings, restore
 * proofs and leave: nova-compute, neutron-agent, cinder-volume, manila-share
 */
#pragma once

#include "nodeagent/partwork.h"

int cloudops_step(const struct partwork *w, const char *op, char **ret_text);
/* What the step depends on beside its own words: with another digest it runs again. */
char *cloudops_digest(const struct partwork *w, const char *op);
/* 0: it holds; -EAGAIN: not (yet); *ret_text in both cases. */
int cloudops_ready(const struct partwork *w, const char *op, char **ret_text);
int cloudops_tcp(
	const char *address, char **ret_text); /* "A.B.C.D:PORT" accepts a connection */
/* The reverse of leaving, for a node that takes the role again or keeps it after all. */
int cloudops_enter(const struct partwork *w, const char *op, char **ret_text);
int cloudops_leave(const struct partwork *w, const char *op, char **ret_text);
int cloudops_status(struct partwork *w, char **ret_text);
int cloudops_backup(struct partwork *w, char **ret_text);
