/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "common/conf.h"

/* Parses text and returns all problems as one string. */
static char *problems_of(const char *text, struct conf **ret)
{
	struct problems p = {0};
	struct conf *c = NULL;
	char *out = xstrdup("");

	conf_parse("f", text, strlen(text), &p, &c);
	problems_sort(&p);
	for (size_t i = 0; i < p.n; i++) {
		_cleanup_free_ char *line = problem_format(&p.list[i]);
		char *more = xasprintf("%s%s\n", out, line);

		free(out);
		out = more;
	}
	problems_clear(&p);
	if (ret)
		*ret = c;
	else
		conf_free(c);
	return out;
}

static void expect_problem(const char *text, const char *want)
{
	_cleanup_free_ char *got = problems_of(text, NULL);

	if (!strstr(got, want))
		fail_msg("expected \"%s\" among: %s", want, got);
}

static void values(void **state)
{
	_cleanup_(conf_freep) struct conf *c = NULL;
	_cleanup_free_ char *got =
		problems_of("; c\r\n[a  B]\r\nKey.1 = some words ; note\r\n"
			    "q = \"x;y\"\r\nempty =\r\n# end",
			&c);
	struct conf_section *s;

	assert_string_equal(got, "");
	s = conf_section(c, "a b");
	assert_non_null(s);
	assert_int_equal(s->line, 2);
	assert_string_equal(conf_key(s, "key.1")->value, "some words");
	assert_int_equal(conf_key(s, "key.1")->line, 3);
	assert_string_equal(conf_key(s, "q")->value, "x;y");
	assert_string_equal(conf_key(s, "empty")->value, "");
	assert_null(conf_key(s, "none"));
	assert_null(conf_section(c, "c"));
}

static void syntax(void **state)
{
	expect_problem("[a]\nk=1\nk=2\n", "f:3: [a] k: was already given at line 2");
	expect_problem(
		"[a]\n[b]\n[A]\n", "f:3: [a]: this section was already given at line 1");
	expect_problem("k = 1\n", "f:1: expected a [section] before the first key");
	expect_problem("[a\nk=1", "f:1: expected \"]\"");
	expect_problem("[a] b\n", "f:1: expected nothing after \"]\"");
	expect_problem("[a]\njust words\n", "f:2: [a]: expected \"key = value\"");
	expect_problem("[a]\nk = \"open\n", "f:2: [a] k: the quote is not closed");
	expect_problem("[a]\nk = v \\\n", "f:2: [a] k: a line cannot be continued");
	expect_problem("[a]\n = v\n", "f:2: [a]: expected a key");
	expect_problem("[a:b]\n", "f:1: expected a section name");
	expect_problem("[a]\nk\001 = v\n",
		"f:2: expected text, found the byte 0x01 in column 2");
	expect_problem(
		"\xef\xbb\xbf[a]\n", "f:1: the file begins with a byte-order mark");
}

static void limits(void **state)
{
	_cleanup_free_ char *line = xcalloc(1, 10 * 1000 * 1000 + 16), *got = NULL;
	struct problems p = {0};
	struct conf *c = NULL;

	strcpy(line, "[a]\nk=");
	memset(line + 6, 'x', 10 * 1000 * 1000);
	got = problems_of(line, NULL);
	assert_non_null(strstr(
		got, "f:2: expected lines of at most 1000 bytes, found one of 10000002"));
	assert_int_equal(
		conf_parse("f", "\0\0\n\0\n\0\n\0\n\0\n\0\n", 12, &p, &c), -EINVAL);
	assert_null(c);
	assert_true(p.n >= 2);
	problems_clear(&p);
}

static void unused_keys(void **state)
{
	_cleanup_(conf_freep) struct conf *c = NULL;
	_cleanup_free_ char *got = problems_of("[a]\nk=1\nz=2\n[b]\n", &c), *first = NULL;
	struct problems p = {0};

	assert_string_equal(got, "");
	conf_key(conf_section(c, "a"), "k");
	conf_report_unused(c, &p);
	assert_int_equal(p.n, 2);
	first = problem_format(&p.list[0]);
	assert_string_equal(
		first, "f:3: [a] z: there is no such key here; is it misspelt?");
	problems_clear(&p);
}

static char *hint(const char *text)
{
	_cleanup_(conf_freep) struct conf *c = NULL;
	_cleanup_free_ char *got = problems_of(text, &c);
	struct problems p = {0};
	char *first;

	assert_string_equal(got, "");
	conf_key(conf_section(c, "rack"), "ssh_key.1");
	conf_key(conf_section(c, "node hp01"), "serial");
	conf_section(c, "node hp02");
	conf_report_unused(c, &p);
	assert_int_equal(p.n, 1);
	first = problem_format(&p.list[0]);
	problems_clear(&p);
	return first;
}

static void hints(void **state)
{
	_cleanup_free_ char *first =
		hint("[rack]\n[node hp01]\nserail = A\n[node hp02]\n");
	_cleanup_free_ char *second =
		hint("[rack]\n[node hp01]\n[node hp02]\nserail = A\n");
	_cleanup_free_ char *other =
		hint("[rack]\n[node hp01]\n[node hp02]\nssh_key.7 = A\n");

	assert_string_equal(first,
		"f:3: [node hp01] serail: there is no such key here; was serial meant?");
	assert_string_equal(second,
		"f:4: [node hp02] serail: there is no such key here; was serial meant?");
	assert_string_equal(other,
		"f:4: [node hp02] ssh_key.7: there is no such key here; it belongs in [rack]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(syntax),
		cmocka_unit_test(limits),
		cmocka_unit_test(unused_keys),
		cmocka_unit_test(hints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
