/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <zstd.h>

#include "images/stream.h"

#define RAW_LEN (3 * IMAGE_BLOCK + 12345)

struct sample { /* an image, raw and compressed */
	uint8_t *raw, *packed;
	size_t raw_len, packed_len;
	char sha256[65];
};

struct sink { /* what came out */
	uint8_t *data;
	size_t len, cap;
	unsigned blocks;
	int fail_at_block; /* the write that fails; -1: none */
};

static void digest_of(const void *data, size_t len, char hex[static 65])
{
	uint8_t digest[32];

	assert_int_equal(gnutls_hash_fast(GNUTLS_DIG_SHA256, data, len, digest), 0);
	hex_encode(digest, sizeof(digest), hex);
}

/* Half noise, half pattern: some blocks do compress, some do not. */
static void fill_sample(uint8_t *raw, size_t len)
{
	uint32_t x = 12345;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		raw[i] = (i / 65536) % 2 ? (uint8_t)(x >> 24) : (uint8_t)(i >> 4);
	}
}

static void sample_pack(struct sample *s, size_t raw_len, int level, int window_log)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t bound = ZSTD_compressBound(raw_len);

	s->raw_len = raw_len;
	s->raw = xmalloc(raw_len + 1);
	fill_sample(s->raw, raw_len);
	s->packed = xmalloc(bound);
	ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, window_log);
	ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
	s->packed_len = ZSTD_compress2(c, s->packed, bound, s->raw, raw_len);
	assert_false(ZSTD_isError(s->packed_len));
	ZSTD_freeCCtx(c);
	digest_of(s->packed, s->packed_len, s->sha256);
}

static void sample_clear(struct sample *s)
{
	free(s->raw);
	free(s->packed);
}

static void sink_clear(struct sink *s)
{
	free(s->data);
}

static int sink_write(void *userdata, uint64_t offset, const void *data, size_t len)
{
	struct sink *s = userdata;

	if ((int)s->blocks++ == s->fail_at_block)
		return -ENOSPC;
	assert_int_equal(offset, s->len);
	assert_int_equal(offset % IMAGE_BLOCK, 0);
	assert_int_equal((uintptr_t)data % 4096, 0);
	assert_in_range(len, 1, IMAGE_BLOCK);
	s->data = xrealloc(s->data, s->len + len, 1);
	memcpy(s->data + s->len, data, len);
	s->len += len;
	return 0;
}

/* Feeds packed in pieces (0: of random size) and finishes; the first result that is not 0. */
static int run(const struct sample *s, size_t len, uint64_t expect_len,
	uint64_t expect_raw, size_t piece, struct sink *sink, char **ret_msg)
{
	_cleanup_(image_stream_freep) struct image_stream *st = NULL;
	struct image_sink to = {.write = sink_write, .userdata = sink};
	unsigned seed = 7;
	int r = 0, last;

	assert_int_equal(
		image_stream_new(&to, expect_len, expect_raw, s->sha256, &st), 0);
	for (size_t at = 0; at < len && r == 0;) {
		size_t n = piece ? piece : 1 + (size_t)rand_r(&seed) % 200000;

		n = MIN(n, len - at);
		r = image_stream_feed(st, s->packed + at, n);
		at += n;
	}
	if (r != 0)
		assert_int_equal(image_stream_feed(st, "x", 1), r);
	last = image_stream_finish(st, ret_msg);
	if (r != 0)
		assert_int_equal(last, r);
	return last;
}

static int run_whole(const struct sample *s, size_t piece, struct sink *sink)
{
	_cleanup_free_ char *msg = NULL;
	int r = run(s, s->packed_len, s->packed_len, s->raw_len, piece, sink, &msg);

	if (r != 0)
		print_message("%s\n", msg);
	return r;
}

/* Runs and expects this failure, with a message that has these words. */
static void expect_failure(const struct sample *s, size_t len, uint64_t expect_len,
	uint64_t expect_raw, int expect, const char *words)
{
	_cleanup_(sink_clear) struct sink sink = {.fail_at_block = -1};
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(run(s, len, expect_len, expect_raw, 0, &sink, &msg), expect);
	assert_non_null(msg);
	if (!strstr(msg, words))
		fail_msg("expected \"%s\" in \"%s\"", words, msg);
	assert_true(sink.len <= expect_raw);
	/* the last block never leaves */
	assert_true(sink.len < s->raw_len || s->raw_len == 0);
}

static void test_pieces(void **state)
{
	static const size_t pieces[] = {0, 4096, 131072, 1024 * 1024, SIZE_MAX};
	_cleanup_(sample_clear) struct sample s;

	sample_pack(&s, RAW_LEN, 3, 0);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		_cleanup_(sink_clear) struct sink sink = {.fail_at_block = -1};

		assert_int_equal(run_whole(&s, pieces[i], &sink), 0);
		assert_int_equal(sink.len, s.raw_len);
		assert_int_equal(sink.blocks, 4);
		assert_memory_equal(sink.data, s.raw, s.raw_len);
	}
}

static void test_single_bytes(void **state)
{
	_cleanup_(sample_clear) struct sample s;
	_cleanup_(sink_clear) struct sink sink = {.fail_at_block = -1};

	sample_pack(&s, 300000, 3, 0);
	assert_int_equal(run_whole(&s, 1, &sink), 0);
	assert_int_equal(sink.len, s.raw_len);
	assert_memory_equal(sink.data, s.raw, s.raw_len);
}

/* The ends of blocks and of the image fall together, or nearly. */
static void test_block_ends(void **state)
{
	static const size_t lens[] = {
		1, IMAGE_BLOCK - 1, IMAGE_BLOCK, IMAGE_BLOCK + 1, 2 * IMAGE_BLOCK};

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		_cleanup_(sample_clear) struct sample s;
		_cleanup_(sink_clear) struct sink sink = {.fail_at_block = -1};

		sample_pack(&s, lens[i], 1, 0);
		assert_int_equal(run_whole(&s, 0, &sink), 0);
		assert_int_equal(sink.len, lens[i]);
		assert_memory_equal(sink.data, s.raw, lens[i]);
	}
}

static void test_counts(void **state)
{
	_cleanup_(image_stream_freep) struct image_stream *st = NULL;
	_cleanup_(sample_clear) struct sample s;
	_cleanup_(sink_clear) struct sink sink = {.fail_at_block = -1};
	struct image_sink to = {.write = sink_write, .userdata = &sink};

	sample_pack(&s, 100000, 3, 0);
	assert_int_equal(
		image_stream_new(&to, s.packed_len, s.raw_len, s.sha256, &st), 0);
	assert_int_equal(image_stream_feed(st, s.packed, s.packed_len), 0);
	assert_int_equal(image_stream_taken(st), s.packed_len);
	assert_int_equal(image_stream_made(st), 100000);
	/* nothing left yet: it is less than a block, and not yet judged */
	assert_int_equal(sink.len, 0);
	assert_int_equal(image_stream_finish(st, NULL), 0);
	assert_int_equal(sink.len, 100000);
}

static void test_truncated(void **state)
{
	_cleanup_(sample_clear) struct sample s;

	sample_pack(&s, RAW_LEN, 3, 0);
	expect_failure(&s, s.packed_len - 1, s.packed_len, s.raw_len, IMAGE_E_TRUNCATED,
		"ended early");
	expect_failure(&s, s.packed_len / 2, s.packed_len, s.raw_len, IMAGE_E_TRUNCATED,
		"ended early");
	expect_failure(&s, 0, s.packed_len, s.raw_len, IMAGE_E_TRUNCATED, "ended early");
	/* the manifest promises more than the frame holds */
	expect_failure(&s, s.packed_len, s.packed_len, s.raw_len + 1, IMAGE_E_TRUNCATED,
		"ended early");
	/* the manifest was made of half a file: its digest fits, the frame has no end */
	digest_of(s.packed, s.packed_len / 2, s.sha256);
	expect_failure(&s, s.packed_len / 2, s.packed_len / 2, s.raw_len,
		IMAGE_E_TRUNCATED, "ended early");
}

static void test_too_much(void **state)
{
	_cleanup_(sample_clear) struct sample s;

	sample_pack(&s, RAW_LEN, 3, 0);
	expect_failure(
		&s, s.packed_len, s.packed_len - 1, s.raw_len, -EFBIG, "more than");
	expect_failure(&s, s.packed_len, s.packed_len, s.raw_len - 1, IMAGE_E_TOO_LONG,
		"longer than");
	expect_failure(
		&s, s.packed_len, s.packed_len, 4096, IMAGE_E_TOO_LONG, "longer than");
}

/* Each flipped bit is found, by zstd or by the digest, and never comes through. */
static void test_flipped_bits(void **state)
{
	_cleanup_(sample_clear) struct sample s;

	sample_pack(&s, 200000, 3, 0);
	for (size_t i = 0; i < s.packed_len; i += 1 + s.packed_len / 97) {
		_cleanup_(sink_clear) struct sink sink = {.fail_at_block = -1};
		int r;

		s.packed[i] ^= (uint8_t)(1 << i % 8);
		r = run(&s, s.packed_len, s.packed_len, s.raw_len, 0, &sink, NULL);
		if (r <= 0)
			fail_msg("byte %zu flipped: result %d", i, r);
		assert_int_equal(sink.len, 0);
		s.packed[i] ^= (uint8_t)(1 << i % 8);
	}
}

static void test_wrong_digest(void **state)
{
	_cleanup_(image_stream_freep) struct image_stream *st = NULL;
	_cleanup_(sample_clear) struct sample s;
	struct image_sink to = {.write = sink_write};

	sample_pack(&s, RAW_LEN, 3, 0);
	s.sha256[0] = s.sha256[0] == '0' ? '1' : '0';
	expect_failure(&s, s.packed_len, s.packed_len, s.raw_len, IMAGE_E_DIGEST_MISMATCH,
		s.sha256);
	assert_int_equal(image_stream_new(&to, 1, 1, "abc", &st), -EINVAL);
	s.sha256[5] = 'G';
	assert_int_equal(image_stream_new(&to, 1, 1, s.sha256, &st), -EINVAL);
	assert_null(st);
}

static void test_not_an_image(void **state)
{
	_cleanup_(sample_clear) struct sample s;

	sample_pack(&s, RAW_LEN, 3, 0);
	/* an error page instead of an image */
	memcpy(s.packed, "<html>", 6);
	expect_failure(
		&s, s.packed_len, s.packed_len, s.raw_len, IMAGE_E_CORRUPT, "damaged");
	/* a skippable frame: 0x184D2A50, length 4 */
	memcpy(s.packed, "\x50\x2a\x4d\x18\x04\x00\x00\x00", 8);
	expect_failure(
		&s, s.packed_len, s.packed_len, s.raw_len, IMAGE_E_CORRUPT, "damaged");
	/* a frame of zstd 0.7, whose decoder has no limit of the window */
	memcpy(s.packed, "\x27\xb5\x2f\xfd", 4);
	expect_failure(
		&s, s.packed_len, s.packed_len, s.raw_len, IMAGE_E_CORRUPT, "damaged");
}

/* A sample twice, as two frames in one file. */
static void sample_twice(struct sample *s)
{
	size_t len = s->raw_len, packed = s->packed_len;

	s->packed = xrealloc(s->packed, 2 * packed, 1);
	memcpy(s->packed + packed, s->packed, packed);
	s->raw = xrealloc(s->raw, 2 * len, 1);
	memcpy(s->raw + len, s->raw, len);
	s->packed_len = 2 * packed;
	s->raw_len = 2 * len;
	digest_of(s->packed, s->packed_len, s->sha256);
}

static void test_frames(void **state)
{
	static const size_t pieces[] = {0, 1, 3, 4096};
	_cleanup_(sample_clear) struct sample s;

	sample_pack(&s, 50000, 3, 0);
	sample_twice(&s);
	sample_twice(&s);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		_cleanup_(sink_clear) struct sink sink = {.fail_at_block = -1};

		assert_int_equal(run_whole(&s, pieces[i], &sink), 0);
		assert_int_equal(sink.len, s.raw_len);
		assert_memory_equal(sink.data, s.raw, s.raw_len);
	}
	/* cut at the end of a frame */
	expect_failure(&s, s.packed_len / 2, s.packed_len, s.raw_len, IMAGE_E_TRUNCATED,
		"ended early");
}

/* What was refused as the first frame is refused as the second. */
static void test_second_frame(void **state)
{
	_cleanup_(sample_clear) struct sample s;
	uint8_t *second;

	sample_pack(&s, 50000, 3, 0);
	sample_twice(&s);
	second = s.packed + s.packed_len / 2;
	memcpy(second, "\x50\x2a\x4d\x18\x04\x00\x00\x00", 8);
	digest_of(s.packed, s.packed_len, s.sha256);
	expect_failure(
		&s, s.packed_len, s.packed_len, s.raw_len, IMAGE_E_CORRUPT, "damaged");
}

static void test_window(void **state)
{
	_cleanup_(sample_clear) struct sample fits, too_large;
	_cleanup_(sink_clear) struct sink sink = {.fail_at_block = -1};

	sample_pack(&fits, 200000, 3, IMAGE_WINDOW_LOG_MAX);
	assert_int_equal(run_whole(&fits, 0, &sink), 0);
	sample_pack(&too_large, 200000, 3, IMAGE_WINDOW_LOG_MAX);
	/* the window descriptor of a frame without single segment: exponent in the upper 5 bits */
	assert_int_equal(too_large.packed[4] & 0x20, 0);
	too_large.packed[5] = (uint8_t)((IMAGE_WINDOW_LOG_MAX + 1 - 10) << 3);
	digest_of(too_large.packed, too_large.packed_len, too_large.sha256);
	expect_failure(&too_large, too_large.packed_len, too_large.packed_len, 200000,
		IMAGE_E_WINDOW, "8 MiB");
}

static void test_sink_fails(void **state)
{
	_cleanup_(sample_clear) struct sample s;

	sample_pack(&s, RAW_LEN, 3, 0);
	for (int at = 0; at < 4; at++) {
		_cleanup_(sink_clear) struct sink sink = {.fail_at_block = at};
		_cleanup_free_ char *msg = NULL;

		assert_int_equal(
			run(&s, s.packed_len, s.packed_len, s.raw_len, 0, &sink, &msg),
			-ENOSPC);
		assert_non_null(strstr(msg, "No space"));
		assert_int_equal(sink.blocks, at + 1); /* not asked again */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_single_bytes),
		cmocka_unit_test(test_block_ends),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_wrong_digest),
		cmocka_unit_test(test_not_an_image),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_second_frame),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_sink_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
