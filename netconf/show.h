/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in OVSDB and kernel now, and how it differs from the desired state.
 */
#pragma once

#include <jansson.h>

#include "netconf/apply.h"

/* Bridges and ports of OVSDB, and the links of the plan: a new reference. */
json_t *show_to_json(struct net *n, const struct plan *plan);
/*
 * Compares with o->desired, or when that is NULL with the confirmed state, else with
 * /etc/ondol/desired.json. ret_json, a new reference, is NULL when there was nothing to
 * show.
 */
void show_run(const struct apply_options *o, struct apply_result *ret, json_t **ret_json);
/* The same for people. */
void show_print(const json_t *shown, FILE *out);
