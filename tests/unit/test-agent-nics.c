/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "initramfs/nics.h"
#include "tests/unit/fakefs.h"

static void nic(const char *root, const char *name, const char *mac, const char *type)
{
	_cleanup_free_ char *address = xasprintf("/sys/class/net/%s/address", name);
	_cleanup_free_ char *kind = xasprintf("/sys/class/net/%s/type", name);

	fakefs_put(root, address, mac);
	fakefs_put(root, kind, type);
}

static void test_collect(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = xcalloc(1, sizeof(*inv));
	_cleanup_free_ char *name = NULL;
	struct mac_addr mac;

	nic(*state, "eth0", "94:40:c9:00:02:01\n", "1\n");
	fakefs_link(
		*state, "/sys/class/net/eth0/device", "/sys/devices/pci0/0000:02:00.0");
	fakefs_link(*state, "/sys/devices/pci0/0000:02:00.0/driver",
		"/sys/bus/pci/drivers/tg3");
	fakefs_put(*state, "/sys/class/net/eth0/carrier", "1\n");
	fakefs_put(*state, "/sys/class/net/eth0/speed", "1000\n");
	nic(*state, "eth1", "94:40:c9:00:02:02\n", "1\n");
	fakefs_link(
		*state, "/sys/class/net/eth1/device", "/sys/devices/pci0/0000:02:00.1");
	fakefs_put(*state, "/sys/class/net/eth1/speed", "-1\n");
	nic(*state, "lo", "00:00:00:00:00:00\n", "772\n");
	nic(*state, "br0", "94:40:c9:00:02:09\n", "1\n"); /* nothing behind it */
	nics_collect(*state, inv);
	assert_int_equal(inv->n_nics, 2);
	assert_string_equal(inv->nics[0].name, "eth0");
	assert_string_equal(inv->nics[0].driver, "tg3");
	assert_true(inv->nics[0].link);
	assert_int_equal(inv->nics[0].speed_mbps, 1000);
	assert_string_equal(inv->nics[1].driver, "");
	assert_false(inv->nics[1].link);
	assert_int_equal(inv->nics[1].speed_mbps, 0);

	assert_int_equal(parse_mac("94:40:c9:00:02:02", &mac), 0);
	name = nics_name_of(*state, &mac);
	assert_string_equal(name, "eth1");
	assert_int_equal(parse_mac("94:40:c9:00:02:09", &mac), 0);
	assert_null(nics_name_of(*state, &mac));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
		test_collect, fakefs_setup, fakefs_teardown)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
