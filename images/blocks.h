/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an image consists of, block by block, so that a node fetches only those that it does not
 * have (docs/protocol.md, "An image profile"): a short digest of each block of 4 KiB, and where
 * the compressed frames are that hold them. The digests find blocks, they vouch for nothing: the
 * whole is checked by its own digest when it is written. Pure.
 */
#pragma once

#include "common/util.h"

#define BLOCK_BYTES 4096
#define FRAME_BYTES (256 * 1024) /* raw bytes of a frame, but of the last */
#define BLOCKS_OF_FRAME (FRAME_BYTES / BLOCK_BYTES)
#define BLOCK_KEY_BYTES 8 /* of the block's SHA-256, the first ones */

struct blocks {
	uint64_t raw_bytes, compressed_bytes;
	uint32_t n_blocks, n_frames;
	uint64_t *keys; /* owned: of each block */
	uint64_t *frame_at; /* owned: n_frames + 1 offsets in the compressed file */
};

/* A positive result: not a list of blocks, or one that contradicts itself. */
enum { BLOCKS_E_INVALID = 1 };

/* 0 or BLOCKS_E_INVALID with *reterr_msg. Freed with blocks_free. */
int blocks_parse(const void *data, size_t len, struct blocks **ret, char **reterr_msg);
/* For an image of so many bytes (a multiple of BLOCK_BYTES), with room for all, still zero. */
void blocks_init(struct blocks *b, uint64_t raw_bytes);
/* The same as bytes; caller frees. */
uint8_t *blocks_format(const struct blocks *b, size_t *ret_len);
/* How long such a file is for an image of so many bytes (a multiple of BLOCK_BYTES). */
uint64_t blocks_file_bytes(uint64_t raw_bytes);
uint64_t block_key(const void *block); /* of BLOCK_BYTES */
void blocks_free(struct blocks *b); /* NULL is fine */
void blocks_freep(struct blocks **b);
