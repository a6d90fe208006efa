/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces as measured against ports as desired. */
#include "tests/unit/harness.h"

#include "nodeagent/netcheck.h"

#define A(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static struct desired_bridge bridges[] = {{.name = (char *)"br-nic1",
	.uplink = {{0x94, 0x40, 0xc9, 0, 2, 1}},
	.mtu = 9000}};
static struct desired_port ports[] = {{.name = (char *)"provisioning",
					      .bridge = (char *)"br-nic1",
					      .vlan = 10,
					      .mtu = 1500,
					      .address = A(10, 77, 0, 12),
					      .prefix = 24},
	{.name = (char *)"storage",
		.bridge = (char *)"br-nic1",
		.vlan = 40,
		.mtu = 9000,
		.address = A(10, 77, 40, 12),
		.prefix = 24}};
static struct desired desired = {
	.bridges = bridges, .n_bridges = 1, .ports = ports, .n_ports = 2};

static void good(struct netif list[4])
{
	const struct mac_addr mac = bridges[0].uplink;

	list[0] = (struct netif){
		.name = "br-nic1", .up = true, .running = true, .mtu = 1500, .mac = mac};
	list[1] = (struct netif){
		.name = "enp1s0", .up = true, .running = true, .mtu = 9000, .mac = mac};
	list[2] = (struct netif){.name = "provisioning",
		.up = true,
		.running = true,
		.mtu = 1500,
		.mac = mac,
		.addresses = {A(10, 77, 0, 12)},
		.prefixes = {24},
		.n_addresses = 1};
	list[3] = (struct netif){.name = "storage",
		.up = true,
		.running = true,
		.mtu = 9000,
		.addresses = {A(169, 254, 0, 1), A(10, 77, 40, 12)},
		.prefixes = {16, 24},
		.n_addresses = 2};
}

static void expect(const struct netif list[4], const char *word)
{
	struct netstate s = {.list = (struct netif *)list, .n = 4};
	_cleanup_free_ char *wrong = netcheck_judge(&s, &desired);

	if (!word) {
		assert_null(wrong);
	} else {
		assert_non_null(wrong);
		assert_non_null(strstr(wrong, word));
	}
}

static void each_fault_is_found(_unused_ void **state)
{
	struct netif list[4];

	good(list);
	expect(list, NULL);
	list[2].n_addresses = 0;
	expect(list, "provisioning: expected address 10.77.0.12/24, found none");
	good(list);
	list[3].prefixes[1] = 16;
	expect(list, "storage: expected address 10.77.40.12/24, found another");
	good(list);
	list[3].mtu = 1500;
	expect(list, "storage: expected MTU 9000, found 1500");
	good(list);
	list[3].up = false;
	expect(list, "port storage is down");
	good(list);
	strcpy(list[3].name, "stor");
	expect(list, "port storage (VLAN 40 on br-nic1) is not there");
	good(list);
	list[1].running = false;
	expect(list, "enp1s0 (94:40:c9:00:02:01) of br-nic1 has no link");
	good(list);
	list[1].mac.b[5] = 9;
	expect(list, "NIC 94:40:c9:00:02:01 of br-nic1 is not there");
	good(list);
	list[1].mtu = 1500;
	expect(list, "expected MTU 9000, found 1500");
}

static void all_faults_are_told_at_once(_unused_ void **state)
{
	struct netif list[4];

	good(list);
	list[1].running = false;
	list[2].n_addresses = 0;
	expect(list, "; port provisioning");
	expect(list, "has no link");
}

static void the_real_machine_can_be_read(_unused_ void **state)
{
	_cleanup_(netstate_clear) struct netstate s = {0};
	const struct netif *lo;

	assert_int_equal(netstate_collect(&s), 0);
	lo = netstate_find(&s, "lo");
	if (!lo)
		skip();
	assert_true(lo->mtu > 0);
}

static void words(_unused_ void **state)
{
	_cleanup_free_ char *text = netcheck_describe(&desired);

	assert_string_equal(
		text, "provisioning 10.77.0.12/24, storage 10.77.40.12/24 MTU 9000");
	assert_true(netcheck_is_ours(&desired, A(10, 77, 40, 12)));
	assert_false(netcheck_is_ours(&desired, A(10, 77, 40, 13)));
	assert_false(netcheck_is_ours(&desired, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_is_found),
		cmocka_unit_test(all_faults_are_told_at_once),
		cmocka_unit_test(the_real_machine_can_be_read),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
