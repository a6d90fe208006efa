/* SPDX-License-Identifier: Apache-2.0 */
/* An image's list of blocks: what is accepted is written again as the same bytes. */
#include "tests/fuzz/fuzz.h"

#include "images/blocks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(blocks_freep) struct blocks *b = NULL;
	_cleanup_free_ char *msg = NULL;
	_cleanup_free_ uint8_t *again = NULL;
	size_t len;

	if (blocks_parse(data, size, &b, &msg) != 0) {
		if (!msg || b)
			abort(); /* refused without a word */
		return 0;
	}
	if (b->frame_at[b->n_frames] != b->compressed_bytes)
		abort();
	again = blocks_format(b, &len);
	if (len != size || memcmp(again, data, len) != 0)
		abort();
	return 0;
}
