/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/eventlog.h"

#include "common/log.h"

static const struct kind {
	const char *type; /* of a state: "state" and where it leads */
	enum log_level level;
	const char *message_id;
} kinds[] = {
	{"ondold.started", LOG_L_INFO, EVENTLOG_STARTED},
	{"rack.taken", LOG_L_INFO, EVENTLOG_RACK_TAKEN},
	{"rack.unreadable", LOG_L_ERROR, NULL},
	{"state ready", LOG_L_INFO, EVENTLOG_NODE_READY},
	{"state failed", LOG_L_WARN, EVENTLOG_NODE_FAILED},
	{"state retrying", LOG_L_WARN, NULL},
	{"state resetting-bmc", LOG_L_WARN, NULL},
	{"state maintenance", LOG_L_WARN, NULL},
	{"node.silent", LOG_L_WARN, EVENTLOG_NODE_SILENT},
	{"order.blocked", LOG_L_WARN, NULL},
	{"deploy.space-low", LOG_L_WARN, EVENTLOG_SPACE_LOW},
	{"deploy.space-ok", LOG_L_INFO, NULL},
	{"http.waiting", LOG_L_WARN, NULL},
	{"http.up", LOG_L_INFO, NULL},
	{"page.waiting", LOG_L_WARN, NULL},
	{"page.up", LOG_L_INFO, NULL},
};

static const struct kind *kind_of(const struct store_event *ev)
{
	static const struct kind state = {"state", LOG_L_INFO, NULL};
	static const struct kind other = {"", LOG_L_DEBUG, NULL};
	const char *to = json_string_value(json_object_get(ev->data, "to"));
	bool is_state = streq(ev->type, "state");
	_cleanup_free_ char *leads =
		is_state && to ? xasprintf("state %s", to) : xstrdup(ev->type);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].type, leads))
			return &kinds[i];
	return is_state ? &state : &other;
}

void eventlog(const struct store_event *ev)
{
	const struct kind *kind = kind_of(ev);
	struct log_fields fields = {.node = ev->node,
		.event = ev->type,
		.source = ev->source,
		.message_id = kind->message_id};

	log_with(kind->level, &fields, "%s%s%s", ev->node, *ev->node ? ": " : "",
		ev->text);
}
