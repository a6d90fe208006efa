/* SPDX-License-Identifier: Apache-2.0 */
/* LVM's reports, hostile ones too, and what is decided from them. */
#include "tests/unit/harness.h"

#include "nodeagent/lvmreport.h"

#define VGS(rows) "  {\n \"report\": [\n { \"vg\": [" rows "] }\n ]\n }\n"
#define PVS(rows) "{\"report\":[{\"pv\":[" rows "]}]}"
#define VG(name, size, pvs, lvs)                                                 \
	"{\"vg_name\":\"" name "\",\"vg_size\":\"" size "\",\"pv_count\":\"" pvs \
	"\",\"lv_count\":\"" lvs "\"}"
#define PV(dev, vg) "{\"pv_name\":\"" dev "\",\"vg_name\":\"" vg "\"}"

static void load(struct lvm_report *r, const char *vgs, const char *pvs)
{
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(lvm_report_add_vgs(r, vgs, &msg), 0);
	assert_int_equal(lvm_report_add_pvs(r, pvs, &msg), 0);
}

static void reports_are_read(_unused_ void **state)
{
	_cleanup_(lvm_report_clear) struct lvm_report r = {0};

	load(&r,
		"  WARNING: device {weird} x\n  /dev/mapper/control: open failed: {}\n" VGS(
			VG("cinder-volumes", "1920379682816", "1", "3") "," VG(
				"b", "0", "0", "0")),
		PVS(PV("/dev/nvme0n1", "cinder-volumes") "," PV("/dev/sdb", "")));
	assert_int_equal(r.n_vgs, 2);
	assert_true(lvm_report_vg(&r, "cinder-volumes")->size_bytes == 1920379682816ULL);
	assert_int_equal(lvm_report_vg(&r, "cinder-volumes")->n_lvs, 3);
	assert_string_equal(lvm_report_pv(&r, "/dev/sdb")->vg, "");
	assert_null(lvm_report_pv(&r, "/dev/sdc"));
	assert_null(lvm_report_vg(&r, "none"));
}

static void nothing_there_is_fine(_unused_ void **state)
{
	_cleanup_(lvm_report_clear) struct lvm_report r = {0};

	load(&r, VGS(""), PVS(""));
	assert_int_equal(r.n_vgs + r.n_pvs, 0);
}

static void hostile_reports_are_refused(_unused_ void **state)
{
	const char *const bad[] = {"", "}", "{", "}{", "vgs: command not found", "[]",
		"{}", "{\"report\":{}}", "{\"report\":[{}]}", "{\"report\":[[]]}",
		"{\"report\":[{\"vg\":{}}]}", "{\"report\":[{\"vg\":[1]}]}",
		"{\"report\":[{\"vg\":[{}]}]}", VGS(VG("", "1", "1", "1")),
		VGS(VG("a", "-1", "1", "1")), VGS(VG("a", "1", "x", "1")),
		VGS(VG("a", "99999999999999999999999", "1", "1")),
		VGS(VG("a", "1g", "1", "1")),
		VGS("{\"vg_name\":\"a\",\"vg_size\":1,\"pv_count\":\"1\",\"lv_count\":\"0\"}"),
		VGS("{\"vg_name\":\"a\",\"vg_name\":\"b\",\"vg_size\":\"1\",\"pv_count\":\"1\","
		    "\"lv_count\":\"0\"}"),
		VGS(VG("a\\u0000b", "1", "1", "1")), VGS(VG("a\\nb", "1", "1", "1"))};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(lvm_report_clear) struct lvm_report r = {0};
		_cleanup_free_ char *msg = NULL;

		assert_int_equal(lvm_report_add_vgs(&r, bad[i], &msg), -EINVAL);
		assert_non_null(msg);
	}
}

static const struct lvm_disk blank = {"/dev/sdb", "D1", "", false};
static const struct lvm_disk blank2 = {"/dev/sdc", "D2", "", false};
static const struct lvm_disk pv = {"/dev/sdb", "D1", "LVM2_member", true};

struct decision {
	const char *vgs, *pvs;
	struct lvm_disk disks[2];
	size_t n;
	enum lvm_action action;
	const char *first, *why; /* the first device; a word of the reason */
};

static void decisions(_unused_ void **state)
{
	const struct lvm_disk ext4 = {"/dev/sdb", "D1", "ext4 (label data)", false};
	const struct lvm_disk both = {"/dev/sdb", "D1", "LVM2_member, gpt", false};
	const struct decision cases[] = {
		{"", "", {blank}, 1, LVM_CREATE, "/dev/sdb", NULL},
		{"", "", {blank, blank2}, 2, LVM_CREATE, "/dev/sdb", NULL},
		{"", PV("/dev/sdb", ""), {pv}, 1, LVM_CREATE, "/dev/sdb", NULL},
		{VG("vg", "1", "1", "0"), PV("/dev/sdb", "vg"), {pv}, 1, LVM_NOTHING,
			NULL, NULL},
		{VG("vg", "1", "1", "9"), PV("/dev/sdb", "vg"), {pv, blank2}, 2,
			LVM_EXTEND, "/dev/sdc", NULL},
		{"", "", {ext4}, 1, LVM_REFUSE, NULL, "ext4 (label data)"},
		{"", "", {blank, ext4}, 2, LVM_REFUSE, NULL, "D1"},
		{"", PV("/dev/sdb", ""), {both}, 1, LVM_REFUSE, NULL, "gpt"},
		/* blkid sees an LVM member that LVM itself does not know: damaged, hands off */
		{"", "", {pv}, 1, LVM_REFUSE, NULL, "LVM2_member"},
		{VG("other", "1", "1", "0"), PV("/dev/sdb", "other"), {pv}, 1, LVM_REFUSE,
			NULL, "other"},
		{VG("vg", "1", "2", "0"), PV("/dev/sdb", "vg") "," PV("/dev/sdx", "vg"),
			{pv}, 1, LVM_REFUSE, NULL, "/dev/sdx"},
		{VG("vg", "1", "2", "0"), PV("/dev/sdb", "vg") "," PV("[unknown]", "vg"),
			{pv}, 1, LVM_REFUSE, NULL, "[unknown]"},
		{"", "", {blank}, 0, LVM_REFUSE, NULL, "rack.ini"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct decision *c = &cases[i];
		_cleanup_(lvm_report_clear) struct lvm_report r = {0};
		_cleanup_free_ char *vgs = xasprintf(VGS("%s"), c->vgs),
				    *pvs = xasprintf(PVS("%s"), c->pvs);
		_cleanup_free_ const char **devices = NULL;
		_cleanup_free_ char *why = NULL;

		load(&r, vgs, pvs);
		assert_int_equal(
			lvm_decide(&r, "vg", c->disks, c->n, &devices, &why), c->action);
		if (c->first)
			assert_string_equal(devices[0], c->first);
		if (c->why)
			assert_non_null(strstr(why, c->why));
	}
}

static void strangers_are_found(_unused_ void **state)
{
	const struct lvm_disk mine[] = {blank, blank2};
	_cleanup_(lvm_report_clear) struct lvm_report r = {0};

	load(&r, VGS(VG("vg", "1", "2", "0")),
		PVS(PV("/dev/sdb", "vg") "," PV("/dev/sdx", "vg") "," PV(
			"/dev/sdy", "other")));
	assert_string_equal(lvm_stranger(&r, "vg", mine, 2), "/dev/sdx");
	assert_string_equal(lvm_stranger(&r, "vg", NULL, 0), "/dev/sdb");
	assert_string_equal(lvm_stranger(&r, "other", mine, 2), "/dev/sdy");
	assert_null(lvm_stranger(&r, "none", mine, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_are_read),
		cmocka_unit_test(nothing_there_is_fine),
		cmocka_unit_test(hostile_reports_are_refused),
		cmocka_unit_test(decisions),
		cmocka_unit_test(strangers_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
