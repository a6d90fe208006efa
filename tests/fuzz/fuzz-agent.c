/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent reads before anybody vouched for it: the firmware's tables, the kernel's
 * events and command line, a disk's vital product data, a partition table, the label of a physical volume. The first byte
 * says which.
 */
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>

#include "common/diskid.h"
#include "initramfs/bay.h"
#include "images/cmdline.h"
#include "initramfs/lvmlabel.h"
#include "initramfs/parttable.h"
#include "initramfs/smbios.h"
#include "initramfs/uevent.h"

static void fuzz_cmdline(const char *text)
{
	_cleanup_(boot_args_freep) struct boot_args *a = NULL;
	_cleanup_free_ char *why = NULL, *line = NULL;

	if (boot_args_parse(text, &a, &why) != 0) {
		if (!why || a)
			abort(); /* refused without a word */
		return;
	}
	if (a->mode != BOOT_MODE_BOOT)
		return;
	line = cmdline_for_boot(a);
	boot_args_freep(&a);
	if (boot_args_parse(line, &a, &why) != 0)
		abort(); /* what the agent starts a slot with, it must understand itself */
}

static void fuzz_cpuinfo(const char *text)
{
	struct inventory inv = {0};

	cpuinfo_parse(text, &inv);
	(void)meminfo_total_bytes(text);
	free(inv.cpu_model);
}

static void fuzz_vpd(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *serial = diskid_vpd_serial(data, size);

	for (const char *p = serial; p && *p; p++)
		if (*p < ' ' || *p > '~')
			abort();
}

static void fuzz_table(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("disk", MFD_CLOEXEC);
	_cleanup_free_ char *why = NULL;
	struct part_plan plan[PART_COUNT];

	if (parttable_plan(20ull << 30, false, 0, plan, &why) < 0 ||
		write_all(fd, data, size) < 0)
		abort();
	if (parttable_verify(fd, MAX(size, (size_t)1024), 512, plan, &why) == 0)
		abort(); /* the plan has no UUIDs: nothing can match it */
}

static void fuzz_lvm(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("disk", MFD_CLOEXEC);
	char group[LVMLABEL_NAME_MAX];

	if (write_all(fd, data, size) < 0)
		abort();
	lvmlabel_group(fd, 0, group);
	for (const char *p = group; *p; p++)
		if (*p <= ' ' || *p > '~')
			abort();
}

static void fuzz_text(uint8_t which, const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	int bay = 1;

	if (which == 0)
		fuzz_cmdline(text);
	else if (which == 1)
		fuzz_cpuinfo(text);
	else if (bay_from_path_info(text, &bay) == 0 && (bay < 1 || bay > 999))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uevent e;

	if (size == 0)
		return 0;
	if (data[0] >= '0' && data[0] <= '2') {
		fuzz_text((uint8_t)(data[0] - '0'), data + 1, size - 1);
	} else if (data[0] == '3') {
		_cleanup_free_ char *copy = xcalloc(1, size);

		memcpy(copy, data + 1, size - 1);
		(void)uevent_parse(copy, size - 1, &e);
	} else if (data[0] == '4') {
		(void)smbios_memory_bytes(data + 1, size - 1);
	} else if (data[0] == '5') {
		fuzz_vpd(data + 1, size - 1);
	} else if (data[0] == '6') {
		fuzz_lvm(data + 1, size - 1);
	} else {
		fuzz_table(data + 1, size - 1);
	}
	return 0;
}
