/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules that hold between the parts of a rack: what must be there, what must be unique,
 * what must lie in what. Adds problems; the model may be incomplete when it comes here.
 */
#pragma once

#include "common/rack.h"

/* c is the file the model was read from, for line numbers. Pure. */
void rackrules_check(const struct rack *r, struct conf *c, struct problems *problems);
