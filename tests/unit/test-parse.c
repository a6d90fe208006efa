/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "common/parse.h"

static void numbers(void **state)
{
	static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "0x10", "010", "1a",
		"99999999999999999999", "1.0"};
	uint64_t v = 77;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_not_equal(parse_u64(bad[i], 0, UINT64_MAX, &v), 0);
	assert_int_equal(v, 77);
	assert_int_equal(parse_u64("0", 0, 9, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(parse_u64("18446744073709551615", 0, UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(parse_u64("10", 0, 9, &v), -ERANGE);
}

static void sizes(void **state)
{
	uint64_t v;

	assert_int_equal(parse_size("480G", &v), 0);
	assert_true(v == 480000000000ULL);
	assert_int_equal(parse_size("3T", &v), 0);
	assert_true(v == 3000000000000ULL);
	assert_int_equal(parse_size("480GB", &v), -EINVAL);
	assert_int_equal(parse_size("G", &v), -EINVAL);
	assert_int_equal(parse_size("99999999999T", &v), -ERANGE);
	assert_int_equal(parse_duration_ms("10m", &v), 0);
	assert_int_equal(v, 600000);
	assert_int_equal(parse_duration_ms("90d", &v), 0);
	assert_true(v == 7776000000ULL);
	assert_int_equal(parse_duration_ms("10", &v), -EINVAL);
	assert_int_equal(parse_duration_ms("1w", &v), -EINVAL);
}

static void addresses(void **state)
{
	static const char *const bad[] = {"", "10.0.0", "10.0.0.0.0", "256.1.1.1",
		"1.2.3.04", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4/8", "a.b.c.d"};
	struct ipv4_net net, other;
	uint32_t a;
	unsigned port;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_not_equal(parse_ipv4(bad[i], &a), 0);
	assert_int_equal(parse_ipv4("10.77.0.2", &a), 0);
	assert_int_equal(a, 0x0a4d0002);
	assert_int_equal(parse_ipv4_net("10.77.0.0/24", &net), 0);
	assert_int_equal(parse_ipv4_net("10.77.0.1/24", &other), -EINVAL);
	assert_int_equal(parse_ipv4_net("10.77.0.0/31", &other), -ERANGE);
	assert_int_equal(parse_ipv4_net("10.77.0.0", &other), -EINVAL);
	assert_true(ipv4_net_contains(&net, a));
	assert_int_equal(parse_ipv4_net("10.77.0.0/16", &other), 0);
	assert_true(ipv4_net_overlaps(&net, &other));
	assert_true(ipv4_net_overlaps(&other, &net));
	assert_int_equal(parse_ipv4_net("10.78.0.0/16", &other), 0);
	assert_false(ipv4_net_overlaps(&net, &other));
	assert_int_equal(parse_ipv4_port("10.77.0.2:8780", &a, &port), 0);
	assert_int_equal(port, 8780);
	assert_int_not_equal(parse_ipv4_port("10.77.0.2", &a, &port), 0);
	assert_int_not_equal(parse_ipv4_port("10.77.0.2:0", &a, &port), 0);
	assert_int_not_equal(parse_ipv4_port("10.77.0.2:65536", &a, &port), 0);
}

static void macs_and_uuids(void **state)
{
	struct mac_addr mac;
	char text[18], uuid[37];

	assert_int_equal(parse_mac("94:40:C9:00:01:aB", &mac), 0);
	format_mac(&mac, text);
	assert_string_equal(text, "94:40:c9:00:01:ab");
	assert_int_equal(parse_mac("01:00:5e:00:00:01", &mac), -ERANGE);
	assert_int_equal(parse_mac("00:00:00:00:00:00", &mac), -ERANGE);
	assert_int_equal(parse_mac("94-40-c9-00-01-ab", &mac), -EINVAL);
	assert_int_equal(parse_mac("94:40:c9:00:01:ag", &mac), -EINVAL);
	assert_int_equal(parse_mac("94:40:c9:00:01", &mac), -EINVAL);
	assert_int_equal(parse_uuid("39383838-3738-5A43-4A30-303130303131", uuid), 0);
	assert_string_equal(uuid, "39383838-3738-5a43-4a30-303130303131");
	assert_int_equal(
		parse_uuid("39383838373850430000303130303131xxxx", uuid), -EINVAL);
}

static void words(void **state)
{
	uint8_t raw[2];
	bool b;

	assert_int_equal(parse_hostname("hp01"), 0);
	assert_int_not_equal(parse_hostname("HP01"), 0);
	assert_int_not_equal(parse_hostname("-a"), 0);
	assert_int_not_equal(parse_hostname(""), 0);
	assert_int_not_equal(parse_hostname("a b"), 0);
	assert_int_equal(parse_token("CZJ-1.2_3", 16), 0);
	assert_int_equal(parse_token("CZJ", 2), -ERANGE);
	assert_int_equal(parse_token("a/b", 16), -EINVAL);
	assert_int_equal(parse_hex("0aff", 2, raw), 0);
	assert_int_equal(raw[1], 0xff);
	assert_int_not_equal(parse_hex("0aFF", 2, raw), 0);
	assert_int_not_equal(parse_hex("0af", 2, raw), 0);
	assert_int_equal(parse_bool("yes", &b), 0);
	assert_true(b);
	assert_int_equal(parse_bool("off", &b), 0);
	assert_false(b);
	assert_int_equal(parse_bool("nope", &b), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(addresses),
		cmocka_unit_test(macs_and_uuids),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
