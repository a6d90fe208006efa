/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"
#include "tests/unit/small-rack.h"

#include "bootstrap/diskplan.h"
#include "common/jsonx.h"

static const char declared[] =
	"disk.1.use = system\ndisk.1.bus = sata\ndisk.1.size = 480G\n"
	"disk.2.use = data\ndisk.2.bus = sata\ndisk.2.size = 480G\n"
	"disk.3.use = spare\ndisk.3.bus = nvme\ndisk.3.size = 960G\n";

static struct rack *rack;

static int setup(void **state)
{
	rack = small_rack(declared);
	return 0;
}

static int teardown(void **state)
{
	rack_free(rack);
	return 0;
}

#define RACK "3f2a9c01-77de-8b04"
#define GPT \
	"{\"where\": \"\", \"type\": \"gpt\", \"label\": \"" RACK "-9d4a-d1b2a3c4d5e6\"}"
#define OURS \
	"[" GPT ", {\"where\": \"p1\", \"type\": \"vfat\", \"label\": \"ondol-esp\"}]"
#define ANOTHERS                                                \
	"[{\"where\": \"\", \"type\": \"gpt\","                 \
	"\"label\": \"b2a3c4d5-77de-8b04-9d4a-d1b2a3c4d5e6\"}," \
	"{\"where\": \"p1\", \"type\": \"vfat\", \"label\": \"ondol-esp\"}]"
#define FOREIGN "[{\"where\": \"p2\", \"type\": \"ext4\", \"label\": \"holiday-photos\"}]"

static char *disk(
	const char *name, const char *bus, int bay, const char *size, const char *on)
{
	return xasprintf(
		"{\"name\": \"%s\", \"serial\": \"S-%s\", \"wwn\": \"\", \"model\": \"M\","
		"\"bus\": \"%s\", \"bay\": %d, \"size_bytes\": %s, \"sector_bytes\": 512,"
		"\"rotational\": false, \"removable\": false, \"read_only\": false,"
		"\"signatures\": %s}",
		name, name, bus, bay, size, on);
}

static struct inventory *inventory_of(char *disks)
{
	_cleanup_free_ char *msg = NULL;
	_cleanup_free_ char *text = xasprintf(
		"{\"vendor\": \"HPE\", \"product\": \"X\", \"serial\": \"A\","
		"\"uuid\": \"39383838-3738-5a43-4a30-303130303101\", \"bios_version\": \"1\","
		"\"cpus\": 1, \"cpu_model\": \"m\", \"cpu_virt\": true, \"memory_bytes\": 1,"
		"\"uefi\": true, \"nics\": [], \"disks\": [%s]}",
		disks);
	_cleanup_(jx_freep) json_t *json = jx_parse(text, strlen(text), &msg);
	struct inventory *inv = NULL;

	free(disks);
	if (!json || inventory_from_json(json, &inv, &msg) < 0)
		fail_msg("%s", msg);
	return inv;
}

/* A server as declared, with this on its system and its data disk. */
static struct inventory *server(const char *on_system, const char *on_data)
{
	_cleanup_free_ char *a = disk("sda", "sata", 1, "480103981056", on_system),
			    *b = disk("sdb", "sata", 2, "480103981056", on_data),
			    *c = disk("nvme0n1", "nvme", 3, "960197124096", FOREIGN);

	return inventory_of(xasprintf("%s,%s,%s", a, b, c));
}

static void is(const struct diskplan *d, enum disk_fate fate, const char *holds,
	const char *word)
{
	if (d->fate != fate || !strstr(d->what, word) || !streq(d->holds, holds))
		fail_msg("expected %s, \"%s\" and \"%s\", got %s, \"%s\": %s",
			disk_fate_str(fate), holds, word, disk_fate_str(d->fate),
			d->holds, d->what);
}

static struct diskplans plans(
	struct inventory *inv, const struct roledef *role, enum disk_past past)
{
	struct diskplan_view v = {&rack->nodes[0], role, inv, past, false, RACK};
	struct diskplans p;

	diskplans_make(&v, &p);
	assert_int_equal(p.n, 3);
	assert_true(diskplan_is_system(&p.list[0]) && !diskplan_is_system(&p.list[1]));
	return p;
}

static struct roledef lvm = {.name = "s", .data_vg = "cinder-volumes"},
		      xfs = {.name = "s", .data_dir = "/srv/node"}, none = {.name = "s"};

static void never_seen(void **state)
{
	_cleanup_(diskplans_clear) struct diskplans p = plans(NULL, &lvm, DISK_PAST_NONE);

	is(&p.list[0], DISK_FATE_UNSEEN, "", "shown what is on it");
	is(&p.list[1], DISK_FATE_UNSEEN, "", "cinder-volumes when it is blank");
	is(&p.list[2], DISK_FATE_UNSEEN, "", "left alone");
	assert_null(p.list[0].found);
}

static void lock_is(
	const struct inventory *inv, enum disk_past past, const char *other, bool same)
{
	char lock[DIGEST_HEX];

	diskplan_lock(inv, past, lock);
	if (same)
		assert_string_equal(lock, other);
	else
		assert_string_not_equal(lock, other);
}

/* Of every disk, what it is and what is on it; not what the kernel calls it. */
static void the_lock(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = server("[]", "[]"),
						    *again = server("[]", "[]"),
						    *more = server("[]", FOREIGN);
	char lock[DIGEST_HEX];

	diskplan_lock(inv, DISK_PAST_NONE, lock);
	assert_int_equal(strlen(lock), 64);
	lock_is(again, DISK_PAST_NONE, lock, true);
	again->disks[1].name[0] = 'v';
	lock_is(again, DISK_PAST_NONE, lock, true);
	lock_is(again, DISK_PAST_HALF, lock, false);
	lock_is(more, DISK_PAST_NONE, lock, false);
	lock_is(NULL, DISK_PAST_NONE, lock, false);
	again->disks[1].size_bytes++;
	lock_is(again, DISK_PAST_NONE, lock, false);
}

static void blank_disks(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = server("[]", "[]");
	_cleanup_(diskplans_clear) struct diskplans p = plans(inv, &xfs, DISK_PAST_NONE);

	is(&p.list[0], DISK_FATE_WRITTEN, "blank", "nothing on it");
	is(&p.list[1], DISK_FATE_USED, "blank", "becomes XFS at /srv/node");
	assert_ptr_equal(p.list[0].found, &inv->disks[0]);
}

/* What the agent saw is from before the installation: what was written since counts more. */
static void an_installed_node(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = server("[]", "[]");
	_cleanup_(diskplans_clear) struct diskplans p = plans(
							    inv, &lvm, DISK_PAST_SYSTEM),
						    half = plans(
							    inv, &none, DISK_PAST_HALF);

	is(&p.list[0], DISK_FATE_WRITTEN, "the system that ondold installed", "is lost");
	is(&p.list[1], DISK_FATE_USED, "blank", "stays as it is when it is LVM's");
	is(&half.list[0], DISK_FATE_WRITTEN, "an ondol system, perhaps half written",
		"is lost");
	is(&half.list[1], DISK_FATE_KEPT, "blank", "keeps nothing");
}

static void what_others_wrote(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = server(FOREIGN, FOREIGN),
						    *ours = server(OURS, "[]"),
						    *others = server(ANOTHERS, "[]");
	_cleanup_(diskplans_clear) struct diskplans p = plans(inv, &lvm, DISK_PAST_NONE),
						    q = plans(ours, NULL, DISK_PAST_NONE),
						    o = plans(
							    others, NULL, DISK_PAST_NONE);

	is(&p.list[0], DISK_FATE_REFUSED, "ext4 \"holiday-photos\" on p2",
		"`ondol reinstall hp01 --wipe S-sda`");
	is(&p.list[1], DISK_FATE_USED, "ext4 \"holiday-photos\" on p2",
		"nothing is written");
	is(&p.list[2], DISK_FATE_KEPT, "ext4 \"holiday-photos\" on p2", "a spare");
	is(&o.list[0], DISK_FATE_REFUSED, "another rack's ondol system",
		"`ondol reinstall hp01 --wipe S-sda`");
	is(&q.list[0], DISK_FATE_WRITTEN, "an ondol system", "is lost");
	is(&q.list[1], DISK_FATE_KEPT, "blank", "left alone");
}

/* Its mirror is as the system disk, each for itself. */
static void a_mirror(void **state)
{
	_cleanup_(rack_freep) struct rack *mirrored =
		small_rack("disk.1.use = system\ndisk.1.bus = sata\ndisk.1.size = 480G\n"
			   "disk.1.erase = discard\n"
			   "disk.2.use = mirror\ndisk.2.bus = sata\ndisk.2.size = 480G\n"
			   "disk.2.erase = discard\n");
	_cleanup_(inventory_freep) struct inventory *inv = server("[]", FOREIGN),
						    *ours = server(OURS, OURS);
	struct diskplan_view v = {&mirrored->nodes[0], &lvm, inv, DISK_PAST_NONE, false,
				     RACK},
			     w = {&mirrored->nodes[0], &lvm, ours, DISK_PAST_NONE, false,
				     RACK};
	_cleanup_(diskplans_clear) struct diskplans p = {0}, q = {0};

	diskplans_make(&v, &p);
	assert_true(diskplan_is_system(&p.list[0]) && diskplan_is_system(&p.list[1]));
	is(&p.list[0], DISK_FATE_WRITTEN, "blank", "is erased (discard) and is written");
	is(&p.list[1], DISK_FATE_REFUSED, "ext4 \"holiday-photos\" on p2",
		"`ondol reinstall hp01 --wipe S-sdb`");
	assert_false(diskplan_is_system(&p.list[2]));
	diskplans_make(&w, &q);
	is(&q.list[1], DISK_FATE_WRITTEN, "an ondol system", "is lost");
	/* a system without a mirror was installed: the second disk is as it was seen */
	diskplans_clear(&p);
	v.past = DISK_PAST_SYSTEM;
	diskplans_make(&v, &p);
	is(&p.list[0], DISK_FATE_WRITTEN, "the system that ondold installed", "is lost");
	is(&p.list[1], DISK_FATE_REFUSED, "ext4 \"holiday-photos\" on p2", "S-sdb");
	diskplans_clear(&p);
	v.wrote_mirror = true;
	diskplans_make(&v, &p);
	is(&p.list[1], DISK_FATE_WRITTEN, "the system that ondold installed", "is lost");
}

static void another_server(void **state)
{
	_cleanup_free_ char *a = disk("sda", "sata", 1, "960197124096", "[]"),
			    *b = disk("sdb", "sata", 2, "480103981056", "[]"),
			    *c = disk("nvme0n1", "nvme", 3, "960197124096", "[]"),
			    *more = disk("sdc", "sata", 7, "480103981056", FOREIGN);
	_cleanup_(inventory_freep) struct inventory *inv =
		inventory_of(xasprintf("%s,%s,%s,%s", a, b, c, more));
	struct diskplan_view v = {
		&rack->nodes[0], &lvm, inv, DISK_PAST_NONE, false, RACK};
	_cleanup_(diskplans_clear) struct diskplans p = {0};

	diskplans_make(&v, &p);
	assert_int_equal(p.n, 5);
	is(&p.list[0], DISK_FATE_MISSING, "", "matches no disk");
	is(&p.list[3], DISK_FATE_KEPT, "blank", "none of those in rack.ini");
	is(&p.list[4], DISK_FATE_KEPT, "ext4 \"holiday-photos\" on p2",
		"none of those in rack.ini");
	assert_null(p.list[4].declared);
	assert_string_equal(p.list[4].found->serial, "S-sdc");
}

static void names_of_fates(void **state)
{
	for (enum disk_fate a = DISK_FATE_KEPT; a <= DISK_FATE_UNSEEN; a++)
		for (enum disk_fate b = DISK_FATE_KEPT; b < a; b++)
			assert_string_not_equal(disk_fate_str(a), disk_fate_str(b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_seen),
		cmocka_unit_test(the_lock),
		cmocka_unit_test(blank_disks),
		cmocka_unit_test(an_installed_node),
		cmocka_unit_test(what_others_wrote),
		cmocka_unit_test(a_mirror),
		cmocka_unit_test(another_server),
		cmocka_unit_test(names_of_fates),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
