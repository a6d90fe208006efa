/* SPDX-License-Identifier: Apache-2.0 */
/* A fake sysfs in a temporary directory; permanent addresses from a function. */
#include "tests/unit/harness.h"

#include "netconf/nic.h"

#define MAC "94:40:c9:00:02:01"
#define OTHER "94:40:c9:00:02:02"

static int make_sysfs(void **state)
{
	char *dir = xstrdup("/tmp/test-netconf-nic.XXXXXX");

	*state = mkdtemp(dir);
	return *state ? 0 : -1;
}

static int drop_sysfs(void **state)
{
	remove_tree(*state);
	free(*state);
	return 0;
}

static void put(const char *sysfs, const char *nic, const char *file, const char *text)
{
	_cleanup_free_ char *dir = xasprintf("%s/class/net/%s", sysfs, nic);
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, file);

	assert_int_equal(mkdir_p(dir, 0755), 0);
	assert_int_equal(write_file_atomic(path, text, strlen(text), 0644), 0);
}

static void add(const char *sysfs, const char *nic, const char *mac, const char *extra)
{
	put(sysfs, nic, "address", mac);
	put(sysfs, nic, "type", "1\n");
	if (extra)
		put(sysfs, nic, extra, "");
}

static struct mac_addr mac_of(const char *text)
{
	struct mac_addr mac;

	assert_int_equal(parse_mac(text, &mac), 0);
	return mac;
}

/* want NULL: expects r with word in the message */
static void find(const char *sysfs, nic_permanent_fn permanent,
	bool (*is_virtual)(const char *, void *), int r, const char *want)
{
	_cleanup_free_ char *name = NULL, *why = NULL;
	const struct mac_addr mac = mac_of(MAC);

	assert_int_equal(
		nic_find(sysfs, &mac, permanent, is_virtual, NULL, &name, &why), r);
	if (r == 0)
		assert_string_equal(name, want);
	else
		assert_non_null(strstr(why, want));
}

static void test_one(void **state)
{
	add(*state, "eno1", MAC "\n", "device");
	add(*state, "eno2", OTHER "\n", "device");
	find(*state, NULL, NULL, 0, "eno1");
}

static void test_none(void **state)
{
	add(*state, "eno2", OTHER, "device");
	find(*state, NULL, NULL, -ENOENT, "eno2 " OTHER);
}

static void test_no_sysfs(void **state)
{
	find("/nonexistent", NULL, NULL, -ENOENT, "/nonexistent/class/net");
}

static void test_several(void **state)
{
	add(*state, "eno1", MAC, "device");
	add(*state, "eno3", MAC, "device");
	find(*state, NULL, NULL, -ENOTUNIQ, "eno1, eno3");
}

/* What borrows its NIC's MAC is not the NIC. */
static void test_virtual_ones(void **state)
{
	add(*state, "a-bridge", MAC, "bridge");
	add(*state, "a-bond", MAC, "bonding");
	add(*state, "a-tap", MAC, "tun_flags");
	add(*state, "a-vlan", MAC, NULL);
	put(*state, "a-vlan", "uevent", "DEVTYPE=vlan\nINTERFACE=a-vlan\n");
	add(*state, "lo", MAC, NULL);
	put(*state, "lo", "type", "772\n");
	find(*state, NULL, NULL, -ENOENT, "none");
	add(*state, "veth0", MAC, NULL);
	put(*state, "veth0", "uevent", "INTERFACE=veth0\n");
	find(*state, NULL, NULL, 0, "veth0");
	add(*state, "zz-nic", MAC, "device");
	find(*state, NULL, NULL, 0, "zz-nic");
}

static bool is_provisioning(const char *name, _unused_ void *userdata)
{
	return streq(name, "provisioning");
}

static void test_port_of_open_vswitch(void **state)
{
	add(*state, "provisioning", MAC, NULL);
	add(*state, "veth0", MAC, NULL);
	find(*state, NULL, NULL, -ENOTUNIQ, "provisioning, veth0");
	find(*state, NULL, is_provisioning, 0, "veth0");
}

static int permanent(const char *name, struct mac_addr *ret)
{
	if (!streq(name, "eno1") && !streq(name, "eno2"))
		return -ENODATA;
	*ret = mac_of(streq(name, "eno1") ? MAC : OTHER);
	return 0;
}

/* In a bond both NICs show the MAC of the first. */
static void test_permanent_address(void **state)
{
	add(*state, "eno1", OTHER, "device");
	add(*state, "eno2", MAC, "device");
	find(*state, permanent, NULL, 0, "eno1");
	find(*state, NULL, NULL, 0, "eno2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one, make_sysfs, drop_sysfs),
		cmocka_unit_test_setup_teardown(test_none, make_sysfs, drop_sysfs),
		cmocka_unit_test(test_no_sysfs),
		cmocka_unit_test_setup_teardown(test_several, make_sysfs, drop_sysfs),
		cmocka_unit_test_setup_teardown(
			test_virtual_ones, make_sysfs, drop_sysfs),
		cmocka_unit_test_setup_teardown(
			test_port_of_open_vswitch, make_sysfs, drop_sysfs),
		cmocka_unit_test_setup_teardown(
			test_permanent_address, make_sysfs, drop_sysfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
