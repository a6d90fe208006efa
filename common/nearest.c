/* SPDX-License-Identifier: Apache-2.0 */
#include "common/nearest.h"

#define MAX_WORD 32

/* Edit distance with swaps of neighbours; words longer than MAX_WORD are far from all. */
static unsigned distance(const char *a, const char *b)
{
	unsigned d[MAX_WORD + 1][MAX_WORD + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > MAX_WORD || m > MAX_WORD)
		return MAX_WORD;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			unsigned best = MIN(d[i - 1][j], d[i][j - 1]) + 1;

			best = MIN(best, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
				a[i - 2] == b[j - 1])
				best = MIN(best, d[i - 2][j - 2] + 1);
			d[i][j] = best;
		}
	}
	return d[n][m];
}

const char *nearest_word(const char *word, const char *const *list)
{
	unsigned best = MAX_WORD;
	const char *near = NULL;

	for (; *list; list++) {
		unsigned d = distance(word, *list);

		if (d < best) {
			best = d;
			near = *list;
		}
	}
	return near && best <= 2 && best < strlen(word) ? near : NULL;
}
