/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A multicast's datagrams, each after its length in two bytes (least significant first): what comes
 * whole is as long as the list says, and is what was sent for it.
 */
#include "tests/fuzz/fuzz.h"

#include "images/cast.h"

#define N_FRAMES 6

static const uint8_t id[CAST_ID_BYTES] = "imageid";
/* ends of frames: some of one piece, some of several, one as long as may be */
static const uint64_t at[N_FRAMES + 1] = {
	0, 10, 10 + CAST_DATA, 4000, 9000, 9001, 9001 + 2 * FRAME_BYTES};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blocks list = {.n_frames = N_FRAMES, .frame_at = (uint64_t *)at};
	_cleanup_(cast_frames_freep) struct cast_frames *frames = cast_frames_new(&list);

	while (size > 2) {
		size_t n = MIN((size_t)read_le(data, 2), size - 2), len;
		const uint8_t *packed;
		struct cast_datagram d;

		if (cast_parse(data + 2, n, id, &d) == 0 &&
			cast_frames_add(frames, &d, &packed, &len)) {
			if (d.frame >= N_FRAMES || len != at[d.frame + 1] - at[d.frame] ||
				memcmp(packed + d.at, d.data, d.len) != 0)
				abort();
		}
		data += 2 + n;
		size -= 2 + n;
	}
	return 0;
}
