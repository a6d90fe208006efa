/* SPDX-License-Identifier: Apache-2.0 */
#include "initramfs/ping.h"

#define TYPE_REPLY 0
#define TYPE_REQUEST 8

uint16_t ping_checksum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

void ping_request(uint8_t *buf, size_t len, uint16_t id, uint16_t sequence)
{
	memset(buf, 0, PING_HEADER);
	buf[0] = TYPE_REQUEST;
	put16(buf + 4, id);
	put16(buf + 6, sequence);
	for (size_t i = PING_HEADER; i < len; i++)
		buf[i] = (uint8_t)(i * 7 + 1);
	put16(buf + 2, ping_checksum(buf, len));
}

int ping_check_reply(const uint8_t *packet, size_t packet_len, size_t len, uint16_t id,
	uint16_t sequence)
{
	size_t header = packet_len > 0 ? (size_t)(packet[0] & 0xf) * 4 : 0;
	const uint8_t *icmp = packet + header;

	if (header < PING_IP_HEADER || packet_len < header + PING_HEADER)
		return -EAGAIN;
	if (icmp[0] != TYPE_REPLY || get16(icmp + 4) != id || get16(icmp + 6) != sequence)
		return -EAGAIN;
	if (packet_len - header != len || ping_checksum(icmp, len) != 0)
		return -EBADMSG;
	for (size_t i = PING_HEADER; i < len; i++)
		if (icmp[i] != (uint8_t)(i * 7 + 1))
			return -EBADMSG;
	return 0;
}
