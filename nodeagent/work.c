/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last result line wins; a child that ends without one has failed, whatever its exit
 * status, and its last words are what there is to say.
 */
#include "nodeagent/work.h"

#include "common/child.h"
#include "common/jsonx.h"
#include "common/log.h"
#include "nodeagent/patience.h"

#define TEXT_MAX 800 /* child.h cuts lines at 4096 bytes; an escaped byte takes five */

struct work {
	struct child *child;
	char *what; /* owned */
	char *last_line; /* owned: of what was no result */
	char *text; /* owned: of the result; NULL: none came */
	bool ok;
	unsigned timeout_ms;
	work_done_fn done;
	work_now_fn now; /* NULL: nobody asked */
	void *userdata;
};

static void work_free(struct work *w)
{
	free(w->what);
	free(w->last_line);
	free(w->text);
	free(w);
}

bool work_parse_line(const char *line, bool *ret_ok, char **ret_text)
{
	_cleanup_free_ char *msg = NULL;
	_cleanup_(jx_freep) json_t *root = NULL;
	const json_t *ok, *text;

	if (line[strspn(line, " \t")] != '{')
		return false;
	root = jx_parse(line, strlen(line), &msg);
	ok = json_object_get(root, "ok");
	text = json_object_get(root, "text");
	if (!json_is_boolean(ok) || !json_is_string(text))
		return false;
	*ret_ok = json_is_true(ok);
	*ret_text = xstrdup(json_string_value(text));
	return true;
}

char *work_result_line(bool ok, const char *text)
{
	_cleanup_free_ char *clean = str_escape(text, TEXT_MAX);
	_cleanup_(jx_freep) json_t *root =
		json_pack("{s:b, s:s}", "ok", (int)ok, "text", clean);
	char *line = json_dumps(root, JSON_COMPACT);

	if (!line)
		abort();
	return line;
}

char *work_parse_now(const char *line)
{
	_cleanup_free_ char *msg = NULL;
	_cleanup_(jx_freep) json_t *root = NULL;
	const json_t *now;

	if (!str_startswith(line, "{\"now\""))
		return NULL;
	root = jx_parse(line, strlen(line), &msg);
	now = json_object_get(root, "now");
	return json_is_string(now) ? str_escape(json_string_value(now), TEXT_MAX) : NULL;
}

void work_now(const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL, *clean = NULL, *line = NULL;
	_cleanup_(jx_freep) json_t *root = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	clean = str_escape(text, TEXT_MAX);
	root = json_pack("{s:s}", "now", clean);
	line = json_dumps(root, JSON_COMPACT);
	if (!line)
		abort();
	printf("%s\n", line);
	fflush(stdout);
}

/* A child says its own name before what it logs: once is enough. */
static const char *without_name(const char *line)
{
	static const char *const names[] = {"ondol-noded: ", "ondol-netconf: "};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (str_startswith(line, names[i]))
			return line + strlen(names[i]);
	}
	return line;
}

static void on_line(_unused_ struct child *c, const char *line, void *userdata)
{
	struct work *w = userdata;
	_cleanup_free_ char *now = work_parse_now(line);
	char *text;
	bool ok;

	if (now) {
		log_info("%s: %s", w->what, now);
		if (w->now)
			w->now(now, w->userdata);
	} else if (work_parse_line(line, &ok, &text)) {
		free(w->text);
		w->text = text;
		w->ok = ok;
	} else if (*line) {
		log_info("%s: %s", w->what, without_name(line));
		free(w->last_line);
		w->last_line = str_escape(line, 400);
	}
}

static void on_ended(_unused_ struct child *c, int status, bool timed_out,
	_unused_ const char *out, void *userdata)
{
	struct work *w = userdata;
	_cleanup_free_ char *said = NULL;

	if (timed_out)
		said = xasprintf("%s did not end within %u s and was stopped%s%s",
			w->what, w->timeout_ms / 1000,
			w->last_line ? "; its last words: " : "",
			w->last_line ? w->last_line : "");
	else if (!w->text)
		said = xasprintf("%s ended with status %d without a result%s%s", w->what,
			status, w->last_line ? "; its last words: " : "",
			w->last_line ? w->last_line : "");
	w->child = NULL;
	w->done(!said && w->ok, said ? said : w->text, w->userdata);
	work_free(w);
}

int work_start(sd_event *event, const struct work_spec *spec, struct work **ret)
{
	struct work *w = xcalloc(1, sizeof(*w));
	int r;

	*w = (struct work){.what = xstrdup(spec->what),
		.timeout_ms = patience_ms(spec->timeout_ms),
		.done = spec->done,
		.userdata = spec->userdata};
	r = child_spawn(event,
		&(struct child_spec){.argv = spec->argv,
			.timeout_ms = w->timeout_ms,
			.on_line = on_line,
			.on_exit = on_ended,
			.userdata = w},
		&w->child);
	if (r < 0) {
		work_free(w);
		return r;
	}
	if (ret)
		*ret = w;
	return 0;
}

int work_start_op(sd_event *event, const char *op, const char *arg, unsigned timeout_ms,
	work_done_fn done, void *userdata, struct work **ret)
{
	/* The kernel's link to the running file: right also after the file was replaced. */
	const char *const argv[] = {"/proc/self/exe", "work", op, arg, NULL};

	return work_start(event,
		&(struct work_spec){.what = op,
			.argv = argv,
			.timeout_ms = timeout_ms,
			.done = done,
			.userdata = userdata},
		ret);
}

void work_on_now(struct work *w, work_now_fn now)
{
	w->now = now;
}

void work_cancel(struct work *w)
{
	if (!w)
		return;
	child_kill(w->child);
	work_free(w);
}
