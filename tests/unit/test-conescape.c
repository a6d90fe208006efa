/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/conescape.h"

static void expect(const char *in, const char *want)
{
	struct conescape e;
	char got[64] = "";

	conescape_init(&e);
	for (; *in; in++) {
		char out[3] = "";
		size_t n;
		enum conescape_act act = conescape_feed(&e, *in, out, &n);

		out[n] = 0;
		strcat(got, out);
		if (act != CONESCAPE_NONE)
			strcat(got,
				act == CONESCAPE_LEAVE          ? "<leave>"
					: act == CONESCAPE_TAKE ? "<take>"
								: "<help>");
	}
	assert_string_equal(got, want);
}

static void escapes(void **state)
{
	expect("~.", "<leave>");
	expect("ls ~.\r", "ls ~.\r");
	expect("ls\r~.", "ls\r<leave>");
	expect("\r~~.", "\r~.");
	expect("\r~?~t~.", "\r<help><take><leave>");
	expect("\r~x~.", "\r~x~.");
	expect("~/bin\r", "~/bin\r");
	expect("~\r~.", "~\r<leave>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(escapes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
