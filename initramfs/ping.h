/* SPDX-License-Identifier: Apache-2.0 */
/* One ICMP echo request and its reply, as bytes. Pure. */
#pragma once

#include "common/util.h"

#define PING_HEADER 8 /* of an echo request */
#define PING_IP_HEADER 20 /* before it in a packet */
#define PING_SIZE_MAX 9216

/* Makes a request of len bytes, header included, its payload a pattern. len >= PING_HEADER. */
void ping_request(uint8_t *buf, size_t len, uint16_t id, uint16_t sequence);
/*
 * Is the received IP packet the reply to that request of len bytes, unharmed? 0, -EAGAIN:
 * another packet, -EBADMSG: the reply, but cut or changed.
 */
int ping_check_reply(const uint8_t *packet, size_t packet_len, size_t len, uint16_t id,
	uint16_t sequence);
/* Internet checksum (RFC 1071) over len bytes, in host order. */
uint16_t ping_checksum(const uint8_t *data, size_t len);
