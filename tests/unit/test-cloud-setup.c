/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "cloud/setup.h"
#include "tests/unit/cloud-fake.h"

#define PEOPLE                                                                                                  \
	{"GET", "/v3/domains", 200,                                                                             \
		"{\"domains\":[{\"id\":\"default\",\"name\":\"Default\"}]}", 0},                                \
		{"GET", "/v3/roles", 200,                                                                       \
			"{\"roles\":[{\"id\":\"r1\",\"name\":\"member\",\"domain_id\":null},{\"id\":\"r2\","    \
			"\"name\":\"creator\",\"domain_id\":null}]}",                                           \
			0},                                                                                     \
		{"GET", "/v3/projects", 200,                                                                    \
			"{\"projects\":[{\"id\":\"ps\",\"name\":\"student\",\"domain_id\":\"default\"}]}",      \
			0},                                                                                     \
		{"GET", "/v3/projects?name=student&domain_id=default", 200,                                     \
			"{\"projects\":[{\"id\":\"ps\",\"name\":\"student\"}]}", 0},                            \
		{"GET", "/v3/users", 200,                                                                       \
			"{\"users\":[{\"id\":\"us\",\"name\":\"student\",\"domain_id\":\"default\"}]}",         \
			0},                                                                                     \
	{                                                                                                       \
		"GET", "/v3/role_assignments", 200,                                                             \
			"{\"role_assignments\":[{\"user\":{\"id\":\"us\"},\"role\":{\"id\":\"r1\"},\"scope\":{" \
			"\"project\":{\"id\":\"ps\"}}},{\"user\":{\"id\":\"us\"},\"role\":{\"id\":\"r2\"},"     \
			"\"scope\":{\"project\":{\"id\":\"ps\"}}}]}",                                           \
			0                                                                                       \
	}
#define ALL_FLAVOURS                                                                                       \
	"{\"flavors\":[{\"name\":\"m1.tiny\"},{\"name\":\"m1.small\"},{\"name\":\"m1.medium\"},{\"name\":" \
	"\"m1.large\"}]}"

/* Of the admin's project, which the token names. */
#define OURS "\"owner\":\"p1\",\"visibility\":\"public\""

#define DHCP_OF(net) \
	"/v2.0/ports?network_id=" net "&device_owner=network:dhcp&status=ACTIVE"

static const struct fake_answer done[] = {
	PEOPLE,
	{"GET", "/flavors?is_public=None", 200, ALL_FLAVOURS, 0},
	{"GET", "/v2.0/networks?name=external&router:external=true", 200,
		"{\"networks\":[{\"id\":\"ne\",\"name\":\"external\"}]}", 0},
	{"GET", "/v2.0/subnets?name=external&network_id=ne", 200,
		"{\"subnets\":[{\"id\":\"se\",\"name\":\"external\"}]}", 0},
	{"GET", "/v2.0/networks?name=class&project_id=ps", 200,
		"{\"networks\":[{\"id\":\"nc\",\"name\":\"class\"}]}", 0},
	{"GET", "/v2.0/subnets?name=class&project_id=ps", 200,
		"{\"subnets\":[{\"id\":\"sc\",\"name\":\"class\"}]}", 0},
	{"GET", "/v2.0/routers?name=class&project_id=ps", 200,
		"{\"routers\":[{\"id\":\"rc\",\"name\":\"class\"}]}", 0},
	{"GET", "/v2.0/ports?device_id=rc", 200,
		"{\"ports\":[{\"fixed_ips\":[{\"subnet_id\":\"sc\"}]}]}", 0},
	{"GET", "/v2.0/routers/rc", 200,
		"{\"router\":{\"external_gateway_info\":{\"network_id\":\"ne\"}}}", 0},
	{"GET", "/v2.0/security-groups?project_id=ps&name=default", 200,
		"{\"security_groups\":[{\"id\":\"g\",\"name\":\"default\",\"security_group_rules\":[{\"direction\":\"ingress\","
		"\"ethertype\":\"IPv4\",\"protocol\":\"tcp\",\"port_range_min\":22},{\"direction\":\"ingress\",\"ethertype\":"
		"\"IPv4\",\"protocol\":\"icmp\",\"port_range_min\":null}]}]}",
		0},
	{"GET", "/os-quota-sets/ps", 200, "{\"quota_set\":{\"instances\":77}}", 0},
	{"GET", "/os-quota-sets/ps/defaults", 200, "{\"quota_set\":{\"instances\":10}}",
		0},
	{"GET", "/v2.0/quotas/ps", 200, "{\"quota\":{}}", 0},
	{"GET", "/v2.0/quotas/ps/default", 200, "{\"quota\":{}}", 0},
	{"GET", "/v2/images?name=debian-12", 200,
		"{\"images\":[{\"id\":\"i1\",\"name\":\"debian-12\",\"status\":\"active\",\"ondol_version\":\"v1\"," OURS
		"}]}",
		0},
	{"GET", DHCP_OF("nc"), 200, "{\"ports\":[{\"id\":\"pd\"}]}", 0},
	{0},
};

static struct cloud_setup want_of(const struct desired *d, const char *version)
{
	return (struct cloud_setup){.desired = d,
		.student_password = "spw",
		.guest = {.name = "debian-12",
			.file = "/nowhere/guest.qcow2",
			.version = version,
			.min_disk_gb = 2,
			.min_ram_mb = 256}};
}

static void nothing_to_do(void **state)
{
	struct fake_cloud f = {.answers = done};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	_cleanup_(desired_freep) struct desired *d = fake_rack("");
	struct cloud_setup want = want_of(d, "v1");
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(cloud_setup(s, &want, &msg), 0);
	assert_null(f.log);
	assert_int_equal(
		f.sign_ins, 1); /* the student's own password is nobody's business */
	fake_clear(&f);
}

static void from_nothing(void **state)
{
	static const struct fake_answer answers[] = {
		PEOPLE,
		{"GET", "/flavors?is_public=None", 200, "{\"flavors\":[]}", 0},
		{"POST", "/flavors", 200, "{\"flavor\":{}}", 0},
		{"GET", "/v2.0/networks?name=external&router:external=true", 200,
			"{\"networks\":[]}", 0},
		{"GET", "/v2.0/networks?name=class&project_id=ps", 200,
			"{\"networks\":[]}", 0},
		{"GET", "/v2.0/subnets?name=external&network_id=n1", 200,
			"{\"subnets\":[]}", 0},
		{"GET", "/v2.0/subnets?name=class&project_id=ps", 200, "{\"subnets\":[]}",
			0},
		{"GET", "/v2.0/routers?name=class&project_id=ps", 200, "{\"routers\":[]}",
			0},
		{"GET", "/v2.0/ports?device_id=r1", 200, "{\"ports\":[]}", 0},
		{"GET", "/v2.0/routers/r1", 200,
			"{\"router\":{\"external_gateway_info\":null}}", 0},
		{"POST", "/v2.0/networks", 201, "{\"network\":{\"id\":\"n1\"}}", 0},
		{"POST", "/v2.0/subnets", 201, "{\"subnet\":{\"id\":\"s1\"}}", 0},
		{"POST", "/v2.0/routers", 201, "{\"router\":{\"id\":\"r1\"}}", 0},
		{"PUT", "/add_router_interface", 200, "{}", 0},
		{"PUT", "/v2.0/routers/r1", 200, "{}", 0},
		{"GET", "/v2.0/security-groups?project_id=ps&name=default", 200,
			"{\"security_groups\":[{\"id\":\"g\",\"name\":\"default\",\"security_group_rules\":[]}]}",
			0},
		{"POST", "/v2.0/security-group-rules", 201, "{}", 0},
		{"GET", "/os-quota-sets/ps", 200, "{\"quota_set\":{\"instances\":10}}",
			0},
		{"GET", "/os-quota-sets/ps/defaults", 200,
			"{\"quota_set\":{\"instances\":10}}", 0},
		{"PUT", "/os-quota-sets/ps", 200, "{}", 0},
		{"GET", "/v2.0/quotas/ps", 200, "{\"quota\":{\"network\":100}}", 0},
		{"GET", "/v2.0/quotas/ps/default", 200, "{\"quota\":{\"network\":100}}",
			0},
		{"GET", "/v2/images?name=debian-12", 200,
			"{\"images\":[{\"id\":\"half\",\"status\":\"queued\",\"ondol_version\":\"v2\"," OURS
			"},{\"id\":\"i1\",\"status\":"
			"\"active\",\"ondol_version\":\"v1\"," OURS "}]}",
			0},
		{"DELETE", "/v2/images/half", 204, "", 0},
		{"POST", "/v2/images", 201, "{\"id\":\"i2\",\"status\":\"queued\"}", 0},
		{"PUT", "/v2/images/i2/file", 204, "", 0},
		{"GET", "/v2/images/i2", 200, "{\"id\":\"i2\",\"status\":\"active\"}", 0},
		{"PATCH", "/v2/images/i1", 200, "{}", 0},
		{"GET", "/mgmt/datastore-versions", 200, "{\"versions\":[]}", 0},
		{"POST", "/v1.0/p1/mgmt/datastore-versions", 202, "", 0},
		{"GET", DHCP_OF("n1"), 200, "{\"ports\":[{}]}", 0},
		{0},
	};
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	_cleanup_(desired_freep) struct desired *d = fake_rack("\"trove\"");
	struct cloud_setup want = want_of(d, "v2");
	char *msg = NULL;

	assert_int_equal(cloud_setup(s, &want, &msg), 0);
	assert_null(msg);
	assert_non_null(strstr(f.log, "\"provider:physical_network\":\"external\""));
	assert_non_null(strstr(f.log,
		"\"allocation_pools\":[{\"start\":\"10.77.50.100\",\"end\":\"10.77.50.199\"}]"));
	assert_non_null(strstr(f.log,
		"\"cidr\":\"192.168.100.0/24\",\"dns_nameservers\":[\"9.9.9.9\"]"));
	assert_non_null(
		strstr(f.log, "\"external_gateway_info\":{\"network_id\":\"n1\"}"));
	assert_non_null(strstr(f.log, "{\"quota_set\":{\"instances\":60}}"));
	assert_null(strstr(f.log, "/v2.0/quotas"));
	assert_non_null(strstr(
		f.log, "PUT http://c:9292/v2/images/i2/file /nowhere/guest.qcow2"));
	assert_non_null(strstr(f.log, "\"hw_qemu_guest_agent\":\"yes\""));
	assert_non_null(strstr(f.log, "\"path\":\"/os_hidden\""));
	assert_non_null(strstr(f.log, "\"image\":\"i2\""));
	fake_clear(&f);
}

/* An agent that gave up is asked anew, and not for ever. */
static void dhcp_is_asked_for_anew(void **state)
{
	struct fake_answer answers[ARRAY_SIZE(done) + 2];
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	_cleanup_(desired_freep) struct desired *d = fake_rack("");
	struct cloud_setup want = want_of(d, "v1");
	_cleanup_free_ char *msg = NULL;

	want.dhcp_wait_ms = 100;
	answers[0] = (struct fake_answer){"GET", DHCP_OF("nc"), 200, "{\"ports\":[]}", 2};
	answers[1] = (struct fake_answer){"PUT", "/v2.0/subnets/sc", 200, "{}", 0};
	memcpy(answers + 2, done, sizeof(done));
	assert_int_equal(cloud_setup(s, &want, &msg), 0);
	assert_string_equal(f.log,
		"PUT http://c:9696/v2.0/subnets/sc {\"subnet\":{\"enable_dhcp\":false}}\n"
		"PUT http://c:9696/v2.0/subnets/sc {\"subnet\":{\"enable_dhcp\":true}}\n");
	fake_clear(&f);

	f.answers = answers;
	answers[0].times = 0;
	assert_int_equal(cloud_setup(s, &want, &msg), -ETIMEDOUT);
	assert_non_null(strstr(msg, "no agent serves DHCP in network class"));
	fake_clear(&f);
}

/* What is somebody else's is neither hidden, renamed nor deleted, whatever its name. */
static void images_of_others_stay(void **state)
{
	static const char others[] =
		"{\"images\":[{\"id\":\"student\",\"status\":\"active\",\"owner\":\"ps\","
		"\"visibility\":\"private\"},{\"id\":\"saving\",\"status\":\"saving\",\"owner\":\"ps\","
		"\"visibility\":\"public\",\"ondol_version\":\"v1\"},{\"id\":\"private\",\"status\":"
		"\"active\",\"owner\":\"p1\",\"visibility\":\"private\",\"ondol_version\":\"v1\"},{\"id\":"
		"\"admins\",\"status\":\"active\"," OURS
		"},{\"id\":\"i1\",\"status\":\"active\",\"ondol_version\":\"v1\"," OURS
		"}]}";
	struct fake_answer answers[ARRAY_SIZE(done)];
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	_cleanup_(desired_freep) struct desired *d = fake_rack("");
	struct cloud_setup want = want_of(d, "v1");
	_cleanup_free_ char *msg = NULL;

	memcpy(answers, done, sizeof(done));
	for (size_t i = 0; answers[i].method; i++)
		if (str_startswith(answers[i].path, "/v2/images"))
			answers[i].body = others;
	assert_int_equal(cloud_setup(s, &want, &msg), 0);
	assert_null(f.log);
	fake_clear(&f);
}

static void no_cloud(void **state)
{
	struct fake_cloud f = {.refuse = true};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	_cleanup_(desired_freep) struct desired *d = fake_rack("");
	struct cloud_setup want = want_of(d, "v1");
	char *msg = NULL;

	assert_int_equal(cloud_setup(s, &want, &msg), -EACCES);
	assert_non_null(msg);
	free(msg);
	fake_clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(from_nothing),
		cmocka_unit_test(dhcp_is_asked_for_anew),
		cmocka_unit_test(images_of_others_stay),
		cmocka_unit_test(no_cloud),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
