/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "twin/ipxe.h"

static void expect(const char *script, enum ipxe_end end, struct ipxe *ret)
{
	char *why = NULL;

	if (ipxe_parse(script, ret, &why) < 0)
		fail_msg("%s", why);
	assert_int_equal(ret->end, end);
}

static void the_install_script_boots(void **state)
{
	_cleanup_(ipxe_clear) struct ipxe s = {0};

	expect("#!ipxe\n"
	       "# hp02 is to be installed\n"
	       "set files http://10.77.0.2:8780/files/core\n"
	       "kernel --name kernel ${files}/vmlinuz initrd=initrd console=tty0 "
	       "ondol.mode=install ondol.time=5 || goto failed\n"
	       "initrd --name initrd ${files}/initrd.img || goto failed\n"
	       "boot || goto failed\n"
	       ":failed\n"
	       "sleep 10\n"
	       "reboot\n",
		IPXE_BOOT, &s);
	assert_string_equal(s.kernel, "http://10.77.0.2:8780/files/core/vmlinuz");
	assert_string_equal(s.initrd, "http://10.77.0.2:8780/files/core/initrd.img");
	assert_string_equal(
		s.cmdline, "initrd=initrd console=tty0 ondol.mode=install ondol.time=5");
}

static void exit_goes_on_to_the_disk(void **state)
{
	_cleanup_(ipxe_clear) struct ipxe s = {0};

	expect("#!ipxe\necho nothing to install here\nexit 1\n", IPXE_EXIT, &s);
	assert_null(s.kernel);
}

static void an_empty_script_ends(void **state)
{
	_cleanup_(ipxe_clear) struct ipxe s = {0};

	expect("#!ipxe\n", IPXE_EXIT, &s);
}

static void a_wait_is_a_chain(void **state)
{
	_cleanup_(ipxe_clear) struct ipxe s = {0};

	expect("#!ipxe\nsleep 10\nchain --replace http://h/boot/m\n", IPXE_CHAIN, &s);
	assert_int_equal(s.pause_s, 10);
	assert_string_equal(s.chain, "http://h/boot/m");
}

static void an_unknown_variable_is_empty(void **state)
{
	_cleanup_(ipxe_clear) struct ipxe s = {0};

	expect("#!ipxe\nkernel x${nothing}y a${\nboot\n", IPXE_BOOT, &s);
	assert_string_equal(s.kernel, "xy");
	assert_string_equal(s.cmdline, "a${");
}

static void expect_refused(const char *script, const char *want)
{
	struct ipxe s = {.pause_s = 7};
	_cleanup_free_ char *why = NULL;

	assert_int_equal(ipxe_parse(script, &s, &why), -EINVAL);
	assert_int_equal(s.pause_s, 7);
	if (!strstr(why, want))
		fail_msg("expected \"%s\" in: %s", want, why);
}

static void other_things_are_refused(void **state)
{
	expect_refused("<html>", "not an iPXE script");
	expect_refused("", "not an iPXE script");
	expect_refused("#!ipxe\ndhcp net0\n", "dhcp net0");
	expect_refused("#!ipxe\nboot\n", "boot");
	expect_refused("#!ipxe\nkernel\n", "kernel");
	expect_refused("#!ipxe\nsleep forever\n", "sleep");
	expect_refused("#!ipxe\nset\n", "set");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_install_script_boots),
		cmocka_unit_test(exit_goes_on_to_the_disk),
		cmocka_unit_test(an_empty_script_ends),
		cmocka_unit_test(a_wait_is_a_chain),
		cmocka_unit_test(an_unknown_variable_is_empty),
		cmocka_unit_test(other_things_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
