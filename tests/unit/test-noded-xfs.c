/* SPDX-License-Identifier: Apache-2.0 */
/* Which XFS is ours, what is mounted where, and what counts as data. */
#include "tests/unit/harness.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "nodeagent/openers.h"
#include "nodeagent/xfs.h"
#include "nodeagent/xfsdisk.h"

#define UUID "130dccea-6258-590a-b788-e2080273b013"

static char serial[] = "D1", wwn[] = "0025385a71b0af02", other[] = "D2";
static const struct order_disk disk = {
	.serial = serial, .wwn = wwn, .size_bytes = 536870912};

/* A superblock as mkfs.xfs writes it, as far as it is read. */
static void make_super(uint8_t data[XFSDISK_SUPER_BYTES], const char *label)
{
	memset(data, 0, XFSDISK_SUPER_BYTES);
	memcpy(data, "XFSB", 4);
	for (uint8_t i = 0; i < 16; i++)
		data[32 + i] = i;
	memcpy(data + 108, label, MIN(strlen(label), (size_t)12));
}

static void superblocks(_unused_ void **state)
{
	uint8_t data[XFSDISK_SUPER_BYTES];
	struct xfs_super s;

	make_super(data, "ondol-d12345");
	assert_true(xfsdisk_parse(data, sizeof(data), &s));
	assert_string_equal(
		s.label, "ondol-d12345"); /* twelve bytes, no NUL on the disk */
	assert_string_equal(s.uuid, "00010203-0405-0607-0809-0a0b0c0d0e0f");
	assert_false(s.unfinished);
	data[126] = 1;
	assert_true(xfsdisk_parse(data, sizeof(data), &s));
	assert_true(s.unfinished);
	assert_false(xfsdisk_parse(data, sizeof(data) - 1, &s));
	data[0] = 'Y';
	assert_false(xfsdisk_parse(data, sizeof(data), &s));
}

static void names(_unused_ void **state)
{
	const char *const bad[] = {"", "ondol-", "ondol-d", "ondol-d0", "ondol-d01",
		"ondol-e1", "ondol-d1x", "ondol-d12345", "data", "ondol-d-1"};
	char label[13];

	xfsdisk_label(1, label);
	assert_string_equal(label, "ondol-d1");
	assert_string_equal(xfsdisk_place(label), "d1");
	xfsdisk_label(9999, label);
	assert_string_equal(xfsdisk_place(label), "d9999");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_null(xfsdisk_place(bad[i]));
}

static void uuids_say_rack_and_disk(_unused_ void **state)
{
	struct order_disk another = {
		.serial = other, .wwn = wwn, .size_bytes = 536870912};
	char a[37], b[37];

	xfsdisk_uuid("dl360", &disk, a);
	assert_string_equal(a, UUID); /* never to change: disks in racks carry it */
	xfsdisk_uuid("dl360", &another, b);
	assert_string_not_equal(a, b);
	xfsdisk_uuid("dl380", &disk, b);
	assert_string_not_equal(a, b);
}

static enum xfs_action judge(const char *contents, const char *label, const char *uuid,
	bool unfinished, char **ret_why)
{
	struct xfs_super super = {.unfinished = unfinished};

	if (label) {
		snprintf(super.label, sizeof(super.label), "%s", label);
		snprintf(super.uuid, sizeof(super.uuid), "%s", uuid);
	}
	return xfsdisk_decide(&(struct xfs_disk){.device = "/dev/nvme0n1",
				      .serial = "D1",
				      .contents = contents,
				      .label = "ondol-d1",
				      .uuid = UUID,
				      .super = label ? &super : NULL},
		ret_why);
}

static void decisions(_unused_ void **state)
{
	const char *ours = "xfs (label ondol-d1)";
	char *no = NULL;

	assert_int_equal(judge("", NULL, NULL, false, &no), XFS_MAKE);
	assert_int_equal(judge(ours, "ondol-d1", UUID, false, &no), XFS_MOUNT);
	assert_int_equal(judge(ours, "ondol-d1", UUID, true, &no), XFS_REMAKE);
	assert_null(no);
}

static void foreign_disks_are_refused(_unused_ void **state)
{
	static const char uuid2[] = "11111111-2222-3333-4444-555555555555";
	static const struct {
		const char *contents, *label, *uuid, *want;
	} cases[] = {
		{"ext4 (label mine)", NULL, NULL,
			"holds ext4 (label mine), expected blank"},
		{"unknown-data", NULL, NULL,
			"wipefs -a /dev/nvme0n1 && mkfs.xfs -f -L "
			"ondol-d1 -m uuid=" UUID},
		{"xfs (label ondol-d1)", "ondol-d1", uuid2, "with UUID 11111111-"},
		{"xfs (label ondol-d1)", "ondol-d1", uuid2, "put the old name back"},
		{"xfs (label ondol-d7)", "ondol-d7", uuid2, "do not wipe it"},
		{"xfs (label ondol-x)", "ondol-x", uuid2, "with UUID 11111111-"},
		{"xfs (label ondol-x)", "ondol-x", uuid2, "&& mkfs.xfs"},
		{"xfs (label mine)", "mine", UUID, "holds xfs (label mine)"},
		{"xfs (label ondol-d2)", "ondol-d2", UUID,
			"was d2 of a node of this rack and is now the node's d1"},
		{"xfs (label ondol-d1), gpt", "ondol-d1", UUID, "ondol-d1), gpt"},
		{"LVM2_member", NULL, NULL, "holds LVM2_member"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int unfinished = 0; unfinished < 2; unfinished++) {
			_cleanup_free_ char *why = NULL;

			assert_int_equal(judge(cases[i].contents, cases[i].label,
						 cases[i].uuid, unfinished, &why),
				XFS_REFUSE);
			if (!strstr(why, cases[i].want))
				fail_msg("expected \"%s\", got \"%s\"", cases[i].want,
					why);
		}
	}
}

static const char mounts[] =
	"22 1 0:21 / / rw,relatime shared:1 - overlay overlay rw,lowerdir=/a\n"
	"40 22 8:1 / /srv/node/d1 rw - ext4 /dev/sda1 rw\n"
	"41 22 259:1 / /srv/node/d1 rw,noatime shared:9 master:2 - xfs /dev/nvme0n1 rw,attr2\n"
	"42 22 259:2 / /srv/node/d2 ro,noatime - xfs /dev/nvme1n1 rw\n"
	"43 22 259:3 / /srv/node/d3 rw - xfs /dev/nvme2n1 ro,attr2\n"
	"44 22 259:4 / /srv/node/old rw - xfs /dev/nvme3n1 rw\n"
	"45 22 259:5 / /srv/nodes/d4 rw - xfs /dev/nvme4n1 rw\n"
	"46 22 259:6 / /srv/node/d6\n"
	"rubbish\n";

static void mounted_places(_unused_ void **state)
{
	_cleanup_(strv_freep) char **list = xfsdisk_mounts_below(mounts, "/srv/node");
	struct xfs_mount m;

	assert_true(xfsdisk_mount_at(mounts, "/srv/node/d1", &m));
	assert_true(m.xfs && m.major == 259 && m.minor == 1 && !m.read_only);
	assert_true(xfsdisk_mount_at(mounts, "/srv/node/d2", &m));
	assert_true(m.read_only);
	assert_true(xfsdisk_mount_at(mounts, "/srv/node/d3", &m));
	assert_true(m.read_only);
	assert_false(xfsdisk_mount_at(mounts, "/srv/node/d6", &m));
	assert_int_equal(strv_len(list), 3);
	assert_string_equal(list[0], "/srv/node/d1");
	assert_string_equal(list[2], "/srv/node/d3");
}

static void put(const char *dir, const char *sub, const char *file)
{
	_cleanup_free_ char *folder = xasprintf("%s/%s", dir, sub);
	_cleanup_free_ char *path = xasprintf("%s/%s", folder, file);

	assert_int_equal(mkdir_p(folder, 0755), 0);
	assert_int_equal(write_file_atomic(path, "x", 1, 0644), 0);
}

static void what_counts_as_data(_unused_ void **state)
{
	char dir[] = "/tmp/noded-XXXXXX";

	assert_non_null(mkdtemp(dir));
	assert_int_equal(xfs_tree_is_empty(dir), 1);
	put(dir, "objects/12", "hashes.pkl");
	put(dir, "objects", "auditor_status_ALL.json");
	put(dir, "objects/12", ".lock-replication");
	assert_int_equal(xfs_tree_is_empty(dir), 1);
	put(dir, "objects/12/abc/0123", "1700000000.00000.data");
	assert_int_equal(xfs_tree_is_empty(dir), 0);
	remove_tree(dir);
	assert_true(xfs_tree_is_empty(dir) < 0);
}

static void openers_are_named(_unused_ void **state)
{
	_cleanup_free_ char *me = xasprintf("(pid %d)", (int)getpid()), *who = NULL;
	_cleanup_close_ int fd = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		skip();
	who = openers_text(st.st_dev);
	assert_non_null(who);
	if (!strstr(who, me) && !strstr(who, "more"))
		fail_msg("expected %s in \"%s\"", me, who);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(superblocks),
		cmocka_unit_test(names),
		cmocka_unit_test(uuids_say_rack_and_disk),
		cmocka_unit_test(decisions),
		cmocka_unit_test(foreign_disks_are_refused),
		cmocka_unit_test(mounted_places),
		cmocka_unit_test(what_counts_as_data),
		cmocka_unit_test(openers_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
