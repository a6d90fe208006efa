/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings merged into a service's own INI file: what is set here is set, comments and keys
 * of others stay where they are. Knows what oslo.config knows: a key may be there several
 * times (all values count), a line that begins with a blank goes on with the one before,
 * and sections may come twice. Pure.
 */
#pragma once

#include "common/util.h"

struct ini_setting {
	const char *section; /* without brackets; compared without case */
	const char *key;
	const char *const *values; /* NULL-terminated; an empty list takes the key out */
};

/* text: NULL is an empty file. The caller frees what comes back. */
char *inimerge(const char *text, const struct ini_setting *settings, size_t n);
