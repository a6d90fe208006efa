/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) as people and files write it. Needs libgnutls. */
#pragma once

#include "common/util.h"

#define DIGEST_HEX 65 /* 64 lower-case hex digits and a NUL */

/* Of len bytes; aborts when there is no memory. */
void digest_hex(const void *data, size_t len, char ret[static DIGEST_HEX]);
