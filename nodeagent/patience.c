/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/patience.h"

#include <limits.h>

#include "common/parse.h"

void patience_set(unsigned percent)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", percent);
	if (setenv(PATIENCE_VARIABLE, text, 1) < 0)
		abort(); /* no memory */
}

unsigned patience_ms(unsigned ms)
{
	const char *s = getenv(PATIENCE_VARIABLE);
	unsigned percent;

	if (!s || parse_unsigned(s, 1, DESIRED_MAX_PATIENCE, &percent) < 0)
		return ms;
	return (unsigned)MIN((uint64_t)ms * percent / 100, (uint64_t)INT_MAX);
}
