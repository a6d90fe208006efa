/* SPDX-License-Identifier: Apache-2.0 */
/* What a good rack.ini says, in a few lines for people and as JSON for scripts. Pure. */
#pragma once

#include <jansson.h>

#include "common/problems.h"
#include "common/rack.h"

char *summary_text(const struct rack *r); /* caller frees */
json_t *summary_json(const struct rack *r); /* new reference */
json_t *problems_json(const struct problems *p); /* new reference */
