/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "cloud/reconcile.h"
#include "tests/unit/cloud-fake.h"

#define COMPUTE(id, host, status, state)                                  \
	"{\"id\":\"" id "\",\"binary\":\"nova-compute\",\"host\":\"" host \
	"\",\"status\":\"" status "\",\"state\":\"" state "\"}"
#define AGENT(id, host, alive)                                                         \
	"{\"id\":\"" id "\",\"binary\":\"neutron-openvswitch-agent\",\"host\":\"" host \
	"\",\"alive\":" alive ",\"admin_state_up\":true}"
#define VOLUME(host, state)                              \
	"{\"binary\":\"cinder-volume\",\"host\":\"" host \
	"\",\"status\":\"enabled\",\"state\":\"" state "\"}"

static const json_t *of(const json_t *out, const char *host, const char *service)
{
	for (size_t i = 0; i < json_array_size(out); i++) {
		const json_t *v = json_array_get(out, i);

		if (streq(cloud_str(v, "host"), host) &&
			streq(cloud_str(v, "service"), service))
			return v;
	}
	return NULL;
}

static bool is_done(const json_t *v)
{
	return json_is_true(json_object_get(v, "done"));
}

static void gone_hosts(void **state)
{
	static const struct fake_answer answers[] = {
		{"GET", "/v2.1/os-services", 200,
			"{\"services\":[" COMPUTE(
				"a", "hp02", "enabled", "down") "," COMPUTE("b", "hp08",
				"enabled", "down") "," COMPUTE("c", "hp09", "enabled",
				"down") "," COMPUTE("d", "hp05", "enabled", "up") "]}",
			0},
		{"GET", "&host=hp08", 200, "{\"servers\":[]}", 0},
		{"GET", "&host=hp09", 200,
			"{\"servers\":[{\"id\":\"i1\",\"name\":\"web\"},{\"id\":\"i2\"}]}",
			0},
		{"DELETE", "/os-services/b", 204, "", 0},
		{"PUT", "/os-services/c", 200, "{\"service\":{}}", 0},
		{"GET", "/v2.0/agents", 200,
			"{\"agents\":[" AGENT("x", "hp02", "false") "," AGENT(
				"y", "hp08", "false") "," AGENT("z", "hp06", "true") "]}",
			0},
		{"DELETE", "/v2.0/agents/y", 204, "", 0},
		{"GET", "/v3/p1/os-services", 200,
			"{\"services\":[" VOLUME("hp05@lvm", "down") "," VOLUME(
				"hp07@lvm", "down") "," VOLUME("-x; rm", "down") "]}",
			0},
		{0},
	};
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	_cleanup_(desired_freep) struct desired *d = fake_rack("\"cinder\"");
	_cleanup_(jx_freep) json_t *out = NULL;
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(cloud_reconcile(s, d, &out, &msg), 0);
	assert_true(is_done(of(out, "hp08", "nova-compute")));
	assert_true(is_done(of(out, "hp08", "neutron-openvswitch-agent")));
	assert_false(is_done(of(out, "hp09", "nova-compute")));
	assert_non_null(strstr(cloud_str(of(out, "hp09", "nova-compute"), "text"),
		"2 instances: web, i2"));
	assert_false(is_done(of(out, "hp05", "nova-compute"))); /* runs there still */
	assert_false(is_done(of(out, "hp06", "neutron-openvswitch-agent")));
	assert_string_equal(
		json_string_value(json_array_get(
			json_object_get(of(out, "hp07@lvm", "cinder-volume"), "manual"),
			4)),
		"hp07@lvm");
	assert_null(json_object_get(of(out, "-x; rm", "cinder-volume"), "manual"));
	assert_int_equal(json_array_size(out), 7);
	assert_null(strstr(f.log, "DELETE http://c:8774/v2.1/os-services/a"));
	assert_non_null(strstr(
		f.log, "PUT http://c:8774/v2.1/os-services/c {\"status\":\"disabled\""));
	fake_clear(&f);
}

static void api_down(void **state)
{
	static const struct fake_answer answers[] = {
		{"GET", "/v2.1/os-services", 500, "", 0}, {0}};
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	_cleanup_(desired_freep) struct desired *d = fake_rack("");
	_cleanup_free_ char *msg = NULL;
	json_t *out = NULL;

	assert_int_equal(cloud_reconcile(s, d, &out, &msg), -EREMOTEIO);
	assert_null(out);
	assert_non_null(msg);
	fake_clear(&f);
}

static void compute_leaves(void **state)
{
	static const struct fake_answer answers[] = {
		{"GET", "/os-services?binary=nova-compute", 200,
			"{\"services\":[" COMPUTE("a", "hp02", "enabled",
				"up") "," COMPUTE("b", "hp03", "disabled", "up") "]}",
			0},
		{"PUT", "/os-services/a", 200, "{\"service\":{}}", 0},
		{"PUT", "/os-services/b", 200, "{\"service\":{}}", 0},
		{"GET", "&host=hp02", 200,
			"{\"servers\":[{\"name\":\"1\"},{\"name\":\"2\"},{\"name\":\"3\"},{\"name\":\"4\"},{\"name\":\"5\"},{\"name\":\"6\"}]}",
			0},
		{"GET", "&host=hp03", 200, "{\"servers\":[]}", 0},
		{0},
	};
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(cloud_leave_compute(s, "hp02", "why", &msg), -EBUSY);
	assert_string_equal(msg,
		"hp02 still has 6 instances: 1, 2, 3, 4, 5, and 1 more; migrate or delete them; no new ones come");
	assert_non_null(strstr(f.log,
		"os-services/a {\"status\":\"disabled\",\"disabled_reason\":\"why\"}"));
	assert_int_equal(cloud_leave_compute(s, "hp03", "why", NULL), 0);
	assert_null(strstr(f.log, "os-services/b"));
	assert_int_equal(cloud_leave_compute(s, "hp77", "why", NULL), 0);
	assert_int_equal(cloud_enter_compute(s, "hp03", NULL), 0);
	assert_non_null(strstr(f.log, "os-services/b {\"status\":\"enabled\"}"));
	fake_clear(&f);
}

static void storage_leaves(void **state)
{
	static const struct fake_answer off[] = {
		{"GET", "/v3/p1/os-services", 200,
			"{\"services\":[{\"binary\":\"cinder-volume\",\"host\":\"hp05@lvm\",\"status\":"
			"\"disabled\",\"state\":\"up\"}]}",
			0},
		{"PUT", "/os-services/enable", 200, "{}", 0},
		{0},
	};
	static const struct fake_answer answers[] = {
		{"GET", "/v3/p1/os-services", 200,
			"{\"services\":[" VOLUME("hp05@lvm", "up") "," VOLUME(
				"hp07@lvm", "up") "]}",
			0},
		{"PUT", "/os-services/disable-log-reason", 200, "{}", 0},
		{"GET", "/volumes/detail?all_tenants=1", 200,
			"{\"volumes\":[{\"id\":\"v1\",\"name\":\"\",\"os-vol-host-attr:host\":\"hp05@lvm#lvm\"},{\"id\":\"v2\"}]}",
			0},
		{0},
	};
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(
		cloud_leave_storage(s, "cinder-volume", "hp05", "why", &msg), -EBUSY);
	assert_non_null(strstr(msg, "hp05 still has 1 volumes: v1"));
	assert_non_null(strstr(f.log, "\"host\":\"hp05@lvm\""));
	assert_int_equal(cloud_leave_storage(s, "cinder-volume", "hp07", "why", NULL), 0);
	assert_int_equal(cloud_leave_storage(s, "cinder-volume", "hp77", "why", NULL), 0);
	assert_int_equal(cloud_enter_storage(s, "cinder-volume", "hp05", NULL), 0);
	assert_null(strstr(f.log, "/os-services/enable")); /* it was */
	f.answers = off;
	assert_int_equal(cloud_enter_storage(s, "cinder-volume", "hp05", NULL), 0);
	assert_non_null(strstr(f.log,
		"/os-services/enable {\"host\":\"hp05@lvm\",\"binary\":\"cinder-volume\"}"));
	assert_int_equal(cloud_enter_storage(s, "swift", "hp05", NULL), -EINVAL);
	assert_int_equal(cloud_leave_storage(s, "swift", "hp05", "why", NULL), -EINVAL);
	fake_clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gone_hosts),
		cmocka_unit_test(api_down),
		cmocka_unit_test(compute_leaves),
		cmocka_unit_test(storage_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
