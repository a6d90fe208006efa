/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/parse.h"

static char dir[] = "/tmp/ondol-util.XXXXXX";

static int setup(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	return remove_tree(dir);
}

static void text(void **state)
{
	_cleanup_free_ char *escaped = str_escape("a\x01\xff"
						  "b",
				    10),
			    *cut = str_escape("abcdef", 3);
	char padded[] = "  a b \n", size[32], took[32], when[32];

	assert_string_equal(escaped, "a\\x01\\xffb");
	assert_string_equal(cut, "abc...");
	assert_string_equal(str_strip(padded), "a b");
	format_size(480103981056, size);
	assert_string_equal(size, "480.1 GB");
	format_size(999, size);
	assert_string_equal(size, "999 B");
	format_size(999960000, size);
	assert_string_equal(size, "1.0 GB");
	format_duration(92000, took);
	assert_string_equal(took, "1m32s");
	format_duration(8450, took);
	assert_string_equal(took, "8.4s");
	assert_string_equal(ordinal_suffix(2), "nd");
	assert_string_equal(ordinal_suffix(4), "th");
	assert_string_equal(ordinal_suffix(11), "th");
	assert_string_equal(ordinal_suffix(113), "th");
	assert_string_equal(ordinal_suffix(21), "st");
	format_time(1700000000123, when);
	assert_string_equal(when, "2023-11-14T22:13:20.123Z");
	assert_true(streq_ptr(NULL, NULL));
	assert_false(streq_ptr(NULL, ""));
}

static void files(void **state)
{
	_cleanup_free_ char *path = xasprintf("%s/f", dir), *got = NULL, *line = NULL,
			    *big = NULL;
	struct stat st;
	size_t len;

	assert_int_equal(write_file_atomic(path, " one \ntwo", 9, 0600), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(read_file(path, 9, &got, &len), 0);
	assert_int_equal(len, 9);
	assert_int_equal(read_file(path, 8, &big, NULL), -EFBIG);
	assert_null(big);
	assert_int_equal(read_line_file(path, &line), 0);
	assert_string_equal(line, "one");
	assert_int_equal(read_file("/no/such", 10, &big, NULL), -ENOENT);
}

static void trees(void **state)
{
	_cleanup_free_ char *tree = xasprintf("%s/t", dir),
			    *deep = xasprintf("%s/t/a/b/c", dir);
	_cleanup_free_ char *keep = xasprintf("%s/keep", dir),
			    *link = xasprintf("%s/t/a/link", dir);

	assert_int_equal(mkdir_p(deep, 0755), 0);
	assert_int_equal(mkdir_p(deep, 0755), 0);
	assert_int_equal(write_file_atomic(keep, "x", 1, 0644), 0);
	assert_int_equal(symlink(dir, link), 0);
	assert_int_equal(remove_tree(tree), 0);
	assert_int_equal(access(tree, F_OK), -1);
	assert_int_equal(access(keep, F_OK), 0);
	assert_int_equal(remove_tree(tree), 0);
}

static void secrets(void **state)
{
	_cleanup_free_ char *a = random_hex(16), *b = random_hex(16);
	uint8_t raw[16];

	assert_int_equal(parse_hex(a, 16, raw), 0);
	assert_string_not_equal(a, b);
	assert_true(secret_equal(a, a));
	assert_false(secret_equal(a, b));
	assert_false(secret_equal(a, ""));
	assert_false(secret_equal("", a));
	assert_false(secret_equal("aa", "a"));
}

static void growing(void **state)
{
	size_t n = 0, cap = 0;
	_cleanup_free_ int *list = NULL;

	for (int i = 0; i < 100; i++) {
		GROW(list, n, cap);
		list[n++] = i;
	}
	assert_int_equal(list[99], 99);
	assert_true(cap >= 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
		cmocka_unit_test(files),
		cmocka_unit_test(trees),
		cmocka_unit_test(secrets),
		cmocka_unit_test(growing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
