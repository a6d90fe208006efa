/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "twin/cut.h"

static void expect(const char *text, const char *keep_name, const char *want)
{
	struct rack_node node = {.name = (char *)keep_name};
	const struct rack_node *keep[] = {&node};
	_cleanup_free_ char *got = cut_rack(text, keep, 1);

	assert_string_equal(got, want);
}

static void only_the_kept_nodes_stay(void **state)
{
	expect("; top\n[rack]\nname = x\n[node a]\nhost = 1\n; of a\n[node b]\nhost = 2\n[network n]\nvlan = 3\n",
		"b",
		"; top\n[rack]\nname = x\n[node b]\nhost = 2\n[network n]\nvlan = 3\n");
}

static void headers_may_be_written_freely(void **state)
{
	expect(" [ NODE   a ] ; one\nhost = 1\n\t[Node B]\nhost = 2", "b",
		"\t[Node B]\nhost = 2");
	expect("[nodes a]\nx = 1\n[node]\ny = 2\n", "b",
		"[nodes a]\nx = 1\n[node]\ny = 2\n");
	expect("[node a\nhost = 1\n", "b", "[node a\nhost = 1\n");
}

static void nothing_to_cut(void **state)
{
	expect("", "a", "");
	expect("no newline", "a", "no newline");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_kept_nodes_stay),
		cmocka_unit_test(headers_may_be_written_freely),
		cmocka_unit_test(nothing_to_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
