/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass: each piece that arrives is hashed and decompressed, and leaves in whole blocks,
 * so that a node of 512 MB installs an image of any size. The order is deliberate: the
 * piece is counted first (a server that sends too much is refused before its bytes are
 * looked at), hashed next (the digest is over what came, also when the frame is corrupt)
 * and decompressed last. The frame may not ask for a window over IMAGE_WINDOW_LOG_MAX: the
 * memory that this module takes is then the window, the block and zstd's own buffers,
 * whatever the bytes claim.
 *
 * zstd's frame checksum is not relied upon; the SHA-256 of the compressed bytes is the
 * judge. An image is one frame or several, one after the other, of today's format.
 * The last block stays here until the digest was found right.
 */
#include "images/stream.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "common/parse.h"

#define SHA256_LEN 32

struct image_stream {
	struct image_sink sink; /* its userdata is borrowed */
	uint64_t expect_compressed, expect_raw;
	uint64_t taken, made; /* compressed bytes in, raw bytes out of zstd */
	uint8_t expect_digest[SHA256_LEN], digest[SHA256_LEN];
	gnutls_hash_hd_t hash; /* owned */
	ZSTD_DStream *zstd; /* owned */
	uint8_t *block; /* owned, IMAGE_BLOCK bytes, page-aligned */
	size_t fill; /* bytes of block */
	uint64_t frame_taken; /* compressed bytes of the frame that runs */
	bool frame_ended;
	int failed; /* the first failure, returned ever after */
};

int image_stream_new(const struct image_sink *sink, uint64_t expect_compressed,
	uint64_t expect_raw, const char *sha256_hex, struct image_stream **ret)
{
	_cleanup_(image_stream_freep) struct image_stream *s = xcalloc(1, sizeof(*s));
	int r = parse_hex(sha256_hex, SHA256_LEN, s->expect_digest);

	if (r < 0)
		return r;
	s->sink = *sink;
	s->expect_compressed = expect_compressed;
	s->expect_raw = expect_raw;
	if (gnutls_hash_init(&s->hash, GNUTLS_DIG_SHA256) < 0) {
		s->hash = NULL;
		return -EIO;
	}
	s->zstd = ZSTD_createDStream();
	s->block = aligned_alloc(4096, IMAGE_BLOCK);
	if (!s->zstd || !s->block)
		return -ENOMEM;
	if (ZSTD_isError(ZSTD_DCtx_setParameter(
		    s->zstd, ZSTD_d_windowLogMax, IMAGE_WINDOW_LOG_MAX)))
		return -EINVAL;
	*ret = TAKE_PTR(s);
	return 0;
}

void image_stream_free(struct image_stream *s)
{
	if (!s)
		return;
	if (s->hash)
		gnutls_hash_deinit(s->hash, NULL);
	ZSTD_freeDStream(s->zstd);
	free(s->block);
	free(s);
}

void image_stream_freep(struct image_stream **s)
{
	image_stream_free(*s);
	*s = NULL;
}

uint64_t image_stream_taken(const struct image_stream *s)
{
	return s->taken;
}

uint64_t image_stream_made(const struct image_stream *s)
{
	return s->made;
}

/* Hands the block to the sink; what it held begins at made - fill. */
static int flush_block(struct image_stream *s)
{
	int r = s->sink.write(s->sink.userdata, s->made - s->fill, s->block, s->fill);

	s->fill = 0;
	return r < 0 ? r : 0;
}

static int zstd_failure(size_t code)
{
	switch ((int)ZSTD_getErrorCode(code)) {
	case ZSTD_error_frameParameter_windowTooLarge:
		return IMAGE_E_WINDOW;
	case ZSTD_error_memory_allocation:
		return -ENOMEM;
	}
	return IMAGE_E_CORRUPT;
}

/*
 * libzstd also reads formats of before 1.0, whose decoders know no limit of the window, and
 * skippable frames. Neither is ever an image: only today's frames pass, one after the other.
 */
static bool magic_fits(const struct image_stream *s, const ZSTD_inBuffer *in)
{
	static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
	const uint8_t *data = (const uint8_t *)in->src + in->pos;

	for (size_t i = 0; i < in->size - in->pos && s->frame_taken + i < sizeof(magic);
		i++)
		if (data[i] != magic[s->frame_taken + i])
			return false;
	return true;
}

/* Decompresses into the block, as far as it has room; sets the frame's end. */
static int fill_block(struct image_stream *s, ZSTD_inBuffer *in)
{
	ZSTD_outBuffer out = {.dst = s->block, .size = IMAGE_BLOCK, .pos = s->fill};
	size_t before = in->pos, left = ZSTD_decompressStream(s->zstd, &out, in);

	s->frame_taken += in->pos - before;
	if (ZSTD_isError(left))
		return zstd_failure(left);
	s->made += out.pos - s->fill;
	s->fill = out.pos;
	s->frame_ended = left == 0;
	return s->made > s->expect_raw ? IMAGE_E_TOO_LONG : 0;
}

static int decompress(struct image_stream *s, const void *data, size_t len)
{
	ZSTD_inBuffer in = {.src = data, .size = len};
	bool full;
	int r;

	/* A full block may mean that zstd holds more: then go on without further input. */
	do {
		if (s->frame_ended && in.pos == in.size)
			return 0;
		if (s->frame_ended)
			s->frame_taken = 0; /* another one follows */
		if (!magic_fits(s, &in))
			return IMAGE_E_CORRUPT;
		r = fill_block(s, &in);
		if (r != 0)
			return r;
		full = s->fill == IMAGE_BLOCK;
		if (full)
			r = flush_block(s);
		if (r < 0)
			return r;
	} while (in.pos < in.size || full);
	return 0;
}

static int take(struct image_stream *s, const void *data, size_t len)
{
	if (len > s->expect_compressed - s->taken)
		return -EFBIG;
	s->taken += len;
	if (gnutls_hash(s->hash, data, len) < 0)
		return -EIO;
	return decompress(s, data, len);
}

int image_stream_feed(struct image_stream *s, const void *data, size_t len)
{
	if (s->failed == 0 && len > 0)
		s->failed = take(s, data, len);
	return s->failed;
}

/* The order of these tests is the order of the causes: too little came; then, it was other. */
static int judge(struct image_stream *s)
{
	if (s->taken < s->expect_compressed)
		return IMAGE_E_TRUNCATED;
	gnutls_hash_output(s->hash, s->digest);
	if (memcmp(s->digest, s->expect_digest, SHA256_LEN) != 0)
		return IMAGE_E_DIGEST_MISMATCH;
	/* The right bytes, and still: the manifest contradicts its own file. */
	if (!s->frame_ended || s->made < s->expect_raw)
		return IMAGE_E_TRUNCATED;
	return 0;
}

static char *digest_message(const struct image_stream *s)
{
	char expected[2 * SHA256_LEN + 1], found[2 * SHA256_LEN + 1];

	hex_encode(s->expect_digest, SHA256_LEN, expected);
	hex_encode(s->digest, SHA256_LEN, found);
	return xasprintf(
		"the image that came is another than the manifest names: expected "
		"SHA-256 %s, found %s; install again, and if it repeats, build the "
		"image again",
		expected, found);
}

static char *failure_message(const struct image_stream *s, int r)
{
	unsigned long long taken = s->taken, made = s->made;
	unsigned long long compressed = s->expect_compressed, raw = s->expect_raw;

	if (r == -EFBIG)
		return xasprintf(
			"the server sent more than the image's %llu bytes", compressed);
	if (r < 0)
		return xasprintf("after %llu of %llu bytes: %s", made, raw, strerror(-r));
	switch ((enum image_error)r) {
	case IMAGE_E_TRUNCATED:
		return xasprintf(
			"the image ended early: expected %llu compressed and %llu raw bytes, "
			"found %llu and %llu",
			compressed, raw, taken, made);
	case IMAGE_E_TOO_LONG:
		return xasprintf(
			"the image is longer than the %llu bytes that its manifest says",
			raw);
	case IMAGE_E_CORRUPT:
		return xasprintf(
			"the image is damaged: no valid zstd data near byte %llu of %llu",
			taken, compressed);
	case IMAGE_E_WINDOW:
		return xasprintf(
			"the image is compressed with a larger window than the %u MiB a node "
			"gives: build it with build-image",
			(1u << IMAGE_WINDOW_LOG_MAX) >> 20);
	case IMAGE_E_DIGEST_MISMATCH:
		return digest_message(s);
	}
	return xasprintf("error %d", r);
}

int image_stream_finish(struct image_stream *s, char **reterr_msg)
{
	if (s->failed == 0)
		s->failed = judge(s);
	if (s->failed == 0 && s->fill > 0)
		s->failed = flush_block(s);
	if (s->failed != 0 && reterr_msg)
		*reterr_msg = failure_message(s, s->failed);
	return s->failed;
}
