/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs as results, the task that asks for them, a worker's result line. */
#include "tests/unit/harness.h"

#include <jansson.h>

#include "nodeagent/task.h"
#include "nodeagent/work.h"

static char *needs[] = {(char *)"network", (char *)"units", NULL};
static char *nothing[] = {NULL};

static void ready_is_a_conjunction(_unused_ void **state)
{
	_cleanup_(proofs_clear) struct proofs p = {0};

	assert_false(proofs_all_ok(&p, needs));
	assert_false(proofs_all_ok(&p, nothing));
	assert_false(proofs_all_ok(&p, NULL));
	assert_true(proofs_put(&p, "network", true, "up", 1));
	assert_false(proofs_all_ok(&p, needs));
	proofs_put(&p, "units", false, "x is dead", 2);
	assert_false(proofs_all_ok(&p, needs));
	proofs_put(&p, "other", false, "not needed", 2);
	proofs_put(&p, "units", true, "up", 3);
	assert_true(proofs_all_ok(&p, needs));
}

static void only_changes_are_changes(_unused_ void **state)
{
	_cleanup_(proofs_clear) struct proofs p = {0};

	assert_true(proofs_put(&p, "a", true, "t", 1));
	assert_false(proofs_put(&p, "a", true, "t", 2));
	assert_int_equal(proofs_get(&p, "a")->time_ms, 2);
	assert_true(proofs_put(&p, "a", true, "u", 3));
	assert_true(proofs_put(&p, "a", false, "u", 4));
	assert_int_equal(p.n, 1);
}

static void others_are_forgotten(_unused_ void **state)
{
	_cleanup_(proofs_clear) struct proofs p = {0};

	proofs_put(&p, "kvm", true, "", 1);
	proofs_put(&p, "network", true, "", 1);
	proofs_put(&p, "role", false, "", 1);
	proofs_put(&p, "libvirt", true, "", 1);
	proofs_keep(&p, needs, "role");
	assert_int_equal(p.n, 2);
	assert_non_null(proofs_get(&p, "network"));
	assert_non_null(proofs_get(&p, "role"));
	proofs_keep(&p, NULL, NULL);
	assert_int_equal(p.n, 0);
}

static void those_that_are_named_are_put(_unused_ void **state)
{
	_cleanup_(proofs_clear) struct proofs p = {0}, from = {0};

	proofs_put(&p, "units", true, "up", 1);
	proofs_put(&from, "units", false, "x is dead", 2);
	proofs_put(&from, "guest", true, "pinged", 3);
	proofs_put_all(&p, &from, needs);
	assert_int_equal(p.n, 1);
	assert_false(proofs_get(&p, "units")->ok);
}

static void json_is_as_in_the_protocol(_unused_ void **state)
{
	_cleanup_(proofs_clear) struct proofs p = {0};
	_cleanup_free_ char *text = NULL;
	json_t *a;

	proofs_put(&p, "units", false, "bad\n\xff byte", 1790000000123);
	a = proofs_to_json(&p);
	text = json_dumps(a, JSON_COMPACT);
	json_decref(a);
	assert_string_equal(text,
		"[{\"name\":\"units\",\"ok\":false,\"text\":\"bad\\\\x0a\\\\xff byte\","
		"\"time\":1790000000123}]");
}

static bool take(struct task *t, const char *json, bool *ret_new)
{
	json_t *obj = json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
	_cleanup_free_ char *msg = NULL;
	bool ok = task_take(t, obj, ret_new, &msg);

	assert_true(ok || msg);
	json_decref(obj);
	return ok;
}

static void what_is_said_is_never_too_long(_unused_ void **state)
{
	const char fill[] = {'a', '\n', '\x01', '\x7f', (char)0xff};

	for (size_t i = 0; i < ARRAY_SIZE(fill); i++) {
		for (size_t len = SAID_MAX - 5; len < SAID_MAX + 5; len++) {
			_cleanup_free_ char *long_text = xcalloc(1, len + 1), *s = NULL;

			memset(long_text, fill[i], len);
			s = said(long_text);
			assert_true(strlen(s) <= SAID_MAX);
		}
	}
}

static void a_task_is_taken_once(_unused_ void **state)
{
	_cleanup_(task_clear) struct task t = {0};
	json_t *j;
	bool new;

	assert_true(take(&t, NULL, &new) && !new);
	assert_true(take(&t, "null", &new) && !new);
	assert_true(take(&t, "{\"id\":7,\"type\":\"prove\"}", &new) && new);
	j = task_to_json(&t);
	assert_true(json_is_null(j));
	assert_true(take(&t, "{\"id\":7,\"type\":\"prove\"}", &new) && !new);
	assert_true(task_begin(&t) && task_end(&t, true));
	j = task_to_json(&t);
	assert_int_equal(json_integer_value(json_object_get(j, "id")), 7);
	assert_true(json_is_true(json_object_get(j, "ok")));
	json_decref(j);
	assert_true(take(&t, "{\"id\":8,\"type\":\"prove\"}", &new) && new);
	assert_false(t.done);
}

static void a_task_that_was_overtaken_says_nothing_of_the_next(_unused_ void **state)
{
	_cleanup_(task_clear) struct task t = {0};
	bool new;

	assert_true(take(&t, "{\"id\":100,\"type\":\"prove\"}", &new) && new);
	assert_true(task_begin(&t));
	proofs_put(&t.found, "units", true, "up", 1);
	assert_true(take(&t, "{\"id\":101,\"type\":\"backup\"}", &new) && new);
	assert_false(task_end(&t, true));
	assert_true(json_is_null(task_to_json(&t)));
	assert_true(task_begin(&t));
	proofs_put(&t.found, "backup", false, "no room", 2);
	assert_true(task_end(&t, false));
	assert_true(t.done && !t.ok);
	assert_int_equal(t.proofs.n, 1);
	assert_string_equal(t.proofs.list[0].name, "backup");
}

static void a_refused_task_is_not_carried_out(_unused_ void **state)
{
	_cleanup_(task_clear) struct task t = {0};
	bool new;

	assert_true(take(&t, "{\"id\":100,\"type\":\"prove\"}", &new) && new);
	assert_true(take(&t, "{\"id\":101,\"type\":\"dance\"}", &new) && !new);
	assert_false(task_begin(&t));
	assert_true(t.done && !t.ok);
	assert_int_equal(t.proofs.n, 1);
}

static void odd_tasks_are_answered(_unused_ void **state)
{
	const char *const bad[] = {"1", "[]", "{}", "{\"id\":0,\"type\":\"prove\"}",
		"{\"id\":-1,\"type\":\"prove\"}", "{\"id\":\"7\",\"type\":\"prove\"}",
		"{\"id\":7}"};
	_cleanup_(task_clear) struct task t = {0};
	bool new;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(!take(&t, bad[i], &new) && !new);
	assert_true(take(&t, "{\"id\":9,\"type\":\"dance\"}", &new) && !new);
	assert_true(t.done && !t.ok);
	assert_string_equal(t.proofs.list[0].name, "task");
}

static void result_lines_go_both_ways(_unused_ void **state)
{
	char *longer = xcalloc(1, 100001);
	_cleanup_free_ char *line = NULL, *text = NULL, *cut = NULL, *back = NULL;
	bool ok = false;

	line = work_result_line(true, "all \"good\"");
	assert_true(work_parse_line(line, &ok, &text));
	assert_true(ok);
	assert_string_equal(text, "all \"good\"");
	memset(longer, 1, 100000);
	cut = work_result_line(false, longer);
	free(longer);
	assert_true(strlen(cut) < 4096);
	assert_true(work_parse_line(cut, &ok, &back));
	assert_false(ok);
}

static void other_lines_are_no_results(_unused_ void **state)
{
	const char *const lines[] = {"", "{", "{}", "[]", "{\"ok\":1,\"text\":\"\"}",
		"{\"ok\":true}", "{\"ok\":true,\"text\":1}",
		"x {\"ok\":true,\"text\":\"\"}"};
	char *text = NULL;
	bool ok;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_false(work_parse_line(lines[i], &ok, &text));
	assert_null(text);
	/* ondol-netconf's line has one key more. */
	assert_true(work_parse_line(
		"{\"changed\":true,\"ok\":true,\"text\":\"fine\"}", &ok, &text));
	free(text);
}

static void what_work_is_at(_unused_ void **state)
{
	const char *const lines[] = {"", "{\"now\"", "{\"now\":1}", "{\"now\":null}",
		"x {\"now\":\"\"}", "{\"ok\":true,\"text\":\"\"}"};
	_cleanup_free_ char *now = work_parse_now("{\"now\":\"image debian: 40 %\"}"),
			    *odd = work_parse_now("{\"now\":\"two\\nlines\"}");

	assert_string_equal(now, "image debian: 40 %");
	assert_non_null(odd);
	assert_null(strchr(odd, '\n'));
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_null(work_parse_now(lines[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_work_is_at),
		cmocka_unit_test(ready_is_a_conjunction),
		cmocka_unit_test(only_changes_are_changes),
		cmocka_unit_test(others_are_forgotten),
		cmocka_unit_test(those_that_are_named_are_put),
		cmocka_unit_test(json_is_as_in_the_protocol),
		cmocka_unit_test(what_is_said_is_never_too_long),
		cmocka_unit_test(a_task_is_taken_once),
		cmocka_unit_test(a_task_that_was_overtaken_says_nothing_of_the_next),
		cmocka_unit_test(a_refused_task_is_not_carried_out),
		cmocka_unit_test(odd_tasks_are_answered),
		cmocka_unit_test(result_lines_go_both_ways),
		cmocka_unit_test(other_lines_are_no_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
