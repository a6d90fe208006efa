/* SPDX-License-Identifier: Apache-2.0 */
#include "images/blocks.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "images/manifest.h"

static const uint8_t magic[8] = {'O', 'N', 'D', 'O', 'L', 'B', 'L', 'K'};
#define HEADER_BYTES 40
#define VERSION 1

void blocks_free(struct blocks *b)
{
	if (!b)
		return;
	free(b->keys);
	free(b->frame_at);
	free(b);
}

void blocks_freep(struct blocks **b)
{
	blocks_free(*b);
	*b = NULL;
}

uint64_t block_key(const void *block)
{
	uint8_t digest[32];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, block, BLOCK_BYTES, digest) < 0)
		abort(); /* there is no SHA-256 in this library */
	return read_le(digest, BLOCK_KEY_BYTES);
}

static uint32_t frames_of(uint64_t raw_bytes)
{
	return (uint32_t)((raw_bytes + FRAME_BYTES - 1) / FRAME_BYTES);
}

uint64_t blocks_file_bytes(uint64_t raw_bytes)
{
	return HEADER_BYTES + UINT64_C(4) * frames_of(raw_bytes) +
		raw_bytes / BLOCK_BYTES * BLOCK_KEY_BYTES;
}

void blocks_init(struct blocks *b, uint64_t raw_bytes)
{
	b->raw_bytes = raw_bytes;
	b->n_blocks = (uint32_t)(raw_bytes / BLOCK_BYTES);
	b->n_frames = frames_of(raw_bytes);
	b->keys = xcalloc(b->n_blocks, sizeof(*b->keys));
	b->frame_at = xcalloc(b->n_frames + 1, sizeof(*b->frame_at));
}

/* magic, version, block, frame and key bytes, raw bytes, compressed bytes */
static const char *read_header(const uint8_t *p, size_t len, struct blocks *b)
{
	if (len < HEADER_BYTES || memcmp(p, magic, sizeof(magic)) != 0)
		return "it does not begin as one";
	if (read_le(p + 8, 4) != VERSION || read_le(p + 12, 4) != BLOCK_BYTES ||
		read_le(p + 16, 4) != FRAME_BYTES ||
		read_le(p + 20, 4) != BLOCK_KEY_BYTES)
		return "it is of a form that this program does not know";
	b->raw_bytes = read_le(p + 24, 8);
	b->compressed_bytes = read_le(p + 32, 8);
	if (!b->raw_bytes || b->raw_bytes % BLOCK_BYTES != 0 ||
		b->raw_bytes > IMAGE_MAX_RAW_BYTES)
		return "its image has an impossible size";
	if (len != blocks_file_bytes(b->raw_bytes))
		return "it is not as long as its image asks for";
	return NULL;
}

static const char *read_frames(const uint8_t *p, struct blocks *b)
{
	for (uint32_t i = 0; i < b->n_frames; i++) {
		uint64_t size = read_le(p + 4 * (size_t)i, 4);

		if (size == 0 || size > 2 * FRAME_BYTES)
			return "a frame has an impossible size";
		b->frame_at[i + 1] = b->frame_at[i] + size;
	}
	return b->frame_at[b->n_frames] == b->compressed_bytes
		? NULL
		: "its frames are not as long as the compressed image";
}

int blocks_parse(const void *data, size_t len, struct blocks **ret, char **reterr_msg)
{
	_cleanup_(blocks_freep) struct blocks *b = xcalloc(1, sizeof(*b));
	const uint8_t *p = data;
	const char *wrong = read_header(p, len, b);

	if (!wrong)
		blocks_init(b, b->raw_bytes);
	if (!wrong)
		wrong = read_frames(p + HEADER_BYTES, b);
	if (wrong) {
		*reterr_msg = xasprintf("the list of the image's blocks: %s", wrong);
		return BLOCKS_E_INVALID;
	}
	p += HEADER_BYTES + 4 * (size_t)b->n_frames;
	for (uint32_t i = 0; i < b->n_blocks; i++)
		b->keys[i] = read_le(p + BLOCK_KEY_BYTES * (size_t)i, BLOCK_KEY_BYTES);
	*ret = TAKE_PTR(b);
	return 0;
}

uint8_t *blocks_format(const struct blocks *b, size_t *ret_len)
{
	size_t len = (size_t)blocks_file_bytes(b->raw_bytes);
	uint8_t *out = xmalloc(len), *p = out;

	memcpy(p, magic, sizeof(magic));
	p = write_le(p + sizeof(magic), VERSION, 4);
	p = write_le(p, BLOCK_BYTES, 4);
	p = write_le(p, FRAME_BYTES, 4);
	p = write_le(p, BLOCK_KEY_BYTES, 4);
	p = write_le(p, b->raw_bytes, 8);
	p = write_le(p, b->compressed_bytes, 8);
	for (uint32_t i = 0; i < b->n_frames; i++)
		p = write_le(p, b->frame_at[i + 1] - b->frame_at[i], 4);
	for (uint32_t i = 0; i < b->n_blocks; i++)
		p = write_le(p, b->keys[i], BLOCK_KEY_BYTES);
	*ret_len = len;
	return out;
}
