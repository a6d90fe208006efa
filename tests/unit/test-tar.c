/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/tar.h"

static void there_and_back(void **state)
{
	static const uint64_t sizes[] = {0, 1, 511, 512, 200000, UINT64_C(8589934591),
		UINT64_C(8589934592), UINT64_C(64) << 30};
	unsigned char block[TAR_BLOCK];
	struct tar_entry e;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		tar_header("blobs/account.ring.gz", sizes[i], 1800000000, block);
		assert_int_equal(tar_read_header(block, &e), 1);
		assert_string_equal(e.name, "blobs/account.ring.gz");
		assert_true(e.size_bytes == sizes[i]);
	}
}

static void end_and_padding(void **state)
{
	unsigned char block[TAR_BLOCK] = {0};
	struct tar_entry e;

	assert_int_equal(tar_read_header(block, &e), 0);
	assert_int_equal(tar_padding(0), 0);
	assert_int_equal(tar_padding(1), 511);
	assert_int_equal(tar_padding(512), 0);
	assert_int_equal(tar_padding(513), 511);
}

static void broken(void **state)
{
	static const struct {
		unsigned at;
		unsigned char byte;
	} breaks[] = {{0, 'X'}, {0, 0}, {99, 'x'}, {124, '9'}, {124, 0x81}, {148, 'x'},
		{156, '2'}, {257, 'x'}, {345, 'p'}, {500, 1}};
	unsigned char block[TAR_BLOCK];
	struct tar_entry e = {.size_bytes = 77};

	for (size_t i = 0; i < ARRAY_SIZE(breaks); i++) {
		tar_header("keys.json", 100, 1800000000, block);
		block[breaks[i].at] = breaks[i].byte;
		assert_int_equal(tar_read_header(block, &e), -EINVAL);
		assert_int_equal(e.size_bytes, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(end_and_padding),
		cmocka_unit_test(broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
