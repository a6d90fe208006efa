/* SPDX-License-Identifier: Apache-2.0 */
/* Disks by what they say they are, in a made-up sysfs, and what is on them, on real bytes. */
#include "tests/unit/harness.h"

#include "nodeagent/disks.h"

static char root[] = "/tmp/noded-XXXXXX";

static void put(const char *path, const char *data, size_t len)
{
	_cleanup_free_ char *full = xasprintf("%s/%s", root, path);
	char *slash = strrchr(full, '/');

	*slash = '\0';
	assert_int_equal(mkdir_p(full, 0755), 0);
	*slash = '/';
	assert_int_equal(write_file_atomic(full, data, len, 0644), 0);
}

#define PUT(path, text) put("sys/block/" path, text, strlen(text))

static int make_sysfs(_unused_ void **state)
{
	if (!mkdtemp(root))
		return -1;
	PUT("nvme0n1/device/serial", "  NV 1  \n");
	PUT("nvme0n1/wwid", "eui.0025385A71B0AF09\n");
	PUT("nvme0n1/size", "3750748848\n");
	PUT("nvme1n1/device/serial", "NV2\n"); /* as in test-agent-disks.c */
	PUT("nvme1n1/wwid", "nvme.1b36-4e5632-51454d55-00000001\n");
	PUT("nvme1n1/eui", "50 00 c5 00 a1 b2 c3 03\n");
	PUT("nvme1n1/size", "2048\n");
	put("sys/block/sda/device/vpd_pg80", "\0\x80\0\x08S123    ", 12);
	PUT("sda/device/wwid", "naa.5000C500A1B2C301\n");
	PUT("sda/size", "937703088\n");
	PUT("vda/device/vendor", "0x1af4\n");
	PUT("vda/serial", "VIRT1");
	PUT("vda/size", "2048\n");
	PUT("sdb/device/wwid", "t10.ATA     QEMU\n");
	PUT("sdb/size", "rubbish\n");
	PUT("sdc/device/wwid", "naa.5000C500A1B2C301\n");
	put("sys/block/sdc/device/vpd_pg80", "\0\x80\0\x08S123    ", 12);
	PUT("sdc/size", "937703088\n");
	PUT("vda/holders/dm-0/slot", "");
	PUT("dm-0/dm/name", "ondol-3f2a9c01\n");
	PUT("dm-0/dm/uuid",
		"CRYPT-LUKS2-3f2a9c0177de5b049d4ad1b2a3c4d5e6-ondol-3f2a9c01\n");
	PUT("sdb/holders/dm-1/slot", "");
	PUT("dm-1/dm/name", "ondol-vg\n");
	PUT("dm-1/dm/uuid", "LVM-abc\n");
	PUT("loop0/size", "100\n"); /* no device behind it */
	return 0;
}

static int drop_sysfs(_unused_ void **state)
{
	return remove_tree(root);
}

static const struct disk *named(const struct disk *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (streq(list[i].name, name))
			return &list[i];
	}
	return NULL;
}

static void identities(_unused_ void **state)
{
	struct disk *list;
	size_t n;

	disks_list(root, &list, &n);
	assert_int_equal(n, 6);
	assert_null(named(list, n, "loop0"));
	assert_string_equal(named(list, n, "nvme0n1")->serial, "NV 1");
	assert_string_equal(named(list, n, "nvme0n1")->wwn, "0025385a71b0af09");
	assert_true(named(list, n, "nvme0n1")->size_bytes == 3750748848ULL * 512);
	assert_string_equal(named(list, n, "nvme1n1")->serial, "NV2");
	assert_string_equal(named(list, n, "nvme1n1")->wwn, "5000c500a1b2c303");
	assert_true(named(list, n, "nvme1n1")->size_bytes == 2048 * 512);
	assert_string_equal(named(list, n, "sda")->serial, "S123");
	assert_string_equal(named(list, n, "sda")->wwn, "5000c500a1b2c301");
	assert_string_equal(named(list, n, "vda")->serial, "VIRT1");
	assert_string_equal(named(list, n, "vda")->wwn, "");
	assert_string_equal(named(list, n, "sdb")->serial, "");
	assert_string_equal(named(list, n, "sdb")->wwn, "");
	assert_int_equal(named(list, n, "sdb")->size_bytes, 0);
	disks_free(list, n);
}

static int match(const char *serial, const char *wwn, uint64_t size, char **ret_name,
	char **ret_msg)
{
	struct order_disk want = {
		.serial = (char *)serial, .wwn = (char *)wwn, .size_bytes = size};
	const struct disk *found;
	struct disk *list;
	size_t n;
	int r;

	disks_list(root, &list, &n);
	r = disks_match(list, n, &want, &found, ret_msg);
	*ret_name = r == 0 ? xstrdup(found->name) : NULL;
	disks_free(list, n);
	return r;
}

/* An encrypted disk that is open: its data are elsewhere. LVM of such a name is none. */
static void open_disks_are_seen(_unused_ void **state)
{
	struct order_disk vda = {.serial = (char *)"VIRT1",
				  .wwn = (char *)"",
				  .size_bytes = 2048 * 512,
				  .encrypt = true},
			  closed = {.serial = (char *)"NV2",
				  .wwn = (char *)"5000c500a1b2c303",
				  .size_bytes = 2048 * 512,
				  .encrypt = true};
	_cleanup_free_ char *path = xasprintf("%s/dev/dm-0", root), *msg = NULL;
	const struct disk *found;
	struct disk *list;
	size_t n;

	disks_list(root, &list, &n);
	assert_int_equal(disks_match(list, n, &vda, &found, &msg), 0);
	assert_string_equal(found->mapping, "ondol-3f2a9c01");
	assert_string_equal(found->path, path);
	assert_null(named(list, n, "sdb")->mapping);
	assert_int_equal(disks_match(list, n, &closed, &found, &msg), -ENOKEY);
	assert_non_null(strstr(msg, "disk NV2"));
	assert_non_null(strstr(msg, "is to be encrypted, and is not open"));
	disks_free(list, n);
}

static void only_the_one_disk_matches(_unused_ void **state)
{
	_cleanup_free_ char *name = NULL, *a = NULL, *b = NULL, *c = NULL, *none = NULL;

	assert_int_equal(
		match("NV 1", "0025385a71b0af09", 3750748848ULL * 512, &name, &a), 0);
	assert_string_equal(name, "nvme0n1");
	assert_int_equal(match("NV 1", "0025385a71b0af09", 512, &none, &a), -ENOENT);
	assert_non_null(strstr(a, "nvme0n1 (1.9 TB, serial NV 1"));
	assert_int_equal(match("NV 1", "", 3750748848ULL * 512, &none, &b), -ENOENT);
	/* Two paths to one disk, or two disks with one number: never guess. */
	assert_int_equal(match("S123", "5000c500a1b2c301", 937703088ULL * 512, &none, &c),
		-ENOTUNIQ);
	assert_non_null(strstr(c, "more than one"));
}

static void contents_are_named(_unused_ void **state)
{
	_cleanup_free_ char *path = xasprintf("%s/image", root), *blank = NULL,
			    *swap = NULL, *unknown = NULL;
	_cleanup_free_ char *none = NULL;
	size_t len = 1024 * 1024;
	char *bytes = xcalloc(1, len);
	bool pv_only = true;

	put("image", bytes, len);
	assert_int_equal(disks_contents(path, &blank, &pv_only), 0);
	assert_string_equal(blank, "");
	assert_false(pv_only);
	bytes[len - 1] = 'x';
	put("image", bytes, len);
	assert_int_equal(disks_contents(path, &unknown, &pv_only), 0);
	assert_string_equal(unknown, "unknown-data");
	assert_false(pv_only);
	bytes[len - 1] = '\0';
	memcpy(bytes + 4086, "SWAPSPACE2", 10);
	bytes[1024] = 1;
	bytes[1028] = 100;
	put("image", bytes, len);
	assert_int_equal(disks_contents(path, &swap, &pv_only), 0);
	assert_string_equal(swap, "swap");
	assert_false(pv_only);
	free(bytes);
	assert_int_equal(disks_contents("/nonexistent", &none, &pv_only), -ENOENT);
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identities),
		cmocka_unit_test(open_disks_are_seen),
		cmocka_unit_test(only_the_one_disk_matches),
		cmocka_unit_test(contents_are_named),
	};

	return cmocka_run_group_tests(tests, make_sysfs, drop_sysfs);
}
