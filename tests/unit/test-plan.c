/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"
#include "tests/unit/small-rack.h"

#include "bootstrap/plan.h"
#include "bootstrap/summary.h"
#include "common/jsonx.h"

static const char disk[] = "disk.1.use = system\ndisk.1.bus = sata\ndisk.1.size = 480G\n";

/* An inventory with one disk; signatures: what is on it, as JSON. */
static struct inventory *load_inventory(const char *size, const char *signatures)
{
	_cleanup_free_ char *msg = NULL;
	_cleanup_free_ char *text = xasprintf(
		"{\"vendor\": \"HPE\", \"product\": \"X\", \"serial\": \"A\","
		"\"uuid\": \"39383838-3738-5a43-4a30-303130303101\", \"bios_version\": \"1\","
		"\"cpus\": 1, \"cpu_model\": \"m\", \"cpu_virt\": true, \"memory_bytes\": 1,"
		"\"uefi\": true, \"nics\": [], \"disks\": [{\"name\": \"sda\", \"serial\": \"S1\","
		"\"wwn\": \"5000c500a1b2c301\", \"model\": \"M\", \"bus\": \"sata\", \"bay\": 1,"
		"\"size_bytes\": %s, \"sector_bytes\": 512, \"rotational\": false,"
		"\"removable\": false, \"read_only\": false, \"signatures\": %s}]}",
		size, signatures);
	_cleanup_(jx_freep) json_t *json = jx_parse(text, strlen(text), &msg);
	struct inventory *inv = NULL;

	if (!json || inventory_from_json(json, &inv, &msg) < 0)
		fail_msg("%s", msg);
	return inv;
}

static void disk_is(const char *size, const char *signatures, const char *expected)
{
	_cleanup_(rack_freep) struct rack *rack = small_rack(disk);
	_cleanup_(inventory_freep) struct inventory *inv =
		size ? load_inventory(size, signatures) : NULL;
	_cleanup_free_ char *text = plan_disk_text(&rack->nodes[0], 0, inv);

	assert_string_equal(text, expected);
}

static void test_disk_never_seen(void **state)
{
	disk_is(NULL, NULL, "bay 1, sata, 480.0 GB");
}

static void test_disk_seen(void **state)
{
	disk_is("480103981056", "[]", "bay 1, sata, 480.0 GB, serial S1; on it: blank");
	disk_is("480103981056",
		"[{\"where\": \"\", \"type\": \"gpt\", \"label\": \"\"},"
		"{\"where\": \"p1\", \"type\": \"vfat\", \"label\": \"ondol-esp\"}]",
		"bay 1, sata, 480.0 GB, serial S1; on it: an ondol system");
}

static void test_disk_foreign(void **state)
{
	_cleanup_(rack_freep) struct rack *rack = small_rack(disk);
	_cleanup_(inventory_freep) struct inventory *inv = load_inventory("480103981056",
		"[{\"where\": \"p2\", \"type\": \"LVM2_member\", \"label\": \"\"}]");
	_cleanup_free_ char *text = plan_disk_text(&rack->nodes[0], 0, inv);

	assert_non_null(strstr(text, "serial S1; on it: "));
	assert_non_null(strstr(text, "LVM2_member"));
}

/* What is there is not what is declared: that is what is told. */
static void test_disk_other_size(void **state)
{
	_cleanup_(rack_freep) struct rack *rack = small_rack(disk);
	_cleanup_(inventory_freep) struct inventory *inv =
		load_inventory("960000000000", "[]");
	_cleanup_free_ char *text = plan_disk_text(&rack->nodes[0], 0, inv);

	assert_true(str_startswith(text, "bay 1: "));
	assert_null(strstr(text, "on it"));
}

static void test_summary(void **state)
{
	_cleanup_(rack_freep) struct rack *rack = small_rack(disk);
	_cleanup_(jx_freep) json_t *json = summary_json(rack);
	_cleanup_free_ char *text = summary_text(rack);

	assert_non_null(
		strstr(text, "rack.ini is good: the rack lab has 1 node: 1 controller."));
	assert_non_null(
		strstr(text, "provisioning VLAN 10 10.77.0.0/24 MTU 1500; BMCs VLAN 11"));
	assert_int_equal(json_array_size(json_object_get(json, "nodes")), 1);
	assert_int_equal(json_array_size(json_object_get(json, "networks")), 1);
}

static void test_problems_json(void **state)
{
	struct problems p = {0};
	_cleanup_(jx_freep) json_t *json = NULL;

	problems_add(&p, "rack.ini", 7, "bmc", NULL, "x %d", 1);
	json = problems_json(&p);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(json, 0), "line")), 7);
	assert_true(json_is_null(json_object_get(json_array_get(json, 0), "key")));
	problems_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disk_never_seen),
		cmocka_unit_test(test_disk_seen),
		cmocka_unit_test(test_disk_foreign),
		cmocka_unit_test(test_disk_other_size),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_problems_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
