/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/promcheck.h"

#include "bootstrap/promtext.h"

static void samples(void **state)
{
	struct prom *p = prom_new();
	_cleanup_free_ char *text = NULL;

	prom_family(p, "a_total", PROM_COUNTER, "What a does.");
	prom_add(p, 0, NULL);
	prom_family(p, "b_seconds", PROM_GAUGE, "b");
	prom_add_milli(p, 1500, "node", "hp01", NULL);
	prom_add_milli(p, 7, "node", "hp02", "state", "ready", NULL);
	prom_add_milli(p, 60020, "node", "hp03", NULL);
	prom_add_milli(p, 4000, "node", "hp04", NULL);
	prom_add(p, UINT64_MAX, "node", "", NULL);
	text = prom_end(p);
	assert_string_equal(text,
		"# HELP a_total What a does.\n# TYPE a_total counter\na_total 0\n"
		"# HELP b_seconds b\n# TYPE b_seconds gauge\n"
		"b_seconds{node=\"hp01\"} 1.5\n"
		"b_seconds{node=\"hp02\",state=\"ready\"} 0.007\n"
		"b_seconds{node=\"hp03\"} 60.02\nb_seconds{node=\"hp04\"} 4\n"
		"b_seconds{node=\"\"} 18446744073709551615\n");
	assert_prom_good(text);
}

static void histogram(void **state)
{
	static const unsigned bounds[] = {100, 2500};
	static const uint64_t counts[] = {3, 0, 2};
	struct prom *p = prom_new();
	_cleanup_free_ char *text = NULL;

	prom_family(p, "h_seconds", PROM_HISTOGRAM, "h");
	prom_add_histogram(p, bounds, 2, counts, 61234);
	text = prom_end(p);
	assert_string_equal(text,
		"# HELP h_seconds h\n# TYPE h_seconds histogram\n"
		"h_seconds_bucket{le=\"0.1\"} 3\nh_seconds_bucket{le=\"2.5\"} 3\n"
		"h_seconds_bucket{le=\"+Inf\"} 5\nh_seconds_sum 61.234\nh_seconds_count 5\n");
	assert_prom_good(text);
}

/* Whatever a value is, it stays in its quotes, on its line, and short. */
static void hostile_values(void **state)
{
	static const struct {
		const char *value, *written;
	} cases[] = {
		{"a\"} 1\nondol_nodes 99", "a\\\"} 1\\nondol_nodes 99"},
		{"\\", "\\\\"},
		{"\\n", "\\\\n"},
		{"\r\t\x01\x7f\x1b[31m", "?????[31m"},
		{"\xff\xc3\xa9", "???"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct prom *p = prom_new();
		_cleanup_free_ char *text = NULL, *want = NULL;

		prom_family(p, "x", PROM_GAUGE, "x");
		prom_add(p, 1, "l", cases[i].value, NULL);
		text = prom_end(p);
		want = xasprintf(
			"# HELP x x\n# TYPE x gauge\nx{l=\"%s\"} 1\n", cases[i].written);
		assert_string_equal(text, want);
		assert_prom_good(text);
	}
}

static void long_values(void **state)
{
	struct prom *p = prom_new();
	_cleanup_free_ char *text = NULL;
	char value[5000];

	memset(value, '"', sizeof(value) - 1);
	value[sizeof(value) - 1] = 0;
	prom_family(p, "x", PROM_GAUGE, "x");
	prom_add(p, 1, "l", value, NULL);
	text = prom_end(p);
	assert_prom_good(text);
	assert_true(strlen(text) < 2 * PROM_MAX_LABEL + 60);
}

/* A check that lets everything through would prove nothing. */
static void the_check_can_fail(void **state)
{
#define X "# HELP x x\n# TYPE x gauge\n"
#define H "# HELP h h\n# TYPE h histogram\n"
	static const char *const bad[] = {
		"x 1\n", /* no family */
		"# TYPE x gauge\nx 1\n",
		"# HELP x x\nx 1\n",
		"# HELP x x\n",
		X "y 1\n",
		X "x 1", /* no end of line */
		X "x 1\n" X,
		X "x 1\nx 2\n",
		X "x{a=\"1\"} 1\nx{a=\"1\"} 1\n",
		X "x{a=\"1} 1\n",
		X "x{a=\"1\"b=\"2\"} 1\n",
		X "x{a=\"\\t\"} 1\n",
		X "x{a=\"1\"\n",
		X "x{1a=\"1\"} 1\n",
		X "x{a=1} 1\n",
		X "x one\n",
		X "x  1\n",
		X "x 1 \n",
		X "\nx 1\n",
		X "# a remark\n",
		"# HELP x_total x\n# TYPE x_total gauge\nx_total 1\n",
		"# HELP x x\n# TYPE x counter\nx 1\n",
		H "h_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
		H "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 3\n",
		H "h_bucket{le=\"1.0\"} 1\nh_sum 1\nh_count 1\n",
		H "h 1\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *wrong = promcheck(bad[i], NULL);

		if (!*wrong)
			fail_msg("taken for good: %s", bad[i]);
	}
	assert_prom_good("");
	assert_prom_good(X "x 1\nx{a=\"\\\\\\\"\\n\",b=\"\"} 2.5\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples),
		cmocka_unit_test(histogram),
		cmocka_unit_test(hostile_values),
		cmocka_unit_test(long_values),
		cmocka_unit_test(the_check_can_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
