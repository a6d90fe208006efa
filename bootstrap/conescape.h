/* SPDX-License-Identifier: Apache-2.0 */
/* What is typed on a console and what is meant for us: "~." after Enter, as in ssh. Pure. */
#pragma once

#include "common/util.h"

struct conescape {
	bool line_start, tilde;
};

enum conescape_act { CONESCAPE_NONE, CONESCAPE_LEAVE, CONESCAPE_TAKE, CONESCAPE_HELP };

void conescape_init(struct conescape *e);
/* out gets the *ret_n bytes that go to the server: none, c, or a tilde and c. */
enum conescape_act conescape_feed(
	struct conescape *e, char c, char out[static 2], size_t *ret_n);
