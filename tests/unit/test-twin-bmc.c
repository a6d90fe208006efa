/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "tests/unit/twin-rack.h"
#include "twin/bmcconf.h"
#include "twin/fru.h"

static void lan_conf_is_what_ipmi_sim_reads(void **state)
{
	_cleanup_(twin_plan_freep) struct twin_plan *p = twin_plan_of(example_rack, 2);
	struct bmc_login login = {(char *)"ondol", (char *)"s3cret\"x"};
	_cleanup_free_ char *conf = NULL, *msg = NULL;

	assert_int_equal(bmc_lan_conf(p, &p->nodes[1], &login, &conf, &msg), 0);
	assert_string_equal(conf,
		"name \"hp02\"\n"
		"set_working_mc 0x20\n"
		"startlan 1\n"
		"  addr 10.77.1.12 623\n"
		"  priv_limit admin\n"
		"  allowed_auths_callback md5\n"
		"  allowed_auths_user md5\n"
		"  allowed_auths_operator md5\n"
		"  allowed_auths_admin md5\n"
		"  guid 3938383837385a434a30303130303102\n"
		"endlan\n"
		"chassis_control \"/run/t/ondol-twin chassis /run/t hp02\"\n"
		"serial kcs 127.0.0.1 9101 codec VM\n"
		"sol \"tcp:127.0.0.1:10101\" 115200\n"
		"user 2 true \"ondol\" \"s3cret\"x\" admin 10\n");
}

static void expect_refused(const char *user, const char *password, const char *want)
{
	_cleanup_(twin_plan_freep) struct twin_plan *p = twin_plan_of(example_rack, 1);
	struct bmc_login login = {(char *)user, (char *)password};
	_cleanup_free_ char *conf = NULL, *msg = NULL;

	assert_int_equal(bmc_lan_conf(p, &p->nodes[0], &login, &conf, &msg), -EINVAL);
	assert_null(conf);
	if (!strstr(msg, want))
		fail_msg("expected \"%s\" in: %s", want, msg);
	if (strstr(msg, password))
		fail_msg("the message tells the password");
}

static void logins_that_do_not_fit_are_refused(void **state)
{
	expect_refused("ondol", "12345678901234567890", "take 19");
	expect_refused("a-sixteen-letter", "pw-x", "take 15");
	expect_refused("ondol", "two words", "blank");
	expect_refused("ondol", "line\nuser 3 true", "blank");
	expect_refused("ondol", "gr\xc3\xbcn", "ASCII");
}

static void commands_build_the_insides(void **state)
{
	_cleanup_(twin_plan_freep) struct twin_plan *p = twin_plan_of(example_rack, 1);
	_cleanup_free_ char *c =
		bmc_commands(&p->nodes[0], "/run/t/nodes/hp01/bmc/fru.bin");
	const char *wanted[] = {"mc_setbmc 0x20\n", " 11 0x2000\n", "sel_enable 0x20 ",
		"sensor_add 0x20 0 0 35 0x6f event-only\n", /* sensor 0 is the watchdog */
		"sensor_add 0x20 0 1 1 1 poll 1000 file \"/run/t/nodes/hp01/sensors/inlet\"\n",
		"sensor_add 0x20 0 3 4 1 poll 1000 file \"/run/t/nodes/hp01/sensors/fan1\"\n",
		"sensor_add 0x20 0 16 11 1 poll 1000 file \"/run/t/nodes/hp01/sensors/ps1\"\n",
		"sel_add 0x20 2 ", "main_sdr_add 0x20 0x00 0x00 0x51 0x01 ",
		"mc_add_fru_data 0x20 0 1024 file 0 \"/run/t/nodes/hp01/bmc/fru.bin\"\n",
		"mc_enable 0x20\n"};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!strstr(c, wanted[i]))
			fail_msg("expected \"%s\" in: %s", wanted[i], c);
}

static unsigned sum(const uint8_t *b, size_t n)
{
	unsigned s = 0;

	for (size_t i = 0; i < n; i++)
		s += b[i];
	return s & 0xff;
}

static void fru_areas_add_up(void **state)
{
	struct fru_info info = {"HPE", "ProLiant DL360 Gen10", "CZJ0010001", "P"};
	uint8_t f[FRU_SIZE];

	fru_build(&info, f);
	assert_int_equal(f[0], 1);
	assert_int_equal(sum(f, 8), 0);
	for (size_t i = 2; i <= 4; i++) {
		const uint8_t *area = f + f[i] * 8;

		assert_true(f[i] > 0);
		assert_int_equal(area[0], 1);
		assert_int_equal(sum(area, area[1] * 8u), 0);
	}
	/* board: header of 6 bytes, then the manufacturer as 8-bit text */
	assert_int_equal(f[f[3] * 8 + 6], 0xc0 | 3);
	assert_memory_equal(f + f[3] * 8 + 7, "HPE", 3);
}

static void long_fru_fields_are_cut(void **state)
{
	char x[100];
	struct fru_info info = {x, x, x, x};
	uint8_t f[FRU_SIZE];

	memset(x, 'x', sizeof(x) - 1);
	x[sizeof(x) - 1] = '\0';
	fru_build(&info, f);
	assert_int_equal(sum(f, 8), 0);
	assert_int_equal(f[f[3] * 8 + 6], 0xc0 | FRU_MAX_FIELD);
}

static void sdr_length_counts_what_follows_its_header(void **state)
{
	struct sdr_sensor s = {7, 0x37, 1, 1, false, 42, 46, "Inlet"};
	uint8_t b[SDR_MAX];
	size_t n = sdr_build(&s, b);

	assert_int_equal(n, 48 + 5);
	assert_int_equal(b[4], n - 5);
	assert_int_equal(b[7], 7);
	assert_int_equal(b[47], 0xc0 | 5);
	assert_int_equal(b[20], 0); /* degrees Celsius */
	assert_int_equal(b[21], 1);
	assert_int_equal(b[36], 46);
	assert_int_equal(b[37], 42);
	s.unit = SDR_PERCENT;
	sdr_build(&s, b);
	assert_int_equal(b[20], 1);
	assert_int_equal(b[21], 0);
	s.unit = SDR_WATTS;
	sdr_build(&s, b);
	assert_int_equal(b[20], 0);
	assert_int_equal(b[21], 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lan_conf_is_what_ipmi_sim_reads),
		cmocka_unit_test(logins_that_do_not_fit_are_refused),
		cmocka_unit_test(commands_build_the_insides),
		cmocka_unit_test(fru_areas_add_up),
		cmocka_unit_test(long_fru_fields_are_cut),
		cmocka_unit_test(sdr_length_counts_what_follows_its_header),
	};

	return cmocka_run_group_tests(tests, example_setup, example_teardown);
}
