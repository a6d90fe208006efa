/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/facts.h"
#include "common/jsonx.h"

static json_t *report(const char *text)
{
	_cleanup_free_ char *msg = NULL;
	json_t *r = jx_parse(text, strlen(text), &msg);

	assert_non_null(r);
	return r;
}

static void reports(void **state)
{
	_cleanup_(facts_clear) struct facts f;
	_cleanup_(jx_freep) json_t *a =
		report("{\"proofs\":[{\"name\":\"keystone\",\"ok\":true,\"time\":1},"
		       "{\"name\":\"nova-api\",\"ok\":false}]}");
	_cleanup_(jx_freep) json_t *b =
		report("{\"proofs\":[{\"name\":\"keystone\",\"ok\":true,\"time\":2},"
		       "{\"name\":\"nova-api\",\"ok\":true}]}");
	_cleanup_(jx_freep) json_t *now = NULL, *want = NULL;

	facts_init(&f, 1000);
	assert_int_equal(f.rev, 1000);
	assert_true(facts_take_report(&f, "hp01", a));
	assert_int_equal(f.rev, 1001);
	assert_false(facts_take_report(&f, "hp01", a));
	assert_true(facts_take_report(&f, "hp01", b));
	assert_false(facts_take_report(&f, "hp02", NULL));
	assert_int_equal(f.rev, 1002);
	now = facts_to_json(&f);
	want = report(
		"{\"rev\":1002,\"nodes\":{\"hp01\":[\"keystone\",\"nova-api\"]},\"blobs\":{}}");
	assert_true(json_equal(now, want));
	/* it is not heard any more */
	assert_true(facts_take_report(&f, "hp01", NULL));
	assert_false(facts_take_report(&f, "hp01", NULL));
	assert_int_equal(json_object_size(f.nodes), 0);
	assert_int_equal(f.rev, 1003);
}

static void blobs(void **state)
{
	_cleanup_(facts_clear) struct facts f;
	_cleanup_(jx_freep) json_t *none = json_object();
	_cleanup_(jx_freep) json_t *one =
		report("{\"account.ring.gz\":{\"sha256\":\"aa\",\"size_bytes\":5}}");

	facts_init(&f, 0);
	assert_int_equal(f.rev, 1);
	assert_false(facts_take_blobs(&f, none));
	assert_true(facts_take_blobs(&f, one));
	assert_false(facts_take_blobs(&f, one));
	assert_int_equal(f.rev, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports),
		cmocka_unit_test(blobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
