/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/conlines.h"

static void join(const char *line, void *userdata)
{
	char **all = userdata, *old = *all;

	*all = xasprintf("%s<%s>", old, line);
	free(old);
}

static void expect(const char *in, const char *want)
{
	for (size_t step = 1; step <= strlen(in); step++) {
		struct conlines l = {0};
		char *all = xstrdup("");

		for (size_t i = 0; i < strlen(in); i += step)
			conlines_feed(&l, in + i, MIN(step, strlen(in) - i), join, &all);
		conlines_end(&l, join, &all);
		if (!streq(all, want))
			fail_msg(
				"in pieces of %zu: expected %s, got %s", step, want, all);
		free(all);
	}
}

static void lines_without_escapes(void **state)
{
	expect("one\r\ntwo\n\nlast", "<one><two><><last>");
	expect("\x1b[2J\x1b[01;01H\x1b[0;37;40mPress F9  \x1b[02;01Hnext",
		"<Press F9><next>");
	expect("\x1b]0;a title\x07shell$ lsx\b \n", "<shell$ ls>");
	expect("\x1bPq\x1b\\text\n", "<text>");
	expect("a\tb\x7f\x01\n", "<a b>");
}

static void long_lines_are_cut_between_characters(void **state)
{
	struct conlines l = {0};
	char text[4000], *all = xstrdup("");
	size_t total;

	for (size_t i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xbc", 2);
	conlines_feed(&l, text, sizeof(text), join, &all);
	conlines_end(&l, join, &all);
	total = strlen(all);
	assert_true(total > sizeof(text) && total < sizeof(text) + 20);
	assert_null(strstr(all, "\xc3>"));
	free(all);
}

static void trouble(void **state)
{
	assert_string_equal(
		conlines_trouble("[    1.2] Kernel panic - not syncing: VFS: x"),
		"console.panic");
	assert_string_equal(
		conlines_trouble("Out of memory: Killed process 1 (x)"), "console.oom");
	assert_string_equal(
		conlines_trouble("Buffer I/O error on dev sda, logical block 0"),
		"console.io-error");
	assert_string_equal(
		conlines_trouble("No such file or directory (https://ipxe.org/2d0c618e)"),
		"console.ipxe");
	assert_string_equal(conlines_trouble("No bootable device."), "console.no-boot");
	assert_null(conlines_trouble(
		"iPXE 1.21.1 -- Open Source Network Boot Firmware -- https://ipxe.org"));
	assert_null(conlines_trouble("a day in the sun"));
	assert_null(conlines_trouble(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_without_escapes),
		cmocka_unit_test(long_lines_are_cut_between_characters),
		cmocka_unit_test(trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
