/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/radvtext.h"

/* Offsets within an untagged Ethernet frame: 14 of Ethernet, 40 of IPv6, then ICMPv6. */
#define IP 14u
#define ICMP 54u
#define ICMP_BYTES 16u /* of an advertisement */
#define TYPE_SOLICITATION 133u
#define TYPE_ADVERTISEMENT 134u
#define NEXT_ICMP6 58u

bool radv_is_solicitation(const uint8_t *f, size_t len, struct mac_addr *ret_from)
{
	if (len < ICMP + 8 || f[12] != 0x86 || f[13] != 0xdd || f[IP] >> 4 != 6)
		return false;
	if (f[IP + 6] != NEXT_ICMP6 || f[IP + 7] != 255 || f[ICMP] != TYPE_SOLICITATION)
		return false;
	if (f[IP + 8] != 0xfe ||
		f[IP + 9] != 0x80) /* no address yet: nowhere to answer */
		return false;
	memcpy(ret_from->b, f + 6, 6);
	return true;
}

/* fe80::, with the MAC as its interface identifier (EUI-64) */
static void link_local(const struct mac_addr *mac, uint8_t ret[static 16])
{
	memset(ret, 0, 16);
	ret[0] = 0xfe;
	ret[1] = 0x80;
	ret[8] = mac->b[0] ^ 2;
	ret[9] = mac->b[1];
	ret[10] = mac->b[2];
	ret[11] = 0xff;
	ret[12] = 0xfe;
	memcpy(ret + 13, mac->b + 3, 3);
}

/* The Internet checksum over the pseudo header (both addresses, length, type) and the message. */
static uint16_t checksum(const uint8_t *f)
{
	uint32_t sum = ICMP_BYTES + NEXT_ICMP6;

	for (size_t i = IP + 8; i < ICMP + ICMP_BYTES; i += 2)
		sum += (uint32_t)f[i] << 8 | f[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void radv_answer(const uint8_t *solicitation, const struct mac_addr *own,
	uint8_t ret[static RADV_FRAME_BYTES])
{
	uint16_t sum;

	memset(ret, 0, RADV_FRAME_BYTES);
	memcpy(ret, solicitation + 6, 6);
	memcpy(ret + 6, own->b, 6);
	ret[12] = 0x86;
	ret[13] = 0xdd;
	ret[IP] = 6 << 4;
	ret[IP + 5] = ICMP_BYTES;
	ret[IP + 6] = NEXT_ICMP6;
	ret[IP + 7] = 255;
	link_local(own, ret + IP + 8);
	memcpy(ret + IP + 24, solicitation + IP + 8, 16);
	/* Hop limit, flags (no DHCPv6), lifetime (not a router) and timers: all unsaid, zero. */
	ret[ICMP] = TYPE_ADVERTISEMENT;
	sum = checksum(ret);
	ret[ICMP + 2] = (uint8_t)(sum >> 8);
	ret[ICMP + 3] = (uint8_t)sum;
}
