/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "cloud/status.h"
#include "tests/unit/cloud-fake.h"

static const struct fake_answer answers[] = {
	{"GET", "/v2/images?limit=1", 200, "{\"images\":[]}", 0},
	{"GET", "/resource_providers", 200,
		"{\"resource_providers\":[{\"name\":\"hp02\"}]}", 0},
	{"GET", "/v2.1/os-services", 200,
		"{\"services\":[{\"binary\":\"nova-compute\",\"host\":\"hp02\",\"status\":\"enabled\",\"state\":\"up\"}]}",
		0},
	{"GET", "/v2.0/agents", 500, "", 0},
	{"GET", "/datastores", 200, "{\"datastores\":[]}", 0},
	{"GET", "c:8080/healthcheck", 200, "OK", 0},
	{"HEAD", "/v1/AUTH_p1", 204, "", 0},
	{"GET", "http://10.77.30.16:6200/healthcheck", 200, "OK", 0},
	{"GET", "http://10.77.30.16:6200/recon/diskusage", 200,
		"[{\"device\":\"d1\",\"mounted\":false}]", 0},
	{"GET", "http://10.77.30.16:6201/healthcheck", 503, "DISABLED", 0},
	{"GET", "http://10.77.30.16:6202/healthcheck", 400, "no", 0},
	{"GET", "/v1/status?details=true", 200,
		"{\"storage\":{\"summary\":{\"measures\":0}}}", 0},
	{"GET", "/v2/images?limit=50&sort=created_at:asc", 200,
		"{\"images\":[{\"id\":\"i1\"}]}", 0},
	{"POST", "/v1/search/resource/image?limit=1&sort=started_at:desc", 200, "[]", 0},
	{"POST", "/v1/search/resource/instance?limit=1&sort=started_at:desc", 200,
		"[{\"started_at\":\"2020-01-01T00:00:00+00:00\",\"metrics\":{\"cpu\":\"m1\"}}]",
		0},
	{"GET", "https://c.example:6080/vnc_lite.html", 404, "", 0},
	{"GET", "https://c.example/horizon/auth/login/", 500, "", 0},
	{0},
};

static bool ok_of(const json_t *ret, const char *node, const char *service)
{
	const json_t *list = json_object_get(ret, "services");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);

		if (streq(cloud_str(v, "node"), node) &&
			streq(cloud_str(v, "service"), service))
			return json_is_true(json_object_get(v, "ok"));
	}
	fail_msg("nothing is said of %s of %s", service, node);
	return false;
}

static void mixed(void **state)
{
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	_cleanup_(desired_freep) struct desired *d =
		fake_rack("\"horizon\",\"swift\",\"telemetry\",\"trove\"");
	_cleanup_(jx_freep) json_t *ret = NULL;

	cloud_status(s, d, &ret);
	assert_true(ok_of(ret, "ctl", "keystone"));
	assert_true(ok_of(ret, "ctl", "glance-api"));
	assert_true(ok_of(ret, "hp02", "nova-compute"));
	assert_false(ok_of(ret, "hp03", "nova-compute"));
	assert_false(ok_of(ret, "hp03", "placement"));
	assert_false(ok_of(ret, "ctl", "neutron-api"));
	assert_false(ok_of(ret, "hp02", "neutron-openvswitch-agent"));
	assert_false(ok_of(ret, "ctl", "trove-api"));
	assert_true(ok_of(ret, "ctl", "swift-proxy"));
	assert_false(ok_of(ret, "hp06", "swift-object"));
	assert_false(ok_of(ret, "hp06", "swift-container"));
	assert_true(ok_of(ret, "hp06", "swift-account"));
	assert_true(ok_of(ret, "ctl", "gnocchi-api"));
	assert_true(ok_of(ret, "ctl", "ceilometer-agent-central"));
	assert_false(ok_of(ret, "hp02", "ceilometer-agent-compute"));
	assert_true(ok_of(ret, "ctl", "nova-novncproxy"));
	assert_false(ok_of(ret, "ctl", "horizon"));
	assert_string_equal(cloud_str(ret, "dashboard"), "https://c.example/horizon");
	fake_clear(&f);
}

static void keystone_down(void **state)
{
	struct fake_cloud f = {.answers = answers, .drop = 1};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	_cleanup_(desired_freep) struct desired *d = fake_rack("");
	_cleanup_(jx_freep) json_t *ret = NULL;

	cloud_status(s, d, &ret);
	assert_false(ok_of(ret, "ctl", "keystone"));
	assert_false(ok_of(ret, "ctl", "nova-api"));
	assert_false(ok_of(ret, "hp03", "nova-compute"));
	assert_int_equal(f.calls, 2); /* the sign-in and the console's page */
	assert_string_equal(cloud_str(ret, "dashboard"), "");
	fake_clear(&f);
}

static void one_service(void **state)
{
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	_cleanup_free_ char *up = NULL, *never = NULL, *broken = NULL, *odd = NULL;

	assert_int_equal(cloud_service_up(s, "nova-compute", "hp02", &up), 1);
	assert_string_equal(up, "up");
	assert_int_equal(cloud_service_up(s, "nova-compute", "hp03", &never), 0);
	assert_string_equal(never, "nova-compute of hp03 has not registered");
	assert_int_equal(
		cloud_service_up(s, "neutron-l3-agent", "ctl", &broken), -EREMOTEIO);
	assert_non_null(broken);
	assert_int_equal(cloud_service_up(s, "sshd", "ctl", &odd), -EINVAL);
	fake_clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mixed),
		cmocka_unit_test(keystone_down),
		cmocka_unit_test(one_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
