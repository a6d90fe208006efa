/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "images/slot.h"
#include "tests/unit/fakefs.h"

#define MIB (1024 * 1024)
#define FILE_BYTES (40 * MIB)

/* A file full of old bytes in place of a partition. */
static char *make_file(const char *root)
{
	char *path = xasprintf("%s/slot", root);
	_cleanup_free_ uint8_t *old = xmalloc(MIB);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	memset(old, 0xee, MIB);
	for (int i = 0; i < FILE_BYTES / MIB; i++)
		assert_int_equal(write_all(fd, old, MIB), 0);
	return path;
}

/* What an image of n bytes has at offset i: data, with runs of zeros of several lengths. */
static uint8_t byte_at(uint64_t i)
{
	bool zero = i / 65536 % 5 < 2 || i / MIB % 7 == 3;

	return zero ? 0 : (uint8_t)(i * 31 + i / 4096 + 1);
}

static void write_image(struct slot *s, uint64_t bytes)
{
	struct image_sink sink = slot_sink(s);
	_cleanup_free_ uint8_t *block = xmalloc(MIB);

	for (uint64_t at = 0; at < bytes; at += MIB) {
		size_t n = (size_t)MIN(bytes - at, (uint64_t)MIB);

		for (size_t i = 0; i < n; i++)
			block[i] = byte_at(at + i);
		assert_int_equal(sink.write(sink.userdata, at, block, n), 0);
	}
}

static void check_file(const char *path, uint64_t bytes)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ uint8_t *block = xmalloc(MIB);

	for (uint64_t at = 0; at < FILE_BYTES; at += MIB) {
		assert_int_equal(pread(fd, block, MIB, (off_t)at), MIB);
		for (size_t i = 0; i < MIB; i++)
			if (block[i] != (at + i < bytes ? byte_at(at + i) : 0xee))
				fail_msg("byte %llu is wrong",
					(unsigned long long)(at + i));
	}
}

/* Zeros really are zero afterwards, though the slot was full of old bytes. */
static void test_write(void **state)
{
	_cleanup_free_ char *path = make_file(*state), *why = NULL;
	_cleanup_(slot_freep) struct slot *s = NULL;
	uint64_t bytes = 33 * MIB + 12345;

	assert_int_equal(slot_open(path, bytes, &s, &why), 0);
	write_image(s, bytes);
	assert_int_equal(slot_sync(s), 0);
	assert_true(slot_stats(s).written_bytes + slot_stats(s).hole_bytes == bytes);
	assert_true(slot_stats(s).written_bytes < bytes || slot_stats(s).hole_bytes == 0);
	check_file(path, bytes);
}

static void test_too_large(void **state)
{
	_cleanup_free_ char *path = make_file(*state), *why = NULL, *why2 = NULL;
	_cleanup_(slot_freep) struct slot *s = NULL;

	assert_int_equal(slot_open(path, FILE_BYTES + 1, &s, &why), -ENOSPC);
	assert_non_null(strstr(why, "the slot 41943040"));
	assert_int_equal(slot_open("/nonexistent/slot", 1, &s, &why2), -ENOENT);
	assert_null(s);
}

static void test_no_space(void **state)
{
	_cleanup_free_ char *why = NULL;
	_cleanup_(slot_freep) struct slot *s = NULL;
	struct image_sink sink;

	assert_int_equal(slot_open("/dev/full", 0, &s, &why), 0);
	sink = slot_sink(s);
	assert_int_equal(sink.write(sink.userdata, 0, "x", 1), -ENOSPC);
}

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, fakefs_setup, fakefs_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {WITH_TREE(test_write),
		WITH_TREE(test_too_large), cmocka_unit_test(test_no_space)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
