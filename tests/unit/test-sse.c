/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/sse.h"

static void expect(const char *type, int64_t id, const char *data, const char *want)
{
	_cleanup_free_ char *text = sse_message(type, id, data);

	assert_string_equal(text, want);
}

static void framing(void **state)
{
	expect("node", -1, "{}", "event: node\ndata: {}\n\n");
	expect("event", 7, "{\"a\":1}", "event: event\nid: 7\ndata: {\"a\":1}\n\n");
	expect("event", 0, "", "event: event\nid: 0\ndata: \n\n");
}

/* Whatever ends a line begins another "data:", so no text can begin a message. */
static void line_ends(void **state)
{
	expect("e", -1, "a\nevent: x", "event: e\ndata: a\ndata: event: x\n\n");
	expect("e", -1, "a\r\n\r\nid: 9", "event: e\ndata: a\ndata: \ndata: id: 9\n\n");
	expect("e", -1, "a\rretry: 1\r", "event: e\ndata: a\ndata: retry: 1\ndata: \n\n");
	expect("e", -1, "\n\n", "event: e\ndata: \ndata: \ndata: \n\n");
}

static void last_id(void **state)
{
	assert_int_equal(sse_last_id(NULL), -1);
	assert_int_equal(sse_last_id(""), -1);
	assert_int_equal(sse_last_id("0"), 0);
	assert_int_equal(sse_last_id("42"), 42);
	assert_int_equal(sse_last_id("-1"), -1);
	assert_int_equal(sse_last_id("42 "), -1);
	assert_int_equal(sse_last_id("9223372036854775808"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(framing),
		cmocka_unit_test(line_ends),
		cmocka_unit_test(last_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
