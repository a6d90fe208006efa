/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of the control socket (twin/ctl.h), for commands. Blocks. */
#pragma once

#include <jansson.h>

#include "common/util.h"

/*
 * Sends a request and reads the answer, for at most 30 s. An answer {"error": ...} is
 * -EREMOTEIO. *reterr_msg says what failed. *ret is a new reference.
 */
int ctl_call(const char *dir, const json_t *request, json_t **ret, char **reterr_msg);
