/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzz target defines LLVMFuzzerTestOneInput. Built with -fsanitize=fuzzer it explores;
 * built plainly it has the main below and replays the files named on its command line,
 * which `make check` does with tests/fuzz/corpus/NAME/.
 */
#pragma once

#include "common/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef FUZZ_EXPLORE
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *text;
		size_t len;

		if (read_file(argv[i], 64 * 1024 * 1024, &text, &len) < 0)
			return 1;
		LLVMFuzzerTestOneInput((const uint8_t *)text, len);
		free(text);
	}
	printf("%d passed, 0 failed, 0 skipped\n", argc - 1);
	return argc > 1 ? 0 : 1;
}
#endif
