/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "initramfs/statefs.h"
#include "tests/unit/fakefs.h"

#define TOKEN "00112233445566778899aabbccddeeff"
#define UPPER "/root/a/upper"

static void test_fill(void **state)
{
	const char *root = *state;
	struct install_order order = {.node_token = (char *)TOKEN,
		.image.version = (char *)"0.1.0-3f2a",
		.desired = json_pack("{s:i}", "revision", 3)};
	_cleanup_free_ char *ini_path = xasprintf("%s" UPPER "/etc/ondol/node.ini", root);
	_cleanup_free_ char *json_path =
		xasprintf("%s" UPPER "/etc/ondol/desired.json", root);
	_cleanup_free_ char *name_path = xasprintf("%s" UPPER "/etc/hostname", root);
	_cleanup_free_ char *work = xasprintf("%s/root/a/work", root);
	_cleanup_free_ char *ini = NULL, *json = NULL, *name = NULL, *why = NULL;
	struct stat st;

	assert_int_equal(
		statefs_fill(root, "a", "hp02", "10.77.0.2:8780", &order, &why), 0);
	assert_int_equal(read_file(ini_path, 4096, &ini, NULL), 0);
	assert_string_equal(ini,
		"[node]\nname = hp02\nserver = 10.77.0.2:8780\ntoken = " TOKEN
		"\nimage = 0.1.0-3f2a\n");
	assert_int_equal(stat(ini_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(read_file(json_path, 4096, &json, NULL), 0);
	assert_string_equal(json, "{\n  \"revision\": 3\n}\n");
	assert_int_equal(read_file(name_path, 4096, &name, NULL), 0);
	assert_string_equal(name, "hp02\n");
	assert_int_equal(stat(work, &st), 0);
	json_decref(order.desired);
}

static void test_fails(void **state)
{
	struct install_order order = {
		.node_token = (char *)TOKEN, .image.version = (char *)"1"};
	_cleanup_free_ char *why = NULL;

	assert_true(statefs_fill("/proc/nowhere", "a", "hp02", "10.0.0.1:1", &order,
			    &why) < 0);
	assert_non_null(why);
	assert_null(strstr(why, TOKEN));
}

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, fakefs_setup, fakefs_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TREE(test_fill), cmocka_unit_test(test_fails)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
