/* SPDX-License-Identifier: Apache-2.0 */
/* Inventory, disk matching, install order and desired state: out, back in, and broken. */
#include "tests/unit/harness.h"
#include "tests/unit/example-rack.h"

#include "common/diskmatch.h"
#include "common/jsonx.h"
#include "common/order.h"

#define RACK "3f2a9c01-77de-8b04"

static const char inventory_text[] =
	"{\"vendor\":\"HPE\",\"product\":\"ProLiant DL360 Gen10\",\"serial\":\"CZJ0010008\","
	"\"uuid\":\"39383838-3738-5a43-4a30-303130303108\",\"cpus\":2,\"memory_bytes\":1073741824,"
	"\"cpu_virt\":true,\"uefi\":true,\"disks\":["
	"{\"name\":\"sda\",\"serial\":\"S1\",\"wwn\":\"5000c50000000001\",\"model\":\"m\",\"bus\":\"sata\","
	"\"bay\":1,\"size_bytes\":480103981056,\"sector_bytes\":512,\"signatures\":[]},"
	"{\"name\":\"sdb\",\"serial\":\"S2\",\"wwn\":\"\",\"model\":\"m\",\"bus\":\"sata\","
	"\"bay\":2,\"size_bytes\":480103981056,\"sector_bytes\":512,\"signatures\":["
	"{\"where\":\"\",\"type\":\"gpt\",\"label\":\"" RACK "-9d4a-d1b2a3c4d5e6\"},"
	"{\"where\":\"p1\",\"type\":\"vfat\",\"label\":\"ondol-esp\"}]},"
	"{\"name\":\"nvme0n1\",\"serial\":\"D1\",\"wwn\":\"\",\"model\":\"m\",\"bus\":\"nvme\","
	"\"bay\":-1,\"size_bytes\":1920383410176,\"sector_bytes\":512,\"signatures\":["
	"{\"where\":\"p2\",\"type\":\"LVM2_member\",\"label\":\"\"}]}],"
	"\"nics\":[{\"name\":\"eth0\",\"mac\":\"94:40:c9:00:08:01\",\"driver\":\"tg3\",\"link\":true,"
	"\"speed_mbps\":1000}]}";

static struct inventory *inventory(void)
{
	_cleanup_(jx_freep) json_t *root = NULL;
	_cleanup_free_ char *msg = NULL;
	struct inventory *inv = NULL;

	root = jx_parse(inventory_text, strlen(inventory_text), &msg);
	assert_non_null(root);
	if (inventory_from_json(root, &inv, &msg) < 0)
		fail_msg("%s", msg);
	return inv;
}

static void inventory_there_and_back(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = inventory(), *again = NULL;
	_cleanup_(jx_freep) json_t *a = inventory_to_json(inv), *b = NULL;
	_cleanup_free_ char *msg = NULL, *what = NULL;

	assert_int_equal(inventory_from_json(a, &again, &msg), 0);
	b = inventory_to_json(again);
	assert_true(json_equal(a, b));
	assert_true(inv_disk_is_blank(&inv->disks[0]));
	assert_true(inv_disk_is_ours(&inv->disks[1], RACK));
	assert_false(inv_disk_is_ours(&inv->disks[1], "3f2a9c01-77de-8b05"));
	assert_true(inv_disk_is_ondols(&inv->disks[1]));
	assert_false(inv_disk_is_ours(&inv->disks[2], RACK));
	what = inv_disk_contents(&inv->disks[2]);
	assert_string_equal(what, "LVM2_member on p2");
}

static void hostile_inventory(void **state)
{
	static const char *const breaks[][2] = {{"\"bay\":1", "\"bay\":-7"},
		{"\"cpus\":2", "\"cpus\":\"2\""},
		{"94:40:c9:00:08:01", "01:40:c9:00:08:01"},
		{"\"bus\":\"nvme\"", "\"bus\":\"floppy\""},
		{"\"size_bytes\":480103981056", "\"size_bytes\":-1"},
		{"\"serial\":\"S1\"", "\"serial\":\"S\\u00011\""},
		{"\"disks\":[", "\"disk\":["}, {"39383838-", "39383838+"}};

	for (size_t i = 0; i < ARRAY_SIZE(breaks); i++) {
		const char *at = strstr(inventory_text, breaks[i][0]);
		_cleanup_free_ char *text =
			xasprintf("%.*s%s%s", (int)(at - inventory_text), inventory_text,
				breaks[i][1], at + strlen(breaks[i][0]));
		_cleanup_free_ char *msg = NULL;
		_cleanup_(jx_freep) json_t *root = jx_parse(text, strlen(text), &msg);
		struct inventory *inv = NULL;

		assert_non_null(root);
		assert_int_equal(inventory_from_json(root, &inv, &msg), -EINVAL);
		assert_non_null(msg);
		assert_null(inv);
	}
}

static void json_limits(void **state)
{
	/* many, but not deep */
	static const char wide[] =
		"[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},"
		"{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{\"a\":\"[[[\\\"[\"}]";
	_cleanup_(jx_freep) json_t *flat = NULL;
	_cleanup_free_ char *msg = NULL, *msg2 = NULL, *msg3 = NULL;
	char deep[101];

	flat = jx_parse(wide, strlen(wide), &msg);
	assert_non_null(flat);
	memset(deep, '[', 100);
	deep[100] = '\0';
	assert_null(jx_parse(deep, 100, &msg));
	assert_non_null(strstr(msg, "deeper"));
	assert_null(jx_parse("{\"a\":1,\"a\":2}", 13, &msg2));
	assert_null(jx_parse("{} x", 4, &msg3));
}

static void matching(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = inventory();
	const struct rack_node *n = rack_node(example_rack, "hp08");
	const struct inv_disk *d = NULL;
	_cleanup_free_ char *msg = NULL, *msg2 = NULL;

	assert_int_equal(disk_match(n, 0, inv, &d, &msg), 0);
	assert_string_equal(d->serial, "S1");
	assert_int_equal(disk_match(n, 2, inv, &d, &msg), 0);
	assert_string_equal(d->serial, "D1");
	/* where no bay can be told, two alike are refused rather than guessed */
	inv->disks[0].bay = inv->disks[1].bay = -1;
	assert_int_equal(disk_match(n, 0, inv, &d, &msg), -ENOTUNIQ);
	assert_non_null(strstr(msg, "more than one disk"));
	inv->disks[0].size_bytes = inv->disks[1].size_bytes = 960000000000;
	assert_int_equal(disk_match(n, 0, inv, &d, &msg2), -ENOENT);
	assert_non_null(strstr(msg2, "serial S1"));
}

static void never_candidates(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = inventory();
	const struct rack_node *n = rack_node(example_rack, "hp08");
	const struct inv_disk *d = NULL;
	char *msg = NULL;

	inv->disks[0].removable = true;
	assert_int_equal(disk_match(n, 0, inv, &d, &msg), -ENOENT);
	util_freep(&msg);
	inv->disks[0].removable = false;
	inv->disks[0].read_only = true;
	assert_int_equal(disk_match(n, 0, inv, &d, &msg), -ENOENT);
	util_freep(&msg);
}

static void desired_there_and_back(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = inventory();
	_cleanup_(desired_freep) struct desired *d = desired_from_rack(example_rack,
							rack_node(example_rack, "hp08"),
							inv, 7),
						*again = NULL;
	_cleanup_(jx_freep) json_t *a = desired_to_json(d), *b = NULL;
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(d->n_bridges, 2);
	assert_int_equal(d->bridges[0].native_vlan, 10);
	assert_int_equal(d->n_ports, 4);
	assert_int_equal(d->n_providers, 1);
	assert_string_equal(d->providers[0].name, "external");
	assert_string_equal(d->providers[0].bridge, "br-nic2");
	assert_int_equal(d->providers[0].vlan, 50);
	for (size_t i = 0; i < d->n_ports; i++)
		assert_int_equal(d->ports[i].tunnel, streq(d->ports[i].name, "tunnel"));
	assert_int_equal(d->n_data_disks, 1);
	assert_string_equal(d->data_disks[0].serial, "D1");
	assert_int_equal(d->n_peers, 10);
	if (desired_from_json(a, &again, &msg) < 0)
		fail_msg("%s", msg);
	b = desired_to_json(again);
	assert_true(json_equal(a, b));
}

static void desired_must_fit_together(void **state)
{
	_cleanup_(desired_freep) struct desired *d = desired_from_rack(example_rack,
							rack_node(example_rack, "hp01"),
							NULL, 1),
						*again = NULL;
	_cleanup_(jx_freep) json_t *a = NULL;
	_cleanup_free_ char *msg = NULL;

	d->ports[3].vlan = 999;
	a = desired_to_json(d);
	assert_int_equal(desired_from_json(a, &again, &msg), -EINVAL);
	assert_non_null(strstr(msg, "carries VLAN 999"));
}

static void desired_providers(void **state)
{
	_cleanup_(desired_freep) struct desired *d = desired_from_rack(example_rack,
							rack_node(example_rack, "hp01"),
							NULL, 1),
						*old = NULL, *again = NULL;
	_cleanup_(jx_freep) json_t *a = desired_to_json(d);
	_cleanup_free_ char *msg = NULL, *msg2 = NULL;
	json_t *list = json_incref(json_object_get(a, "providers"));

	/* a document from before there were any */
	json_object_del(a, "providers");
	assert_int_equal(desired_from_json(a, &old, &msg), 0);
	assert_int_equal(old->n_providers, 0);
	json_object_set_new(a, "providers", list);
	json_object_set_new(json_array_get(list, 0), "vlan", json_integer(999));
	assert_int_equal(desired_from_json(a, &again, &msg), -EINVAL);
	assert_non_null(
		strstr(msg, "providers: external: no bridge br-nic2 carries VLAN 999"));
	json_object_set_new(
		json_array_get(list, 0), "name", json_string("thirteen-long"));
	assert_int_equal(desired_from_json(a, &again, &msg2), -EINVAL);
	assert_non_null(strstr(msg2, "providers"));
	assert_null(again);
}

#define DIGEST "0000000000000000000000000000000000000000000000000000000000000000"

static void order_with_swap(const json_t *order)
{
	_cleanup_(jx_freep) json_t *doc = json_deep_copy(order), *again = NULL;
	_cleanup_(install_order_freep) struct install_order *o = NULL, *none = NULL;
	_cleanup_free_ char *msg = NULL;

	json_object_set_new(doc, "swap_bytes", json_integer(1 << 30));
	assert_int_equal(install_order_from_json(doc, &o, &msg), 0);
	assert_int_equal(o->swap_bytes, 1 << 30);
	again = install_order_to_json(o);
	assert_true(json_equal(again, doc));
	json_object_set_new(doc, "swap_bytes", json_integer(-1));
	assert_int_equal(install_order_from_json(doc, &none, &msg), -EINVAL);
	assert_non_null(strstr(msg, "swap_bytes"));
}

/* The same with a mirror, which is another disk and has its own yes. */
static void order_with_mirror(const json_t *order)
{
	_cleanup_(jx_freep) json_t *doc = json_deep_copy(order), *again = NULL;
	_cleanup_(install_order_freep) struct install_order *o = NULL, *none = NULL;
	_cleanup_free_ char *msg = NULL, *msg2 = NULL, *msg3 = NULL;
	json_t *mirror = json_pack("{s:s, s:s, s:I, s:[], s:b}", "serial", "S2", "wwn",
		"", "size_bytes", (json_int_t)480103981056, "holds", "wipe", 1);

	json_object_set_new(doc, "mirror", mirror);
	if (install_order_from_json(doc, &o, &msg) < 0)
		fail_msg("%s", msg);
	assert_int_equal(o->n_targets, 2);
	assert_string_equal(o->targets[1].disk.serial, "S2");
	assert_true(o->targets[1].wipe && !o->targets[0].wipe);
	assert_int_equal(o->targets[1].holds.n, 0);
	again = install_order_to_json(o);
	assert_true(json_equal(again, doc));
	order_with_swap(doc);
	json_object_set_new(mirror, "serial", json_string("S1"));
	assert_int_equal(install_order_from_json(doc, &none, &msg2), -EINVAL);
	assert_non_null(strstr(msg2, "another disk than the system disk"));
	json_object_set_new(mirror, "serial", json_string("S2"));
	json_object_del(mirror, "holds");
	assert_int_equal(install_order_from_json(doc, &none, &msg3), -EINVAL);
	assert_non_null(strstr(msg3, "mirror"));
	assert_null(none);
}

static void install_order(void **state)
{
	_cleanup_(install_order_freep) struct install_order *o = xcalloc(1, sizeof(*o)),
							    *again = NULL;
	_cleanup_(jx_freep) json_t *a = NULL;
	_cleanup_free_ char *msg = NULL, *msg2 = NULL, *msg3 = NULL;
	struct inv_signatures *holds;

	o->targets[0].disk = (struct order_disk){
		.serial = xstrdup("S1"), .wwn = xstrdup(""), .size_bytes = 480103981056};
	o->n_targets = 1;
	o->image = (struct order_image){.path = xstrdup("/files/core/root.erofs.zst"),
		.version = xstrdup("1"),
		.sha256 = xstrdup(DIGEST),
		.size_bytes = 10,
		.raw_bytes = 20,
		.blocks_path = xstrdup("/files/core/root.blocks"),
		.blocks_sha256 = xstrdup(DIGEST),
		.manifest = xstrdup("{\"schema\": 1}\n"),
		.signature = xstrdup(DIGEST DIGEST),
		.cast_group = 0xefff0002,
		.cast_port = 8782,
		.raw_sha256 = xstrdup(DIGEST)};
	holds = &o->targets[0].holds;
	holds->list = xcalloc(1, sizeof(*holds->list));
	holds->list[holds->n++] =
		(struct inv_signature){xstrdup("p2"), xstrdup("ext4"), xstrdup("home")};
	o->rack_id = xstrdup(RACK);
	o->desired = json_object();
	a = install_order_to_json(o);
	if (install_order_from_json(a, &again, &msg) < 0)
		fail_msg("%s", msg);
	assert_string_equal(again->targets[0].disk.serial, "S1");
	assert_int_equal(again->image.raw_bytes, 20);
	assert_string_equal(again->image.blocks_path, "/files/core/root.blocks");
	assert_string_equal(again->image.manifest, "{\"schema\": 1}\n");
	assert_string_equal(again->image.signature, DIGEST DIGEST);
	assert_int_equal(again->image.cast_group, 0xefff0002);
	assert_int_equal(again->image.cast_port, 8782);
	assert_string_equal(again->image.raw_sha256, DIGEST);
	assert_null(inv_signatures_beyond(holds, &again->targets[0].holds));
	assert_int_equal(again->targets[0].holds.n, 1);
	assert_int_equal(again->n_targets, 1);
	install_order_freep(&again);
	order_with_mirror(a);
	/* a disk without a name is never written */
	json_object_set_new(json_object_get(a, "system"), "serial", json_string(""));
	assert_int_equal(install_order_from_json(a, &again, &msg), -EINVAL);
	assert_null(again);
	/* nor one of which it is not said what was seen on it */
	json_object_set_new(json_object_get(a, "system"), "serial", json_string("S1"));
	json_object_del(a, "holds");
	assert_int_equal(install_order_from_json(a, &again, &msg2), -EINVAL);
	assert_non_null(strstr(msg2, "holds"));
	/* nor one of which it is not said whose system may be on it */
	json_object_set_new(a, "holds", json_array());
	json_object_set_new(a, "rack_id", json_string("3f2a9c01-77de-4b04"));
	assert_int_equal(install_order_from_json(a, &again, &msg3), -EINVAL);
	assert_non_null(strstr(msg3, "rack_id"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inventory_there_and_back),
		cmocka_unit_test(hostile_inventory),
		cmocka_unit_test(json_limits),
		cmocka_unit_test(matching),
		cmocka_unit_test(never_candidates),
		cmocka_unit_test(desired_there_and_back),
		cmocka_unit_test(desired_must_fit_together),
		cmocka_unit_test(desired_providers),
		cmocka_unit_test(install_order),
	};

	return cmocka_run_group_tests(tests, example_setup, example_teardown);
}
