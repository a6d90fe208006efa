/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "initramfs/statefs.h"
#include "tests/unit/fakefs.h"

#define KEY "-----BEGIN PRIVATE KEY-----"
#define UPPER "/root/upper"

static void put(const char *root, const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", root, name);

	assert_int_equal(write_file_atomic(path, text, strlen(text), 0600), 0);
}

static void has(const char *root, const char *name, const char *text, unsigned mode)
{
	_cleanup_free_ char *path = xasprintf("%s" UPPER "/etc/%s", root, name),
			    *found = NULL;
	struct stat st;

	assert_int_equal(read_file(path, 4096, &found, NULL), 0);
	assert_string_equal(found, text);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, mode);
}

static void test_fill(void **state)
{
	const char *root = *state;
	struct install_order order = {.image.version = (char *)"0.1.0-3f2a",
		.desired = json_pack("{s:i}", "revision", 3)};
	_cleanup_free_ char *ca = xasprintf("%s/ca", root),
			    *cert = xasprintf("%s/cert", root);
	_cleanup_free_ char *why = NULL;
	_cleanup_free_ char *work = xasprintf("%s/root/work", root);
	struct http_identity id = {ca, cert};
	struct statefs_node node = {"hp02", "10.77.0.2:8781", &id};
	struct stat st;

	put(root, "ca", "the authority\n");
	put(root, "cert", "a certificate\n" KEY "\n");
	assert_int_equal(statefs_fill(root, &node, &order, &why), 0);
	has(root, "ondol/node.ini",
		"[node]\nname = hp02\nserver = 10.77.0.2:8781\nimage = 0.1.0-3f2a\n",
		0600);
	has(root, "ondol/desired.json", "{\n  \"revision\": 3\n}\n", 0600);
	has(root, "ondol/ca.pem", "the authority\n", 0600);
	has(root, "ondol/node.pem", "a certificate\n" KEY "\n", 0600);
	has(root, "hostname", "hp02\n", 0644);
	assert_int_equal(stat(work, &st), 0);
	json_decref(order.desired);
}

static void test_fails(void **state)
{
	struct install_order order = {.image.version = (char *)"1"};
	struct http_identity id = {"/nowhere/ca", "/nowhere/cert"};
	struct statefs_node node = {"hp02", "10.0.0.1:1", &id};
	_cleanup_free_ char *why = NULL, *why2 = NULL;

	assert_true(statefs_fill("/proc/nowhere", &node, &order, &why) < 0);
	assert_non_null(why);
	/* a node without a key would come up a stranger */
	order.desired = json_object();
	assert_true(statefs_fill(*state, &node, &order, &why2) < 0);
	assert_non_null(why2);
	json_decref(order.desired);
}

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, fakefs_setup, fakefs_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {WITH_TREE(test_fill), WITH_TREE(test_fails)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
