/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "netconf/links.h"

static const struct plan_link want = {.name = (char *)"storage",
	.mtu = 9000,
	.address = 0x0a4d280c,
	.prefix = 24,
	.gateway = 0x0a4d2801};

static void expect(
	const struct plan_link *w, const struct link_state *s, const char *text)
{
	_cleanup_free_ char *diff = link_diff(w, s);

	if (text)
		assert_string_equal(diff, text);
	else
		assert_null(diff);
}

static void test_as_planned(void **state)
{
	struct link_addr a = {0x0a4d280c, 24};
	struct link_state s = {.exists = true,
		.up = true,
		.mtu = 9000,
		.addrs = &a,
		.n_addrs = 1,
		.gateway = 0x0a4d2801};

	expect(&want, &s, NULL);
	assert_true(link_state_has(&s, 0x0a4d280c, 24));
	assert_false(link_state_has(&s, 0x0a4d280c, 25));
}

static void test_not_there(void **state)
{
	const struct link_state s = {0};

	expect(&want, &s, "storage: no such interface");
}

static void test_everything_differs(void **state)
{
	struct link_addr a[] = {{0x0a4d280c, 16}, {0xc0000201, 24}};
	const struct link_state s = {
		.exists = true, .mtu = 1500, .addrs = a, .n_addrs = 2};

	expect(&want, &s,
		"storage: down; MTU 1500 -> 9000; address 10.77.40.12/24 missing; "
		"address 10.77.40.12/16 not wanted; address 192.0.2.1/24 not wanted; "
		"gateway none -> 10.77.40.1");
}

static void test_nic_without_address(void **state)
{
	const struct plan_link nic = {
		.name = (char *)"eno1", .uplink = true, .mtu = 1500};
	struct link_addr a = {0x0a4d000c, 24};
	struct link_state s = {.exists = true, .up = true, .mtu = 1500};

	expect(&nic, &s, NULL);
	s.addrs = &a;
	s.n_addrs = 1;
	s.gateway = 0x0a4d0001;
	expect(&nic, &s,
		"eno1: address 10.77.0.12/24 not wanted; gateway 10.77.0.1 -> none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_planned),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_everything_differs),
		cmocka_unit_test(test_nic_without_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
