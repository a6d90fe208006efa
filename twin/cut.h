/* SPDX-License-Identifier: Apache-2.0 */
/* A rack.ini with some of its nodes left out: the text, not the model. Pure. */
#pragma once

#include "common/rack.h"

/*
 * Copies text without the [node NAME] sections of nodes that are not among keep; comments
 * between two sections go with the earlier one. Caller frees.
 */
char *cut_rack(const char *text, const struct rack_node *const *keep, size_t n_keep);
