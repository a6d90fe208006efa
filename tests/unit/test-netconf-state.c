/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "netconf/state.h"

static const char good[] =
	"{\"revision\": 3, \"rack\": \"r\", \"node\": \"n\", \"role\": \"compute\", \"kind\": \"\","
	" \"server\": \"10.77.0.2\", \"server_port\": 8780, \"later_key\": [1],"
	" \"bridges\": [{\"name\": \"br-nic1\", \"uplink\": \"94:40:c9:00:02:01\", \"mtu\": 1500,"
	" \"native_vlan\": 10, \"trunks\": []}], \"ports\": [], \"data_disks\": [], \"peers\": [],"
	" \"ssh_keys\": []}";

static int make_dir(void **state)
{
	char *dir = xstrdup("/tmp/test-netconf-state.XXXXXX");

	*state = mkdtemp(dir);
	return *state ? 0 : -1;
}

static int drop_dir(void **state)
{
	remove_tree(*state);
	free(*state);
	return 0;
}

static void test_round(void **state)
{
	_cleanup_free_ char *path = xasprintf("%s/d.json", (char *)*state);
	_cleanup_free_ char *copy = xasprintf("%s/a/b/copy.json", (char *)*state);
	_cleanup_(document_clear) struct document a = {0}, b = {0};
	char *why = NULL;

	assert_int_equal(write_file_atomic(path, good, strlen(good), 0600), 0);
	assert_int_equal(document_load(path, &a, &why), 0);
	assert_int_equal(document_save(copy, &a, &why), 0);
	assert_int_equal(document_load(copy, &b, &why), 0);
	assert_true(json_equal(a.json, b.json));
	assert_non_null(json_object_get(b.json, "later_key"));
	assert_int_equal(b.desired->revision, 3);
}

static void expect_bad(const char *dir, const char *text, int r, const char *word)
{
	_cleanup_free_ char *path = xasprintf("%s/bad.json", dir), *why = NULL;
	struct document d = {0};

	if (text)
		assert_int_equal(write_file_atomic(path, text, strlen(text), 0600), 0);
	assert_int_equal(document_load(path, &d, &why), r);
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, word));
	assert_null(d.json);
	assert_null(d.desired);
}

static void test_bad(void **state)
{
	_cleanup_free_ char *name = xstrdup(good);

	expect_bad(*state, NULL, -ENOENT, "No such file");
	expect_bad(*state, "", -EINVAL, "not a desired state");
	expect_bad(*state, "[]", -EINVAL, "not a desired state");
	expect_bad(*state, "{\"revision\": 1}", -EINVAL, "not a desired state");
	memcpy(strstr(name, "br-nic1"), "../nic1", 7);
	expect_bad(*state, name, -EINVAL, "name");
}

static void test_cannot_save(void **state)
{
	_cleanup_free_ char *file = xasprintf("%s/file", (char *)*state), *why = NULL;
	_cleanup_free_ char *below = xasprintf("%s/x.json", file);
	_cleanup_(document_clear) struct document d = {0};

	assert_int_equal(write_file_atomic(file, good, strlen(good), 0600), 0);
	assert_int_equal(document_load(file, &d, &why), 0);
	assert_true(document_save(below, &d, &why) < 0);
	assert_non_null(strstr(why, below));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(test_bad, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(test_cannot_save, make_dir, drop_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
