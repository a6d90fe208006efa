/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "common/rackid.h"

#define DIGEST "3f2a9c0177deb04a9d4ad1b2a3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6"
#define ID "3f2a9c01-77de-8b04"

static void of_an_authority(void **state)
{
	char id[RACKID_TEXT];

	assert_int_equal(rackid_of_authority(DIGEST, id), 0);
	assert_string_equal(id, ID);
	assert_true(rackid_is_valid(id));
	assert_int_equal(rackid_of_authority("3f2a", id), -EINVAL);
	assert_int_equal(rackid_of_authority("", id), -EINVAL);
}

static void guids(void **state)
{
	char a[37], b[37];

	rackid_disk_guid(ID, a);
	rackid_disk_guid(ID, b);
	assert_int_equal(strlen(a), 36);
	assert_string_not_equal(a, b);
	assert_true(rackid_made(ID, a));
	assert_non_null(strchr("89ab", a[19]));
	assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
	assert_false(rackid_made("3f2a9c01-77de-8b05", a));
}

static void what_is_none(void **state)
{
	static const char *const bad[] = {"", "3f2a9c01-77de-4b04", "3f2a9c01-77de-8b0",
		"3f2a9c01-77de-8b04-", "3F2A9C01-77DE-8B04", "3f2a9c01077de-8b04",
		"3f2a9c01-77de-8b0g"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(rackid_is_valid(bad[i]));
		assert_false(rackid_made(bad[i], ID "-9d4a-d1b2a3c4d5e6"));
	}
	/* nor is a UUID of another kind, or half of one, the rack's */
	assert_false(rackid_made(ID, ID));
	assert_false(rackid_made(ID, ""));
	assert_false(rackid_made(ID, "3f2a9c01-77de-4b04-9d4a-d1b2a3c4d5e6"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_an_authority),
		cmocka_unit_test(guids),
		cmocka_unit_test(what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
