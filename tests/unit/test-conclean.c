/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/conclean.h"

#define TOKEN "0123456789abcdef0123456789ABCDEF"
#define STARS "********************************"

/* In pieces of step bytes. */
static char *clean(const char *in, size_t len, size_t step)
{
	struct conclean c = {0};
	char *all = xstrdup("");

	for (size_t i = 0; i < len; i += step) {
		size_t n;
		_cleanup_free_ char *part =
			conclean_feed(&c, in + i, MIN(step, len - i), &n);
		_cleanup_free_ char *old = all;

		assert_int_equal(n, strlen(part));
		all = xasprintf("%s%s", old, part);
	}
	return all;
}

/* However it is cut. */
static void expect_len(const char *in, size_t len, const char *want)
{
	for (size_t step = 1; step <= len; step++) {
		_cleanup_free_ char *got = clean(in, len, step);

		if (!streq(got, want))
			fail_msg("in pieces of %zu: expected \"%s\", got \"%s\"", step,
				want, got);
	}
}

static void expect(const char *in, const char *want)
{
	expect_len(in, strlen(in), want);
}

static void tokens_are_masked(void **state)
{
	expect("vmlinuz ondol.token=" TOKEN " ondol.nic=94:40:c9:00:02:01",
		"vmlinuz ondol.token=" STARS " ondol.nic=94:40:c9:00:02:01");
	expect("token = " TOKEN "\r\n", "token = " STARS "\r\n");
	expect("{\"node_token\": \"" TOKEN "\"}", "{\"node_token\": \"" STARS "\"}");
	expect("Authorization: Bearer " TOKEN "\n", "Authorization: Bearer " STARS "\n");
	expect("totoken=" TOKEN "beef", "totoken=" STARS "beef");
	expect("ttoken=ab.cd", "ttoken=**.cd");
	expect("a token of 0123 and token.5 = 77", "a token of 0123 and token.5 = 77");
}

/* A firmware breaks the line at its 80th column, with a cursor movement or without. */
static void broken_lines_hide_nothing_from_us(void **state)
{
	expect("ondol.to\r\nken=0123456789abcdef\r\n0123456789abcdef x",
		"ondol.to\r\nken=****************\r\n**************** x");
	expect("ondol.token\x1b[2;1H=01234567\x1b[0;37m89abcdef0123456789abcdef beef",
		"ondol.token\x1b[2;1H=********\x1b[0;37m************************ beef");
	expect("to\x1b"
	       "Dken=aa z",
		"to\x1b"
		"Dken=** z");
}

static void the_result_is_utf8(void **state)
{
	expect("gr\xc3\xbcn \xe2\x9c\x93 \xf0\x9f\x98\x80",
		"gr\xc3\xbcn \xe2\x9c\x93 \xf0\x9f\x98\x80");
	expect("\xff", "\xef\xbf\xbd");
	expect("a\xc3(b", "a\xef\xbf\xbd(b");
	expect("\xc0\xaf.", "\xef\xbf\xbd\xef\xbf\xbd."); /* overlong */
	expect("\xed\xa0\x80.", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd."); /* surrogate */
	expect("\xe2\x9c\xe2\x9c\x93", "\xef\xbf\xbd\xe2\x9c\x93");
	expect_len("a\0b", 3, "ab");
	expect("ends within \xe2\x9c", "ends within ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_masked),
		cmocka_unit_test(broken_lines_hide_nothing_from_us),
		cmocka_unit_test(the_result_is_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
