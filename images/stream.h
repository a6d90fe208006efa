/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compressed image as it comes from the network: bytes in, raw bytes to a sink, the
 * digest over what came. One pass, constant memory (under 20 MB whatever the image), no
 * file, no blocking but the sink's own. Raw bytes reach the sink before the digest is
 * known: what they were written to counts as an image only after image_stream_finish()
 * returned 0.
 */
#pragma once

#include "common/util.h"

enum image_error { /* positive results of this module */
	IMAGE_E_TRUNCATED = 1, /* fewer bytes than promised, or a frame without end */
	IMAGE_E_TOO_LONG, /* more raw bytes than the manifest says */
	IMAGE_E_CORRUPT, /* not a zstd frame, or one that contradicts itself */
	IMAGE_E_WINDOW, /* a frame that wants more memory than IMAGE_WINDOW_LOG_MAX gives */
	IMAGE_E_DIGEST_MISMATCH, /* all bytes came, and they are other bytes */
};

#define IMAGE_BLOCK (1024 * 1024) /* what the sink gets at a time, but for the last */
#define IMAGE_WINDOW_LOG_MAX 23 /* 8 MiB; zstd's levels up to 19 keep to it */

struct image_stream;

struct image_sink {
	/*
	 * Raw bytes in pieces of IMAGE_BLOCK, in order and without gaps; or of a frame's length
	 * (blocks.h), each once, in any order; the last one may be shorter. data is aligned to 4096. A negative result
	 * ends the stream and is passed on.
	 */
	int (*write)(void *userdata, uint64_t offset, const void *data, size_t len);
	void *userdata;
};

/*
 * sink is copied, its userdata borrowed. expect_compressed and expect_raw are bytes, as in
 * the manifest; sha256_hex is the digest of the compressed bytes, 64 lower-case digits.
 * -EINVAL when it is not. The caller frees *ret.
 */
int image_stream_new(const struct image_sink *sink, uint64_t expect_compressed,
	uint64_t expect_raw, const char *sha256_hex, struct image_stream **ret);
/*
 * Takes the next compressed bytes. 0, the sink's negative result, -EFBIG when there are more
 * than expect_compressed, or IMAGE_E_TOO_LONG, IMAGE_E_CORRUPT, IMAGE_E_WINDOW. After a failure
 * every further call returns that failure again, finish too.
 */
int image_stream_feed(struct image_stream *s, const void *data, size_t len);
/*
 * Judges the whole and, when it is right, hands the last block to the sink. 0, an image_error, or a negative
 * errno. On failure *reterr_msg (may be NULL) says what was expected and found; caller frees.
 */
int image_stream_finish(struct image_stream *s, char **reterr_msg);
/* So far: compressed bytes taken, raw bytes made; for a progress line. */
uint64_t image_stream_taken(const struct image_stream *s);
uint64_t image_stream_made(const struct image_stream *s);
void image_stream_free(struct image_stream *s); /* NULL is fine */
void image_stream_freep(struct image_stream **s);
