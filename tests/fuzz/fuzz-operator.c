/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operators and strangers make ondold read: the page's requests with tokens, cookies
 * and query strings, and the operator API, racks included, while nodes speak too.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	world_play(data, size, "opnct");
	return 0;
}
