/* SPDX-License-Identifier: Apache-2.0 */
/* The rack's CA in a system's trust store, with the real openssl. */
#include "tests/unit/harness.h"

#include <sys/stat.h>

#include "common/run.h"
#include "nodeagent/trust.h"

#define BUNDLE "/etc/ssl/certs/ca-certificates.crt"
#define OTHERS "-----BEGIN CERTIFICATE-----\nan older one\n-----END CERTIFICATE-----\n"

static char root[] = "/tmp/test-trust-XXXXXX";

static void put(const char *path, const char *text)
{
	_cleanup_free_ char *full = xasprintf("%s%s", root, path);

	assert_int_equal(write_file_atomic(full, text, strlen(text), 0644), 0);
}

static char *get(const char *path)
{
	_cleanup_free_ char *full = xasprintf("%s%s", root, path);
	char *text = NULL;

	assert_int_equal(read_file(full, 1 << 20, &text, NULL), 0);
	return text;
}

static void store(void)
{
	_cleanup_free_ char *why = NULL;

	if (trust_store(root, &why) < 0)
		fail_msg("%s", why);
}

static size_t times(const char *text, const char *part)
{
	size_t n = 0;

	for (const char *s = strstr(text, part); s; s = strstr(s + 1, part))
		n++;
	return n;
}

/* Links in the directory by hash, as OpenSSL looks for them. */
static size_t hash_links(void)
{
	_cleanup_free_ char *cmd =
		xasprintf("find %s/etc/ssl/certs -name '????????.0' | wc -l", root);
	FILE *p = popen(cmd, "r");
	size_t n = 0;

	assert_non_null(p);
	assert_int_equal(fscanf(p, "%zu", &n), 1);
	pclose(p);
	return n;
}

static void is_stored_once(void **state)
{
	const char *ca = *state;
	_cleanup_free_ char *first = NULL, *second = NULL, *third = NULL;

	put(BUNDLE, OTHERS);
	put(TRUST_CA, ca);
	store();
	first = get(BUNDLE);
	assert_int_equal(times(first, ca), 1);
	assert_int_equal(times(first, OTHERS), 1);
	assert_int_equal(hash_links(), 1);
	store();
	second = get(BUNDLE);
	assert_string_equal(first, second);
	/* update-ca-certificates has run since: it knows no block */
	_cleanup_free_ char *theirs = xasprintf("%s%s", OTHERS, ca);
	put(BUNDLE, theirs);
	store();
	third = get(BUNDLE);
	assert_string_equal(third, theirs);
}

static void another_ca_takes_its_place(void **state)
{
	const char *ca = *state;
	_cleanup_free_ char *text = NULL;

	put(BUNDLE, OTHERS);
	put(TRUST_CA,
		"-----BEGIN CERTIFICATE-----\nof before\n-----END CERTIFICATE-----\n");
	store();
	put(TRUST_CA, ca);
	store();
	text = get(BUNDLE);
	assert_int_equal(times(text, ca), 1);
	assert_int_equal(times(text, "of before"), 0);
	assert_int_equal(times(text, OTHERS), 1);
}

static void without_a_ca_it_says_which_file(void **state)
{
	_cleanup_free_ char *full = xasprintf("%s" TRUST_CA, root), *why = NULL;

	assert_int_equal(unlink(full), 0);
	assert_int_equal(trust_store(root, &why), -ENOENT);
	assert_non_null(strstr(why, TRUST_CA));
}

static int make(void **state)
{
	static const char *const dirs[] = {
		"/etc/ssl/certs", "/usr/local/share/ca-certificates"};
	_cleanup_(run_result_clear) struct run_result res = {0};
	_cleanup_free_ char *pem = NULL;
	char *ca = NULL;

	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		_cleanup_free_ char *dir = xasprintf("%s%s", root, dirs[i]);

		assert_int_equal(mkdir_p(dir, 0755), 0);
	}
	pem = xasprintf("%s/ca.pem", root);
	const char *const argv[] = {"openssl", "req", "-x509", "-newkey", "ed25519",
		"-nodes", "-subj", "/CN=a rack", "-keyout", "/dev/null", "-out", pem,
		NULL};

	assert_int_equal(run_child(argv, NULL, NULL, 30000, &res), 0);
	assert_int_equal(res.status, 0);
	assert_int_equal(read_file(pem, 1 << 16, &ca, NULL), 0);
	*state = ca;
	return 0;
}

static int end(void **state)
{
	free(*state);
	return remove_tree(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_stored_once),
		cmocka_unit_test(another_ca_takes_its_place),
		cmocka_unit_test(without_a_ca_it_says_which_file),
	};

	return cmocka_run_group_tests(tests, make, end);
}
