/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "images/cmdline.h"

#define TOKEN "00112233445566778899aabbccddeeff"
#define CA TOKEN TOKEN
#define INSTALL                                                                           \
	"BOOT_IMAGE=vmlinuz console=tty0 ondol.mode=install ondol.server=10.77.0.2:8780 " \
	"ondol.api=10.77.0.2:8781 ondol.ca=" CA " "                                       \
	"ondol.node=hp02 ondol.token=" TOKEN " ondol.nic=94:40:c9:00:02:01 "              \
	"ondol.ip=10.77.0.12/24 console=ttyS0,115200n8\n"
#define SLOT "7226c13a-fd8b-aa45-897d-1064860b94ad"
#define STATE "1552489f-e543-b64c-b795-81c7b3f3a7e9"
#define BOOT "ondol.mode=boot ondol.slot=" SLOT " ondol.state=" STATE " ondol.node=hp02"

static void refuses(const char *line, const char *words)
{
	struct boot_args *a = NULL;
	_cleanup_free_ char *why = NULL;

	assert_int_equal(boot_args_parse(line, &a, &why), -EINVAL);
	assert_null(a);
	assert_non_null(strstr(why, words));
	assert_null(strstr(why, TOKEN));
}

static void test_install(void **state)
{
	_cleanup_(boot_args_freep) struct boot_args *a = NULL;
	_cleanup_free_ char *why = NULL;

	assert_int_equal(boot_args_parse(INSTALL, &a, &why), 0);
	assert_int_equal(a->mode, BOOT_MODE_INSTALL);
	assert_string_equal(a->node, "hp02");
	assert_string_equal(a->server, "10.77.0.2:8780");
	assert_string_equal(a->api, "10.77.0.2:8781");
	assert_string_equal(a->ca, CA);
	assert_string_equal(a->token, TOKEN);
	assert_int_equal(a->address, 0x0a4d000c);
	assert_int_equal(a->prefix, 24);
	assert_int_equal(a->mtu, 1500);
	assert_int_equal(a->time, 0);
	assert_string_equal(a->consoles, "console=tty0 console=ttyS0,115200n8");
}

static void test_boot(void **state)
{
	_cleanup_(boot_args_freep) struct boot_args *a = NULL;
	_cleanup_free_ char *why = NULL, *line = NULL;

	/* systemd-boot puts its own word first, and UUIDs may be in capitals */
	assert_int_equal(
		boot_args_parse("initrd=\\ondol\\a\\initrd.img " BOOT, &a, &why), 0);
	assert_int_equal(a->mode, BOOT_MODE_BOOT);
	assert_int_equal(a->slot.n, 1);
	assert_string_equal(a->slot.uuid[0], SLOT);
	assert_string_equal(a->state.uuid[0], STATE);
	assert_string_equal(a->consoles, "");
	line = cmdline_for_boot(a);
	assert_string_equal(line, BOOT);
}

#define MIRRORED                                                                    \
	"ondol.mode=boot ondol.slot=" SLOT "," STATE " ondol.state=" STATE "," SLOT \
	" ondol.node=hp02"

static void test_mirror(void **state)
{
	_cleanup_(boot_args_freep) struct boot_args *a = NULL;
	_cleanup_free_ char *why = NULL, *line = NULL;

	assert_int_equal(boot_args_parse(MIRRORED, &a, &why), 0);
	assert_int_equal(a->slot.n, 2);
	assert_string_equal(a->slot.uuid[0], SLOT);
	assert_string_equal(a->slot.uuid[1], STATE);
	assert_string_equal(a->state.uuid[1], SLOT);
	line = cmdline_for_boot(a);
	assert_string_equal(line, MIRRORED);
	assert_int_equal(a->swap.n, 0);
	refuses("ondol.mode=boot ondol.node=hp02 ondol.state=" STATE " ondol.slot=" SLOT
		"," SLOT,
		"a mirror's two");
	refuses("ondol.mode=boot ondol.node=hp02 ondol.state=" STATE " ondol.slot=" SLOT
		",",
		"a mirror's two");
	refuses("ondol.mode=boot ondol.node=hp02 ondol.state=" STATE " ondol.slot=" SLOT
		"," STATE "," STATE,
		"a mirror's two");
}

#define SWAPPING                                                                      \
	"ondol.mode=boot ondol.slot=" SLOT " ondol.state=" STATE " ondol.swap=" STATE \
	"," SLOT " ondol.other=" SLOT " ondol.node=hp02"

static void test_swap(void **state)
{
	_cleanup_(boot_args_freep) struct boot_args *a = NULL;
	_cleanup_free_ char *why = NULL, *line = NULL;

	assert_int_equal(boot_args_parse(SWAPPING, &a, &why), 0);
	assert_int_equal(a->swap.n, 2);
	assert_string_equal(a->swap.uuid[0], STATE);
	assert_string_equal(a->other.uuid[0], SLOT);
	line = cmdline_for_boot(a);
	assert_string_equal(line, SWAPPING);
	refuses(BOOT " ondol.swap=/dev/sda5", "ondol.swap: expected a PARTUUID");
}

/* An update: as the slot that runs was started, but for the other one, and on trial. */
static void test_trial(void **state)
{
	_cleanup_(boot_args_freep) struct boot_args *a = NULL;
	_cleanup_free_ char *why = NULL, *line = NULL;

	assert_int_equal(
		boot_args_parse(BOOT " ondol.image=0.1.0-3f2a console=ttyS0", &a, &why),
		0);
	assert_string_equal(a->image, "0.1.0-3f2a");
	assert_int_equal(a->trial_s, 0);
	a->trial_s = 900;
	line = cmdline_for_boot(a);
	assert_string_equal(line,
		BOOT " ondol.image=0.1.0-3f2a ondol.trial=900 panic=30 console=ttyS0");
	boot_args_freep(&a);
	assert_int_equal(boot_args_parse(line, &a, &why), 0);
	assert_int_equal(a->trial_s, 900);
	refuses(BOOT " ondol.image=/etc/passwd", "an image's version");
	refuses(BOOT " ondol.trial=1", "60 to 86400");
}

static void test_options(void **state)
{
	_cleanup_(boot_args_freep) struct boot_args *a = NULL;
	_cleanup_free_ char *why = NULL;

	assert_int_equal(boot_args_parse("ondol.mtu=9000 ondol.time=1763866800 " INSTALL,
				 &a, &why),
		0);
	assert_int_equal(a->mtu, 9000);
	assert_int_equal(a->time, 1763866800);
}

static void test_refusals(void **state)
{
	refuses("", "ondol.mode");
	refuses("quiet splash", "ondol.mode: expected install or boot, it is missing");
	refuses("ondol.mode=rescue", "found rescue");
	refuses("ondol.mode=boot ondol.node=hp02 ondol.slot=" SLOT, "ondol.state");
	refuses(BOOT " ondol.slot=" SLOT, "it is there 2 times");
	refuses("ondol.mode=boot ondol.node=hp02 ondol.state=" STATE
		" ondol.slot=/dev/sda2",
		"expected a PARTUUID, or a mirror's two: UUID,UUID, found \"/dev/sda2\"");
	refuses(INSTALL " ondol.mtu=99", "1280 to 9216");
	refuses(INSTALL " ondol.node=hp03", "2 times");
	refuses("ondol.mode=install ondol.node=hp02 ondol.server=deploy:8780",
		"ondol.server");
	refuses("ondol.mode=install ondol.node=-x", "ondol.node");
	refuses("ondol.mode=install ondol.node=hp02 ondol.server=10.0.0.1:1",
		"ondol.api");
	refuses("ondol.mode=install ondol.node=hp02 ondol.server=10.0.0.1:1 "
		"ondol.api=10.0.0.1:2 ondol.ca=12",
		"ondol.ca: expected 64 hex digits");
	refuses("ondol.mode=install ondol.node=hp02 ondol.server=10.0.0.1:1 "
		"ondol.api=10.0.0.1:2 ondol.ca=" CA " ondol.token=" TOKEN "0",
		"ondol.token: expected 32 hex digits, found something else");
}

static void test_words(void **state)
{
	_cleanup_free_ char *v = cmdline_word(" a=1  ab=2\ta=3 b", "a", NULL);
	_cleanup_free_ char *empty = cmdline_word("x= y=1", "x", NULL);
	unsigned count = 9;

	assert_string_equal(v, "3");
	assert_string_equal(empty, "");
	assert_null(cmdline_word("b xa=1 a", "a", &count));
	assert_int_equal(count, 0);
}

static void test_address(void **state)
{
	uint32_t address = 7;
	unsigned prefix = 7;

	assert_int_equal(cmdline_address("10.0.0.1", &address, &prefix), -EINVAL);
	assert_int_equal(cmdline_address("10.0.0.1/31", &address, &prefix), -ERANGE);
	assert_int_equal(cmdline_address("10.0.0.1/24/1", &address, &prefix), -EINVAL);
	assert_int_equal(address, 7);
	assert_int_equal(cmdline_address("10.0.0.1/24", &address, &prefix), 0);
	assert_int_equal(address, 0x0a000001);
	assert_int_equal(prefix, 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_install),
		cmocka_unit_test(test_boot), cmocka_unit_test(test_mirror),
		cmocka_unit_test(test_swap), cmocka_unit_test(test_trial),
		cmocka_unit_test(test_options), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_words), cmocka_unit_test(test_address)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
