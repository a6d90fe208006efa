/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/radvtext.h"

/* As iPXE sent it from 94:40:c9:00:02:01. */
static const uint8_t solicitation[] = {0x33, 0x33, 0, 0, 0, 2, 0x94, 0x40, 0xc9, 0, 2, 1,
	0x86, 0xdd, /* Ethernet */
	0x60, 0, 0, 0, 0, 16, 58, 255, /* IPv6 */
	0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x96, 0x40, 0xc9, 0xff, 0xfe, 0, 2, 1, /* from */
	0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, /* to */
	133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0x94, 0x40, 0xc9, 0, 2, 1};

static void is_one(void **state)
{
	struct mac_addr from;
	char text[18];

	assert_true(radv_is_solicitation(solicitation, sizeof(solicitation), &from));
	format_mac(&from, text);
	assert_string_equal(text, "94:40:c9:00:02:01");
	assert_true(radv_is_solicitation(solicitation, 62, &from));
}

static void is_none(void **state)
{
	/* ether type, version, next header, hop limit, link-local source, type */
	static const size_t at[] = {12, 13, 14, 20, 21, 22, 23, 54};
	uint8_t frame[sizeof(solicitation)];
	struct mac_addr from;

	for (size_t n = 0; n < 62; n++)
		assert_false(radv_is_solicitation(solicitation, n, &from));
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		memcpy(frame, solicitation, sizeof(frame));
		frame[at[i]] ^= 0x50;
		assert_false(radv_is_solicitation(frame, sizeof(frame), &from));
	}
}

static uint32_t ones_sum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)p[i] * 256 + p[i + 1];
	return sum;
}

static void answer(void **state)
{
	static const uint8_t want[] = {0x94, 0x40, 0xc9, 0, 2, 1, 2, 0, 0, 0, 0, 9, 0x86,
		0xdd, 0x60, 0, 0, 0, 0, 16, 58, 255, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0xff, 0xfe, 0, 0, 9, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x96, 0x40, 0xc9,
		0xff, 0xfe, 0, 2, 1, 134, 0};
	struct mac_addr own = {{2, 0, 0, 0, 0, 9}};
	uint8_t got[RADV_FRAME_BYTES];
	uint32_t sum;

	radv_answer(solicitation, &own, got);
	assert_memory_equal(got, want, sizeof(want));
	for (size_t i = 58; i < sizeof(got); i++)
		assert_int_equal(got[i], 0); /* no router, no DHCPv6, no prefix */
	/* Over pseudo header and message, checksum included, the sum is all ones. */
	sum = ones_sum(got + 22, 32 + 16, 16 + 58);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_one),
		cmocka_unit_test(is_none),
		cmocka_unit_test(answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
