/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events as text. Pure. */
#pragma once

#include "common/util.h"

/*
 * One message: "event: TYPE", "id: N" unless id is negative, a "data:" line for each line
 * of data, and the blank line. type is a word of this program. Caller frees.
 */
char *sse_message(const char *type, int64_t id, const char *data);
/* A Last-Event-ID header: -1 when it is not there or not a number of ours. */
int64_t sse_last_id(const char *header);
