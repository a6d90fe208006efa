/* SPDX-License-Identifier: Apache-2.0 */
/* One node in full, on standard output, for people. */
#pragma once

#include "bootstrap/cli.h"

void nodeprint_state(const struct cli *cli, const struct node_view *n);
/* Nothing when there are none. */
void nodeprint_proofs(const struct cli *cli, const struct proof_view *list, size_t n);
void nodeprint_inventory(const struct cli *cli, const struct node_view *n);
