/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `ondol` shows an operator: ondold's answers, read and drawn; and any text, made fit
 * for a terminal. The first byte says which. No byte may come out that steers a terminal.
 */
#include "tests/fuzz/fuzz.h"

#include "bootstrap/client.h"
#include "bootstrap/table.h"
#include "bootstrap/watch.h"
#include "common/jsonx.h"

/* Nothing below 0x20 but the newlines of lines, and no DEL. */
static void must_be_harmless(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\n') || *s == 0x7f)
			abort();
}

static void fuzz_text(const char *text)
{
	_cleanup_free_ char *clean = text_clean(text, true),
			    *ascii = text_clean(text, false);
	static const char *const headings[] = {"a", "b", NULL};
	_cleanup_(table_freep) struct table *t = table_new(headings);
	_cleanup_free_ char *shown = NULL;

	must_be_harmless(clean);
	must_be_harmless(ascii);
	if (strchr(clean, '\n') || strchr(ascii, '\n'))
		abort();
	for (unsigned width = 0; width < 9; width++) {
		_cleanup_free_ char *clip = text_clip(clean, width, true);

		if (text_width(clip) > width)
			abort();
	}
	table_add(t, STYLE_PLAIN, "%s", text);
	table_add(t, STYLE_BAD, "%s", text);
	shown = table_render(t, 30, false, true);
	must_be_harmless(shown);
}

static void draw(const struct status_view *s)
{
	struct watch *w = watch_new(NULL);
	char **lines = NULL;

	watch_feed(w, s, 1000);
	watch_feed(w, s, 2000);
	for (unsigned width = 1; width < 200; width += 37) {
		size_t n = watch_lines(w, s, 3000, width, false, true, &lines);

		for (size_t i = 0; i < n; i++) {
			must_be_harmless(lines[i]);
			if (text_width(lines[i]) > width)
				abort();
		}
		watch_lines_free(lines, n);
	}
	free(watch_changes(w, s, "", true));
	watch_free(w);
}

static void fuzz_answer(const char *text, size_t size)
{
	_cleanup_(jx_freep) json_t *json = NULL;
	_cleanup_(status_view_freep) struct status_view *s = NULL;
	_cleanup_free_ char *msg = NULL, *why = NULL, *other = NULL;
	struct events_view e = {0};

	if (client_judge(200, text, size, &json, &msg) != 0)
		return;
	if (status_view_parse(json, &s, &why) == 0)
		draw(s);
	else if (!why || s)
		abort(); /* refused without a word */
	if (events_view_parse(json, &e, &other) == 0)
		events_view_clear(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = NULL;
	bool utf8;

	if (size == 0)
		return 0;
	term_setup(&utf8);
	text = xmalloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] == 't')
		fuzz_text(text);
	else
		fuzz_answer(text, size - 1);
	return 0;
}
