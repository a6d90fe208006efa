/* SPDX-License-Identifier: Apache-2.0 */
/* Readings of a log that grows, is cleared, goes round; as ipmitool tells them. */
#include "tests/unit/harness.h"

#include "bootstrap/bmctext.h"
#include "bootstrap/selnews.h"

#define NEVER ((struct sel_mark){0})

/* Entries from..to of a log, one a minute. */
static json_t *reading(unsigned from, unsigned to)
{
	char *text = xstrdup("");
	json_t *list = NULL;
	size_t unread;

	for (unsigned i = from; i <= to; i++) {
		_cleanup_free_ char *before = text;

		text = xasprintf(
			"%s%x,11/27/26,%02u:%02u:00 UTC,Fan #0x%02x,Transition to Off,Asserted\n",
			before, i, i / 60 % 24, i % 60, i % 256);
	}
	assert_int_equal(
		sel_parse(*text ? text : "SEL has no entries", &list, &unread), 0);
	free(text);
	return list;
}

static int64_t time_of(unsigned entry)
{
	return INT64_C(1795737600000) + entry * 60000;
}

/* A reading of entries from..to after last: first and last that are told; 0, 0: none. */
static struct sel_mark take(unsigned from, unsigned to, struct sel_mark last,
	uint64_t since_ms, unsigned first_told, unsigned last_told, bool anew)
{
	json_t *list = reading(from, to);
	struct sel_news news;
	size_t n;

	sel_news_find(list, &last, since_ms, &news);
	n = json_array_size(news.entries);
	assert_int_equal(n, first_told ? last_told - first_told + 1 : 0);
	if (n) {
		const json_t *a = json_array_get(news.entries, 0),
			     *b = json_array_get(news.entries, n - 1);

		assert_int_equal(
			json_integer_value(json_object_get(a, "id")), first_told);
		assert_int_equal(json_integer_value(json_object_get(b, "id")), last_told);
	}
	assert_int_equal(news.anew, anew);
	assert_true(news.mark.known);
	json_decref(news.entries);
	json_decref(list);
	return news.mark;
}

static void grows(void **state)
{
	/* never read: only what is of this run */
	struct sel_mark mark = take(1, 20, NEVER, (uint64_t)time_of(18), 18, 20, false);

	assert_int_equal(mark.id, 20);
	assert_int_equal(mark.time_ms, time_of(20));
	mark = take(1, 20, mark, 0, 0, 0, false);
	mark = take(1, 23, mark, 0, 21, 23, false);
	/* it has gone round, but not past what is known */
	mark = take(22, 30, mark, 0, 24, 30, false);
	mark = take(31, 33, mark, 0, 31, 33, true);
	take(1, 20, NEVER, (uint64_t)time_of(21), 0, 0, false);
}

static void is_cleared(void **state)
{
	struct sel_mark mark = take(1, 20, NEVER, UINT64_C(1) << 50, 0, 0, false),
			kept = mark;

	mark = take(1, 0, mark, 0, 0, 0, true);
	assert_true(mark.empty);
	mark = take(1, 0, mark, 0, 0, 0, false); /* told once */
	mark = take(1, 2, mark, 0, 1, 2, false);
	/* begun anew: the same id at another time is another entry */
	kept.time_ms += 1000;
	take(1, 20, kept, 0, 1, 20, true);
	/* a log that was empty from the beginning */
	mark = take(1, 0, NEVER, 0, 0, 0, false);
	take(1, 1, mark, 0, 1, 1, false);
}

static void too_many(void **state)
{
	struct sel_mark mark = take(1, 1, NEVER, 0, 1, 1, false);
	json_t *list = reading(1, 100);
	struct sel_news news;

	sel_news_find(list, &mark, 0, &news);
	assert_int_equal(json_array_size(news.entries), SEL_NEWS_MAX);
	assert_int_equal(news.left_out, 99 - SEL_NEWS_MAX);
	assert_int_equal(news.mark.id, 100); /* what is left out is not told later */
	json_decref(news.entries);
	json_decref(list);
}

/* A BMC whose clock was never set: its entries are history, and known again all the same. */
static void no_clock(void **state)
{
	static const char text[] =
		"1,Pre-Init,0000000010,Memory #0x30,Uncorrectable ECC,Asserted\n"
		"2,Pre-Init,0000000011,Memory #0x30,Uncorrectable ECC,Asserted\n";
	json_t *list = NULL;
	struct sel_news news;
	size_t unread;

	assert_int_equal(sel_parse(text, &list, &unread), 0);
	sel_news_find(list, &NEVER, 1000, &news);
	assert_int_equal(json_array_size(news.entries), 0);
	assert_int_equal(news.mark.time_ms, -1);
	json_decref(news.entries);
	news.mark.id = 1;
	sel_news_find(list, &news.mark, 1000, &news);
	assert_int_equal(json_array_size(news.entries), 1);
	assert_false(news.anew);
	json_decref(news.entries);
	json_decref(list);
}

static void words_are(const char *line, const char *want)
{
	json_t *list = NULL;
	_cleanup_free_ char *words = NULL;
	size_t unread;

	assert_int_equal(sel_parse(line, &list, &unread), 0);
	words = sel_news_words(json_array_get(list, 0));
	assert_string_equal(words, want);
	json_decref(list);
}

static void words(void **state)
{
	words_are(
		"1,11/27/26,19:45:16 UTC,Memory #0x30,Uncorrectable ECC,Asserted,DIMM 3\n",
		"Memory #0x30: Uncorrectable ECC, asserted (DIMM 3)");
	words_are(
		"1,11/27/26,19:45:16 UTC,Power Supply #0x50,Failure detected,Deasserted\n",
		"Power Supply #0x50: Failure detected, deasserted");
	words_are("1,11/27/26,19:45:16 UTC,x\xff\x1b[2J,y\n", "x\\xff\\x1b[2J: y");
}

static void is_kept(void **state)
{
	struct sel_mark mark = {.known = true, .id = 7, .time_ms = 12345}, back;
	json_t *doc = sel_mark_to_json(&mark, "10.77.1.12");

	back = sel_mark_from_json(doc, "10.77.1.12");
	assert_true(back.known && !back.empty);
	assert_int_equal(back.id, 7);
	assert_int_equal(back.time_ms, 12345);
	assert_false(sel_mark_from_json(doc, "10.77.1.13").known);
	assert_false(sel_mark_from_json(NULL, "10.77.1.13").known);
	json_decref(doc);
	mark = (struct sel_mark){.known = true, .empty = true, .time_ms = -1};
	doc = sel_mark_to_json(&mark, "10.77.1.12");
	assert_true(sel_mark_from_json(doc, "10.77.1.12").empty);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows),
		cmocka_unit_test(is_cleared),
		cmocka_unit_test(too_many),
		cmocka_unit_test(no_clock),
		cmocka_unit_test(words),
		cmocka_unit_test(is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
