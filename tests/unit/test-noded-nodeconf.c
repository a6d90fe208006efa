/* SPDX-License-Identifier: Apache-2.0 */
/* node.ini and the certificate beside it: who this node is. */
#include "tests/unit/harness.h"

#include <sys/stat.h>

#include "nodeagent/nodeconf.h"

#define GOOD "[node]\nname = hp02\nserver = 10.77.0.2:8781\nimage = 0.1.0-3f2a\n"

static int parse(const char *text, struct nodeconf **ret, char **ret_problems)
{
	_cleanup_(problems_clear) struct problems p = {0};
	int r = nodeconf_parse("node.ini", text, strlen(text), &p, ret);

	*ret_problems = xstrdup("");
	for (size_t i = 0; i < p.n; i++) {
		_cleanup_free_ char *one = problem_format(&p.list[i]);
		char *next = xasprintf("%s%s\n", *ret_problems, one);

		free(*ret_problems);
		*ret_problems = next;
	}
	return r;
}

static void good_file(_unused_ void **state)
{
	_cleanup_(nodeconf_freep) struct nodeconf *c = NULL;
	_cleanup_free_ char *said = NULL;

	assert_int_equal(parse(GOOD, &c, &said), 0);
	assert_string_equal(c->name, "hp02");
	assert_int_equal(c->server, 0x0a4d0002);
	assert_int_equal(c->port, 8781);
	assert_string_equal(c->image, "0.1.0-3f2a");
}

static void bad_files(_unused_ void **state)
{
	const struct {
		const char *text, *word;
	} cases[] = {
		{"", "node"},
		{"[nodes]\n", "node"},
		{"[node]\nname = hp02\nserver = 10.77.0.2:8781\n", "image"},
		{"[node]\nname = HP_02\nserver = 10.77.0.2:8781\nimage = x\n", "HP_02"},
		{"[node]\nname = a\nserver = 10.77.0.2\nimage = x\n", "ADDRESS:PORT"},
		{"[node]\nname = a\nserver = h:1\nimage = x\n", "ADDRESS:PORT"},
		{"[node]\nname = a\nserver = 1.2.3.4:0\nimage = x\n", "ADDRESS:PORT"},
		{GOOD "extra = 1\n", "extra"},
		{GOOD "[more]\nx = 1\n", "more"},
		{GOOD "name = hp03\n", "name"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(nodeconf_freep) struct nodeconf *c = NULL;
		_cleanup_free_ char *said = NULL;

		assert_true(parse(cases[i].text, &c, &said) < 0);
		assert_null(c);
		assert_non_null(strstr(said, cases[i].word));
	}
}

static void mode_and_presence_are_checked(_unused_ void **state)
{
	char dir[] = "/tmp/noded-XXXXXX";
	_cleanup_(nodeconf_freep) struct nodeconf *c = NULL;
	_cleanup_free_ char *path = NULL, *link = NULL, *key = NULL, *a = NULL, *b = NULL,
			    *d = NULL, *e = NULL, *f = NULL, *g = NULL;

	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/node.ini", dir);
	link = xasprintf("%s/link.ini", dir);
	assert_int_equal(nodeconf_load(path, &c, &a), -ENOENT);
	assert_non_null(strstr(a, path));
	assert_int_equal(write_file_atomic(path, GOOD, strlen(GOOD), 0640), 0);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(nodeconf_load(path, &c, &b), -EPERM);
	assert_non_null(strstr(b, "0640"));
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(nodeconf_load(link, &c, &d), -ELOOP);
	key = xasprintf("%s/node.pem", dir);
	assert_int_equal(nodeconf_load(path, &c, &e), -ENOENT);
	assert_non_null(strstr(e, key));
	assert_int_equal(write_file_atomic(key, "x", 1, 0644), 0);
	assert_int_equal(nodeconf_load(path, &c, &f), -EPERM);
	assert_non_null(strstr(f, key));
	assert_int_equal(chmod(key, 0600), 0);
	assert_int_equal(nodeconf_load(path, &c, &g), 0);
	assert_string_equal(c->identity.cert, key);
	assert_string_equal(c->name, "hp02");
	remove_tree(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_file),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(mode_and_presence_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
