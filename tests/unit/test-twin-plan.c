/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "tests/unit/twin-rack.h"

static void expect_nodes(const struct twin_options *opt, const char *want)
{
	const struct rack_node *nodes[RACK_MAX_NODES];
	_cleanup_free_ char *msg = NULL;
	char got[256] = "";
	size_t n = 0;

	assert_int_equal(twin_select(example_rack, opt, nodes, &n, &msg), 0);
	for (size_t i = 0; i < n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s",
			i ? " " : "", nodes[i]->name);
	assert_string_equal(got, want);
}

static void n_nodes_cover_the_roles_first(void **state)
{
	expect_nodes(&(struct twin_options){.n_nodes = 1}, "hp01");
	expect_nodes(&(struct twin_options){.n_nodes = 3}, "hp01 hp02 hp08");
	expect_nodes(&(struct twin_options){.n_nodes = 4}, "hp01 hp02 hp08 hp09");
	expect_nodes(
		&(struct twin_options){.n_nodes = 6}, "hp01 hp02 hp03 hp04 hp08 hp09");
	expect_nodes(&(struct twin_options){0},
		"hp01 hp02 hp03 hp04 hp05 hp06 hp07 hp08 hp09 hp10");
}

static void named_nodes_come_in_file_order(void **state)
{
	const char *names[] = {"hp08", "hp02"};

	expect_nodes(&(struct twin_options){.node_names = names, .n_node_names = 2},
		"hp02 hp08");
}

static void expect_refused(const struct twin_options *opt, const char *want)
{
	const struct rack_node *nodes[RACK_MAX_NODES];
	_cleanup_free_ char *msg = NULL;
	size_t n = 7;

	assert_int_equal(twin_select(example_rack, opt, nodes, &n, &msg), -EINVAL);
	assert_int_equal(n, 7);
	if (!strstr(msg, want))
		fail_msg("expected \"%s\" in: %s", want, msg);
}

static void wrong_choices_are_refused(void **state)
{
	const char *unknown[] = {"hp99"}, *twice[] = {"hp01", "hp01"};

	expect_refused(&(struct twin_options){.n_nodes = 11}, "only 10");
	expect_refused(
		&(struct twin_options){.node_names = unknown, .n_node_names = 1}, "hp99");
	expect_refused(
		&(struct twin_options){.node_names = twice, .n_node_names = 2}, "twice");
}

static void disks_are_the_same_whichever_nodes_run(void **state)
{
	_cleanup_(twin_plan_freep) struct twin_plan *all = twin_plan_of(example_rack, 0),
						    *three =
							    twin_plan_of(example_rack, 3);
	const struct twin_node *a = twin_plan_node(all, "hp08"),
			       *b = twin_plan_node(three, "hp08");

	assert_int_equal(a->n_disks, 3);
	for (size_t i = 0; i < a->n_disks; i++) {
		assert_string_equal(a->disks[i].serial, b->disks[i].serial);
		assert_string_equal(a->disks[i].wwn, b->disks[i].wwn);
	}
	assert_int_equal(a->sol_port, b->sol_port);
	assert_null(twin_plan_node(three, "hp03"));
	assert_string_equal(a->disks[0].serial, "TWhp08-1");
	assert_string_equal(a->disks[2].path, "/var/t/hp08/disk3.raw");
	assert_true(str_startswith(a->disks[0].wwn, "5000c500"));
	assert_int_equal(strlen(a->disks[0].wwn), 16);
	assert_int_equal(a->disks[0].size_bytes, 480000000000ull);
	assert_int_equal(a->disks[2].bus, DISK_BUS_NVME);
}

static void declared_disks_are_taken(void **state)
{
	_cleanup_(rack_freep) struct rack *r = example_with(NULL, "serial  = CZJ0010001",
		"serial  = CZJ0010001\ndisk.1.serial = S1\ndisk.1.wwn = 5000c500a1b2c301");
	_cleanup_(twin_plan_freep) struct twin_plan *p = twin_plan_of(r, 1);

	assert_string_equal(p->nodes[0].disks[0].serial, "S1");
	assert_string_equal(p->nodes[0].disks[0].wwn, "5000c500a1b2c301");
	assert_string_equal(p->nodes[0].disks[1].serial, "TWhp01-2");
}

static void expect_no_plan(const struct rack *r, const char *dir, const char *want)
{
	struct twin_options opt = {
		.dir = dir, .disks = "/var/t", .memory_mib = 512, .cpus = 1};
	_cleanup_free_ char *msg = NULL;
	struct twin_plan *p = NULL;

	assert_int_equal(twin_plan_new(r, &opt, &p, &msg), -EINVAL);
	assert_null(p);
	if (!strstr(msg, want))
		fail_msg("expected \"%s\" in: %s", want, msg);
}

static void what_a_twin_cannot_have_is_said(void **state)
{
	_cleanup_(rack_freep) struct rack *serial =
		example_with(NULL, "serial  = CZJ0010001",
			"serial  = CZJ0010001\ndisk.1.serial = S12345678901234567890");
	_cleanup_(rack_freep) struct rack *wwn = example_with(NULL,
		"serial  = CZJ0010001",
		"serial  = CZJ0010001\ndisk.1.wwn = 5000c500a1b2c3015000c500a1b2c301");

	expect_no_plan(serial, "/run/t", "room for 20");
	expect_no_plan(wwn, "/run/t", "WWNs of 16");
	expect_no_plan(example_rack, "/run/with blank", "expected only letters");
	expect_no_plan(example_rack, "/run/a\";reboot;\"", "expected only letters");
	expect_no_plan(example_rack,
		"/run/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"shorter --dir");
}

static void long_names_still_fit(void **state)
{
	_cleanup_(rack_freep) struct rack *r = example_with(
		NULL, "[node hp01]", "[node a-rather-long-name-of-a-server]");
	_cleanup_(twin_plan_freep) struct twin_plan *p = twin_plan_of(r, 1);
	const struct twin_node *n = &p->nodes[0];

	assert_string_equal(n->nics[1].tap, "node1.2");
	assert_true(strlen(n->disks[0].serial) <= TWIN_DISK_SERIAL);
	assert_string_not_equal(n->disks[0].serial, n->disks[1].serial);
}

static void addresses_and_mtus(void **state)
{
	_cleanup_(twin_plan_freep) struct twin_plan *p = twin_plan_of(example_rack, 1);
	char addr[16];

	format_ipv4(p->bmc_host, addr);
	assert_string_equal(addr, "10.77.1.2");
	assert_int_equal(p->nodes[0].nics[0].mtu, 1500);
	assert_int_equal(p->nodes[0].nics[1].mtu, 9000);
	assert_string_equal(p->nodes[0].nics[0].tap, "hp01.1");
	assert_string_equal(p->bmc_if, "bmc0");
}

static void deployment_host_avoids_the_bmcs(void **state)
{
	_cleanup_(rack_freep) struct rack *r =
		example_with(NULL, "bmc     = 10.77.1.11", "bmc = 10.77.1.2");
	_cleanup_(twin_plan_freep) struct twin_plan *p = twin_plan_of(r, 1);
	char addr[16];

	format_ipv4(p->bmc_host, addr);
	assert_string_equal(addr, "10.77.1.3");
}

static void a_node_without_uuid_gets_one(void **state)
{
	_cleanup_(rack_freep) struct rack *r = example_with(
		NULL, "uuid    = 39383838-3738-5a43-4a30-303130303101\n", "");
	_cleanup_(twin_plan_freep) struct twin_plan *p = twin_plan_of(r, 1);
	char uuid[37];

	assert_int_equal(parse_uuid(p->nodes[0].uuid, uuid), 0);
	assert_non_null(strstr(uuid, "9440c9000101"));
}

static void accel_names(void **state)
{
	enum twin_accel a = TWIN_ACCEL_AUTO;

	assert_int_equal(twin_accel_parse("kvm", &a), 0);
	assert_int_equal(a, TWIN_ACCEL_KVM);
	assert_int_equal(twin_accel_parse("xen", &a), -EINVAL);
	assert_int_equal(a, TWIN_ACCEL_KVM);
	assert_string_equal(twin_accel_str(TWIN_ACCEL_TCG), "tcg");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(n_nodes_cover_the_roles_first),
		cmocka_unit_test(named_nodes_come_in_file_order),
		cmocka_unit_test(wrong_choices_are_refused),
		cmocka_unit_test(disks_are_the_same_whichever_nodes_run),
		cmocka_unit_test(declared_disks_are_taken),
		cmocka_unit_test(what_a_twin_cannot_have_is_said),
		cmocka_unit_test(long_names_still_fit),
		cmocka_unit_test(addresses_and_mtus),
		cmocka_unit_test(deployment_host_avoids_the_bmcs),
		cmocka_unit_test(a_node_without_uuid_gets_one),
		cmocka_unit_test(accel_names),
	};

	return cmocka_run_group_tests(tests, example_setup, example_teardown);
}
