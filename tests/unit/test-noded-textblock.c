/* SPDX-License-Identifier: Apache-2.0 */
/* The managed block in files that are otherwise somebody else's; node identity on top. */
#include "tests/unit/harness.h"

#include <sys/stat.h>

#include "nodeagent/identity.h"
#include "nodeagent/textblock.h"

#define B "# BEGIN ondol: kept by ondol-noded, changes inside are lost\n"
#define E "# END ondol\n"

static void expect(const char *text, const char *body, const char *expected)
{
	_cleanup_free_ char *got = textblock_replace(text, body), *again = NULL;

	assert_string_equal(got, expected);
	again = textblock_replace(got, body);
	assert_string_equal(again, got);
}

static void block_is_added(_unused_ void **state)
{
	expect("", "a\n", B "a\n" E);
	expect("127.0.0.1 localhost\n", "a\n", "127.0.0.1 localhost\n" B "a\n" E);
	expect("no newline", "a\n", "no newline\n" B "a\n" E);
	expect("x\n", "", "x\n");
	expect("no newline", "", "no newline");
}

static void block_is_replaced_in_place(_unused_ void **state)
{
	expect("x\n" B "old\nold2\n" E "y\n", "new\n", "x\n" B "new\n" E "y\n");
	expect("x\n" B "old\n" E "y\n", "", "x\ny\n");
	expect(B E, "a\n", B "a\n" E);
	expect("x\n" B "1\n" E "y\n" B "2\n" E "z\n", "n\n", "x\n" B "n\n" E "y\nz\n");
}

static void foreign_text_survives_damage(_unused_ void **state)
{
	/* The end marker is gone: what follows may be the owner's. */
	expect("x\n" B "mine or theirs\ny\n", "n\n", "x\nmine or theirs\ny\n" B "n\n" E);
	expect("x\n" B "1\n" B "2\n" E "y\n", "n\n", "x\n1\n" B "n\n" E "y\n");
	/* Only a whole line is a marker. */
	expect("# see " B "y\n", "n\n", "# see " B "y\n" B "n\n" E);
	expect("x\n" E "y\n", "n\n", "x\n" E "y\n" B "n\n" E);
}

static void file_is_written_only_when_it_changes(_unused_ void **state)
{
	char dir[] = "/tmp/noded-XXXXXX";
	_cleanup_free_ char *path = NULL;
	struct stat before, after;
	bool changed = false;

	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/hosts", dir);
	assert_int_equal(textblock_update_file(path, "a\n", 0644, &changed), 0);
	assert_true(changed);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(textblock_update_file(path, "a\n", 0644, &changed), 0);
	assert_false(changed);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	remove_tree(dir);
}

static struct desired_peer peers[] = {
	{.name = (char *)"hp01",
		.role = (char *)"controller",
		.kind = (char *)"",
		.management = 0x0a4d140b},
	{.name = (char *)"hp02",
		.role = (char *)"compute",
		.kind = (char *)"",
		.management = 0x0a4d140c},
};
static char *keys[] = {
	(char *)"ssh-ed25519 AAAA one", (char *)"evil\nssh-rsa BBBB two", (char *)""};

static void identity_is_written(_unused_ void **state)
{
	struct desired d = {.node = (char *)"hp02",
		.peers = peers,
		.n_peers = 2,
		.ssh_keys = keys,
		.n_ssh_keys = 3};
	char dir[] = "/tmp/noded-XXXXXX";
	_cleanup_free_ char *etc = NULL, *hosts = NULL, *name = NULL, *msg = NULL,
			    *h = NULL;
	_cleanup_free_ char *ssh = NULL, *keyfile = NULL, *k = NULL, *hostfile = NULL;
	struct stat st;

	assert_non_null(mkdtemp(dir));
	etc = xasprintf("%s/etc", dir);
	hosts = xasprintf("%s/hosts", etc);
	hostfile = xasprintf("%s/hostname", etc);
	ssh = xasprintf("%s/root/.ssh", dir);
	keyfile = xasprintf("%s/authorized_keys", ssh);
	assert_int_equal(mkdir_p(etc, 0755), 0);
	assert_int_equal(write_file_atomic(hosts, "127.0.0.1\tlocalhost\n", 20, 0644), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(identity_apply(&d, dir, &msg), 0);
	assert_int_equal(read_line_file(hostfile, &name), 0);
	assert_string_equal(name, "hp02");
	assert_int_equal(read_file(hosts, 4096, &h, NULL), 0);
	assert_string_equal(
		h, "127.0.0.1\tlocalhost\n" B "10.77.20.11\thp01\n10.77.20.12\thp02\n" E);
	assert_int_equal(read_file(keyfile, 4096, &k, NULL), 0);
	assert_string_equal(k, B "ssh-ed25519 AAAA one\n" E);
	assert_int_equal(stat(ssh, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(keyfile, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	remove_tree(dir);
}

static void unwritable_file_is_named(_unused_ void **state)
{
	struct desired d = {.node = (char *)"hp02"};
	_cleanup_free_ char *msg = NULL;

	assert_true(identity_apply(&d, "/nonexistent", &msg) < 0);
	assert_non_null(strstr(msg, "/nonexistent/etc/hostname"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(block_is_added),
		cmocka_unit_test(block_is_replaced_in_place),
		cmocka_unit_test(foreign_text_survives_damage),
		cmocka_unit_test(file_is_written_only_when_it_changes),
		cmocka_unit_test(identity_is_written),
		cmocka_unit_test(unwritable_file_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
