/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/options.h"

#define ALL                                                                           \
	(OPT_SECRETS | OPT_NO_SECRETS | OPT_JSON | OPT_WIPE | OPT_YES | OPT_NO_WAIT | \
		OPT_TIMEOUT)

/* words: NULL-terminated, words[0] the command */
static int parse(
	const char *const *words, unsigned accepts, struct options *o, char **reterr_msg)
{
	char *argv[16] = {NULL};
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = (char *)words[argc];
	return options_parse(argc, argv, accepts, o, reterr_msg);
}

static void test_good(void **state)
{
	static const char *const words[] = {"apply", "--wipe", "S1", "rack.ini",
		"--wipe=S2", "--yes", "--timeout", "90s", "--socket", "/x", NULL};
	struct options o;
	char *msg = NULL;

	assert_int_equal(parse(words, ALL, &o, &msg), 0);
	assert_int_equal(o.n_args, 1);
	assert_string_equal(o.args[0], "rack.ini");
	assert_null(o.args[1]);
	assert_int_equal(o.n_wipe, 2);
	assert_string_equal(o.wipe[1], "S2");
	assert_true(o.yes);
	assert_false(o.json);
	assert_int_equal(o.timeout_ms, 90000);
	assert_string_equal(o.socket, "/x");
	options_clear(&o);
}

static void test_dashes(void **state)
{
	static const char *const words[] = {"check", "--", "--json", NULL};
	struct options o;
	char *msg = NULL;

	assert_int_equal(parse(words, ALL, &o, &msg), 0);
	assert_false(o.json);
	assert_string_equal(o.args[0], "--json");
	options_clear(&o);
}

static void wrong(const char *const *words, unsigned accepts, const char *expected)
{
	_cleanup_free_ char *msg = NULL;
	struct options o;

	assert_int_equal(parse(words, accepts, &o, &msg), -EINVAL);
	assert_string_equal(msg, expected);
	options_clear(&o);
}

static void test_wrong(void **state)
{
	static const char *const near[] = {"x", "--jsno", NULL};
	static const char *const far[] = {"x", "--reboot", NULL};
	static const char *const other[] = {"x", "--watch", NULL};
	static const char *const brief[] = {"x", "-q", NULL};
	static const char *const value[] = {"x", "--yes=1", NULL};
	static const char *const no_value[] = {"x", "--wipe", NULL};
	static const char *const time[] = {"x", "--timeout", "soon", NULL};
	static const char *const soon[] = {"x", "--wait=soon", NULL};

	wrong(near, ALL, "no such option: --jsno; was --json meant?");
	wrong(far, ALL, "no such option: --reboot");
	wrong(other, ALL, "no such option: --watch");
	wrong(brief, ALL, "no such option: -q");
	wrong(value, ALL, "--yes takes no value");
	wrong(no_value, ALL, "--wipe: a value is missing after it");
	wrong(soon, ALL | OPT_WAIT,
		"--wait: expected seconds, or a time such as 20m, found \"soon\"");
	wrong(time, ALL,
		"--timeout: expected a time such as 30s, 20m or 2h, found \"soon\"");
}

static void wait_is(const char *word, uint64_t want_ms)
{
	char x[] = "x", *arg = xstrdup(word), *argv[] = {x, arg, NULL}, *msg = NULL;
	struct options o;

	assert_int_equal(options_parse(2, argv, OPT_WAIT, &o, &msg), 0);
	assert_true(o.wait);
	assert_int_equal(o.wait_ms, want_ms);
	assert_int_equal(o.n_args, 0);
	options_clear(&o);
	free(arg);
}

static void test_wait(void **state)
{
	wait_is("--wait", 0);
	wait_is("--wait=600", 600000);
	wait_is("--wait=10m", 600000);
}

/* An abbreviation that getopt_long would take as it likes is taken only when it is clear. */
static void test_abbreviation(void **state)
{
	static const char *const words[] = {"x", "--no", NULL};

	wrong(words, ALL, "no such option: --no");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_dashes),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_abbreviation),
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
