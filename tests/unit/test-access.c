/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/access.h"
#include "common/jsonx.h"

#define T0 1000000u

static int setup(void **state)
{
	*state = access_new();
	return 0;
}

static int teardown(void **state)
{
	access_free(*state);
	return 0;
}

static char *added(struct access *a, const char *name, enum access_role role)
{
	char *token = NULL;

	assert_int_equal(access_add(a, name, role, 5, &token), 0);
	assert_int_equal(strlen(token), 40);
	return token;
}

static void tokens(void **state)
{
	struct access *a = *state;
	_cleanup_free_ char *anna = added(a, "anna", ACCESS_OPERATOR);
	_cleanup_free_ char *ben = added(a, "ben", ACCESS_VIEWER);
	char *none = NULL;

	assert_string_not_equal(anna, ben);
	assert_string_equal(access_by_token(a, anna)->name, "anna");
	assert_int_equal(access_by_token(a, anna)->role, ACCESS_OPERATOR);
	assert_int_equal(access_by_token(a, ben)->role, ACCESS_VIEWER);
	assert_null(access_by_token(a, ""));
	assert_null(access_by_token(a, access_by_token(a, anna)->hash));
	anna[39] = anna[39] == '0' ? '1' : '0';
	assert_null(access_by_token(a, anna));
	assert_int_equal(access_add(a, "ben", ACCESS_VIEWER, 5, &none), -EEXIST);
	assert_int_equal(access_add(a, "a/b", ACCESS_VIEWER, 5, &none), -EINVAL);
	assert_int_equal(access_add(a, "", ACCESS_VIEWER, 5, &none), -EINVAL);
	assert_null(none);
	assert_int_equal(access_revoke(a, "ben"), 0);
	assert_int_equal(access_revoke(a, "ben"), -ENOENT);
	assert_null(access_by_token(a, ben));
}

static void at_most(void **state)
{
	struct access *a = *state;
	char *token = NULL;

	for (int i = 0; i < ACCESS_MAX_TOKENS; i++) {
		_cleanup_free_ char *name = xasprintf("t%d", i), *t = NULL;

		t = added(a, name, ACCESS_VIEWER);
	}
	assert_int_equal(access_add(a, "more", ACCESS_VIEWER, 5, &token), -ENOSPC);
}

/* What is kept has no token in it, and brings back the same people. */
static void kept(void **state)
{
	struct access *a = *state, *b = access_new();
	_cleanup_free_ char *anna = added(a, "anna", ACCESS_OPERATOR), *msg = NULL;
	_cleanup_(jx_freep) json_t *doc = access_to_json(a), *list = access_list(a);
	_cleanup_free_ char *text = json_dumps(doc, 0), *shown = json_dumps(list, 0);

	assert_null(strstr(text, anna));
	assert_null(strstr(shown, "sha256"));
	assert_non_null(strstr(shown, "\"anna\""));
	assert_int_equal(access_load(b, doc, &msg), 0);
	assert_string_equal(access_by_token(b, anna)->name, "anna");
	access_free(b);
}

static void damaged(void **state)
{
	static const char *const docs[] = {
		"{}",
		"{\"tokens\": [1]}",
		"{\"tokens\": [{\"name\": \"a\", \"role\": \"root\", \"created\": 1, \"sha256\": "
		"\"0000000000000000000000000000000000000000000000000000000000000000\"}]}",
		"{\"tokens\": [{\"name\": \"a\", \"role\": \"viewer\", \"created\": 1, \"sha256\": "
		"\"00\"}]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
		_cleanup_free_ char *msg = NULL, *bad = NULL;
		_cleanup_(jx_freep) json_t *doc =
			jx_parse(docs[i], strlen(docs[i]), &bad);

		assert_int_equal(access_load(*state, doc, &msg), -EINVAL);
		assert_non_null(msg);
	}
}

static void sessions(void **state)
{
	struct access *a = *state;
	_cleanup_free_ char *anna = added(a, "anna", ACCESS_OPERATOR);
	const struct access_token *t = access_by_token(a, anna);
	_cleanup_free_ char *one = access_sign_in(a, t, T0),
			    *two = access_sign_in(a, t, T0 + 5);

	assert_string_not_equal(one, two);
	assert_string_equal(access_by_cookie(a, one, T0)->name, "anna");
	assert_null(access_by_cookie(a, anna, T0)); /* a token is no cookie */
	assert_null(access_by_token(a, one)); /* nor the other way */
	assert_non_null(access_by_cookie(a, one, T0 + ACCESS_SESSION_MS - 1));
	assert_null(access_by_cookie(a, one, T0 + ACCESS_SESSION_MS));
	access_sign_out(a, one);
	assert_null(access_by_cookie(a, one, T0));
	assert_non_null(access_by_cookie(a, two, T0));
	assert_int_equal(access_revoke(a, "anna"), 0);
	free(added(a, "anna", ACCESS_VIEWER)); /* another one of that name */
	assert_null(access_by_cookie(a, two, T0));
}

static void many_sessions(void **state)
{
	struct access *a = *state;
	_cleanup_free_ char *anna = added(a, "anna", ACCESS_VIEWER);
	const struct access_token *t = access_by_token(a, anna);
	_cleanup_free_ char *first = access_sign_in(a, t, T0), *last = NULL;

	for (int i = 0; i < ACCESS_MAX_SESSIONS; i++) {
		free(last);
		last = access_sign_in(a, t, T0 + 1);
	}
	assert_null(access_by_cookie(a, first, T0 + 1));
	assert_non_null(access_by_cookie(a, last, T0 + 1));
}

static void limit(void **state)
{
	struct access *a = *state;

	for (int i = 1; i < ACCESS_TRIES; i++)
		assert_false(access_was_wrong(a, 1, T0));
	assert_int_equal(access_must_wait(a, 1, T0), 0);
	assert_true(access_was_wrong(a, 1, T0));
	assert_int_equal(access_must_wait(a, 1, T0), ACCESS_TRIES_MS);
	assert_int_equal(access_must_wait(a, 1, T0 + 1000), ACCESS_TRIES_MS - 1000);
	assert_int_equal(access_must_wait(a, 2, T0), 0);
	assert_int_equal(access_must_wait(a, 1, T0 + ACCESS_TRIES_MS), 0);
	assert_false(access_was_wrong(a, 1, T0 + ACCESS_TRIES_MS)); /* counted anew */
}

/* A thousand addresses do not make the table grow, and the latest are held. */
static void many_addresses(void **state)
{
	struct access *a = *state;

	for (uint32_t i = 1; i <= 1000; i++)
		for (int k = 0; k < ACCESS_TRIES; k++)
			access_was_wrong(a, i, T0 + i);
	assert_true(access_must_wait(a, 1000, T0 + 1000) > 0);
	assert_true(access_must_wait(a, 800, T0 + 1000) > 0);
	assert_int_equal(access_must_wait(a, 1, T0 + 1000), 0);
}

static void roles(void **state)
{
	enum access_role r = ACCESS_NONE;

	assert_int_equal(access_role_parse("viewer", &r), 0);
	assert_int_equal(r, ACCESS_VIEWER);
	assert_int_equal(access_role_parse("operator", &r), 0);
	assert_int_equal(r, ACCESS_OPERATOR);
	assert_int_equal(access_role_parse("root", &r), -EINVAL);
	assert_int_equal(access_role_parse("none", &r), -EINVAL);
	assert_true(ACCESS_NONE < ACCESS_VIEWER && ACCESS_VIEWER < ACCESS_OPERATOR &&
		ACCESS_OPERATOR < ACCESS_ROOT);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {T(tokens), T(at_most), T(kept), T(damaged),
		T(sessions), T(many_sessions), T(limit), T(many_addresses), T(roles)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
