/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/cloudwatch.h"

#include "common/jsonx.h"
#include "common/log.h"
#include "nodeagent/paths.h"
#include "nodeagent/work.h"

#define LOOK_TIMEOUT_MS 600000
#define MAX_STATUS (1024 * 1024)
#define RESTS 2 /* it rests at least so many times as long as it looked */

struct cloudwatch {
	sd_event *event;
	sd_event_source *timer;
	struct work *work;
	json_t *known; /* NULL: nothing yet */
	bool on;
	uint64_t began_ms;
	void (*changed)(void *userdata);
	void *userdata;
};

static bool all_well(const json_t *status)
{
	size_t i;
	json_t *s;

	json_array_foreach(json_object_get(status, "services"), i, s)
	{
		if (!json_is_true(json_object_get(s, "ok")))
			return false;
	}
	return json_array_size(json_object_get(status, "services")) > 0;
}

static void arm(struct cloudwatch *c, uint64_t in_ms)
{
	sd_event_source_set_time(c->timer, (now_mono_ms() + in_ms) * 1000);
	sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

static void take(struct cloudwatch *c)
{
	_cleanup_free_ char *text = NULL, *why = NULL;
	size_t len;
	json_t *status;

	if (read_file(NODE_CLOUD, MAX_STATUS, &text, &len) < 0)
		return;
	status = jx_parse(text, len, &why);
	if (!status)
		return;
	json_decref(c->known);
	c->known = status;
}

static void on_looked(bool ok, const char *text, void *userdata)
{
	struct cloudwatch *c = userdata;
	uint64_t took = now_mono_ms() - c->began_ms, pace, rest;

	c->work = NULL;
	if (!ok)
		log_warn("the cloud's services were not looked at: %s", text);
	else
		take(c);
	pace = ok && all_well(c->known) ? CLOUDWATCH_MS : CLOUDWATCH_SOON_MS;
	rest = pace > took ? pace - took : 0;
	/* Where a look takes long, the services are busy with more than us: with coming up. */
	arm(c, MAX(rest, took * RESTS));
	c->changed(c->userdata);
}

static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct cloudwatch *c = userdata;

	if (!c->on || c->work)
		return 0;
	c->began_ms = now_mono_ms();
	if (work_start_op(c->event, "cloud-status", NULL, LOOK_TIMEOUT_MS, on_looked, c,
		    &c->work) < 0)
		arm(c, CLOUDWATCH_MS);
	return 0;
}

struct cloudwatch *cloudwatch_new(
	sd_event *event, void (*changed)(void *userdata), void *userdata)
{
	struct cloudwatch *c = xcalloc(1, sizeof(*c));

	*c = (struct cloudwatch){
		.event = sd_event_ref(event), .changed = changed, .userdata = userdata};
	if (sd_event_add_time(event, &c->timer, CLOCK_MONOTONIC, 0, 100000, on_timer, c) <
		0)
		abort();
	sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
	return c;
}

void cloudwatch_free(struct cloudwatch *c)
{
	if (!c)
		return;
	work_cancel(c->work);
	sd_event_source_disable_unref(c->timer);
	json_decref(c->known);
	sd_event_unref(c->event);
	free(c);
}

void cloudwatch_set(struct cloudwatch *c, bool on)
{
	if (on == c->on)
		return;
	c->on = on;
	if (on) {
		arm(c, 1);
		return;
	}
	work_cancel(TAKE_PTR(c->work));
	sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
	json_decref(TAKE_PTR(c->known));
}

json_t *cloudwatch_json(const struct cloudwatch *c)
{
	return c->known ? json_incref(c->known) : json_null();
}
