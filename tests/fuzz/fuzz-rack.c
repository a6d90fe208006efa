/* SPDX-License-Identifier: Apache-2.0 */
/* rack.ini, and the same bytes as secrets.ini. */
#include "tests/fuzz/fuzz.h"

#include "common/roledef.h"
#include "common/secrets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct roledefs *roles; /* loaded once; the process ends with it */
	struct problems p = {0};
	struct rack *rack = NULL;
	struct secrets *secrets = NULL;

	if (!roles && roledefs_load("roles", &p, &roles) < 0)
		abort();
	if (rack_parse("rack.ini", (const char *)data, size, roles, &p, &rack) < 0 &&
		!p.n)
		abort(); /* refused without a word */
	if (secrets_parse("secrets.ini", (const char *)data, size, rack, &p, &secrets) <
			0 &&
		!p.n)
		abort();
	problems_sort(&p);
	for (size_t i = 0; i < p.n; i++)
		free(problem_format(&p.list[i]));
	problems_clear(&p);
	secrets_free(secrets);
	rack_free(rack);
	return 0;
}
