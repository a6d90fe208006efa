/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "tests/unit/twin-rack.h"
#include "twin/switchport.h"

static char *joined(const struct args *a)
{
	char *line = xstrdup("");

	for (size_t i = 0; i < a->n; i++) {
		char *longer = xasprintf("%s%s%s", line, i ? " " : "", a->v[i]);

		free(line);
		line = longer;
	}
	return line;
}

static void expect_vlans(const struct rack_nic *nic, const char *want)
{
	_cleanup_(args_clear) struct args a = {0};
	_cleanup_free_ char *got = NULL;

	switch_vlan_args(&a, nic);
	got = joined(&a);
	assert_string_equal(got, want);
}

static void a_port_carries_what_its_nic_is_said_to(void **state)
{
	struct rack_network ten = {.vlan = 10}, twenty = {.vlan = 20},
			    thirty = {.vlan = 30};

	expect_vlans(&(struct rack_nic){.native = &ten}, "tag=10");
	expect_vlans(
		&(struct rack_nic){.native = &ten, .tagged = {&twenty}, .n_tagged = 1},
		"tag=10 vlan_mode=native-untagged trunks=20");
	expect_vlans(&(struct rack_nic){.tagged = {&twenty, &thirty}, .n_tagged = 2},
		"vlan_mode=trunk trunks=20,30");
	expect_vlans(&(struct rack_nic){0}, "");
}

static void sixteen_long_vlans_fit(void **state)
{
	struct rack_network n = {.vlan = 4094};
	struct rack_nic nic = {.n_tagged = RACK_MAX_NETWORKS};
	_cleanup_(args_clear) struct args a = {0};

	for (size_t i = 0; i < RACK_MAX_NETWORKS; i++)
		nic.tagged[i] = &n;
	switch_vlan_args(&a, &nic);
	assert_int_equal(
		strlen(a.v[a.n - 1]), strlen("trunks=") + RACK_MAX_NETWORKS * 5 - 1);
}

static void the_whole_switch(void **state)
{
	_cleanup_(twin_plan_freep) struct twin_plan *p = twin_plan_of(example_rack, 1);
	_cleanup_(args_clear) struct args a = {0};
	_cleanup_free_ char *got = NULL;

	switch_config_args(&a, p);
	got = joined(&a);
	assert_string_equal(got,
		"add-br sw0 -- set Bridge sw0 datapath_type=netdev stp_enable=false rstp_enable=false "
		"-- add-port sw0 deploy0 tag=10 -- set Interface deploy0 type=internal mtu_request=1500 "
		"-- add-port sw0 bmc0 tag=11 -- set Interface bmc0 type=internal mtu_request=1500 "
		"-- add-port sw0 gw20 tag=20 -- set Interface gw20 type=internal mtu_request=1500 "
		"-- add-port sw0 gw50 tag=50 -- set Interface gw50 type=internal mtu_request=1500 "
		"-- add-port sw0 hp01.1 tag=10 vlan_mode=native-untagged trunks=20 "
		"-- set Interface hp01.1 mtu_request=1500 "
		"-- add-port sw0 hp01.2 vlan_mode=trunk trunks=30,40,50 "
		"-- set Interface hp01.2 mtu_request=9000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_port_carries_what_its_nic_is_said_to),
		cmocka_unit_test(sixteen_long_vlans_fit),
		cmocka_unit_test(the_whole_switch),
	};

	return cmocka_run_group_tests(tests, example_setup, example_teardown);
}
