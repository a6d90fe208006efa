/* SPDX-License-Identifier: Apache-2.0 */
/* Which steps lead from one role to another, and the record that makes them repeatable. */
#include "tests/unit/harness.h"

#include "nodeagent/plan.h"

static char *kvm_units[] = {
	"virtlogd.socket", "libvirtd.socket", "libvirtd.service", NULL};
static char *kvm_nets[] = {"tunnel", "storage", NULL};
static char *disk_units[] = {"lvm2-monitor.service", "virtlogd.socket", NULL};
static char *no_units[] = {NULL};
static struct roledef compute = {.name = "compute",
	.units = kvm_units,
	.hypervisor = true,
	.vm_networks = kvm_nets};
static struct roledef block = {.name = "storage",
	.kind = "block",
	.units = disk_units,
	.data_vg = "cinder-volumes"};
static struct roledef object = {.name = "storage",
	.kind = "object",
	.units = disk_units,
	.data_dir = "/srv/node"};
static struct roledef controller = {.name = "controller", .units = no_units};

static void expect_steps(const struct plan *p, const char *expected)
{
	char *all = xstrdup("");

	for (size_t i = 0; i < p->n; i++) {
		char *next = xasprintf("%s%s%s%s%s", all, i ? " " : "",
			step_name(p->list[i].type), p->list[i].arg ? ":" : "",
			p->list[i].arg ? p->list[i].arg : "");

		free(all);
		all = next;
	}
	assert_string_equal(all, expected);
	free(all);
}

static struct applied *entered(const struct roledef *def)
{
	return applied_with(NULL, def);
}

static void fresh_node_enters(_unused_ void **state)
{
	_cleanup_(applied_freep) struct applied *none = applied_new();
	_cleanup_(plan_freep) struct plan *p = plan_build(none, &compute, true, false);

	expect_steps(p,
		"IDENTITY OVS NETWORK FIREWALL MODULES RECORD ENABLE START:virtlogd.socket "
		"START:libvirtd.socket START:libvirtd.service VM_NETWORKS SETTLE");
}

/* An address in the external network is guarded before it is there. */
static void outside_is_guarded_first(_unused_ void **state)
{
	_cleanup_(applied_freep) struct applied *old = entered(&controller);
	_cleanup_(plan_freep) struct plan *p = plan_build(old, NULL, true, true);

	expect_steps(p, "IDENTITY OVS FIREWALL NETWORK");
}

static void same_role_leaves_nothing(_unused_ void **state)
{
	_cleanup_(applied_freep) struct applied *old = entered(&block);
	_cleanup_(plan_freep) struct plan *p = plan_build(old, &block, false, false);

	expect_steps(p,
		"IDENTITY RECORD LUKS_ENTER VG_ENTER:cinder-volumes ENABLE "
		"START:lvm2-monitor.service START:virtlogd.socket SETTLE");
}

static void compute_becomes_storage(_unused_ void **state)
{
	_cleanup_(applied_freep) struct applied *old = entered(&compute);
	_cleanup_(plan_freep) struct plan *p = plan_build(old, &block, true, false);

	/* virtlogd.socket is in both roles and keeps running; units stop in reverse order. */
	expect_steps(p,
		"IDENTITY OVS NETWORK FIREWALL GUESTS VM_NETWORKS FORGET_VMS STOP:libvirtd.service "
		"STOP:libvirtd.socket DISABLE RECORD LUKS_ENTER VG_ENTER:cinder-volumes ENABLE "
		"START:lvm2-monitor.service START:virtlogd.socket SETTLE");
	assert_string_equal(p->disable[0], "libvirtd.service");
	assert_string_equal(p->disable[1], "libvirtd.socket");
	assert_null(p->disable[2]);
}

static void storage_changes_kind(_unused_ void **state)
{
	_cleanup_(applied_freep) struct applied *old = entered(&block);
	_cleanup_(plan_freep) struct plan *p = plan_build(old, &object, false, false);

	expect_steps(p,
		"IDENTITY LUKS_OPEN VG_LEAVE:cinder-volumes RECORD LUKS_ENTER XFS_ENTER:/srv/node ENABLE "
		"START:lvm2-monitor.service START:virtlogd.socket SETTLE");
}

static void storage_becomes_controller(_unused_ void **state)
{
	_cleanup_(applied_freep) struct applied *old = entered(&object);
	_cleanup_(plan_freep) struct plan *p = plan_build(old, &controller, false, false);

	expect_steps(p,
		"IDENTITY STOP:virtlogd.socket STOP:lvm2-monitor.service DISABLE "
		"LUKS_OPEN XFS_LEAVE:/srv/node LUKS_CLOSE RECORD SETTLE");
}

static void object_keeps_its_disks_mounted(_unused_ void **state)
{
	_cleanup_(applied_freep) struct applied *old = entered(&object);
	_cleanup_(plan_freep) struct plan *p = plan_build(old, &object, false, false);

	expect_steps(p,
		"IDENTITY RECORD LUKS_ENTER XFS_ENTER:/srv/node ENABLE START:lvm2-monitor.service "
		"START:virtlogd.socket SETTLE");
}

/* The record of a change that was cut short holds both roles: both are left. */
static void interrupted_change_is_left_whole(_unused_ void **state)
{
	_cleanup_(applied_freep) struct applied *old = entered(&compute);
	_cleanup_(applied_freep) struct applied *both = applied_with(old, &block);
	_cleanup_(plan_freep) struct plan *p =
		plan_build(both, &controller, false, false);

	expect_steps(p,
		"IDENTITY GUESTS VM_NETWORKS FORGET_VMS STOP:lvm2-monitor.service "
		"STOP:libvirtd.service STOP:libvirtd.socket STOP:virtlogd.socket DISABLE "
		"LUKS_OPEN VG_LEAVE:cinder-volumes LUKS_CLOSE RECORD SETTLE");
	assert_string_equal(both->role, "storage");
	assert_string_equal(both->kind, "block");
}

static void unknown_role_sees_to_the_network_only(_unused_ void **state)
{
	_cleanup_(applied_freep) struct applied *old = entered(&compute);
	_cleanup_(plan_freep) struct plan *p = plan_build(old, NULL, true, false);

	expect_steps(p, "IDENTITY OVS NETWORK FIREWALL");
}

static void steps_have_words(_unused_ void **state)
{
	struct step start = {STEP_START, (char *)"a.service"}, net = {STEP_NETWORK, NULL};
	_cleanup_free_ char *a = step_text(&start), *b = step_text(&net);

	assert_string_equal(a, "starting a.service");
	assert_string_equal(b, "applying the network");
}

static void record_survives_the_disk(_unused_ void **state)
{
	_cleanup_(applied_freep) struct applied *before = entered(&object);
	_cleanup_(applied_freep) struct applied *a = applied_with(before, &compute),
						*back = NULL, *none = NULL;
	char dir[] = "/tmp/noded-XXXXXX";
	_cleanup_free_ char *path = NULL, *msg = NULL;

	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/var/lib/ondol/noded.json", dir);
	assert_int_equal(applied_load(path, &none, &msg), 0);
	assert_null(none->units[0]);
	assert_int_equal(applied_save(a, path), 0);
	assert_int_equal(applied_load(path, &back, &msg), 0);
	assert_string_equal(back->role, "compute");
	assert_true(back->hypervisor);
	assert_string_equal(back->units[3], "libvirtd.service");
	assert_null(back->units[4]);
	assert_string_equal(back->data_dirs[0], "/srv/node");
	assert_null(back->data_dirs[1]);
	remove_tree(dir);
}

static void damaged_record_is_said(_unused_ void **state)
{
	const char *const bad[] = {"", "[]", "{", "{\"role\":1}",
		"{\"role\":\"a\",\"kind\":\"\",\"units\":[1],\"volume_groups\":[]}",
		"{\"role\":\"a\",\"kind\":\"\",\"units\":[\"../x\"],\"volume_groups\":[]}",
		"{\"role\":\"a\",\"kind\":\"\",\"units\":[\"\"],\"volume_groups\":[]}",
		"{\"role\":\"a\",\"kind\":\"\",\"units\":[]}",
		"{\"role\":\"a\",\"kind\":\"\",\"units\":[],\"volume_groups\":[],"
		"\"data_dirs\":[\"srv\"]}",
		"{\"role\":\"a\",\"kind\":\"\",\"units\":[],\"volume_groups\":[],"
		"\"data_dirs\":[\"/srv/../etc\"]}"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct applied *a = NULL;
		_cleanup_free_ char *msg = NULL;

		assert_int_equal(
			applied_from_text(bad[i], strlen(bad[i]), &a, &msg), -EINVAL);
		assert_non_null(msg);
		assert_null(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fresh_node_enters),
		cmocka_unit_test(outside_is_guarded_first),
		cmocka_unit_test(same_role_leaves_nothing),
		cmocka_unit_test(compute_becomes_storage),
		cmocka_unit_test(storage_changes_kind),
		cmocka_unit_test(storage_becomes_controller),
		cmocka_unit_test(object_keeps_its_disks_mounted),
		cmocka_unit_test(interrupted_change_is_left_whole),
		cmocka_unit_test(unknown_role_sees_to_the_network_only),
		cmocka_unit_test(steps_have_words),
		cmocka_unit_test(record_survives_the_disk),
		cmocka_unit_test(damaged_record_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
