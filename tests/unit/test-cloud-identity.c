/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "cloud/identity.h"
#include "tests/unit/cloud-fake.h"

#define DOMAINS                                                                        \
	{                                                                              \
		"GET", "/v3/domains", 200,                                             \
			"{\"domains\":[{\"id\":\"default\",\"name\":\"Default\"}]}", 0 \
	}
#define ROLES                                                                                                        \
	{                                                                                                            \
		"GET", "/v3/roles", 200,                                                                             \
			"{\"roles\":[{\"id\":\"r1\",\"name\":\"admin\",\"domain_id\":null},{\"id\":\"r9\",\"name\":" \
			"\"service\",\"domain_id\":\"d7\"}]}",                                                       \
			0                                                                                            \
	}

static const struct cloud_user glance = {.name = "glance",
	.password = "gpw",
	.roles = "admin service",
	.project = "service"};
static const struct cloud_service image = {"image", "glance", "https://c:9292"};
static const struct cloud_identity want = {.region = "RegionOne",
	.users = &glance,
	.n_users = 1,
	.services = &image,
	.n_services = 1};

static void from_nothing(void **state)
{
	static const struct fake_answer answers[] = {
		DOMAINS,
		ROLES,
		{"GET", "/v3/projects", 200, "{\"projects\":[]}", 0},
		{"GET", "/v3/users", 200, "{\"users\":[]}", 0},
		{"GET", "/v3/role_assignments", 200, "{\"role_assignments\":[]}", 0},
		{"GET", "/v3/services", 200, "{\"services\":[]}", 0},
		{"GET", "/v3/endpoints", 200, "{\"endpoints\":[]}", 0},
		{"POST", "/v3/projects", 201,
			"{\"project\":{\"id\":\"ps\",\"name\":\"service\",\"domain_id\":\"default\"}}",
			0},
		{"POST", "/v3/users", 201,
			"{\"user\":{\"id\":\"ug\",\"name\":\"glance\"}}", 0},
		{"POST", "/v3/roles", 201,
			"{\"role\":{\"id\":\"r2\",\"name\":\"service\"}}", 0},
		{"POST", "/v3/services", 201,
			"{\"service\":{\"id\":\"s1\",\"type\":\"image\",\"name\":\"glance\"}}",
			0},
		{"POST", "/v3/endpoints", 201,
			"{\"endpoint\":{\"id\":\"e1\",\"url\":\"https://c:9292\"}}", 0},
		{"PUT", "/v3/projects/ps/users/ug/roles/r1", 204, "", 0},
		{"PUT", "/v3/projects/ps/users/ug/roles/r2", 204, "", 0},
		{0},
	};
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	_cleanup_free_ char *msg = NULL;
	unsigned changes = 0;

	assert_int_equal(cloud_identity_ensure(s, &want, &changes, &msg), 0);
	assert_int_equal(changes,
		9); /* project, user, role, two grants, service, three endpoints */
	assert_int_equal(f.sign_ins, 1); /* a new user's password needs no trial */
	assert_non_null(strstr(f.log, "\"password\":\"gpw\""));
	assert_null(strstr(f.log, "null"));
	assert_non_null(strstr(f.log, "\"interface\":\"internal\""));
	fake_clear(&f);
}

#define GRANT(role)                                          \
	"{\"user\":{\"id\":\"ug\"},\"role\":{\"id\":\"" role \
	"\"},\"scope\":{\"project\":{\"id\":\"ps\"}}}"
#define ENDPOINT(id, interface, url)                                                            \
	"{\"id\":\"" id                                                                         \
	"\",\"service_id\":\"s1\",\"interface\":\"" interface "\",\"region_id\":\"RegionOne\"," \
	"\"url\":\"" url "\"}"
#define ALL_THERE(url)                                                                                         \
	DOMAINS,                                                                                               \
		{"GET", "/v3/roles", 200,                                                                      \
			"{\"roles\":[{\"id\":\"r1\",\"name\":\"admin\",\"domain_id\":null},{\"id\":\"r2\","    \
			"\"name\":\"service\",\"domain_id\":null}]}",                                          \
			0},                                                                                    \
		{"GET", "/v3/projects", 200,                                                                   \
			"{\"projects\":[{\"id\":\"px\",\"name\":\"service\",\"domain_id\":\"other\"},{\"id\":" \
			"\"ps\",\"name\":\"service\",\"domain_id\":\"default\"}]}",                            \
			0},                                                                                    \
		{"GET", "/v3/users", 200,                                                                      \
			"{\"users\":[{\"id\":\"ug\",\"name\":\"glance\",\"domain_id\":\"default\"}]}",         \
			0},                                                                                    \
		{"GET", "/v3/role_assignments", 200,                                                           \
			"{\"role_assignments\":[" GRANT("r1") "," GRANT("r2") "]}", 0},                        \
		{"GET", "/v3/services", 200,                                                                   \
			"{\"services\":[{\"id\":\"s1\",\"type\":\"image\",\"name\":\"glance\"}]}",             \
			0},                                                                                    \
	{                                                                                                      \
		"GET", "/v3/endpoints", 200,                                                                   \
			"{\"endpoints\":[" ENDPOINT("e1", "public", url) "," ENDPOINT(                         \
				"e2", "internal", "https://c:9292") "," ENDPOINT("e3",                         \
				"admin", "https://c:9292") "]}",                                               \
			0                                                                                      \
	}

static void all_there(void **state)
{
	static const struct fake_answer answers[] = {ALL_THERE("https://c:9292"), {0}};
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	unsigned changes = 9;

	assert_int_equal(cloud_identity_ensure(s, &want, &changes, NULL), 0);
	assert_int_equal(changes, 0);
	assert_null(f.log);
	assert_int_equal(f.sign_ins, 2); /* the second is the trial of the password */
	assert_int_equal(f.calls, 9);
	fake_clear(&f);
}

static void other_url_and_password(void **state)
{
	static const struct fake_answer answers[] = {
		ALL_THERE("http://old:9292"),
		{"POST", "/auth/tokens", 0, "", 0}, /* replaced below */
		{"PATCH", "/v3/users/ug", 200, "{\"user\":{}}", 0},
		{"PATCH", "/v3/endpoints/e1", 200, "{\"endpoint\":{}}", 0},
		{0},
	};
	struct fake_answer mine[ARRAY_SIZE(answers)];
	struct fake_cloud f = {.answers = mine};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	unsigned changes = 0;

	memcpy(mine, answers, sizeof(answers));
	for (size_t i = 0; i < ARRAY_SIZE(mine); i++)
		if (mine[i].method && streq(mine[i].path, "/auth/tokens"))
			mine[i].path = "/nothing";
	assert_int_equal(cloud_authenticate(s, NULL), 0);
	f.refuse = true; /* from here on: the user's own trial */
	assert_int_equal(cloud_identity_ensure(s, &want, &changes, NULL), 0);
	assert_int_equal(changes, 2);
	assert_non_null(strstr(f.log,
		"PATCH http://c:5000/v3/users/ug {\"user\":{\"password\":\"gpw\",\"enabled\":true}}"));
	assert_non_null(strstr(f.log,
		"PATCH http://c:5000/v3/endpoints/e1 {\"endpoint\":{\"url\":\"https://c:9292\"}}"));
	fake_clear(&f);
}

/* Another worker made it between the listing and the creation. */
static void lost_race(void **state)
{
	static const char *const roles[] = {"creator", NULL};
	static const struct cloud_identity w = {.region = "RegionOne", .roles = roles};
	static const struct fake_answer won[] = {
		{"GET", "/v3/roles", 200, "{\"roles\":[]}", 1},
		{"GET", "/v3/roles", 200,
			"{\"roles\":[{\"id\":\"r5\",\"name\":\"creator\",\"domain_id\":null}]}",
			0},
		{"POST", "/v3/roles", 409, "{\"error\":{\"message\":\"Duplicate\"}}", 0},
		{0},
	};
	static const struct fake_answer odd[] = {
		{"GET", "/v3/roles", 200, "{\"roles\":[]}", 0},
		{"POST", "/v3/roles", 409, "{\"error\":{\"message\":\"Duplicate\"}}", 0},
		{0},
	};
	static const struct fake_answer no_id[] = {
		{"GET", "/v3/roles", 200, "{\"roles\":[]}", 0},
		{"POST", "/v3/roles", 201, "{\"role\":[]}", 0},
		{0},
	};
	struct fake_cloud f = {.answers = won};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	char *msg = NULL;

	assert_int_equal(cloud_identity_ensure(s, &w, NULL, &msg), 0);
	assert_null(msg);
	f.answers = odd;
	assert_int_equal(cloud_identity_ensure(s, &w, NULL, &msg), -EEXIST);
	assert_non_null(strstr(msg, "409"));
	free(msg);
	f.answers = no_id;
	assert_int_equal(cloud_identity_ensure(s, &w, NULL, &msg), -EBADMSG);
	free(msg);
	fake_clear(&f);
}

static void heat(void **state)
{
	static const struct fake_answer answers[] = {
		DOMAINS,
		ROLES,
		{"GET", "/v3/users", 200, "{\"users\":[]}", 0},
		{"GET", "/v3/role_assignments", 200, "{\"role_assignments\":[]}", 0},
		{"POST", "/v3/domains", 201,
			"{\"domain\":{\"id\":\"dh\",\"name\":\"heat\"}}", 0},
		{"POST", "/v3/users", 201, "{\"user\":{\"id\":\"uh\"}}", 0},
		{"PUT", "/v3/domains/dh/users/uh/roles/r1", 204, "", 0},
		{0},
	};
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);

	assert_int_equal(cloud_identity_heat(s, "hpw", NULL), 0);
	assert_non_null(
		strstr(f.log, "PUT http://c:5000/v3/domains/dh/users/uh/roles/r1"));
	fake_clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_nothing),
		cmocka_unit_test(all_there),
		cmocka_unit_test(other_url_and_password),
		cmocka_unit_test(lost_race),
		cmocka_unit_test(heat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
