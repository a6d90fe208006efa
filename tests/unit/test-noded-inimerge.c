/* SPDX-License-Identifier: Apache-2.0 */
/* Settings merged into files as Debian ships them: what is not ours stays as it is. */
#include "nodeagent/inimerge.h"

#include "tests/unit/harness.h"

#define VALUES(...)               \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}
#define NONE                  \
	(const char *const[]) \
	{                     \
		NULL          \
	}

static void merges(const char *text, struct ini_setting s, const char *want)
{
	_cleanup_free_ char *got = inimerge(text, &s, 1);
	_cleanup_free_ char *again = inimerge(got, &s, 1);

	assert_string_equal(got, want);
	assert_string_equal(again, want);
}

static void set(const char *text, const char *section, const char *key, const char *value,
	const char *want)
{
	merges(text, (struct ini_setting){section, key, VALUES(value)}, want);
}

static void replaces_in_place(_unused_ void **state)
{
	set("# top\n[a]\n# k = 0\nk = 1\nother = x\n", "a", "k", "2",
		"# top\n[a]\n# k = 0\nk = 2\nother = x\n");
	set("[a]\nk=1\n", "a", "k", "1", "[a]\nk = 1\n");
	set("[a]\nk: 1\n", "A", "K", "1", "[a]\nK = 1\n");
	set("[a]\nkk = 1\n[b]\nk = 3\n", "b", "k", "4", "[a]\nkk = 1\n[b]\nk = 4\n");
}

static void adds_at_the_end_of_its_section(_unused_ void **state)
{
	set(NULL, "a", "k", "1", "[a]\nk = 1\n");
	set("", "DEFAULT", "k", "1", "[DEFAULT]\nk = 1\n");
	set("[a]\nx = 1\n\n\n[b]\n", "a", "k", "2", "[a]\nx = 1\nk = 2\n\n\n[b]\n");
	set("[a]\n# only words", "b", "k", "2", "[a]\n# only words\n\n[b]\nk = 2\n");
	/* a section that comes twice: the first takes it */
	set("[a]\n[b]\n[a]\n", "a", "k", "2", "[a]\nk = 2\n[b]\n[a]\n");
}

static void several_values_and_lines(_unused_ void **state)
{
	merges("[a]\nk = 1\nx = y\nk = 2\n",
		(struct ini_setting){"a", "k", VALUES("3", "4")},
		"[a]\nk = 3\nk = 4\nx = y\n");
	/* a line that goes on belongs to its key; so does a comment of somebody's between */
	merges("[a]\nk = 1,\n  2,\n  3\nx = y\n",
		(struct ini_setting){"a", "k", VALUES("9")}, "[a]\nk = 9\nx = y\n");
	merges("[a]\nk = 1\n[b]\nk = 2\n[a]\nk = 3\n",
		(struct ini_setting){"a", "k", NONE}, "[a]\n[b]\nk = 2\n[a]\n");
	merges("[a]\nx = 1\n", (struct ini_setting){"a", "k", NONE}, "[a]\nx = 1\n");
}

static void values_are_taken_as_they_are(_unused_ void **state)
{
	set("[app:x]\nuse = egg:old#a\n", "app:x", "use", "egg:swift#proxy",
		"[app:x]\nuse = egg:swift#proxy\n");
	set("[a]\n", "a", "k", "50%;x", "[a]\nk = 50%;x\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_in_place),
		cmocka_unit_test(adds_at_the_end_of_its_section),
		cmocka_unit_test(several_values_and_lines),
		cmocka_unit_test(values_are_taken_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
