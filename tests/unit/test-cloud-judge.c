/* SPDX-License-Identifier: Apache-2.0 */
/* Answers in the shape that Zed's services gave, held against a rack. */
#include "tests/unit/harness.h"

#include "cloud/hosts.h"
#include "cloud/judge.h"
#include "tests/unit/cloud-fake.h"

#define NOW 1795417200 /* 2026-11-23 07:00:00 */

static json_t *json(const char *text)
{
	json_t *v = json_loads(text, 0, NULL);

	assert_non_null(v);
	return v;
}

/* What out says of a node's service; NULL: nothing. *ret_ok may be NULL. */
static const char *said_of(
	const json_t *out, const char *node, const char *service, bool *ret_ok)
{
	for (size_t i = 0; i < json_array_size(out); i++) {
		const json_t *v = json_array_get(out, i);

		if (streq(cloud_str(v, "node"), node) &&
			streq(cloud_str(v, "service"), service)) {
			if (ret_ok)
				*ret_ok = json_is_true(json_object_get(v, "ok"));
			return cloud_str(v, "text");
		}
	}
	return NULL;
}

static json_t *judged(const char *type, const char *text)
{
	_cleanup_(desired_freep) struct desired *d = fake_rack("\"cinder\"");
	_cleanup_(cloud_rows_clear) struct cloud_rows rows = {0};
	_cleanup_(jx_freep) json_t *list = json(text);
	json_t *out = json_array();

	cloud_rows_read(list, &rows);
	cloud_judge(d, type, &rows, NOW, out);
	return out;
}

static void hosts(void **state)
{
	_cleanup_(desired_freep) struct desired *d = fake_rack("");

	assert_true(cloud_host_is("hp03", "hp03"));
	assert_true(cloud_host_is("hp03.rack.example", "hp03"));
	assert_true(cloud_host_is("hp03@lvm#pool", "hp03"));
	assert_false(cloud_host_is("hp031", "hp03"));
	assert_false(cloud_host_is("hp0", "hp03"));
	assert_false(cloud_host_is("", ""));
	assert_false(cloud_host_is("@lvm", ""));
	assert_null(cloud_peer_of(d, "hp09"));
	assert_string_equal(cloud_peer_of(d, "hp05@lvm")->kind, "block");
	assert_string_equal(cloud_controller(d)->name, "ctl");
	assert_int_equal(cloud_address(cloud_peer_of(d, "hp06"), "storage"), 0x0a4d1e10);
	assert_int_equal(cloud_address(cloud_peer_of(d, "hp06"), "tunnel"), 0x0a4d1410);
	assert_false(cloud_has(d, "cinder"));
}

static void nova(void **state)
{
	_cleanup_(jx_freep) json_t *out = judged("compute",
		"[{\"id\":\"a\",\"binary\":\"nova-scheduler\",\"host\":\"ctl\",\"status\":\"enabled\",\"state\":\"up\","
		"\"updated_at\":\"2026-11-23T06:59:57.000000\",\"disabled_reason\":null,\"forced_down\":false},"
		"{\"id\":\"b\",\"binary\":\"nova-compute\",\"host\":\"hp02\",\"status\":\"disabled\",\"state\":\"up\","
		"\"updated_at\":\"2026-11-23T06:59:59.000000\",\"disabled_reason\":\"disk\"},"
		"{\"id\":\"c\",\"binary\":\"nova-compute\",\"host\":\"hp09\",\"status\":\"enabled\",\"state\":\"down\","
		"\"updated_at\":\"2026-11-23T06:00:00.000000\"},"
		"{\"id\":\"d\",\"binary\":\"nova-compute\",\"host\":\"hp05\",\"status\":\"enabled\",\"state\":\"up\"},"
		"{\"id\":\"e\",\"binary\":\"nova-extra\",\"host\":\"hp05\",\"status\":\"enabled\",\"state\":\"up\"},"
		"{\"binary\":\"nova-compute\"},7,{\"binary\":[],\"host\":{}}]");
	bool ok;

	assert_string_equal(said_of(out, "ctl", "nova-scheduler", &ok), "up, 3 s ago");
	assert_true(ok);
	assert_string_equal(said_of(out, "ctl", "nova-conductor", &ok),
		"nova-conductor of ctl has never registered");
	assert_false(ok);
	assert_string_equal(
		said_of(out, "hp02", "nova-compute", &ok), "up, 1 s ago, disabled: disk");
	assert_false(ok);
	assert_string_equal(said_of(out, "hp03", "nova-compute", &ok),
		"nova-compute of hp03 has never registered");
	assert_false(ok);
	assert_non_null(strstr(said_of(out, "hp09", "nova-compute", &ok),
		"hp09 is not in the rack any more (down"));
	assert_false(ok);
	assert_string_equal(said_of(out, "hp05", "nova-compute", &ok),
		"hp05 is a storage node and should not have it (up)");
	assert_false(ok);
	assert_string_equal(said_of(out, "hp05", "nova-extra", &ok), "up");
	assert_true(ok);
	assert_int_equal(json_array_size(out), 7);
}

static void neutron(void **state)
{
	_cleanup_(jx_freep) json_t *out = judged("network",
		"[{\"id\":\"a\",\"agent_type\":\"Open vSwitch agent\",\"binary\":\"neutron-openvswitch-agent\",\"host\":"
		"\"hp02\",\"alive\":true,\"admin_state_up\":true,\"heartbeat_timestamp\":\"2026-11-23 06:59:30\"},"
		"{\"id\":\"b\",\"binary\":\"neutron-l3-agent\",\"host\":\"ctl\",\"alive\":false,\"admin_state_up\":true,"
		"\"heartbeat_timestamp\":\"2026-11-23 06:50:00\"}]");
	bool ok;

	assert_string_equal(
		said_of(out, "hp02", "neutron-openvswitch-agent", &ok), "up, 30 s ago");
	assert_true(ok);
	assert_string_equal(said_of(out, "ctl", "neutron-l3-agent", &ok),
		"down: last heard of 10m00s ago");
	assert_false(ok);
	assert_non_null(said_of(out, "hp03", "neutron-openvswitch-agent", &ok));
	assert_int_equal(json_array_size(out), 6);
}

/* Heat keeps the records of engines that ended; the living one counts. */
static void heat(void **state)
{
	_cleanup_(jx_freep) json_t *out = judged("orchestration",
		"[{\"binary\":\"heat-engine\",\"hostname\":\"ctl\",\"host\":\"ctl\",\"status\":\"down\",\"engine_id\":\"1\","
		"\"updated_at\":\"2026-11-23T06:59:59.000000\"},{\"binary\":\"heat-engine\",\"hostname\":\"ctl\",\"status\":"
		"\"up\",\"updated_at\":\"2026-11-23T06:59:50.000000\"},{\"binary\":\"heat-engine\",\"hostname\":\"ctl\","
		"\"status\":\"up\",\"updated_at\":\"2026-11-23T06:59:50.000000\"}]");
	bool ok;

	assert_int_equal(json_array_size(out), 1);
	assert_string_equal(said_of(out, "ctl", "heat-engine", &ok), "up, 10 s ago");
	assert_true(ok);
}

static void unknown(void **state)
{
	_cleanup_(desired_freep) struct desired *d = fake_rack("\"cinder\"");
	_cleanup_(jx_freep) json_t *out = json_array();

	cloud_judge_unknown(d, "volumev3", "not known", out);
	assert_string_equal(said_of(out, "hp05", "cinder-volume", NULL), "not known");
	assert_string_equal(said_of(out, "ctl", "cinder-scheduler", NULL), "not known");
	assert_int_equal(json_array_size(out), 2);
	cloud_judge_unknown(d, "no such", "x", out);
	assert_int_equal(json_array_size(out), 2);
}

static void providers(void **state)
{
	_cleanup_(desired_freep) struct desired *d = fake_rack("");
	_cleanup_(jx_freep) json_t *out = json_array();
	_cleanup_(jx_freep) json_t *list = json(
		"[{\"name\":\"hp02\",\"uuid\":\"1\",\"parent_provider_uuid\":null},{\"name\":\"hp04.rack\",\"uuid\":\"2\","
		"\"parent_provider_uuid\":null},{\"name\":\"hp04_gpu\",\"parent_provider_uuid\":\"2\"},{\"name\":9}]");
	bool ok;

	cloud_judge_providers(d, list, out);
	assert_string_equal(
		said_of(out, "hp02", "placement", &ok), "has a resource provider");
	assert_true(ok);
	assert_non_null(said_of(out, "hp03", "placement", &ok));
	assert_false(ok);
	assert_string_equal(said_of(out, "hp04.rack", "placement", &ok),
		"resource provider hp04.rack is left over: not in the rack any more");
	assert_int_equal(json_array_size(out), 3);
}

static void disks(void **state)
{
	static const struct {
		const char *usage, *want;
	} cases[] = {
		{"[{\"device\":\"d1\",\"mounted\":true,\"size\":1}]", NULL},
		{"[{\"device\":\"d1\",\"mounted\":false,\"size\":\"\"}]",
			"disk d1 is not mounted"},
		{"[{\"device\":\"sdb\",\"mounted\":true}]", "disk d1 is not there"},
		{"[1,null]", "disk d1 is not there"},
	};
	_cleanup_(desired_freep) struct desired *d = fake_rack("");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(jx_freep) json_t *usage = json(cases[i].usage);
		_cleanup_free_ char *got =
			cloud_judge_disks(cloud_peer_of(d, "hp06"), usage);

		assert_true(streq_ptr(got, cases[i].want));
	}
}

static void telemetry(void **state)
{
	_cleanup_(jx_freep) json_t *good = json(
		"{\"storage\":{\"summary\":{\"metrics\":1,\"measures\":12}},\"metricd\":{\"processors\":[\"ctl.1\"]}}");
	_cleanup_(jx_freep) json_t *none =
		json("{\"storage\":{},\"metricd\":{\"processors\":[]}}");
	_cleanup_(jx_freep) json_t *odd = json("{\"storage\":[]}");
	_cleanup_(jx_freep) json_t *measures = json(
		"[[\"2026-11-23T06:50:00+00:00\",300.0,1.0],[\"2026-11-23T06:55:00+00:00\",300.0,2.0],[],7]");
	_cleanup_free_ char *t1 = NULL, *t2 = NULL, *t3 = NULL, *t4 = NULL, *t5 = NULL,
			    *t6 = NULL;

	assert_true(cloud_judge_gnocchi(good, &t1));
	assert_string_equal(t1, "answers; 12 measures wait");
	assert_false(cloud_judge_gnocchi(none, &t2));
	assert_true(cloud_judge_gnocchi(odd, &t3));
	assert_int_equal(cloud_newest_measure(measures), NOW - 300);
	assert_int_equal(cloud_newest_measure(NULL), 0);
	assert_true(cloud_judge_measure(0, NOW - 300, NOW, &t4));
	assert_string_equal(t4, "the newest measure is of 5m00s ago");
	assert_true(cloud_judge_measure(NOW - 60, 0, NOW, &t5));
	assert_false(cloud_judge_measure(NOW - 7200, 0, NOW, &t6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts),
		cmocka_unit_test(nova),
		cmocka_unit_test(neutron),
		cmocka_unit_test(heat),
		cmocka_unit_test(unknown),
		cmocka_unit_test(providers),
		cmocka_unit_test(disks),
		cmocka_unit_test(telemetry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
