/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/cloudview.h"
#include "common/jsonx.h"

#define NODE(name, role, state, step, heard)                                            \
	"{\"name\":\"" name "\",\"role\":\"" role "\",\"kind\":\"\",\"state\":\"" state \
	"\",\"reason\":\"no carrier\",\"step\":\"" step "\",\"heard\":" heard           \
	",\"last_seen\":70000}"
#define SERVICE(node, name, ok)                                      \
	"{\"node\":\"" node "\",\"service\":\"" name "\",\"ok\":" ok \
	",\"text\":\"up, 3 s ago\"}"

static const char frame[] =
	"{\"now\":100000,\"stamp\":5,\"rack\":\"lab\",\"cloud\":{\"public\":\"10.77.20.11\",\"region\":\"R\","
	"\"controller\":\"hp01\",\"student\":\"kim\",\"dashboard\":\"\",\"time\":%u,\"old_after_ms\":90000,"
	"\"nodes\":[%s],\"status\":[%s]}}";

static const char all_ready[] = NODE("hp01", "controller", "ready", "", "true") "," NODE(
	"hp02", "compute", "ready", "", "true");
static const char all_up[] =
	SERVICE("hp02", "nova-compute", "true") "," SERVICE("hp01", "nova-api", "true");

static struct cloud_view view(unsigned told_ms, const char *nodes, const char *services)
{
	_cleanup_free_ char *text = xasprintf(frame, told_ms, nodes, services),
			    *msg = NULL;
	_cleanup_(jx_freep) json_t *root = jx_parse(text, strlen(text), &msg);
	struct cloud_view v;

	assert_non_null(root);
	if (cloud_view_parse(root, &v, &msg) < 0)
		fail_msg("%s", msg);
	return v;
}

static bool says(const struct cloud_view *v, const char *words)
{
	_cleanup_free_ char *all = strv_join(v->missing, "\n");

	return strstr(all, words) != NULL;
}

static void well(void **state)
{
	_cleanup_(cloud_view_clear) struct cloud_view v = view(99000, all_ready, all_up);
	_cleanup_free_ char *sums = cloud_view_sums(&v);

	assert_true(cloud_view_is_well(&v));
	assert_string_equal(v.services[0].node, "hp01"); /* as in rack.ini */
	assert_string_equal(sums, "2 services on 2 nodes: 2 well, 0 not");
}

static void not_well(void **state)
{
	_cleanup_(cloud_view_clear) struct cloud_view v = view(99000, all_ready,
		SERVICE("hp02", "nova-compute", "false") "," SERVICE(
			"gone", "nova-compute", "true"));

	assert_false(cloud_view_is_well(&v));
	assert_int_equal(v.n_unwell, 1);
	assert_int_equal(v.n_services, 2);
	assert_true(says(&v, "nova-compute on hp02: up, 3 s ago"));
}

static void old_or_silent(void **state)
{
	_cleanup_(cloud_view_clear) struct cloud_view v = view(9000, all_ready, all_up);
	_cleanup_(cloud_view_clear) struct cloud_view never = view(0, all_ready, "");
	_cleanup_(cloud_view_clear) struct cloud_view silent = view(99000,
		NODE("hp01", "controller", "ready", "", "true") "," NODE(
			"hp02", "compute", "ready", "", "false"),
		all_up);

	assert_true(v.is_old);
	assert_false(cloud_view_is_well(&v));
	assert_true(says(&v, "the controller hp01 last spoke of the services 1m31s ago"));
	assert_false(cloud_view_is_well(&never));
	assert_true(says(&never, "has said nothing"));
	assert_false(silent.is_old);
	assert_true(says(&silent, "hp02 (compute) has been silent for 30.0s"));
}

static void on_the_way(void **state)
{
	_cleanup_(cloud_view_clear) struct cloud_view v = view(99000,
		NODE("hp01", "controller", "configuring", "step db", "true") "," NODE(
			"hp02", "compute", "failed", "was here", "true"),
		all_up);

	assert_true(says(&v, "hp01 (controller) is configuring: step db"));
	assert_true(says(&v, "hp02 (compute) is failed: no carrier"));
}

static void no_cloud(void **state)
{
	static const char text[] = "{\"now\":1,\"stamp\":1,\"rack\":null,\"cloud\":null}";
	static const char bad[] =
		"{\"now\":1,\"stamp\":1,\"rack\":null,\"cloud\":{\"public\":7}}";
	_cleanup_free_ char *msg = NULL;
	_cleanup_(jx_freep) json_t *root = jx_parse(text, strlen(text), &msg);
	_cleanup_(jx_freep) json_t *broken = jx_parse(bad, strlen(bad), &msg);
	struct cloud_view v;

	assert_int_equal(cloud_view_parse(root, &v, &msg), 0);
	assert_false(v.is_cloud);
	assert_false(cloud_view_is_well(&v));
	cloud_view_clear(&v);
	assert_int_equal(cloud_view_parse(broken, &v, &msg), -EINVAL);
	assert_non_null(msg);
}

static void openrc(void **state)
{
	json_t *answer = json_pack("{s:s, s:s, s:s, s:s, s:s}", "auth_url",
		"https://x:5000/v3", "user", "admin", "project", "admin", "region", "R",
		"password", "it's $(x)");
	_cleanup_free_ char *msg = NULL;
	char *text = cloud_openrc(answer, "/run/ondol/ca.pem", &msg);

	assert_non_null(text);
	assert_non_null(strstr(text, "export OS_PASSWORD='it'\\''s $(x)'\n"));
	assert_non_null(strstr(text, "export OS_CACERT='/run/ondol/ca.pem'\n"));
	free(text);
	json_object_del(answer, "password");
	assert_null(cloud_openrc(answer, "x", &msg));
	assert_non_null(strstr(msg, "password"));
	json_decref(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well),
		cmocka_unit_test(not_well),
		cmocka_unit_test(old_or_silent),
		cmocka_unit_test(on_the_way),
		cmocka_unit_test(no_cloud),
		cmocka_unit_test(openrc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
