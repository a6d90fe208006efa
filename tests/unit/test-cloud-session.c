/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <sys/stat.h>

#include "tests/unit/cloud-fake.h"

static void words_of_errors(void **state)
{
	static const struct {
		const char *body, *want;
	} cases[] = {
		{"{\"error\":{\"code\":401,\"message\":\"Please sign in.\",\"title\":\"Unauthorized\"}}",
			"Please sign in."},
		{"{\"badRequest\":{\"code\":400,\"message\":\"Invalid input\"}}",
			"Invalid input"},
		{"{\"NeutronError\":{\"type\":\"X\",\"message\":\"in use\",\"detail\":\"\"}}",
			"in use"},
		{"{\"errors\":[{\"status\":409,\"title\":\"Conflict\",\"detail\":\"generation\"}]}",
			"generation"},
		{"{\"explanation\":\"gone\",\"code\":404,\"error\":{\"message\":\"stack not found\"}}",
			"gone"},
		{"<html><head><title>409 Conflict</title></head>\n<body>\n <h1>409</h1>in use</body></html>",
			"409 Conflict 409 in use"},
		{"plain\n words", "plain words"},
		{"{}", ""},
		{"{\"a\":{\"b\":{\"c\":{\"d\":{\"message\":\"too deep\"}}}}}", ""},
		{"", ""},
		{"{\"message\":7}", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *got =
			cloud_error_text(cases[i].body, strlen(cases[i].body));

		assert_string_equal(got, cases[i].want);
	}
}

static void next_pages(void **state)
{
	static const struct {
		const char *page, *want;
	} cases[] = {
		{"{\"x\":[],\"x_links\":[{\"rel\":\"next\",\"href\":\"https://evil/v2.1/x?marker=1\"}]}",
			"/v2.1/x?marker=1"},
		{"{\"x\":[],\"next\":\"/v2/images?marker=3\"}", "/v2/images?marker=3"},
		{"{\"x\":[],\"links\":{\"next\":\"http://c:5000/v3/users?p=2\",\"self\":\"s\"}}",
			"/v3/users?p=2"},
		{"{\"x\":[],\"links\":{\"next\":null}}", NULL},
		{"{\"x\":[],\"x_links\":[{\"rel\":\"previous\",\"href\":\"http://c/v\"}]}",
			NULL},
		{"{\"next\":\"https://nothing\"}", NULL},
		{"{\"next\":\"/a b\"}", NULL},
		{"{\"next\":\"relative\"}", NULL},
		{"{\"next\":[]}", NULL},
		{"[]", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(jx_freep) json_t *page = json_loads(cases[i].page, 0, NULL);
		_cleanup_free_ char *got = cloud_next_page(page, "x");

		if (cases[i].want)
			assert_string_equal(got, cases[i].want);
		else
			assert_null(got);
	}
}

static void times(void **state)
{
	static const char *const bad[] = {"", "2026-11-23", "2026-11-23T07:00",
		"2026-11-23T07:00:00+02:00", "2026-13-23T07:00:00",
		"2026-11-23T07:00:00.x", "not a time at all...."};
	int64_t s = 0;

	assert_int_equal(cloud_time("1970-01-01T00:01:00Z", &s), 0);
	assert_int_equal(s, 60);
	assert_int_equal(cloud_time("2026-11-23 07:00:00", &s), 0);
	assert_int_equal(s, 1795417200);
	assert_int_equal(cloud_time("2026-11-23T07:00:00.123456", &s), 0);
	assert_int_equal(cloud_time("2026-11-23T07:00:00+00:00", &s), 0);
	assert_int_equal(s, 1795417200);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cloud_time(bad[i], &s), -EINVAL);
}

static void members(void **state)
{
	_cleanup_(jx_freep) json_t *o = json_pack("{s:s, s:s, s:s, s:i, s:s%}", "id",
		"a-1.b_c:d", "slash", "../x", "dots", "..", "n", 1, "ctl",
		"a\x01"
		"b",
		(size_t)3);
	_cleanup_free_ char *quoted = cloud_quote("a b/ü");

	assert_string_equal(cloud_id(o, "id"), "a-1.b_c:d");
	assert_string_equal(cloud_id(o, "slash"), "");
	assert_string_equal(cloud_id(o, "dots"), "");
	assert_string_equal(cloud_str(o, "slash"), "../x");
	assert_string_equal(cloud_str(o, "n"), "");
	assert_string_equal(cloud_str(o, "ctl"), "");
	assert_string_equal(cloud_str(NULL, "id"), "");
	assert_string_equal(quoted, "a%20b%2F%C3%BC");
}

static void calls(void **state)
{
	static const struct fake_answer answers[] = {
		{"GET", "/v2.1/servers", 200, "{\"servers\":[]}", 0},
		{"GET", "/v2.1/text", 200, "OK", 0},
		{"GET", "/v2.1/broken", 200, "{\"a\":", 0},
		{"GET", "/v2.1/array", 200, "[1]", 0},
		{"GET", "/v2.1/denied", 403, "{\"forbidden\":{\"message\":\"not you\"}}",
			0},
		{"GET", "/v2.1/late", 401, "", 1},
		{"GET", "/v2.1/late", 200, "{\"ok\":true}", 0},
		{"GET", "/v2.1/always", 401, "", 0},
		{"DELETE", "/v2.1/x", 409,
			"{\"conflictingRequest\":{\"message\":\"busy\"}}", 0},
		{0},
	};
	static const struct {
		const char *path;
		int r;
		const char *msg;
	} cases[] = {
		{"/servers", 0, NULL},
		{"/text", -EBADMSG,
			"the compute API's answer to GET /text is no JSON object"},
		{"/broken", -EBADMSG,
			"the compute API's answer to GET /broken is no good"},
		{"/array", -EBADMSG, "is no JSON object"},
		{"/denied", -EACCES,
			"the compute API answered 403 to GET /denied: not you"},
		{"/nothing?secret=1", -ENOENT,
			"the compute API answered 404 to GET /nothing: none"},
		{"/late", 0, NULL},
		{"/always", -EACCES, "answered 401"},
	};
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(jx_freep) json_t *got = NULL;
		_cleanup_free_ char *msg = NULL;

		assert_int_equal(
			cloud_get(s, "compute", cases[i].path, "2.53", &got, &msg),
			cases[i].r);
		if (cases[i].msg)
			assert_non_null(strstr(msg, cases[i].msg));
		else
			assert_null(msg);
	}
	assert_int_equal(f.sign_ins, 3); /* one, and one for each refused token */
	assert_int_equal(cloud_delete(s, "compute", "/x", NULL, NULL), -EEXIST);
	assert_int_equal(cloud_delete(s, "compute", "/gone", NULL, NULL), 0);
	assert_int_equal(cloud_get(s, "no-such", "/", NULL, NULL, NULL), -ENODEV);
	assert_string_equal(cloud_url(s, "image"), "http://c:9292");
	assert_string_equal(cloud_url(s, "identity"), "http://c:5000/v3");
	assert_string_equal(cloud_project_id(s), "p1");
	fake_clear(&f);
}

static void signing_in(void **state)
{
	static const struct fake_answer bad[][2] = {
		{{"POST", "/auth/tokens", 201, "{}", 0}},
		{{"POST", "/auth/tokens", 201, "not json", 0}},
		{{"POST", "/auth/tokens", 201, FAKE_TOKEN, 0}}, /* without the header */
		{{"POST", "/auth/tokens", 503, "<h1>down</h1>", 0}},
	};
	static const int want[] = {-EBADMSG, -EBADMSG, -EBADMSG, -EAGAIN};
	struct fake_cloud f = {.refuse = true};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	char *msg = NULL;

	assert_int_equal(cloud_authenticate(s, &msg), -EACCES);
	assert_string_equal(msg,
		"Keystone at http://c:5000/v3 answered 401 to the sign-in of admin to project admin: No.");
	free(msg);
	assert_int_equal(cloud_can_sign_in(s, "x", "y", NULL, NULL), 0);
	f.refuse = false;
	assert_int_equal(cloud_can_sign_in(s, "x", "y", NULL, NULL), 1);
	f.drop = 2;
	assert_int_equal(cloud_can_sign_in(s, "x", "y", NULL, NULL), -ECONNREFUSED);
	assert_int_equal(cloud_authenticate(s, NULL), -ECONNREFUSED);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		f.answers = bad[i];
		assert_int_equal(cloud_authenticate(s, &msg), want[i]);
		free(msg);
	}
	f.answers = NULL;
	assert_int_equal(cloud_authenticate(s, NULL), 0);
	fake_clear(&f);
}

static void pages(void **state)
{
	static const struct fake_answer answers[] = {
		{"GET", "c:8774/v2.1/servers", 200,
			"{\"servers\":[{\"id\":\"1\"},7],\"servers_links\":[{\"rel\":\"next\",\"href\":"
			"\"https://evil/v2.1/servers?marker=1\"}]}",
			0},
		{"GET", "http://c:8774/v2.1/servers?marker=1", 200,
			"{\"servers\":[{\"id\":\"2\"}],\"servers_links\":[{\"rel\":\"next\",\"href\":"
			"\"http://c/v2.1/servers?marker=2\"}]}",
			0},
		{"GET", "http://c:8774/v2.1/servers?marker=2", 200,
			"{\"servers\":[],\"next\":\"/again\"}", 0},
		{"GET", "/v2.1/odd", 200, "{\"servers\":{}}", 0},
		{0},
	};
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	_cleanup_(jx_freep) json_t *all = NULL;

	assert_int_equal(
		cloud_list(s, "compute", "/servers", NULL, "servers", &all, NULL), 0);
	assert_int_equal(json_array_size(all), 2);
	assert_string_equal(cloud_id(cloud_find(all, "id", "2"), "id"), "2");
	assert_int_equal(
		cloud_list(s, "compute", "/odd", NULL, "servers", &all, NULL), -EBADMSG);
	fake_clear(&f);
}

static void waiting(void **state)
{
	static const struct fake_answer answers[] = {
		{"GET", "/servers/1", 200, "{\"server\":{\"status\":\"BUILD\"}}", 2},
		{"GET", "/servers/1", 200, "{\"server\":{\"status\":\"ACTIVE\"}}", 0},
		{"GET", "/servers/2", 200, "{\"server\":{\"status\":\"ERROR\"}}", 0},
		{"GET", "/servers/3", 200, "{\"server\":{\"status\":\"DELETING\"}}", 1},
		{0},
	};
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s = fake_session(&f);
	struct cloud_wait w = {.service = "compute",
		.path = "/servers/1",
		.object = "server",
		.field = "status",
		.want = "active",
		.fail = "error",
		.deadline_ms = 5000,
		.interval_ms = 1};
	char *msg = NULL;

	assert_int_equal(cloud_wait(s, &w, &msg), 0);
	w.path = "/servers/2";
	assert_int_equal(cloud_wait(s, &w, &msg), -EREMOTEIO);
	assert_string_equal(msg, "/servers/2: status became ERROR, expected active");
	free(msg);
	w.path = "/servers/3";
	w.want = "";
	assert_int_equal(cloud_wait(s, &w, NULL), 0);
	w.path = "/servers/1";
	w.want = "SHUTOFF";
	w.deadline_ms = 0;
	assert_int_equal(cloud_wait(s, &w, NULL), -ETIMEDOUT);
	fake_clear(&f);
}

#define CATALOG "{\"catalog\":[" FAKE_ENDPOINT("metric", "http://c:8041") "]}"

/* A session of user that asks for a service of the catalogue; how often it signed in. */
static unsigned sign_ins(const struct fake_answer *answers, const char *user,
	const char *service, const char *path)
{
	struct fake_cloud f = {.answers = answers};
	_cleanup_(cloud_session_freep) struct cloud_session *s =
		fake_session_kept(&f, user, path);
	unsigned n;

	assert_int_equal(cloud_get(s, service, "/x", NULL, NULL, NULL), 0);
	assert_string_equal(cloud_project_id(s), "p1");
	assert_string_equal(cloud_user_id(s), "u1");
	n = f.sign_ins;
	fake_clear(&f);
	return n;
}

static void left_for_the_next(void **state)
{
	static const struct fake_answer takes[] = {
		{"GET", "/v3/auth/catalog", 200, CATALOG, 0}, {"GET", "/x", 200, "{}", 0},
		{0}};
	static const struct fake_answer refuses[] = {
		{"GET", "/v3/auth/catalog", 401, "{}", 0}, {"GET", "/x", 200, "{}", 0},
		{0}};
	/* only the call finds out that the token is no good */
	static const struct fake_answer late[] = {
		{"GET", "/v3/auth/catalog", 200, CATALOG, 0},
		{"GET", "8041/x", 401, "{}", 1}, {"GET", "/x", 200, "{}", 0}, {0}};
	static const char *const bad[] = {"", "{", "[]", "{\"login\":7}",
		"{\"login\":\"http://c:5000/v3 Default admin admin\",\"id\":\"\",\"until\":9007199254740992,"
		"\"project_id\":\"p1\",\"user_id\":\"u1\"}",
		"{\"login\":\"http://c:5000/v3 Default admin admin\",\"id\":\"a\\nb\",\"until\":9007199254740992,"
		"\"project_id\":\"p1\",\"user_id\":\"u1\"}",
		/* ends within five minutes */
		"{\"login\":\"http://c:5000/v3 Default admin admin\",\"id\":\"t\",\"until\":1,"
		"\"project_id\":\"p1\",\"user_id\":\"u1\"}"};
	char dir[] = "/tmp/test-cloud-session.XXXXXX", path[64];
	struct stat st;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/token", dir);
	assert_int_equal(sign_ins(takes, "admin", "compute", path), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* with the catalogue of now */
	assert_int_equal(sign_ins(takes, "admin", "metric", path), 0);
	assert_int_equal(sign_ins(takes, "other", "compute", path), 1);
	assert_int_equal(sign_ins(takes, "admin", "compute", path), 1);
	assert_int_equal(sign_ins(refuses, "admin", "compute", path), 1);
	assert_int_equal(sign_ins(late, "admin", "metric", path), 1);
	assert_int_equal(sign_ins(takes, "admin", "metric", path), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(
			write_file_atomic(path, bad[i], strlen(bad[i]), 0600), 0);
		assert_int_equal(sign_ins(takes, "admin", "compute", path), 1);
	}
	remove_tree(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_errors),
		cmocka_unit_test(next_pages),
		cmocka_unit_test(times),
		cmocka_unit_test(members),
		cmocka_unit_test(calls),
		cmocka_unit_test(signing_in),
		cmocka_unit_test(pages),
		cmocka_unit_test(waiting),
		cmocka_unit_test(left_for_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
