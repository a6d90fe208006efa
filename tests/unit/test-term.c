/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/term.h"

static void test_width(void **state)
{
	assert_int_equal(text_width(""), 0);
	assert_int_equal(text_width("hp01"), 4);
	assert_int_equal(text_width("Größe"), 5);
	assert_int_equal(text_width("온돌"), 4);
	assert_int_equal(text_width("e\xcc\x81"), 1); /* a combining accent */
	assert_int_equal(text_width("\xff\xfe"), 2);
	assert_int_equal(text_width("\033[1;31mfailed\033[0m"), 6);
	assert_int_equal(text_width("\033[1;31"), 6); /* not a whole sequence */
}

static void cleans(const char *in, bool utf8, const char *expected)
{
	_cleanup_free_ char *out = text_clean(in, utf8);

	assert_string_equal(out, expected);
}

static void test_clean(void **state)
{
	cleans("plain text", true, "plain text");
	cleans("온돌 ö", true, "온돌 ö");
	cleans("ö", false, "\\xc3\\xb6");
	cleans("a\033]0;title\a", true, "a\\x1b]0;title\\x07");
	cleans("\xc2\x9b", true, "\\xc2\\x9b"); /* C1: the one-byte CSI */
	cleans("cut \xe2\x82", true, "cut \\xe2\\x82");
	cleans("\x7f\r\n\t", true, "\\x7f\\x0d\\x0a\\x09");
}

static void clips(const char *in, unsigned width, bool utf8, const char *expected)
{
	_cleanup_free_ char *out = text_clip(in, width, utf8);

	assert_string_equal(out, expected);
	assert_true(text_width(out) <= width);
}

static void test_clip(void **state)
{
	clips("installing", 10, true, "installing");
	clips("installing", 9, true, "installi…");
	clips("installing", 9, false, "installi~");
	clips("installing", 1, true, "…");
	clips("installing", 0, true, "");
	clips("온돌온돌", 5, true, "온돌…");
	clips("온돌온돌", 4, true, "온…"); /* the next would take two columns */
}

static void test_pad(void **state)
{
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	text_pad(f, "ö", 3, false);
	text_pad(f, "ö", 3, true);
	text_pad(f, "long", 2, true);
	fclose(f);
	assert_string_equal(out, "ö    ölong");
	free(out);
}

static void test_no_terminal(void **state)
{
	_cleanup_fclose_ FILE *f = fopen("/dev/null", "w");
	struct term t;

	term_open(&t, f, true);
	assert_false(t.tty);
	assert_false(t.color);
	assert_int_equal(term_columns(&t), 0);
	assert_string_equal(style_on(STYLE_BAD, t.color), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_clip),
		cmocka_unit_test(test_pad),
		cmocka_unit_test(test_no_terminal),
	};
	bool utf8;

	term_setup(&utf8);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
