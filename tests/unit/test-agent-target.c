/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "initramfs/target.h"

static struct inv_signature foreign[] = {{(char *)"", (char *)"gpt", (char *)""},
	{(char *)"p1", (char *)"ceph_bluestore", (char *)""}};
#define RACK "3f2a9c01-77de-8b04"
static struct inv_signature ours[] = {
	{(char *)"", (char *)"gpt", (char *)RACK "-9d4a-d1b2a3c4d5e6"},
	{(char *)"p1", (char *)"vfat", (char *)"ondol-esp"},
	{(char *)"p3", (char *)"empty", (char *)"ondol-b"}};

static struct inv_disk disk(
	const char *name, const char *serial, const char *wwn, uint64_t size)
{
	return (struct inv_disk){.name = (char *)name,
		.serial = (char *)serial,
		.wwn = (char *)wwn,
		.model = (char *)"",
		.bus = DISK_BUS_SATA,
		.size_bytes = size};
}

/* What the order says of the system disk; NULL: what is on the first. */
static const struct inv_signatures *seen;

static int find(struct inv_disk *disks, size_t n, bool wipe, const char **ret_name,
	const char *words)
{
	struct inventory inv = {.disks = disks, .n_disks = n};
	struct install_order order = {.targets[0] = {.disk = {.serial = (char *)"S1",
							     .wwn = (char *)"5000c5",
							     .size_bytes = 480},
					      .holds = seen ? *seen : disks->holds,
					      .wipe = wipe},
		.n_targets = 1,
		.rack_id = (char *)RACK};
	const struct inv_disk *found = NULL;
	_cleanup_free_ char *why = NULL;
	int r = target_find(&inv, &order, 0, &found, &why);

	*ret_name = found ? found->name : NULL;
	if (r < 0)
		assert_non_null(strstr(why, words));
	return r;
}

static void test_exact(void **state)
{
	struct inv_disk disks[] = {disk("sda", "S1", "5000c6", 480),
		disk("sdb", "S2", "5000c5", 480), disk("sdc", "S1", "5000c5", 481),
		disk("sdd", "S1", "", 480)};
	const char *name;

	assert_int_equal(
		find(disks, 4, true, &name, "there is none; found: sda"), -ENOENT);
	assert_null(name);
	disks[3].wwn = (char *)"5000c5";
	assert_int_equal(find(disks, 4, false, &name, ""), 0);
	assert_string_equal(name, "sdd");
	disks[0] = disks[3]; /* two paths, or two cheap disks with one serial */
	assert_int_equal(find(disks, 4, true, &name, "there are several"), -ENOTUNIQ);
	assert_int_equal(find(disks, 0, true, &name, "no disk at all"), -ENOENT);
}

static void test_unfit(void **state)
{
	struct inv_disk d = disk("sda", "S1", "5000c5", 480);
	const char *name;

	d.removable = true;
	assert_int_equal(
		find(&d, 1, true, &name, "removable. Nothing was written"), -EROFS);
	d.removable = false;
	d.bus = DISK_BUS_USB;
	assert_int_equal(find(&d, 1, true, &name, "USB"), -EROFS);
}

static void test_contents(void **state)
{
	struct inv_disk d = disk("sda", "S1", "5000c5", 480);
	const char *name;

	d.holds.list = foreign;
	d.holds.n = 2;
	assert_int_equal(find(&d, 1, false, &name, "ceph_bluestore on p1"), -EEXIST);
	assert_int_equal(find(&d, 1, true, &name, ""), 0);
	d.holds.list = ours;
	d.holds.n = 3;
	assert_int_equal(find(&d, 1, false, &name, ""), 0);
	ours[0].label = (char *)"00000000-77de-8b04-9d4a-d1b2a3c4d5e6";
	assert_int_equal(
		find(&d, 1, false, &name, "holds another rack's ondol system: gpt"),
		-EEXIST);
	assert_int_equal(find(&d, 1, true, &name, ""), 0);
	ours[0].label = (char *)RACK "-9d4a-d1b2a3c4d5e6";
	ours[2].label = (char *)"";
	assert_int_equal(find(&d, 1, false, &name, "wiped"), -EEXIST);
}

/* Named to be wiped or not: what was looked at is what must be there. */
static void test_changed(void **state)
{
	struct inv_signatures was = {foreign, 2}, less = {foreign, 1}, nothing = {0};
	struct inv_disk d = disk("sda", "S1", "5000c5", 480);
	const char *name;

	d.holds = was;
	seen = &less;
	assert_int_equal(
		find(&d, 1, true, &name, "new on it: ceph_bluestore on p1. Nothing was"),
		-ESTALE);
	seen = &nothing;
	assert_int_equal(find(&d, 1, true, &name, "new on it: gpt, ceph_bluestore on p1"),
		-ESTALE);
	seen = &was;
	assert_int_equal(find(&d, 1, true, &name, ""), 0);
	d.holds = less;
	assert_int_equal(
		find(&d, 1, true, &name, "not there any more: ceph_bluestore on p1"),
		-ESTALE);
	foreign[0].label = (char *)"other";
	seen = &nothing;
	assert_int_equal(find(&d, 1, true, &name, "gpt \"other\""), -ESTALE);
	foreign[0].label = (char *)"";
	seen = NULL;
}

/* The mirror is found and refused as the system disk is, for what is on itself. */
static void test_mirror(void **state)
{
	struct inv_disk disks[] = {
		disk("sda", "S1", "5000c5", 480), disk("sdb", "S2", "5000c6", 481)};
	struct inventory inv = {.disks = disks, .n_disks = 2};
	struct install_order order = {.targets = {{.disk = {.serial = (char *)"S1",
							   .wwn = (char *)"5000c5",
							   .size_bytes = 480},
							  .wipe = true},
					      {.disk = {.serial = (char *)"S2",
						       .wwn = (char *)"5000c6",
						       .size_bytes = 481}}},
		.n_targets = 2,
		.rack_id = (char *)RACK};
	const struct inv_disk *found = NULL;
	_cleanup_free_ char *why = NULL;

	assert_int_equal(target_find(&inv, &order, 1, &found, &why), 0);
	assert_ptr_equal(found, &disks[1]);
	disks[1].holds = (struct inv_signatures){foreign, 2};
	order.targets[1].holds = disks[1].holds;
	assert_int_equal(target_find(&inv, &order, 0, &found, &why), 0);
	assert_int_equal(target_find(&inv, &order, 1, &found, &why), -EEXIST);
	assert_non_null(strstr(why, "--wipe S2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_exact),
		cmocka_unit_test(test_unfit), cmocka_unit_test(test_contents),
		cmocka_unit_test(test_changed), cmocka_unit_test(test_mirror)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
