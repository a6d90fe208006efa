/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in the place of ipmitool for the bench alone, which does not measure BMCs: a power
 * switch per address, kept as a file in the folder $BENCH_BMCS. Says what the real one says,
 * as far as ondold reads it.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is(char **words, const char *a, const char *b, const char *c)
{
	return words[0] && strcmp(words[0], a) == 0 && words[1] &&
		strcmp(words[1], b) == 0 &&
		(!c || (words[2] && strcmp(words[2], c) == 0));
}

static int answer(char **words, const char *path)
{
	if (is(words, "chassis", "power", "status")) {
		printf("Chassis Power is %s\n", access(path, F_OK) == 0 ? "on" : "off");
	} else if (is(words, "chassis", "power", "on")) {
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		puts("Chassis Power Control: Up/On");
	} else if (is(words, "chassis", "power", "off")) {
		unlink(path);
		puts("Chassis Power Control: Down/Off");
	} else if (is(words, "chassis", "bootparam", "get")) {
		puts("   - Boot Flag Valid\n   - BIOS EFI boot\n"
		     "   - Boot Device Selector : Force PXE");
	} else if (is(words, "chassis", "bootdev", "pxe")) {
		puts("Set Boot Device to pxe");
	} else {
		puts("the bench's stub of ipmitool does not know this");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *dir = getenv("BENCH_BMCS"), *address = "";
	char path[PATH_MAX];
	int i = 1;

	/* options with and without a value, as ondold gives them */
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "-H") == 0 && i + 1 < argc)
			address = argv[i + 1];
		if (strcmp(argv[i], "-v") != 0 && strcmp(argv[i], "-E") != 0)
			i++;
	}
	if (!dir || !*address || i >= argc) {
		fputs("the bench's stub of ipmitool: BENCH_BMCS, -H and a command are wanted\n",
			stderr);
		return 1;
	}
	snprintf(path, sizeof(path), "%s/%s", dir, address);
	return answer(argv + i, path);
}
