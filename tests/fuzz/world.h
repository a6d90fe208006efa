/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole ondold in memory, for the fuzzers of its APIs: the real handlers behind the real
 * HTTP server, with the real store over an SQLite database in memory, and a cloud of three
 * nodes (world.ini) that have just been told to boot from the network. Children do not run:
 * what dnsmasq and ipmitool say comes from the input as well.
 *
 * An input is a text of pieces, each after a byte 0x1e, that begin with who speaks:
 *   nD  node number D (1..3; others are strangers) sends these bytes to the node API
 *   o   root sends them to the operator's socket
 *   p   somebody sends them to the page
 *   cNS the Nth child (0 is dnsmasq, until it ends; then ipmitools, the oldest first) says
 *       these lines and, unless S is '-', ends with status S - '0', after its deadline when S
 *       is 'T'
 *   tD  much time passes for node D
 * A piece is a connection, which stays open until the end; "Content-Length: *" in it is made
 * right. Every token that ondold makes is "5a" sixteen or twenty times.
 */
#pragma once

#include "common/util.h"

#define WORLD_MARK 0x1e

/*
 * FUZZ_TELL=1 in the environment prints what is answered. speakers: those whose pieces count, as "nct".
 * Aborts when a promise is broken.
 */
void world_play(const uint8_t *data, size_t size, const char *speakers);
