/* SPDX-License-Identifier: Apache-2.0 */
#include "common/digest.h"

#include <gnutls/crypto.h>

void digest_hex(const void *data, size_t len, char ret[static DIGEST_HEX])
{
	uint8_t raw[32];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, data, len, raw) < 0)
		abort();
	hex_encode(raw, sizeof(raw), ret);
}
