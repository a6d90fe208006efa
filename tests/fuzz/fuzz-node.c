/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nodes, their BMCs and dnsmasq make ondold read: requests to the node API as bytes on
 * a connection, from the request's head to the documents in its body, through the real
 * handlers, the state machine and the store; and the lines of ipmitool and dnsmasq.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	world_play(data, size, "nct");
	return 0;
}
