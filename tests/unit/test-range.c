/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/range.h"

static void part(const char *header, uint64_t size, uint64_t want_from, uint64_t want_len)
{
	uint64_t from = 99, len = 99;

	assert_int_equal(range_parse(header, size, &from, &len), RANGE_PART);
	assert_int_equal(from, want_from);
	assert_int_equal(len, want_len);
}

static void other(const char *header, uint64_t size, enum range_result want)
{
	uint64_t from = 99, len = 99;

	assert_int_equal(range_parse(header, size, &from, &len), want);
	assert_int_equal(from, 99);
	assert_int_equal(len, 99);
}

static void parts(void **state)
{
	part("bytes=0-", 10, 0, 10);
	part("bytes=5-", 10, 5, 5);
	part("bytes=5-7", 10, 5, 3);
	part("bytes=5-5", 10, 5, 1);
	part("bytes=5-99", 10, 5, 5);
	part("bytes=-3", 10, 7, 3);
	part("bytes=-30", 10, 0, 10);
	part("bytes=4294967296-", UINT64_C(1) << 33, UINT64_C(1) << 32,
		UINT64_C(1) << 32);
	part("bytes=0-18446744073709551615", 10, 0, 10);
}

static void unsatisfiable(void **state)
{
	other("bytes=10-", 10, RANGE_UNSATISFIABLE);
	other("bytes=-0", 10, RANGE_UNSATISFIABLE);
	other("bytes=0-", 0, RANGE_UNSATISFIABLE);
}

static void not_understood(void **state)
{
	static const char *const headers[] = {"", "bytes", "bytes=", "bytes=-",
		"bytes=a-", "bytes=5", "bytes=5-a", "bytes=7-5", "bytes=1-2,4-5",
		"bytes= 1-", "lines=1-", "bytes=-1-2", "bytes=18446744073709551616-"};

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		other(headers[i], 10, RANGE_WHOLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts),
		cmocka_unit_test(unsatisfiable),
		cmocka_unit_test(not_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
