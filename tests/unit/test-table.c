/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/table.h"

static const char *const three[] = {"node", "s", "what", NULL};

static void renders(struct table *t, unsigned width, bool color, const char *expected)
{
	_cleanup_free_ char *text = table_render(t, width, color, true);

	assert_string_equal(text, expected);
}

static struct table *sample(void)
{
	struct table *t = table_new(three);

	table_add(t, STYLE_BOLD, "hp01");
	table_add(t, STYLE_PLAIN, "%d", 7);
	table_add(t, STYLE_PLAIN, "writing the image");
	table_add(t, STYLE_BOLD, "controller");
	table_add(t, STYLE_PLAIN, "%d", 1234);
	table_add(t, STYLE_PLAIN, "%s", "");
	return t;
}

static void test_columns(void **state)
{
	_cleanup_(table_freep) struct table *t = sample();

	renders(t, 0, false,
		"node        s     what\n"
		"hp01        7     writing the image\n"
		"controller  1234\n");
}

static void test_right(void **state)
{
	_cleanup_(table_freep) struct table *t = sample();

	table_right(t, 1);
	renders(t, 0, false,
		"node           s  what\n"
		"hp01           7  writing the image\n"
		"controller  1234\n");
}

static void test_right_last(void **state)
{
	static const char *const two[] = {"node", "total s", NULL};
	_cleanup_(table_freep) struct table *t = table_new(two);

	table_right(t, 1);
	table_add(t, STYLE_PLAIN, "a");
	table_add(t, STYLE_PLAIN, "12");
	renders(t, 0, false,
		"node  total s\n"
		"a          12\n");
}

static void test_empty(void **state)
{
	_cleanup_(table_freep) struct table *t = table_new(three);

	renders(t, 0, false, "node  s  what\n");
}

static void test_short_row(void **state)
{
	_cleanup_(table_freep) struct table *t = table_new(three);

	table_add(t, STYLE_PLAIN, "hp01");
	renders(t, 0, false, "node  s  what\nhp01\n");
}

static void test_wrap(void **state)
{
	_cleanup_(table_freep) struct table *t = table_new(three);

	table_add(t, STYLE_PLAIN, "hp01");
	table_add(t, STYLE_PLAIN, "1");
	table_add(
		t, STYLE_PLAIN, "the disk in bay 1 holds a file system that is not ours");
	/* 9 columns before the last one, which gets 21 */
	renders(t, 30, false,
		"node  s  what\n"
		"hp01  1  the disk in bay 1\n"
		"         holds a file system\n"
		"         that is not ours\n");
}

static void test_wrap_long_word(void **state)
{
	_cleanup_(table_freep) struct table *t = table_new(three);

	table_add(t, STYLE_PLAIN, "hp01");
	table_add(t, STYLE_PLAIN, "1");
	table_add(t, STYLE_PLAIN, "abcdefghijklmnopqrstuvwxyz");
	renders(t, 10, false,
		"node  s  what\n"
		"hp01  1  abcdefghijklmnopqrst\n"
		"         uvwxyz\n");
}

static void test_wide_characters(void **state)
{
	static const char *const two[] = {"name", "x", NULL};
	_cleanup_(table_freep) struct table *t = table_new(two);

	table_add(t, STYLE_PLAIN, "온돌"); /* two columns each */
	table_add(t, STYLE_PLAIN, "a");
	table_add(t, STYLE_PLAIN, "Größe");
	table_add(t, STYLE_PLAIN, "b");
	renders(t, 0, false,
		"name   x\n"
		"온돌   a\n"
		"Größe  b\n");
}

static void test_colors(void **state)
{
	static const char *const two[] = {"n", "s", NULL};
	_cleanup_(table_freep) struct table *t = table_new(two);

	table_add(t, STYLE_PLAIN, "a");
	table_add(t, STYLE_GOOD, "ready");
	renders(t, 0, true,
		"\033[1mn\033[0m  \033[1ms\033[0m\n"
		"a  \033[32mready\033[0m\n");
}

static void test_hostile_text(void **state)
{
	static const char *const one[] = {"text", NULL};
	_cleanup_(table_freep) struct table *t = table_new(one);

	table_add(t, STYLE_PLAIN, "%s", "\033[2Jgone\nx\xff");
	renders(t, 0, false, "text\n\\x1b[2Jgone\\x0ax\\xff\n");
}

static void test_ascii_only(void **state)
{
	static const char *const one[] = {"text", NULL};
	_cleanup_(table_freep) struct table *t = table_new(one);
	_cleanup_free_ char *text = NULL;

	table_add(t, STYLE_PLAIN, "%s", "ö");
	text = table_render(t, 0, false, false);
	assert_string_equal(text, "text\n\\xc3\\xb6\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_right_last),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_short_row),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_wrap_long_word),
		cmocka_unit_test(test_wide_characters),
		cmocka_unit_test(test_colors),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_ascii_only),
	};
	bool utf8;

	term_setup(&utf8);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
