/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "initramfs/ping.h"

#define LEN 1480

/* The request as its receiver would send it back, in an IP packet. */
static size_t reply(uint8_t *packet, size_t len)
{
	uint8_t *icmp = packet + PING_IP_HEADER;
	uint16_t sum;

	memset(packet, 0, PING_IP_HEADER);
	packet[0] = 0x45;
	ping_request(icmp, len, 1, 2);
	icmp[0] = 0;
	icmp[2] = icmp[3] = 0;
	sum = ping_checksum(icmp, len);
	icmp[2] = (uint8_t)(sum >> 8);
	icmp[3] = (uint8_t)sum;
	return PING_IP_HEADER + len;
}

static void test_checksum(void **state)
{
	static const uint8_t rfc1071[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	uint8_t buf[LEN];

	assert_int_equal(ping_checksum(rfc1071, sizeof(rfc1071)), (uint16_t)~0xddf2);
	ping_request(buf, LEN, 1, 2);
	assert_int_equal(ping_checksum(buf, LEN), 0);
	ping_request(buf, 63, 1, 2); /* odd length */
	assert_int_equal(ping_checksum(buf, 63), 0);
}

static void test_reply(void **state)
{
	uint8_t packet[PING_IP_HEADER + LEN];
	size_t n = reply(packet, LEN);

	assert_int_equal(ping_check_reply(packet, n, LEN, 1, 2), 0);
	assert_int_equal(ping_check_reply(packet, n, LEN, 1, 3), -EAGAIN);
	assert_int_equal(ping_check_reply(packet, n, LEN, 2, 2), -EAGAIN);
	assert_int_equal(ping_check_reply(packet, n - 1, LEN, 1, 2), -EBADMSG);
	packet[n - 1] ^= 1;
	assert_int_equal(ping_check_reply(packet, n, LEN, 1, 2), -EBADMSG);
	assert_int_equal(ping_check_reply(packet, PING_IP_HEADER, LEN, 1, 2), -EAGAIN);
	assert_int_equal(ping_check_reply(packet, 0, LEN, 1, 2), -EAGAIN);
	packet[0] = 0x4f; /* a header longer than the packet */
	assert_int_equal(ping_check_reply(packet, 40, LEN, 1, 2), -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksum), cmocka_unit_test(test_reply)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
