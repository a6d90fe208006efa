/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/bmctext.h"
#include "common/jsonx.h"

/* ipmi_sim's, and the shapes of an iLO. */
static const char sensors[] =
	"01-Inlet Ambient | 50.000     | degrees C  | nr    | na        | na        | na        "
	"| na        | 42.000    | 46.000    \n"
	"Fan 1            | 29.008     | percent    | ok    | na        | na        | na        "
	"| na        | na        | na        \n"
	"UID              | 0x0        | discrete   | 0x0180| na        | na        | na        "
	"| na        | na        | na        \n"
	"03-P1 DIMM 1-6   | na         |            | na    | na        | na        | na        "
	"| na        | na        | na        \n"
	"Get Device SDR failed\n"
	"a|b | -3.500 | Volts | lcr | -5.000 | -3.000 | na | 1.000 | 2.000 | 3.000\n";

static const json_t *item(const json_t *list, size_t i, const char *key)
{
	return json_object_get(json_array_get(list, i), key);
}

static const char *word(const json_t *list, size_t i, const char *key)
{
	return json_string_value(item(list, i, key));
}

static void sensor_table(void **state)
{
	_cleanup_(jx_freep) json_t *l = NULL;
	size_t unread = 0;

	assert_int_equal(sensors_parse(sensors, &l, &unread), 0);
	assert_int_equal(json_array_size(l), 5);
	assert_int_equal(unread, 1);
	assert_string_equal(word(l, 0, "name"), "01-Inlet Ambient");
	assert_string_equal(word(l, 0, "unit"), "degrees C");
	assert_string_equal(word(l, 0, "status"), "nr");
	assert_true(json_real_value(item(l, 0, "reading")) == 50);
	assert_true(json_real_value(item(l, 0, "upper_critical")) == 42);
	assert_true(json_real_value(item(l, 0, "upper_fatal")) == 46);
	assert_true(json_is_null(item(l, 0, "lower_warning")));
	assert_true(json_is_false(item(l, 0, "well")));
	assert_true(json_is_true(item(l, 1, "well")));
	assert_true(json_is_true(item(l, 2, "discrete")));
	assert_string_equal(word(l, 2, "status"), "0x0180");
	assert_true(json_is_null(item(l, 3, "reading")));
	assert_string_equal(word(l, 3, "unit"), "");
	assert_string_equal(word(l, 4, "name"), "a|b");
	assert_true(json_real_value(item(l, 4, "reading")) == -3.5);
	assert_true(json_real_value(item(l, 4, "lower_fatal")) == -5);
	assert_true(json_is_false(item(l, 4, "well")));
}

static void expect_no_sensor(const char *text)
{
	json_t *l = NULL;
	size_t unread;

	if (sensors_parse(text, &l, &unread) != -EBADMSG)
		fail_msg("taken: %s", text);
	assert_null(l);
}

static void what_is_no_sensor(void **state)
{
	_cleanup_(jx_freep) json_t *l = NULL;
	size_t unread = 1;

	expect_no_sensor("Error: Unable to establish IPMI v2 / RMCP+ session\n");
	expect_no_sensor("x | 1.0 | Volts | ok | na | na | na | na | na\n");
	expect_no_sensor("x | nan | Volts | ok | na | na | na | na | na | na\n");
	expect_no_sensor("x | 1e9 | Volts | ok | na | na | na | na | na | na\n");
	expect_no_sensor("x | 1.0 | Volts | fine | na | na | na | na | na | na\n");
	expect_no_sensor("x | 0x1 | discrete | 0x018g | na | na | na | na | na | na\n");
	expect_no_sensor(" | 1.0 | Volts | ok | na | na | na | na | na | na\n");
	assert_int_equal(sensors_parse("", &l, &unread), 0);
	assert_int_equal(json_array_size(l), 0);
	assert_int_equal(unread, 0);
}

static void log_entries(void **state)
{
	_cleanup_(jx_freep) json_t *l = NULL;
	size_t unread = 0;

	assert_int_equal(
		sel_parse(
			"1, Pre-Init ,0000007325,Power Supply #0x50,Power Supply AC "
			"lost,Asserted\n"
			"a,11/27/26,19:45:16 GMT,Temperature 01-Inlet Ambient,Upper Critical "
			"going high,Deasserted,Reading 21 > Threshold 42 degrees C\n"
			"b,11/27/26,19:45:16 UTC,OEM record c1,040020,08506f03ffff\n"
			"c,02/29/2024,00:00:00,Fan #0x01\n"
			"Get SEL Entry 0d command failed\n",
			&l, &unread),
		0);
	assert_int_equal(json_array_size(l), 4);
	assert_int_equal(unread, 1);
	assert_true(json_is_null(item(l, 0, "time")));
	assert_string_equal(word(l, 0, "sensor"), "Power Supply #0x50");
	assert_string_equal(word(l, 0, "direction"), "asserted");
	assert_int_equal(json_integer_value(item(l, 1, "id")), 10);
	assert_int_equal(json_integer_value(item(l, 1, "time")), 1795808716000);
	assert_string_equal(word(l, 1, "direction"), "deasserted");
	assert_string_equal(word(l, 1, "detail"), "Reading 21 > Threshold 42 degrees C");
	assert_string_equal(word(l, 2, "event"), "040020");
	assert_string_equal(word(l, 2, "detail"), "08506f03ffff");
	assert_int_equal(json_integer_value(item(l, 3, "time")), 1709164800000);
}

static void what_is_no_entry(void **state)
{
	static const char *const bad[] = {"1,13/27/26,19:45:16 GMT,x,y,Asserted\n",
		"1,11/27/26,24:45:16 GMT,x,y,Asserted\n",
		"1,11/27/26,19:45:16 CET,x,y,Asserted\n",
		"g,11/27/26,19:45:16 GMT,x,y,Asserted\n", "1,11/27/26\n",
		"12345,11/27/26,19:45:16 GMT,x\n", "1,Pre-Init,x,x\n"};
	_cleanup_(jx_freep) json_t *l = NULL;
	size_t unread = 1;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (sel_parse(bad[i], &l, &unread) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(sel_parse("SEL has no entries\n", &l, &unread), 0);
	assert_int_equal(json_array_size(l), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sensor_table),
		cmocka_unit_test(what_is_no_sensor),
		cmocka_unit_test(log_entries),
		cmocka_unit_test(what_is_no_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
