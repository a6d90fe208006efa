/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <sys/stat.h>

#include "netconf/files.h"

static const struct plan_link nic = {.name = (char *)"eno1", .uplink = true, .mtu = 9000};
static const struct plan_link storage = {.name = (char *)"storage",
	.mtu = 9000,
	.address = 0x0a4d280c,
	.prefix = 24,
	.gateway = 0x0a4d2801};

static int make_dir(void **state)
{
	char *dir = xstrdup("/tmp/test-netconf-files.XXXXXX");

	*state = mkdtemp(dir);
	return *state ? 0 : -1;
}

static int drop_dir(void **state)
{
	remove_tree(*state);
	free(*state);
	return 0;
}

static void test_text_of_port(void **state)
{
	_cleanup_free_ char *name = network_file_name(&storage),
			    *text = network_file_text(&storage);

	assert_string_equal(name, "50-ondol-storage.network");
	assert_string_equal(text,
		"# Written by ondol-netconf from the node's desired state.\n"
		"[Match]\n"
		"Name=storage\n"
		"\n"
		"[Link]\n"
		"MTUBytes=9000\n"
		"RequiredForOnline=no\n"
		"\n"
		"[Network]\n"
		"DHCP=no\n"
		"LinkLocalAddressing=no\n"
		"IPv6AcceptRA=no\n"
		"LLDP=no\n"
		"ConfigureWithoutCarrier=yes\n"
		"Address=10.77.40.12/24\n"
		"Gateway=10.77.40.1\n");
}

static void test_text_of_nic(void **state)
{
	_cleanup_free_ char *text = network_file_text(&nic);

	assert_non_null(strstr(text, "Name=eno1\n"));
	assert_non_null(strstr(text, "MTUBytes=9000\n"));
	assert_null(strstr(text, "Address="));
	assert_null(strstr(text, "Gateway="));
}

static void sync_dir(const char *dir, struct plan_link *links, size_t n, bool dry_run,
	size_t written, size_t removed)
{
	_cleanup_(files_result_clear) struct files_result r = {0};
	const struct plan plan = {.links = links, .n_links = n};
	char *why = NULL;

	assert_int_equal(network_files_sync(dir, &plan, dry_run, &r, &why), 0);
	assert_int_equal(r.n_written, written);
	assert_int_equal(r.n_removed, removed);
}

static void test_sync(void **state)
{
	_cleanup_free_ char *dir = xasprintf("%s/network", (char *)*state);
	_cleanup_free_ char *path = xasprintf("%s/50-ondol-storage.network", dir);
	_cleanup_free_ char *other = xasprintf("%s/50-ondolfoo.network", dir);
	struct plan_link links[] = {nic, storage};
	struct stat st;

	sync_dir(dir, links, 2, true, 2, 0);
	assert_int_equal(access(dir, F_OK), -1);
	sync_dir(dir, links, 2, false, 2, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644); /* networkd is not root */
	sync_dir(dir, links, 2, false, 0, 0);
	assert_int_equal(write_file_atomic(other, "x", 1, 0644), 0);
	links[1].mtu = 1500;
	sync_dir(dir, links, 2, true, 1, 0);
	sync_dir(dir, links, 2, false, 1, 0);
	sync_dir(dir, links, 1, true, 0, 1);
	sync_dir(dir, links, 1, false, 0, 1);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(other, F_OK), 0); /* not ours */
	sync_dir(dir, NULL, 0, false, 0, 1);
	sync_dir(dir, NULL, 0, false, 0, 0);
}

static void test_no_directory(void **state)
{
	_cleanup_free_ char *file = xasprintf("%s/file", (char *)*state);
	_cleanup_free_ char *dir = xasprintf("%s/network", file), *why = NULL;
	struct plan_link links[] = {nic};
	const struct plan plan = {.links = links, .n_links = 1};
	struct files_result r = {0};

	assert_int_equal(write_file_atomic(file, "x", 1, 0644), 0);
	assert_true(network_files_sync(dir, &plan, false, &r, &why) < 0);
	assert_non_null(strstr(why, dir));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_of_port),
		cmocka_unit_test(test_text_of_nic),
		cmocka_unit_test_setup_teardown(test_sync, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(test_no_directory, make_dir, drop_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
