/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/eventlog.h"
#include "common/log.h"

/* log_with() is taken over (-Wl,--wrap): what would be logged is kept. */
static struct {
	enum log_level level;
	char text[200];
	const char *node, *event, *source, *message_id;
} last;

void __wrap_log_with(
	enum log_level level, const struct log_fields *fields, const char *fmt, ...);
void _printf_(3, 4) __wrap_log_with(
	enum log_level level, const struct log_fields *fields, const char *fmt, ...)
{
	va_list ap;

	last.level = level;
	last.node = fields->node;
	last.event = fields->event;
	last.source = fields->source;
	last.message_id = fields->message_id;
	va_start(ap, fmt);
	vsnprintf(last.text, sizeof(last.text), fmt, ap);
	va_end(ap);
}

static void tell(const char *node, const char *type, const char *to)
{
	json_t *data = to ? json_pack("{s:s}", "to", to) : NULL;
	struct store_event ev = {.node = node,
		.source = "ondold",
		.type = type,
		.text = "words",
		.data = data};

	eventlog(&ev);
	json_decref(data);
}

static void states(void **state)
{
	tell("hp02", "state", "ready");
	assert_int_equal(last.level, LOG_L_INFO);
	assert_string_equal(last.message_id, EVENTLOG_NODE_READY);
	assert_string_equal(last.text, "hp02: words");
	assert_string_equal(last.node, "hp02");
	assert_string_equal(last.event, "state");
	assert_string_equal(last.source, "ondold");
	tell("hp02", "state", "failed");
	assert_int_equal(last.level, LOG_L_WARN);
	assert_string_equal(last.message_id, EVENTLOG_NODE_FAILED);
	tell("hp02", "state", "agent");
	assert_int_equal(last.level, LOG_L_INFO);
	assert_null(last.message_id);
	tell("hp02", "state", NULL);
	assert_int_equal(last.level, LOG_L_INFO);
}

static void others(void **state)
{
	tell("", "rack.taken", NULL);
	assert_int_equal(last.level, LOG_L_INFO);
	assert_string_equal(last.text, "words");
	assert_string_equal(last.message_id, EVENTLOG_RACK_TAKEN);
	tell("hp02", "dhcp.ack", NULL);
	assert_int_equal(last.level, LOG_L_DEBUG);
	assert_null(last.message_id);
	tell("hp02", "state ready", NULL); /* not a type that ondold has */
	assert_string_equal(last.event, "state ready");
}

static void ids(void **state)
{
	static const char *const all[] = {EVENTLOG_STARTED, EVENTLOG_RACK_TAKEN,
		EVENTLOG_NODE_READY, EVENTLOG_NODE_FAILED, EVENTLOG_NODE_SILENT,
		EVENTLOG_SPACE_LOW};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		assert_int_equal(strspn(all[i], "0123456789abcdef"), 32);
		assert_int_equal(strlen(all[i]), 32);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(all[i], all[j]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states),
		cmocka_unit_test(others),
		cmocka_unit_test(ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
