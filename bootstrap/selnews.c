/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/selnews.h"

static int64_t id_of(const json_t *entry)
{
	return json_integer_value(json_object_get(entry, "id"));
}

static int64_t time_of(const json_t *entry)
{
	const json_t *time = json_object_get(entry, "time");

	return json_is_integer(time) ? json_integer_value(time) : -1;
}

static struct sel_mark mark_of(const json_t *list)
{
	const json_t *newest = json_array_get(list, json_array_size(list) - 1);

	if (json_array_size(list) == 0)
		return (struct sel_mark){.known = true, .empty = true};
	return (struct sel_mark){
		.known = true, .id = id_of(newest), .time_ms = time_of(newest)};
}

/* How many entries are old: up to the marked one, which is the last of those that look like it. */
static size_t count_known(const json_t *list, const struct sel_mark *last, bool *ret_anew)
{
	*ret_anew = false;
	if (last->empty)
		return 0;
	for (size_t i = json_array_size(list); i > 0; i--) {
		const json_t *entry = json_array_get(list, i - 1);

		if (id_of(entry) == last->id && time_of(entry) == last->time_ms)
			return i;
	}
	*ret_anew = true;
	return 0;
}

static size_t count_history(const json_t *list, uint64_t since_ms)
{
	size_t n = json_array_size(list);

	while (n > 0 && time_of(json_array_get(list, n - 1)) >= (int64_t)since_ms)
		n--;
	return n;
}

void sel_news_find(const json_t *list, const struct sel_mark *last, uint64_t since_ms,
	struct sel_news *ret)
{
	struct sel_news news = {.entries = json_array(), .mark = mark_of(list)};
	size_t n = json_array_size(list), old;

	old = last->known ? count_known(list, last, &news.anew)
			  : count_history(list, since_ms);
	if (n - old > SEL_NEWS_MAX)
		news.left_out = n - old - SEL_NEWS_MAX;
	for (size_t i = old + news.left_out; i < n; i++)
		json_array_append(news.entries, json_array_get(list, i));
	*ret = news;
}

char *sel_news_words(const json_t *entry)
{
	const char *const keys[] = {"sensor", "event", "direction", "detail"};
	const char *words[ARRAY_SIZE(keys)];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *s = json_string_value(json_object_get(entry, keys[i]));

		words[i] = s ? s : "";
	}
	return xasprintf("%s: %s%s%s%s%s%s", words[0], words[1], *words[2] ? ", " : "",
		words[2], *words[3] ? " (" : "", words[3], *words[3] ? ")" : "");
}

json_t *sel_mark_to_json(const struct sel_mark *mark, const char *address)
{
	return json_pack("{s:s, s:b, s:I, s:I}", "address", address, "empty",
		(int)mark->empty, "id", (json_int_t)mark->id, "time",
		(json_int_t)mark->time_ms);
}

struct sel_mark sel_mark_from_json(const json_t *doc, const char *address)
{
	const char *of = json_string_value(json_object_get(doc, "address"));

	if (!of || !streq(of, address))
		return (struct sel_mark){0};
	return (struct sel_mark){.known = true,
		.empty = json_is_true(json_object_get(doc, "empty")),
		.id = id_of(doc),
		.time_ms = time_of(doc)};
}
