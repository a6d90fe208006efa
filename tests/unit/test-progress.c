/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/progress.h"

static void bar_is(uint64_t done, uint64_t total, unsigned width, const char *expected)
{
	_cleanup_free_ char *bar = progress_bar(done, total, width);

	assert_string_equal(bar, expected);
}

static void test_bar(void **state)
{
	bar_is(0, 100, 12, "[..........]");
	bar_is(50, 100, 12, "[#####.....]");
	bar_is(99, 100, 12, "[#########.]"); /* full only when it is */
	bar_is(100, 100, 12, "[##########]");
	bar_is(200, 100, 12, "[##########]");
	bar_is(1, 0, 12, "[..........]");
	bar_is(1, 2, 0, "[.]");
	bar_is(UINT64_MAX / 2, UINT64_MAX, 6, "[##..]");
}

static void test_percent(void **state)
{
	assert_int_equal(progress_percent(0, 0), 0);
	assert_int_equal(progress_percent(199, 200), 99);
	assert_int_equal(progress_percent(200, 200), 100);
}

static void test_rate(void **state)
{
	struct progress_rate r = {0};

	progress_rate_feed(&r, 0, 1000);
	assert_true(r.bytes_per_s == 0);
	progress_rate_feed(&r, 5000000, 2000);
	assert_true(r.bytes_per_s == 5e6);
	for (unsigned s = 3; s < 30; s++) /* ten times faster: the average follows */
		progress_rate_feed(&r, 5000000 + (s - 2) * UINT64_C(50000000), s * 1000);
	assert_true(r.bytes_per_s > 49e6 && r.bytes_per_s < 51e6);
	progress_rate_feed(&r, 10, 31000); /* begun anew */
	assert_true(r.bytes_per_s == 0);
}

static const struct progress_row installing = {
	.name = "hp02",
	.role = "compute",
	.state = "installing",
	.step = "writing image",
	.done = 104000000,
	.total = 200000000,
	.bytes_per_s = 3.4e6,
	.elapsed_ms = 72400,
};

static void line_is(const struct progress_row *row, unsigned width, const char *expected)
{
	struct progress_widths w = {.name = 4, .role = 10, .state = 15};
	_cleanup_free_ char *line = progress_line(row, &w, width, false, true);

	assert_string_equal(line, expected);
	assert_true(text_width(line) <= width);
}

static void test_line_with_bar(void **state)
{
	line_is(&installing, 100,
		"hp02  compute     installing       [###########...........]  52 %    104/200 MB"
		"    3.4 MB/s    1m12s");
}

static void test_line_narrow(void **state)
{
	line_is(&installing, 60,
		"hp02  compute     installing        52 %               1m12s");
	line_is(&installing, 79,
		"hp02  compute     installing       [######.......]  52 %    104/200 MB    1m12s");
}

static void test_line_steps(void **state)
{
	struct progress_row row = installing;

	row.total = 0;
	line_is(&row, 70,
		"hp02  compute     installing       writing image                 1m12s");
	line_is(&row, 50, "hp02  compute     installing       writi…    1m12s");
	row.elapsed_ms = 9999;
	line_is(&row, 50, "hp02  compute     installing       writi…       9s");
	line_is(&row, 40, "hp02  installing");
	line_is(&row, 8, "hp02  i…");
}

/* However long it takes, the line does not grow. */
static void test_line_ages(void **state)
{
	static const uint64_t ages_ms[] = {
		59999, 3599000, 86399000, 86400000, UINT64_MAX};
	struct progress_widths w = {.name = 4, .role = 10, .state = 15};

	for (size_t i = 0; i < ARRAY_SIZE(ages_ms); i++) {
		struct progress_row row = installing;
		_cleanup_free_ char *line = NULL;

		row.elapsed_ms = ages_ms[i];
		line = progress_line(&row, &w, 79, false, true);
		assert_int_equal(text_width(line), 79);
	}
}

static void test_line_color(void **state)
{
	struct progress_row row = {
		.name = "a", .role = "b", .state = "failed", .style = STYLE_BAD};
	struct progress_widths w = {0};
	_cleanup_free_ char *line = NULL;

	progress_widen(&w, &row);
	line = progress_line(&row, &w, 40, true, true);
	assert_non_null(strstr(line, "\033[1;31mfailed\033[0m"));
	assert_int_equal(text_width(line), 40);
}

static void frame_is(struct live *l, char *const *lines, size_t n, unsigned columns,
	unsigned rows, const char *expected)
{
	_cleanup_free_ char *frame = live_frame(l, lines, n, columns, rows);

	assert_string_equal(frame, expected);
}

static void test_live(void **state)
{
	char *const two[] = {(char *)"one", (char *)"two"};
	struct live l = {0};

	frame_is(&l, two, 2, 80, 24, "\r\033[Jone\ntwo\n");
	frame_is(&l, two, 2, 80, 24, "\r\033[2A\033[Jone\ntwo\n");
	frame_is(&l, two, 1, 80, 24, "\r\033[2A\033[Jone\n");
	frame_is(&l, two, 0, 80, 24, "\r\033[1A\033[J");
	live_clear(&l);
}

/* A terminal that became narrower has wrapped what was there. */
static void test_live_resize(void **state)
{
	char *const lines[] = {
		(char *)"0123456789", (char *)"\033[1m01234\033[0m", (char *)""};
	struct live l = {0};
	_unused_ _cleanup_free_ char *first = live_frame(&l, lines, 3, 80, 24);
	_cleanup_free_ char *second = live_frame(&l, lines, 3, 4, 24);

	/* 3 rows + 2 rows + 1 row */
	assert_true(str_startswith(second, "\r\033[6A\033[J"));
	live_clear(&l);
}

static void test_live_too_many(void **state)
{
	char *const lines[] = {(char *)"a", (char *)"b", (char *)"c", (char *)"d",
		(char *)"e", (char *)"f"};
	struct live l = {0};

	frame_is(&l, lines, 6, 80, 5, "\r\033[Ja\nb\nc\nand 3 more\n");
	frame_is(&l, lines, 6, 80, 7, "\r\033[4A\033[Ja\nb\nc\nd\ne\nf\n");
	frame_is(&l, lines, 6, 80, 1, "\r\033[6A\033[Jand 6 more\n");
	live_clear(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bar),
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_line_with_bar),
		cmocka_unit_test(test_line_narrow),
		cmocka_unit_test(test_line_steps),
		cmocka_unit_test(test_line_ages),
		cmocka_unit_test(test_line_color),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_live_resize),
		cmocka_unit_test(test_live_too_many),
	};
	bool utf8;

	term_setup(&utf8);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
