/* SPDX-License-Identifier: Apache-2.0 */
/* For messages: which known word may somebody have meant? */
#pragma once

#include "common/util.h"

/*
 * The word of the NULL-terminated list that was probably meant, NULL: none is near.
 * Counts letters missing, superfluous, wrong or swapped.
 */
const char *nearest_word(const char *word, const char *const *list);
