/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the firmware says of the server: who made it, its serial, its memory modules; and
 * what /proc says of its CPUs. Reads sysfs and procfs below root.
 */
#pragma once

#include "common/inventory.h"

/* Fills vendor .. bios_version, cpus .. cpu_virt, memory_bytes and uefi of inv. */
void smbios_collect(const char *root, struct inventory *inv);

/* Bytes of all memory modules in a raw SMBIOS table; 0 when it does not say. Pure. */
uint64_t smbios_memory_bytes(const uint8_t *table, size_t len);
/* CPUs, model and virtualisation from the text of /proc/cpuinfo. Pure. */
void cpuinfo_parse(const char *text, struct inventory *inv);
/* "MemTotal: N kB" of /proc/meminfo in bytes; 0 when it is not there. Pure. */
uint64_t meminfo_total_bytes(const char *text);
