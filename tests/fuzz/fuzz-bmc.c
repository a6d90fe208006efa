/* SPDX-License-Identifier: Apache-2.0 */
/* What a BMC has ipmitool say: sensors, the event log, and a server's console. */
#include "tests/fuzz/fuzz.h"

#include "bootstrap/bmctext.h"
#include "bootstrap/conclean.h"
#include "bootstrap/conlines.h"
#include "bootstrap/selnews.h"
#include "common/jsonx.h"

typedef int parse_fn(const char *text, json_t **ret, size_t *ret_unread);

static void parse(parse_fn *fn, const char *text)
{
	_cleanup_(jx_freep) json_t *list = NULL;
	const json_t *row, *v;
	const char *key;
	size_t unread = 0, i;

	if (fn(text, &list, &unread) < 0)
		return;
	json_array_foreach(list, i, row)
	{
		json_object_foreach((json_t *)row, key, v) if (!v) abort();
		if (json_object_size(row) < 6)
			abort();
	}
}

/* Read twice, the same log has no news; each entry has words. */
static void news(const char *text)
{
	_cleanup_(jx_freep) json_t *list = NULL;
	struct sel_mark mark = {0};
	struct sel_news n;
	const json_t *entry;
	size_t unread, i;

	if (sel_parse(text, &list, &unread) < 0)
		return;
	sel_news_find(list, &mark, 0, &n);
	json_array_foreach(n.entries, i, entry) free(sel_news_words(entry));
	json_decref(n.entries);
	mark = n.mark;
	sel_news_find(list, &mark, 0, &n);
	if (json_array_size(n.entries) || n.anew || n.left_out)
		abort();
	json_decref(n.entries);
}

static void console_line(const char *line, void *userdata)
{
	if (strlen(line) > CONLINES_MAX)
		abort();
	*(size_t *)userdata += conlines_trouble(line) != NULL;
}

/* Cut anywhere it comes out the same, and is UTF-8: JSON takes it. */
static void console(const uint8_t *data, size_t size)
{
	struct conclean whole = {0}, cut = {0};
	struct conlines lines = {0};
	size_t n, a, b, at = size ? data[0] % size : 0, found = 0;
	_cleanup_free_ char *all = conclean_feed(&whole, data, size, &n),
			    *first = conclean_feed(&cut, data, at, &a),
			    *second = conclean_feed(&cut, data + at, size - at, &b);
	_cleanup_(jx_freep) json_t *text = json_stringn(all, n);

	if (!text || a + b != n || memcmp(all, first, a) || memcmp(all + a, second, b))
		abort();
	conlines_feed(&lines, all, n, console_line, &found);
	conlines_end(&lines, console_line, &found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);

	parse(sensors_parse, text);
	parse(sel_parse, text);
	news(text);
	console(data, size);
	return 0;
}
