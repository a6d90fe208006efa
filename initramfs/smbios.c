/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel has the strings in /sys/class/dmi/id already. Memory is counted from the
 * modules (type 17), as it was bought: MemTotal lacks what kernel and firmware keep,
 * and differs from boot to boot.
 */
#include "initramfs/smbios.h"

#include "common/sysfs.h"

#define DMI_TYPE_MEMORY_DEVICE 17
#define DMI_TYPE_END 127
#define SMBIOS_TEXT_MAX 128

/* Size of the module that a type 17 structure describes (SMBIOS 3.4, 7.18). */
static uint64_t memory_device_bytes(const uint8_t *s, size_t len)
{
	uint64_t size;

	if (len < 0x0e)
		return 0;
	size = read_le(s + 0x0c, 2);
	if (size == 0 || size == 0xffff) /* empty, or unknown */
		return 0;
	if (size == 0x7fff)
		return len >= 0x20 ? (read_le(s + 0x1c, 4) & 0x7fffffff) << 20 : 0;
	return size & 0x8000 ? (size & 0x7fff) << 10 : size << 20;
}

uint64_t smbios_memory_bytes(const uint8_t *table, size_t len)
{
	uint64_t sum = 0;
	size_t at = 0;

	while (len - at >= 4) {
		const uint8_t *s = table + at;
		size_t s_len = s[1];

		if (s_len < 4 || s_len > len - at || s[0] == DMI_TYPE_END)
			break;
		if (s[0] == DMI_TYPE_MEMORY_DEVICE)
			sum += memory_device_bytes(s, s_len);
		at += s_len;
		/* The strings after a structure end with two NUL bytes. */
		while (at + 1 < len && (table[at] || table[at + 1]))
			at++;
		if (at + 2 > len)
			break;
		at += 2;
	}
	return sum;
}

/* "key\t: value" at the start of a line: its value, NULL when not there; caller frees. */
static char *info_value(const char *text, const char *key)
{
	for (const char *line = text; line && *line;) {
		const char *end = strchrnul(line, '\n');
		const char *colon = memchr(line, ':', (size_t)(end - line));

		if (colon && str_startswith(line, key) &&
			strspn(line + strlen(key), " \t") ==
				(size_t)(colon - line) - strlen(key)) {
			_cleanup_free_ char *v =
				xstrndup(colon + 1, (size_t)(end - colon - 1));

			return xstrdup(str_strip(v));
		}
		line = *end ? end + 1 : NULL;
	}
	return NULL;
}

static bool has_flag(const char *flags, const char *flag)
{
	size_t len = strlen(flag);

	for (const char *p = flags; (p = strstr(p, flag)); p += len)
		if ((p == flags || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return true;
	return false;
}

void cpuinfo_parse(const char *text, struct inventory *inv)
{
	_cleanup_free_ char *flags = info_value(text, "flags");

	inv->cpus = str_startswith(text, "processor");
	for (const char *p = text; (p = strstr(p, "\nprocessor")); p++)
		inv->cpus++;
	free(inv->cpu_model);
	inv->cpu_model = sysfs_clean(info_value(text, "model name"), SMBIOS_TEXT_MAX);
	if (!inv->cpu_model)
		inv->cpu_model = xstrdup("");
	inv->cpu_virt = flags && (has_flag(flags, "vmx") || has_flag(flags, "svm"));
}

uint64_t meminfo_total_bytes(const char *text)
{
	_cleanup_free_ char *v = info_value(text, "MemTotal");

	return v ? strtoull(v, NULL, 10) * 1024 : 0;
}

static uint64_t memory_bytes(const char *root)
{
	_cleanup_free_ char *tables = xasprintf("%s/sys/firmware/dmi/tables", root);
	_cleanup_free_ char *proc = xasprintf("%s/proc", root);
	_cleanup_free_ uint8_t *table = NULL;
	_cleanup_free_ char *meminfo = NULL;
	uint64_t bytes = 0;
	size_t len;

	if (sysfs_attr_bytes(tables, "DMI", &table, &len) == 0)
		bytes = smbios_memory_bytes(table, len);
	if (bytes == 0 && (meminfo = sysfs_attr(proc, "meminfo")))
		bytes = meminfo_total_bytes(meminfo);
	return bytes;
}

void smbios_collect(const char *root, struct inventory *inv)
{
	_cleanup_free_ char *dmi = xasprintf("%s/sys/class/dmi/id", root);
	_cleanup_free_ char *cpuinfo_path = xasprintf("%s/proc/cpuinfo", root);
	_cleanup_free_ char *uuid = sysfs_attr(dmi, "product_uuid");
	_cleanup_free_ char *firmware = xasprintf("%s/sys/firmware", root);
	_cleanup_free_ char *cpuinfo = NULL;

	inv->vendor = sysfs_text(dmi, "sys_vendor", SMBIOS_TEXT_MAX);
	inv->product = sysfs_text(dmi, "product_name", SMBIOS_TEXT_MAX);
	inv->serial = sysfs_text(dmi, "product_serial", SMBIOS_TEXT_MAX);
	inv->bios_version = sysfs_text(dmi, "bios_version", SMBIOS_TEXT_MAX);
	if (!uuid || parse_uuid(uuid, inv->uuid) < 0)
		inv->uuid[0] = '\0';
	if (read_file(cpuinfo_path, 16 * 1024 * 1024, &cpuinfo, NULL) == 0)
		cpuinfo_parse(cpuinfo, inv);
	else
		inv->cpu_model = xstrdup("");
	inv->cpus = MAX(inv->cpus, 1u); /* something runs this */
	inv->memory_bytes = memory_bytes(root);
	inv->uefi = sysfs_exists(firmware, "efi");
}
