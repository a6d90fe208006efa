/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "initramfs/disks.h"
#include "initramfs/smbios.h"
#include "tests/unit/twin-rack.h"
#include "twin/nspawn.h"
#include "twin/switchport.h"
#include "twin/sysroot.h"

/* A plan of containers with its files in a directory of the test's own. */
static struct twin_plan *plan_in(const char *dir)
{
	const char *names[] = {"hp08"};
	struct twin_options opt = {.node_names = names,
		.n_node_names = 1,
		.memory_mib = 4096,
		.form = TWIN_CONTAINERS,
		.dir = dir,
		.disks = dir,
		.images = "/images"};
	struct twin_plan *p = NULL;
	char *msg = NULL;

	if (twin_plan_new(example_rack, &opt, &p, &msg) < 0)
		fail_msg("%s", msg);
	return p;
}

static void make_drives(const struct twin_node *n)
{
	for (size_t i = 0; i < n->n_disks; i++) {
		_cleanup_free_ char *dir = xstrndup(n->disks[i].path,
			strlen(n->disks[i].path) - strlen("/disk1.raw"));

		assert_int_equal(mkdir_p(dir, 0700), 0);
		assert_int_equal(write_file_atomic(n->disks[i].path, "", 0, 0600), 0);
		assert_int_equal(
			truncate(n->disks[i].path, (off_t)n->disks[i].size_bytes), 0);
	}
}

static void the_agent_finds_what_was_declared(void **state)
{
	char dir[] = "/tmp/ondol-test.XXXXXX";
	_cleanup_(twin_plan_freep) struct twin_plan *p =
		plan_in(mkdtemp(dir) ? dir : "/none");
	const struct twin_node *n = &p->nodes[0];
	_cleanup_free_ char *root = sysroot_dir(n), *msg = NULL;
	_cleanup_(inventory_freep) struct inventory *inv = xcalloc(1, sizeof(*inv));
	const int loops[RACK_MAX_DISKS] = {-1, -1, -1};

	make_drives(n);
	assert_int_equal(sysroot_make(p, n, loops, &msg), 0);
	disks_collect(root, inv);
	smbios_collect(root, inv);
	assert_int_equal(inv->n_disks, 3);
	for (size_t i = 0; i < inv->n_disks; i++) {
		const struct twin_disk *d = NULL;

		for (size_t j = 0; j < n->n_disks; j++)
			if (streq(n->disks[j].name, inv->disks[i].name))
				d = &n->disks[j];
		assert_non_null(d);
		assert_string_equal(inv->disks[i].serial, d->serial);
		assert_string_equal(inv->disks[i].wwn, d->wwn);
		assert_int_equal(inv->disks[i].bus, d->bus);
		assert_int_equal(inv->disks[i].size_bytes, d->size_bytes);
		assert_true(inv_disk_is_blank(&inv->disks[i]));
		assert_null(disks_unfit(&inv->disks[i]));
	}
	assert_string_equal(inv->serial, n->rack->serial);
	assert_string_equal(inv->uuid, n->uuid);
	assert_string_equal(inv->product, "ProLiant DL360 Gen10");
	assert_int_equal(inv->memory_bytes, 4096ull << 20);
	assert_true(inv->uefi);
	assert_int_equal(remove_tree(dir), 0);
}

static bool has_word(const struct args *a, const char *word)
{
	for (size_t i = 0; i < a->n; i++)
		if (streq(a->v[i], word))
			return true;
	return false;
}

static void a_container_gets_its_own_drives(void **state)
{
	_cleanup_(twin_plan_freep) struct twin_plan *p = plan_in("/run/t");
	_cleanup_(args_clear) struct args a = {0}, open = {0};
	const int loops[RACK_MAX_DISKS] = {-1, 5, 12};

	nspawn_args(&a, &p->nodes[0], loops, true);
	assert_string_equal(a.v[0], "systemd-nspawn");
	assert_true(has_word(&a, "--bind=/dev/loop5:/dev/sdb"));
	assert_true(has_word(&a, "--bind=/dev/loop12:/dev/nvme0n1"));
	assert_true(has_word(&a, "--bind-ro=/run/t/nodes/hp08/sys:/sys"));
	assert_true(has_word(&a, "--directory=/run/t/nodes/hp08/root"));
	for (size_t i = 0; i < a.n; i++) {
		assert_null(strstr(a.v[i], "loop-control"));
		assert_null(strstr(a.v[i], "/dev/kvm"));
		assert_null(strstr(a.v[i], "sda"));
		assert_null(strstr(a.v[i], "CAP_MKNOD"));
	}
	/* Without a fence no device node may be made at all. */
	nspawn_args(&open, &p->nodes[0], loops, false);
	assert_true(has_word(&open,
		"--drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE,"
		"CAP_SYS_RAWIO,CAP_MKNOD"));
}

static void the_switch_has_no_port_for_a_server_that_is_off(void **state)
{
	_cleanup_(twin_plan_freep) struct twin_plan *p = plan_in("/run/t");
	_cleanup_(args_clear) struct args a = {0}, plug = {0};

	switch_config_args(&a, p);
	assert_false(has_word(&a, "hp08.1"));
	switch_nic_args(&plug, &p->nodes[0].nics[0]);
	assert_true(has_word(&plug, "hp08.1"));
	assert_true(has_word(&plug, "tag=10"));
	assert_true(has_word(&plug, "trunks=20"));
}

static void the_deployment_host_is_the_router(void **state)
{
	_cleanup_(rack_freep) struct rack *rack = example_with(
		NULL, "[network storage]\n", "[network storage]\ngateway = 10.77.40.1\n");
	_cleanup_(twin_plan_freep) struct twin_plan *p = twin_plan_of(rack, 1);
	_cleanup_(args_clear) struct args a = {0};
	char name[TWIN_IF_NAME];

	switch_config_args(&a, p);
	assert_true(has_word(&a, "gw40"));
	assert_false(has_word(&a, "gw30"));
	assert_true(switch_gateway_name(p, rack_network(rack, "storage"), name));
	assert_string_equal(name, "gw40");
	assert_false(switch_gateway_name(p, rack_network(rack, "tunnel"), name));
}

static void memory_is_shared_out(void **state)
{
	assert_int_equal(twin_memory_mib(TWIN_MACHINES, 3, 1ull << 40), 1024);
	assert_int_equal(twin_memory_mib(TWIN_CONTAINERS, 4, 16ull << 30), 4096);
	assert_int_equal(twin_memory_mib(TWIN_CONTAINERS, 10, 1ull << 30), 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_agent_finds_what_was_declared),
		cmocka_unit_test(a_container_gets_its_own_drives),
		cmocka_unit_test(the_switch_has_no_port_for_a_server_that_is_off),
		cmocka_unit_test(the_deployment_host_is_the_router),
		cmocka_unit_test(memory_is_shared_out),
	};

	return cmocka_run_group_tests(tests, example_setup, example_teardown);
}
