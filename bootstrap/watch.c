/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress is a change for a log only at each tenth, so that a log of ten installs stays
 * readable; steps and states are always one.
 */
#include "bootstrap/watch.h"

struct seen {
	char *name; /* owned */
	char *state; /* owned: as shown last, NULL: not yet */
	char *step; /* owned */
	unsigned tenth;
	struct progress_rate rate;
};

struct watch {
	const char *const *nodes; /* borrowed, NULL: all */
	struct seen *list; /* owned */
	size_t n, cap;
	uint64_t fed_ms;
};

/* Did it get further than an agent whose node nobody has agreed to? */
static bool was_agreed(const struct node_view *n)
{
	static const char *const states[] = {
		"inventoried", "installing", "first-boot", "configuring"};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (streq(n->state, states[i]))
			return true;
	return false;
}

enum goal_result goal_check(const struct goal *g, const struct node_view *n)
{
	bool ready, failed;

	if (!n || g->kind == GOAL_HELD)
		return GOAL_FAILED;
	failed = streq(n->state, "failed") || streq(n->state, "cancelled");
	if (g->kind == GOAL_TASK && failed)
		return GOAL_FAILED;
	if (g->kind == GOAL_TASK)
		return !n->has_task || n->task_id < g->task || !n->task_done ? GOAL_GOING
			: n->task_ok ? GOAL_REACHED
				     : GOAL_FAILED;
	ready = streq(n->state, "ready");
	if ((g->kind == GOAL_RUN || g->kind == GOAL_LOOK) && n->since_ms < g->after_ms)
		return GOAL_GOING;
	if (g->kind == GOAL_LOOK && was_agreed(n))
		return GOAL_REACHED;
	if (failed)
		return GOAL_FAILED;
	if (ready)
		return g->kind == GOAL_REPORTED && n->reported < n->revision
			? GOAL_GOING
			: GOAL_REACHED;
	/* Who asked for a run did not get it; ondold itself may have set the node aside. */
	if (streq(n->state, "maintenance"))
		return g->kind == GOAL_RUN || g->kind == GOAL_LOOK ? GOAL_FAILED
								   : GOAL_RESTING;
	return g->kind == GOAL_SETTLED && !node_view_is_going(n) ? GOAL_RESTING
								 : GOAL_GOING;
}

struct watch *watch_new(const char *const *nodes)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	w->nodes = nodes;
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n; i++) {
		free(w->list[i].name);
		free(w->list[i].state);
		free(w->list[i].step);
	}
	free(w->list);
	free(w);
}

static bool shown(const struct watch *w, const char *name)
{
	for (const char *const *n = w->nodes; n && *n; n++)
		if (streq(*n, name))
			return true;
	return !w->nodes;
}

static struct seen *seen_of(struct watch *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (streq(w->list[i].name, name))
			return &w->list[i];
	GROW(w->list, w->n, w->cap);
	w->list[w->n] = (struct seen){.name = xstrdup(name)};
	return &w->list[w->n++];
}

void watch_feed(struct watch *w, const struct status_view *s, uint64_t now_ms)
{
	w->fed_ms = now_ms;
	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct node_view *n = &s->nodes[i];
		struct seen *seen = seen_of(w, n->name);

		if (n->has_progress)
			progress_rate_feed(&seen->rate, n->done, now_ms);
		else
			seen->rate = (struct progress_rate){0};
	}
}

/* For a log: without what changes every second. */
static char *remark(const struct node_view *n)
{
	if (streq(n->state, "ready"))
		return xstrdup("");
	return n->try_ms ? xasprintf("before the %u%s try: %s", n->try,
				   ordinal_suffix(n->try), n->cause)
			 : node_view_remark(n, 0);
}

static char *live_remark(const struct node_view *n, uint64_t now_ms)
{
	return streq(n->state, "ready") ? xstrdup("") : node_view_remark(n, now_ms);
}

struct row_texts { /* what a row borrows */
	char *name, *role, *state, *step;
};

/* age_ms: of the status */
static struct progress_row make_row(struct watch *w, const struct node_view *n,
	uint64_t status_ms, uint64_t age_ms, bool utf8, struct row_texts *texts)
{
	_cleanup_free_ char *role = node_view_role(n);
	_cleanup_free_ char *step = live_remark(n, status_ms + age_ms);
	bool going = node_view_is_going(n);

	*texts = (struct row_texts){text_clean(n->name, utf8), text_clean(role, utf8),
		text_clean(n->state, utf8), text_clean(step, utf8)};
	return (struct progress_row){
		.name = texts->name,
		.role = texts->role,
		.state = texts->state,
		.step = texts->step,
		.style = node_view_style(n),
		.done = n->done,
		.total = n->has_progress && going ? n->total : 0,
		.bytes_per_s = seen_of(w, n->name)->rate.bytes_per_s,
		.elapsed_ms = node_view_run_ms(n) + (node_view_in_run(n) ? age_ms : 0),
	};
}

size_t watch_lines(struct watch *w, const struct status_view *s, uint64_t now_ms,
	unsigned width, bool color, bool utf8, char ***ret)
{
	struct progress_row *rows = xcalloc(s->n_nodes + 1, sizeof(*rows));
	struct row_texts *texts = xcalloc(s->n_nodes + 1, sizeof(*texts));
	char **lines = xcalloc(s->n_nodes + 1, sizeof(*lines));
	struct progress_widths widths = {0};
	uint64_t age_ms = now_ms > w->fed_ms ? now_ms - w->fed_ms : 0;
	size_t n = 0;

	for (size_t i = 0; i < s->n_nodes; i++) {
		if (!shown(w, s->nodes[i].name))
			continue;
		rows[n] = make_row(w, &s->nodes[i], s->now_ms, age_ms, utf8, &texts[n]);
		progress_widen(&widths, &rows[n++]);
	}
	/* room for the longest state, so that the columns stay where they are */
	widths.state = MAX(widths.state, 15U);
	for (size_t i = 0; i < n; i++) {
		lines[i] = progress_line(&rows[i], &widths, width, color, utf8);
		free(texts[i].name);
		free(texts[i].role);
		free(texts[i].state);
		free(texts[i].step);
	}
	free(rows);
	free(texts);
	*ret = lines;
	return n;
}

void watch_lines_free(char **lines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(lines[i]);
	free(lines);
}

/* Is there something new to say of the node? Remembers it as said. */
static bool changed(struct seen *seen, const struct node_view *n)
{
	_cleanup_free_ char *step = remark(n);
	unsigned tenth = n->has_progress ? progress_percent(n->done, n->total) / 10 : 0;
	bool new_words =
		!seen->state || !streq(seen->state, n->state) || !streq(seen->step, step);

	if (!new_words && tenth == seen->tenth)
		return false;
	/* progress that has ended is no news */
	if (!new_words && !n->has_progress) {
		seen->tenth = 0;
		return false;
	}
	free(seen->state);
	free(seen->step);
	seen->state = xstrdup(n->state);
	seen->step = TAKE_PTR(step);
	seen->tenth = tenth;
	return true;
}

static void put_change(FILE *f, const struct node_view *n, const char *prefix, bool utf8)
{
	_cleanup_free_ char *raw = remark(n), *step = text_clean(raw, utf8);

	fprintf(f, "%s%s %s", prefix, n->name, n->state);
	if (*step)
		fprintf(f, ": %s", step);
	if (n->has_progress && node_view_is_going(n))
		fprintf(f, "%s %u %%", *step ? "" : ":",
			progress_percent(n->done, n->total));
	fputc('\n', f);
}

char *watch_changes(
	struct watch *w, const struct status_view *s, const char *prefix, bool utf8)
{
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	if (!f)
		abort();
	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct node_view *n = &s->nodes[i];

		if (shown(w, n->name) && changed(seen_of(w, n->name), n))
			put_change(f, n, prefix, utf8);
	}
	if (fclose(f) != 0)
		abort();
	return out;
}
