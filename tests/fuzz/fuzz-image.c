/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compressed image from a server that is broken or lies: whatever comes, in whatever
 * pieces, the sink gets blocks in order and never more than was announced.
 */
#include "tests/fuzz/fuzz.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "images/stream.h"

#define EXPECT_RAW (IMAGE_BLOCK + 4096)

static int take(void *userdata, uint64_t offset, const void *data, size_t len)
{
	uint64_t *made = userdata;

	if (offset != *made || len == 0 || len > IMAGE_BLOCK || offset + len > EXPECT_RAW)
		abort();
	*made += len;
	return 0;
}

/* Half of the inputs come with the right digest, so that finish gets past it. */
static void digest_of(const uint8_t *data, size_t size, char hex[static 65])
{
	uint8_t digest[32];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, data, size, digest) < 0)
		abort();
	digest[0] ^= (uint8_t)(size & 1);
	hex_encode(digest, sizeof(digest), hex);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(image_stream_freep) struct image_stream *s = NULL;
	_cleanup_free_ char *msg = NULL;
	uint64_t made = 0;
	struct image_sink sink = {.write = take, .userdata = &made};
	size_t piece = size ? 1 + data[size - 1] : 1;
	char hex[65];
	int r = 0;

	digest_of(data, size, hex);
	if (image_stream_new(&sink, size, EXPECT_RAW, hex, &s) != 0)
		abort();
	for (size_t at = 0; at < size && r == 0; at += piece)
		r = image_stream_feed(s, data + at, MIN(piece, size - at));
	if (image_stream_finish(s, &msg) == 0 ? made != EXPECT_RAW : !msg)
		abort();
	return 0;
}
