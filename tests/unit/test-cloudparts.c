/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/cloudparts.h"

static char dir[64];

static void put(const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(write_file_atomic(path, text, strlen(text), 0644), 0);
}

static int setup(void **state)
{
	_cleanup_free_ char *parts = NULL;

	strcpy(dir, "/tmp/test-cloudparts.XXXXXX");
	assert_non_null(mkdtemp(dir));
	parts = xasprintf("%s/parts", dir);
	assert_int_equal(mkdir_p(parts, 0755), 0);
	put("controller.ini",
		"[role]\ndescription = c\nparts = base rings\n[proofs]\nneed = network\n");
	put("compute.ini",
		"[role]\ndescription = v\nparts = worker\n[proofs]\nneed = network\n");
	put("parts/base.ini",
		"[part]\ndescription = b\nram = 100M\n[database keystone]\n");
	put("parts/rings.ini",
		"[part]\ndescription = r\nservice = heat\nram = 2G\n[database heat]\n");
	put("parts/worker.ini",
		"[part]\ndescription = w\nram = 500M\n[set /etc/n.conf a]\nb = ${secret:db.nova}\n");
	return 0;
}

static int teardown(void **state)
{
	return remove_tree(dir);
}

static struct rack *rack_with(
	const struct cloudparts *p, const char *cloud, const char *memory)
{
	_cleanup_free_ char *lab = NULL, *text = NULL, *with_memory = NULL;
	struct problems problems = {0};
	struct rack *r = NULL;
	const char *at;

	assert_int_equal(read_file("tests/data/lab.ini", 1 << 20, &lab, NULL), 0);
	at = strstr(lab, "[bmc]");
	text = xasprintf("%.*simage = full\n%s\n%s", (int)(at - lab), lab, cloud, at);
	at = strstr(text, "vendor");
	with_memory = xasprintf("%.*s%s%s", (int)(at - text), text, memory, at);
	rack_parse("rack.ini", with_memory, strlen(with_memory), p->roles, &problems, &r);
	problems_print(&problems, stderr);
	problems_clear(&problems);
	assert_non_null(r);
	return r;
}

static struct cloudparts *load(void)
{
	struct problems problems = {0};
	struct cloudparts *p = cloudparts_load(dir, &problems);

	problems_print(&problems, stderr);
	problems_clear(&problems);
	assert_non_null(p);
	return p;
}

static void secrets(void **state)
{
	_cleanup_(cloudparts_freep) struct cloudparts *p = load();
	_cleanup_(rack_freep) struct rack *heat =
		rack_with(p, "[cloud]\nservices = heat", "");
	_cleanup_(rack_freep) struct rack *none =
		rack_with(p, "[cloud]\nservices = none", "");
	_cleanup_(rack_freep) struct rack *plain = rack_with(p, "", "");
	_cleanup_(strv_freep) char **all = NULL;
	struct problems problems = {0};

	cloudparts_fit(p, heat, &problems);
	assert_int_equal(problems.n, 0);
	assert_true(strv_has(
		(char **)cloudparts_secrets(p, rack_node(heat, "hp01")), "db.heat"));
	assert_true(strv_has(
		(char **)cloudparts_secrets(p, rack_node(heat, "hp01")), "db.keystone"));
	assert_false(strv_has(
		(char **)cloudparts_secrets(p, rack_node(heat, "hp01")), "db.nova"));
	assert_int_equal(
		strv_len((char **)cloudparts_secrets(p, rack_node(heat, "hp02"))), 1);
	all = cloudparts_all_secrets(p, heat);
	assert_int_equal(strv_len(all), 3);
	cloudparts_fit(p, none, &problems);
	assert_false(strv_has(
		(char **)cloudparts_secrets(p, rack_node(none, "hp01")), "db.heat"));
	cloudparts_fit(p, plain, &problems);
	assert_null(cloudparts_secrets(p, rack_node(plain, "hp01")));
	assert_int_equal(problems.n, 0);
}

static void memory(void **state)
{
	_cleanup_(cloudparts_freep) struct cloudparts *p = load();
	_cleanup_(rack_freep) struct rack *r =
		rack_with(p, "[cloud]\nservices = heat", "memory = 3G\n");
	_cleanup_(rack_freep) struct rack *plain = rack_with(p, "", "memory = 1G\n");
	_cleanup_free_ char *words = NULL;
	struct problems problems = {0};

	cloudparts_fit(p, r, &problems);
	assert_int_equal(problems.n, 0);
	assert_null(cloudparts_memory(p, r, rack_node(r, "hp01"), UINT64_C(4) << 30));
	assert_null(cloudparts_memory(p, r, rack_node(r, "hp02"), UINT64_C(1) << 30));
	assert_null(cloudparts_memory(p, r, rack_node(r, "hp01"), 0)); /* not known */
	words = cloudparts_memory(p, r, rack_node(r, "hp01"), UINT64_C(1) << 30);
	assert_non_null(words);
	assert_non_null(strstr(words, "has 1.0 GiB"));
	assert_non_null(strstr(words, "rings"));
	cloudparts_fit(p, plain, &problems);
	assert_int_equal(problems.n, 0);
	put("parts/worker.ini", "[part]\ndescription = w\nram = 9G\n");
	cloudparts_freep(&p);
	p = load();
	cloudparts_fit(p, r, &problems);
	assert_int_equal(problems.n, 1);
	assert_string_equal(problems.list[0].key, "memory");
	assert_non_null(strstr(problems.list[0].text, "hp02"));
	problems_clear(&problems);
}

static void a_part_is_missing(void **state)
{
	_cleanup_(cloudparts_freep) struct cloudparts *p = NULL;
	_cleanup_(rack_freep) struct rack *r = NULL;
	struct problems problems = {0};

	put("compute.ini",
		"[role]\ndescription = v\nparts = worker nobody\n[proofs]\nneed = network\n");
	p = load();
	r = rack_with(p, "[cloud]\nservices = heat", "memory = 1G\n");
	cloudparts_fit(p, r, &problems);
	assert_int_equal(problems.n, 1);
	assert_non_null(strstr(problems.list[0].text, "nobody"));
	problems_clear(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(secrets, setup, teardown),
		cmocka_unit_test_setup_teardown(memory, setup, teardown),
		cmocka_unit_test_setup_teardown(a_part_is_missing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
