/* SPDX-License-Identifier: Apache-2.0 */
/* A folder in memory for what a fuzz target can only read from files; gone with the process. */
#pragma once

#include <sys/stat.h>

#include "common/util.h"

static char fuzz_dir[] = "/dev/shm/ondol-fuzz.XXXXXX";

static void fuzz_place_remove(void)
{
	remove_tree(fuzz_dir);
}

static inline const char *fuzz_place(void)
{
	static bool made;

	if (!made) {
		if (!mkdtemp(fuzz_dir))
			abort();
		atexit(fuzz_place_remove);
	}
	made = true;
	return fuzz_dir;
}

/* Without the fsync of write_file_atomic(). */
static inline void fuzz_put(const char *name, const void *data, size_t len)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", fuzz_place(), name);
	FILE *f = fopen(path, "we");

	if (!f || fwrite(data, 1, len, f) != len || fchmod(fileno(f), 0600) < 0 ||
		fclose(f) != 0)
		abort();
}

static inline void fuzz_mkdir(const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", fuzz_place(), name);

	if (mkdir_p(path, 0700) < 0)
		abort();
}
