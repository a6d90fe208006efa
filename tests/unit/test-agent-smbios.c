/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "initramfs/smbios.h"
#include "tests/unit/fakefs.h"

/* A type 17 structure with a 16-bit size and an extended one, and one string. */
static size_t module(uint8_t *at, uint16_t size, uint32_t extended)
{
	memset(at, 0, 0x22 + 5);
	at[0] = 17;
	at[1] = 0x22;
	at[0x0c] = (uint8_t)size;
	at[0x0d] = (uint8_t)(size >> 8);
	for (int i = 0; i < 4; i++)
		at[0x1c + i] = (uint8_t)(extended >> 8 * i);
	memcpy(at + 0x22, "DIM", 3);
	return 0x22 + 5;
}

static void test_memory(void **state)
{
	uint8_t t[512];
	size_t n = 0;

	memcpy(t, "\x01\x04\x00\x00", 4); /* another structure, without strings */
	memset(t + 4, 0, 2);
	n = 6;
	n += module(t + n, 16384, 0); /* 16 GiB in MiB */
	n += module(t + n, 0x8000 | 512, 0); /* 512 KiB */
	n += module(t + n, 0, 0); /* empty socket */
	n += module(t + n, 0xffff, 0); /* unknown */
	n += module(t + n, 0x7fff, 65536); /* 64 GiB, extended */
	assert_true(
		smbios_memory_bytes(t, n) == (16ull << 30) + (512 << 10) + (64ull << 30));
	/* cut anywhere, it neither crashes nor invents */
	for (size_t cut = 0; cut < n; cut++) {
		_cleanup_free_ uint8_t *copy = xmalloc(cut);

		memcpy(copy, t, cut);
		assert_true(
			smbios_memory_bytes(copy, cut) <= (80ull << 30) + (512 << 10));
	}
	/* a structure that claims more than there is */
	t[1] = 0xff;
	assert_int_equal(smbios_memory_bytes(t, 20), 0);
}

static const char cpuinfo[] =
	"processor\t: 0\nmodel name\t: Intel(R) Xeon(R)  Gold 6130 CPU @ 2.10GHz\n"
	"flags\t\t: fpu vme vmx smx\n\n"
	"processor\t: 1\nmodel name\t: Intel(R) Xeon(R)  Gold 6130 CPU @ 2.10GHz\n"
	"flags\t\t: fpu vme vmx smx\n\n";

static void test_cpuinfo(void **state)
{
	struct inventory inv = {0};

	cpuinfo_parse(cpuinfo, &inv);
	assert_int_equal(inv.cpus, 2);
	assert_string_equal(inv.cpu_model, "Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz");
	assert_true(inv.cpu_virt);
	cpuinfo_parse("processor\t: 0\nflags\t: fpu svm_lock xvmx vmxx\n", &inv);
	assert_int_equal(inv.cpus, 1);
	assert_false(inv.cpu_virt);
	cpuinfo_parse("processor : 0\nflags : fpu svm", &inv);
	assert_true(inv.cpu_virt);
	cpuinfo_parse("", &inv);
	assert_int_equal(inv.cpus, 0);
	assert_string_equal(inv.cpu_model, "");
	free(inv.cpu_model);
}

static void test_collect(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = xcalloc(1, sizeof(*inv));

	fakefs_put(*state, "/sys/class/dmi/id/sys_vendor", "HPE\n");
	fakefs_put(*state, "/sys/class/dmi/id/product_name", "ProLiant DL360 Gen10\n");
	fakefs_put(*state, "/sys/class/dmi/id/product_serial", "CZJ0010002  \n");
	fakefs_put(*state, "/sys/class/dmi/id/product_uuid",
		"39383838-3738-5A43-4A30-303130303102\n");
	fakefs_put(*state, "/proc/cpuinfo", cpuinfo);
	fakefs_put(
		*state, "/proc/meminfo", "MemTotal:       1048576 kB\nMemFree: 1 kB\n");
	fakefs_put(*state, "/sys/firmware/efi/fw_platform_size", "64\n");
	smbios_collect(*state, inv);
	assert_string_equal(inv->vendor, "HPE");
	assert_string_equal(inv->product, "ProLiant DL360 Gen10");
	assert_string_equal(inv->serial, "CZJ0010002");
	assert_string_equal(inv->uuid, "39383838-3738-5a43-4a30-303130303102");
	assert_string_equal(inv->bios_version, "");
	assert_int_equal(inv->memory_bytes, 1ull << 30);
	assert_true(inv->uefi);
}

static void test_collect_nothing(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = xcalloc(1, sizeof(*inv));

	smbios_collect(*state, inv);
	assert_string_equal(inv->vendor, "");
	assert_string_equal(inv->uuid, "");
	assert_int_equal(inv->cpus, 1);
	assert_int_equal(inv->memory_bytes, 0);
	assert_false(inv->uefi);
}

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, fakefs_setup, fakefs_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory),
		cmocka_unit_test(test_cpuinfo), WITH_TREE(test_collect),
		WITH_TREE(test_collect_nothing)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
