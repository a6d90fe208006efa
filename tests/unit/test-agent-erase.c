/* SPDX-License-Identifier: Apache-2.0 */
/* A file in the place of a disk: it can be zeroed, and says that it can nothing else. */
#include "tests/unit/harness.h"

#include <fcntl.h>

#include "initramfs/erase.h"
#include "tests/unit/fakefs.h"

#define DISK_BYTES (2 * ERASE_STEP_BYTES + 4096)

struct told {
	uint64_t last;
	unsigned times;
};

static void progress(void *userdata, uint64_t done, uint64_t total)
{
	struct told *t = userdata;

	assert_int_equal(total, DISK_BYTES);
	assert_true(done > t->last && done <= total);
	t->last = done;
	t->times++;
}

static const uint64_t places[] = {
	0, ERASE_STEP_BYTES - 1, ERASE_STEP_BYTES, DISK_BYTES / 2, DISK_BYTES - 1};

static void write_places(int fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		assert_int_equal(pwrite(fd, "\x5a", 1, (off_t)places[i]), 1);
}

static unsigned written_places(int fd)
{
	unsigned n = 0;
	uint8_t byte;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		assert_int_equal(pread(fd, &byte, 1, (off_t)places[i]), 1);
		n += byte != 0;
	}
	return n;
}

static void zero(void **state)
{
	_cleanup_close_ int fd = fakefs_disk(*state, DISK_BYTES);
	_cleanup_free_ char *why = NULL;
	struct told told = {0};

	write_places(fd);
	assert_int_equal(
		erase_disk(fd, DISK_ERASE_ZERO, DISK_BYTES, progress, &told, &why), 0);
	assert_int_equal(written_places(fd), 0);
	assert_int_equal(told.last, DISK_BYTES);
	assert_int_equal(told.times, 3);
}

static void none(void **state)
{
	_cleanup_close_ int fd = fakefs_disk(*state, DISK_BYTES);
	struct told told = {0};
	char *why = NULL;

	write_places(fd);
	assert_int_equal(
		erase_disk(fd, DISK_ERASE_NONE, DISK_BYTES, progress, &told, &why), 0);
	assert_int_equal(written_places(fd), ARRAY_SIZE(places));
	assert_int_equal(told.times, 0);
}

/* Nothing else is done in the place of what was asked for. */
static void cannot(void **state)
{
	static const enum disk_erase ways[] = {DISK_ERASE_DISCARD, DISK_ERASE_SECURE};
	_cleanup_close_ int fd = fakefs_disk(*state, DISK_BYTES);

	write_places(fd);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		_cleanup_free_ char *why = NULL,
				    *words = xasprintf("cannot be erased by %s",
					    disk_erase_str(ways[i]));
		struct told told = {0};

		assert_int_equal(
			erase_disk(fd, ways[i], DISK_BYTES, progress, &told, &why),
			-EOPNOTSUPP);
		assert_non_null(strstr(why, words));
		assert_int_equal(written_places(fd), ARRAY_SIZE(places));
	}
}

static void fails(void **state)
{
	_cleanup_free_ char *path = xasprintf("%s/disk", (char *)*state), *why = NULL;
	_cleanup_close_ _unused_ int made = fakefs_disk(*state, DISK_BYTES);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct told told = {0};

	assert_int_equal(
		erase_disk(fd, DISK_ERASE_ZERO, DISK_BYTES, progress, &told, &why),
		-EBADF);
	assert_non_null(strstr(why, "zero: Bad file descriptor"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(zero, fakefs_setup, fakefs_teardown),
		cmocka_unit_test_setup_teardown(none, fakefs_setup, fakefs_teardown),
		cmocka_unit_test_setup_teardown(cannot, fakefs_setup, fakefs_teardown),
		cmocka_unit_test_setup_teardown(fails, fakefs_setup, fakefs_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
