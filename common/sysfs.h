/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading sysfs and procfs below a root directory, so that the parts that understand
 * servers can be tested against a made-up tree. root is "" on a node. Nothing blocks
 * but the kernel's own answers.
 */
#pragma once

#include "common/util.h"

/* The attribute DIR/NAME, outer blanks cut; NULL when it is not there. Caller frees. */
char *sysfs_attr(const char *dir, const char *name);
/*
 * The same for people and JSON: at most max bytes, whatever is not printable ASCII shown
 * as '?', inner blanks folded to one; "" when it is not there. Caller frees.
 */
char *sysfs_text(const char *dir, const char *name, size_t max);
/* What sysfs_text does to a string of its own; in place, returns s. NULL stays NULL. */
char *sysfs_clean(char *s, size_t max);
/* The same as a decimal number; dflt when it is missing or not a number. */
uint64_t sysfs_attr_u64(const char *dir, const char *name, uint64_t dflt);
/* The attribute's bytes as they are, at most 64 KiB. */
int sysfs_attr_bytes(const char *dir, const char *name, uint8_t **ret, size_t *ret_len);
/* The last part of where the link DIR/NAME points; NULL when there is none. Caller frees. */
char *sysfs_link_name(const char *dir, const char *name);
bool sysfs_exists(const char *dir, const char *name);

/*
 * Entries of a directory but "." and "..", sorted as people count (sda2 before sda10);
 * NULL-terminated, empty when there is no such directory. sysfs_list_free takes it.
 */
char **sysfs_list(const char *dir);
void sysfs_list_free(char **list);
void sysfs_list_freep(char ***list);

/*
 * The device path of the link DIR/device (or of DIR itself when follow is ""), links
 * resolved, root cut off: "/sys/devices/pci0000:00/...". NULL when there is none.
 */
char *sysfs_device_path(const char *root, const char *dir, const char *follow);
