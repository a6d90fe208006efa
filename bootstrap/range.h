/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP's Range header (RFC 9110, 14.2), one range of bytes. Pure. */
#pragma once

#include "common/util.h"

enum range_result {
	RANGE_WHOLE, /* no range that is understood: send all, as the RFC says */
	RANGE_PART,
	RANGE_UNSATISFIABLE, /* 416 */
};

/* "bytes=5-", "bytes=5-9", "bytes=-9" of size bytes; from and len are set for RANGE_PART. */
enum range_result range_parse(
	const char *header, uint64_t size, uint64_t *ret_from, uint64_t *ret_len);
