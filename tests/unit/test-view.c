/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/client.h"
#include "bootstrap/view.h"
#include "common/jsonx.h"

static json_t *parse(const char *text)
{
	_cleanup_free_ char *msg = NULL;
	json_t *json = jx_parse(text, strlen(text), &msg);

	if (!json)
		fail_msg("%s", msg);
	return json;
}

static const char full[] =
	"{\"name\": \"hp02\", \"unit\": 2, \"role\": \"storage\", \"kind\": \"block\", \"state\": \"ready\","
	"\"since\": 1700000000000, \"reason\": \"\", \"address\": \"10.77.0.12\", \"bmc\": \"10.77.1.12\","
	"\"power\": \"on\", \"serial\": \"S\", \"step\": \"\", \"progress\": {\"done\": 5, \"total\": 10},"
	"\"disk\": {\"serial\": \"D1\", \"wwn\": \"5000\", \"bytes\": 480},"
	"\"phases\": [{\"state\": \"powering\", \"ms\": 10}, {\"state\": \"agent\", \"ms\": 5},"
	"{\"state\": \"powering\", \"ms\": 1}],"
	"\"proofs\": [{\"name\": \"network\", \"ok\": true, \"text\": \"tab\\tand\\u001b\", \"time\": 9}],"
	"\"revision\": 4, \"reported\": 3, \"image\": \"v1\", \"last_seen\": 8,"
	"\"task\": {\"id\": 7, \"done\": true, \"ok\": false, \"proofs\": [{\"name\": \"kvm\", \"ok\": false,"
	"\"text\": \"\"}]}, \"inventory\": null}";

static void test_node(void **state)
{
	_cleanup_(jx_freep) json_t *json = parse(full);
	_cleanup_(node_view_clear) struct node_view n = {0};
	_cleanup_free_ char *msg = NULL, *role = NULL;

	assert_int_equal(node_view_parse(json, &n, &msg), 0);
	role = node_view_role(&n);
	assert_string_equal(role, "storage block");
	assert_true(n.has_progress && n.done == 5 && n.total == 10);
	assert_string_equal(n.disk_serial, "D1");
	assert_int_equal(node_view_phase_ms(&n, "powering"), 11);
	assert_int_equal(node_view_run_ms(&n), 16);
	assert_int_equal(n.n_proofs, 1);
	assert_true(n.proofs[0].ok);
	assert_true(n.has_task && n.task_done && !n.task_ok && n.task_id == 7);
	assert_string_equal(n.task_proofs[0].name, "kvm");
	assert_null(n.inventory);
}

static void test_least(void **state)
{
	_cleanup_(jx_freep) json_t *json =
		parse("{\"name\": \"a\", \"role\": \"b\", \"state\": \"idle\","
		      "\"disk\": null, \"task\": null, \"progress\": null}");
	_cleanup_(node_view_clear) struct node_view n = {0};
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(node_view_parse(json, &n, &msg), 0);
	assert_false(n.has_disk || n.has_task || n.has_progress);
	assert_string_equal(n.disk_serial, "");
}

static void try_is(const char *parts, const char *remark)
{
	_cleanup_free_ char *text = xasprintf(
		"{\"name\": \"a\", \"role\": \"b\", \"reason\": \"no DHCP\", %s}", parts);
	_cleanup_(jx_freep) json_t *json = parse(text);
	_cleanup_(node_view_clear) struct node_view n = {0};
	_cleanup_free_ char *msg = NULL, *got = NULL;

	assert_int_equal(node_view_parse(json, &n, &msg), 0);
	got = node_view_remark(&n, 50000);
	assert_string_equal(got, remark);
}

static void test_tries(void **state)
{
	_cleanup_(jx_freep) json_t *json =
		parse("{\"name\": \"a\", \"role\": \"b\", \"state\": \"resetting-bmc\","
		      "\"phases\": [{\"state\": \"retrying\", \"ms\": 7},"
		      "{\"state\": \"resetting-bmc\", \"ms\": 3}]}");
	_cleanup_(node_view_clear) struct node_view n = {0};
	_cleanup_free_ char *msg = NULL;

	try_is("\"state\": \"retrying\", \"step\": \"pausing\", \"retry\":"
	       "{\"try\": 2, \"of\": 3, \"at\": 92001, \"cause\": \"no DHCP\"}",
		"2nd try in 43 s: no DHCP");
	try_is("\"state\": \"retrying\", \"retry\": {\"try\": 3, \"of\": 3, \"at\": 1,"
	       "\"cause\": \"no DHCP\"}",
		"3rd try in 0 s: no DHCP");
	try_is("\"state\": \"powering\", \"step\": \"switching\", \"retry\":"
	       "{\"try\": 2, \"of\": 3, \"at\": 0, \"cause\": \"no DHCP\"}",
		"switching (2nd try)");
	try_is("\"state\": \"powering\", \"step\": \"switching\", \"retry\": null",
		"switching");
	try_is("\"state\": \"failed\", \"step\": \"\", \"retry\": null", "no DHCP");
	assert_int_equal(node_view_parse(json, &n, &msg), 0);
	assert_true(node_view_is_going(&n) && node_view_in_run(&n));
	assert_int_equal(node_view_run_ms(&n), 10);
}

static void refused(const char *text)
{
	_cleanup_(jx_freep) json_t *json = parse(text);
	_cleanup_free_ char *msg = NULL;
	struct node_view n;

	assert_int_equal(node_view_parse(json, &n, &msg), -EPROTO);
	assert_non_null(msg);
}

static void test_refused(void **state)
{
	refused("[]");
	refused("{}");
	refused("{\"name\": 1, \"role\": \"b\", \"state\": \"idle\"}");
	refused("{\"name\": \"a\", \"role\": \"b\", \"state\": \"idle\", \"disk\": 3}");
	refused("{\"name\": \"a\", \"role\": \"b\", \"state\": \"idle\", \"disk\": {\"bytes\": -1}}");
	refused("{\"name\": \"a\", \"role\": \"b\", \"state\": \"idle\", \"phases\": [1]}");
	refused("{\"name\": \"a\", \"role\": \"b\", \"state\": \"idle\", \"retry\": {\"try\": 1, \"of\": 3}}");
	refused("{\"name\": \"a\", \"role\": \"b\", \"state\": \"idle\", \"retry\": 2}");
	refused("{\"name\": \"a\", \"role\": \"b\", \"state\": \"idle\", \"proofs\": {}}");
	refused("{\"name\": \"a\", \"role\": \"b\", \"state\": \"idle\", \"progress\": {\"done\": 1}}");
	refused("{\"name\": \"a\", \"role\": \"b\", \"state\": \"idle\", \"task\": {\"id\": \"x\"}}");
	refused("{\"name\": \"a\", \"role\": \"b\", \"state\": \"idle\", \"reason\": []}");
}

static void test_status(void **state)
{
	_cleanup_(jx_freep) json_t *good =
		parse("{\"version\": \"1\", \"rack\": null, \"now\": 5, \"nodes\": [], "
		      "\"events\": {\"count\": 7, \"oldest\": 3, \"bytes\": 4096}}");
	_cleanup_(jx_freep) json_t *odd =
		parse("{\"now\": 5, \"nodes\": [], \"events\": {\"count\": -1}}");
	_cleanup_(jx_freep) json_t *bad =
		parse("{\"now\": 5, \"nodes\": [{\"name\": \"a\"}]}");
	_cleanup_(status_view_freep) struct status_view *s = NULL;
	struct status_view *none = NULL;
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(status_view_parse(good, &s, &msg), 0);
	assert_string_equal(s->rack, "");
	assert_true(s->n_events == 7 && s->oldest_ms == 3 && s->store_bytes == 4096);
	assert_int_equal(status_view_parse(odd, &none, &msg), -EPROTO);
	assert_non_null(strstr(msg, "events"));
	free(TAKE_PTR(msg));
	assert_int_equal(status_view_parse(bad, &none, &msg), -EPROTO);
	assert_null(none);
}

static void test_events(void **state)
{
	_cleanup_(jx_freep) json_t *json = parse(
		"{\"events\": [{\"id\": 1, \"time\": 5, \"node\": \"hp02\", \"source\": \"ipmi\","
		"\"type\": \"power.on\", \"text\": \"\\u0007\", \"data\": {}},"
		"{\"id\": 2, \"time\": 6, \"node\": null, \"type\": \"x\"}], \"last\": 2}");
	_cleanup_(jx_freep) json_t *bad = parse("{\"events\": [{}], \"last\": 2}");
	_cleanup_free_ char *msg = NULL;
	struct events_view e = {0};

	assert_int_equal(events_view_parse(json, &e, &msg), 0);
	assert_int_equal(e.n, 2);
	assert_int_equal(e.last, 2);
	assert_string_equal(e.list[0].source, "ipmi");
	events_view_clear(&e);
	assert_int_equal(events_view_parse(bad, &e, &msg), -EPROTO);
}

/* One letter an event: p progress, r a report "not ready", R one "ready", s a step. */
static void marks(const char *events, size_t first, const char *expected)
{
	static const char *const type[] = {['p'] = "agent.progress",
		['r'] = "report",
		['R'] = "report",
		['s'] = "agent.step"};
	_cleanup_(jx_freep) json_t *list = json_array(), *json = NULL;
	_cleanup_free_ char *msg = NULL, *got = xstrdup(events);
	struct events_view e = {0};
	size_t n = 0;

	for (const char *x = events; *x; x++)
		json_array_append_new(list,
			json_pack("{s:i, s:i, s:s, s:s}", "id", 1, "time", 5, "type",
				type[(unsigned char)*x], "text",
				*x == 'R' ? "ready" : "not ready"));
	json = json_pack("{s:O, s:i}", "events", list, "last", 1);
	assert_int_equal(events_view_parse(json, &e, &msg), 0);
	n = events_view_mark_old_news(&e, first);
	for (size_t i = 0; i < e.n; i++) {
		n -= e.list[i].old_news;
		got[i] = e.list[i].old_news ? '-' : events[i];
	}
	assert_string_equal(got, expected);
	assert_int_equal(n, 0);
	events_view_clear(&e);
}

static void test_old_news(void **state)
{
	marks("", 0, "");
	marks("p", 0, "p");
	marks("sppppps", 0, "sp---ps");
	marks("pppp", 0, "p--p");
	marks("pppp", 2, "pppp"); /* what is older is not shown at all */
	marks("ppspp", 0, "ppspp");
	marks("rsrRsRr", 0, "rs-Rs-r");
}

static void judged(unsigned status, const char *body, int expected, const char *words)
{
	_cleanup_(jx_freep) json_t *json = NULL;
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(client_judge(status, body, strlen(body), &json, &msg), expected);
	if (words)
		assert_non_null(strstr(msg, words));
	else
		assert_null(msg);
}

static void test_judge(void **state)
{
	judged(200, "{}", 0, NULL);
	judged(200, "", -EPROTO, "not understood");
	judged(200, "<html>", -EPROTO, "not understood");
	judged(200, "[]", -EPROTO, "not a JSON object");
	judged(404, "{\"error\": \"no node hp77\"}", 404, "no node hp77");
	judged(422, "{\"problems\": [\"a\", \"b\"]}", 422, "2 problems");
	judged(502, "oops", 502, "HTTP status 502");
	judged(500, "{\"error\": 5}", 500, "HTTP status 500");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_node),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_tries),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_old_news),
		cmocka_unit_test(test_judge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
