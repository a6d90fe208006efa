/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consoles of nodes against an ipmitool that is a script: it notes what it was asked in
 * `log`, and does what the file `does` says, on a real pipe and pseudo-terminal. The clock can
 * be set ahead, and nobody waits for a pause between two sessions: how long it was to be is
 * noted.
 */
#include "tests/unit/harness.h"
#include "tests/unit/fake-ipmitool.h"

#include <dirent.h>

#include "bootstrap/console.h"
#include "bootstrap/sol.h"
#include "common/jsonx.h"

#define PATIENCE_MS 60000 /* a test that waits so long has failed */
#define MAX_PAUSES 32

static const char script[] =
	"#!/bin/sh\ncd \"$SOL_DIR\" || exit 1\n"
	"case \"$*\" in\n"
	"*'sol deactivate') echo off >>log; [ ! -e off ] || . ./off ;;\n"
	"*'sol activate') echo on >>log; . ./does ;;\n"
	"esac\n";

struct world {
	struct fake_ipmitool tool;
	char *rec_dir; /* owned */
	struct consoles all;
	struct console *console;
	char *events; /* owned: "TYPE: TEXT\n" for each */
	unsigned kicks;
};

/* ---- time ---- */

static uint64_t ahead_ms, pauses_ms[MAX_PAUSES];
static size_t n_pauses;

uint64_t __real_now_mono_ms(void);
uint64_t __wrap_now_mono_ms(void);
int __real_sd_event_source_set_time(sd_event_source *s, uint64_t usec);
int __wrap_sd_event_source_set_time(sd_event_source *s, uint64_t usec);
int __real_sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec);
int __wrap_sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec);

uint64_t __wrap_now_mono_ms(void)
{
	return __real_now_mono_ms() + ahead_ms;
}

int __wrap_sd_event_source_set_time(sd_event_source *s, uint64_t usec)
{
	uint64_t ahead_us = ahead_ms * 1000;

	return __real_sd_event_source_set_time(s,
		usec == UINT64_MAX        ? usec
			: usec > ahead_us ? usec - ahead_us
					  : 0);
}

int __wrap_sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec)
{
	if (n_pauses < MAX_PAUSES)
		pauses_ms[n_pauses++] = usec / 1000;
	return __real_sd_event_source_set_time_relative(s, 0);
}

/* ---- the world ---- */

static char *asked(struct world *w)
{
	_cleanup_free_ char *path = xasprintf("%s/log", w->tool.dir);
	char *text = NULL;

	return read_file(path, 1 << 16, &text, NULL) < 0 ? xstrdup("") : text;
}

static void on_event(const char *type, const char *text, void *userdata)
{
	struct world *w = userdata;
	_cleanup_free_ char *old = w->events;

	w->events = xasprintf("%s%s: %s\n", old, type, text);
}

static void on_kick(void *userdata)
{
	((struct world *)userdata)->kicks++;
}

static struct console *new_console(struct world *w, const char *name)
{
	_cleanup_free_ char *dir = xasprintf("%s/%s", w->tool.dir, name);
	struct console_hooks hooks = {on_event, on_kick, w};

	return console_new(w->tool.event, &w->all, w->tool.bmc, dir, name, &hooks);
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	fake_ipmitool_open(&w->tool, script);
	fake_does(&w->tool, "printf '" BANNER "'; cat");
	w->all.max = 4;
	w->rec_dir = xasprintf("%s/hp02", w->tool.dir);
	w->events = xstrdup("");
	ahead_ms = 0;
	n_pauses = 0;
	w->console = new_console(w, "hp02");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	console_free(w->console);
	assert_int_equal(w->all.running, 0);
	consoles_clear(&w->all);
	fake_ipmitool_close(&w->tool);
	free(w->rec_dir);
	free(w->events);
	free(w);
	return 0;
}

/* Until it is so, by the events that come. */
#define UNTIL(w, so)                                                                    \
	for (uint64_t end_ms = __real_now_mono_ms() + PATIENCE_MS; !(so);)              \
		if (sd_event_run((w)->tool.event, PATIENCE_MS * UINT64_C(1000)) <= 0 || \
			__real_now_mono_ms() > end_ms)                                  \
	fail_msg("it does not come to that; events so far: %s", (w)->events)

static json_t *look(struct console *c, const char *id)
{
	bool new;

	return console_read(c, UINT64_MAX, id, &new);
}

/* All text of the run, as those who follow it read it: part by part. Caller frees. */
static char *heard(struct console *c)
{
	uint64_t at = UINT64_MAX, end;
	char *all = xstrdup("");

	do {
		bool new;
		_cleanup_(jx_freep) json_t *body = console_read(c, at, NULL, &new);
		_cleanup_free_ char *checked = json_dumps(body, JSON_COMPACT);
		const json_t *v;
		size_t i;

		assert_non_null(checked); /* UTF-8 */
		json_array_foreach(json_object_get(body, "chunks"), i, v)
		{
			_cleanup_free_ char *old = all;

			all = xasprintf("%s%s", old,
				json_string_value(json_object_get(v, "text")));
		}
		at = (uint64_t)json_integer_value(json_object_get(body, "next"));
		end = (uint64_t)json_integer_value(json_object_get(body, "end"));
	} while (at < end);
	return all;
}

static bool says(struct console *c, const char *text)
{
	_cleanup_free_ char *all = heard(c);

	return strstr(all, text) != NULL;
}

static bool session_is(struct console *c, const char *state)
{
	_cleanup_(jx_freep) json_t *body = look(c, NULL);

	return streq(json_string_value(json_object_get(body, "session")), state);
}

static unsigned times(const char *text, const char *word)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
		n++;
	return n;
}

static void record(struct world *w)
{
	console_new_run(w->console);
	console_record(w->console, true);
}

/* ---- one session ---- */

static void nothing_before_it_is_used(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *log = asked(w);

	console_record(w->console, false);
	console_pulse(w->console);
	console_new_login(w->console);
	while (sd_event_run(w->tool.event, 0) > 0)
		;
	assert_string_equal(log, "");
	assert_null(opendir(w->rec_dir));
}

static void it_is_taken_and_recorded(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *log = NULL;

	fake_does(&w->tool, "printf '" BANNER "UEFI0002\\r\\nlogin: '; cat");
	record(w);
	assert_true(session_is(w->console, "connecting"));
	UNTIL(w, says(w->console, "login: "));
	log = asked(w);
	assert_string_equal(log, "off\non\n"); /* taken away from whoever had it */
	assert_true(session_is(w->console, "connected"));
	assert_int_equal(w->all.running, 1);
	assert_true(w->kicks > 0);
	console_record(w->console, false);
	assert_true(session_is(w->console, "off"));
	UNTIL(w, !w->all.stopped); /* given back */
	assert_true(says(w->console, "UEFI0002\r\nlogin: ")); /* and kept */
	assert_string_equal(w->events, "");
	assert_int_equal(n_pauses, 0);
}

static void hostile_bytes(void **state)
{
	struct world *w = *state;
	static const char bytes[] =
		"\xff\xfe\0\x80"
		"a\xe2\x82"
		"b\xe2\x82\xac\xf4\x90\x80\x80\x1b[2J\x1b]0;x\x07\x04\x03"
		"ondol.token=0123456789abcdef0123456789ABCDEF end\n";
	_cleanup_free_ char *all = NULL;

	fake_put(&w->tool, "bytes", bytes, sizeof(bytes) - 1);
	fake_does(&w->tool, "printf '" BANNER "'; cat bytes; cat");
	record(w);
	UNTIL(w, says(w->console, " end\n"));
	all = heard(w->console);
	assert_non_null(strstr(all, "\xef\xbf\xbd")); /* for what is no UTF-8 */
	assert_non_null(strstr(all, "b\xe2\x82\xac")); /* what is, stays */
	assert_non_null(strstr(all, "token=******************************** end"));
	assert_null(strstr(all, "0123456789"));
}

/* Without an end of line for megabytes; nothing is lost, and what follows is understood. */
static void a_very_long_line(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *all = NULL;

	fake_does(&w->tool,
		"printf '" BANNER "'; head -c 700000 /dev/zero | tr '\\0' x\n"
		"printf '\\nKernel panic - not syncing: VFS\\n'; head -c 5000 /dev/zero | tr '\\0' y; cat");
	record(w);
	UNTIL(w,
		console_end(w->console) >=
			700000 + strlen("\nKernel panic - not syncing: VFS\n") + 5000);
	all = heard(w->console);
	assert_int_equal(strspn(all, "x"), 700000);
	assert_string_equal(
		w->events, "console.panic: Kernel panic - not syncing: VFS\n");
}

/* ---- what becomes an event ---- */

static void trouble_is_told_once_a_minute(void **state)
{
	struct world *w = *state;
	const char *id;

	record(w);
	id = console_attach(w->console, "night-shift", false);
	UNTIL(w, session_is(w->console, "connected"));
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(console_type(w->console, id,
					 "Kernel panic\nI/O error, \x1b[1m\xff\n", 27),
			0);
	assert_int_equal(console_type(w->console, id, "first\n", 6), 0);
	UNTIL(w, says(w->console, "first"));
	assert_int_equal(times(w->events, "console.panic"), 1);
	assert_int_equal(times(w->events, "console.io-error"), 1);
	for (const char *c = w->events; *c; c++) /* a terminal may show it */
		assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
	ahead_ms += 61 * 1000;
	assert_int_equal(console_type(w->console, id, "Kernel panic\nsecond\n", 20), 0);
	UNTIL(w, says(w->console, "second"));
	assert_int_equal(times(w->events, "console.panic"), 2);
}

static void a_run_has_forty_events(void **state)
{
	struct world *w = *state;
	const char *id;

	record(w);
	id = console_attach(w->console, "night-shift", false);
	UNTIL(w, session_is(w->console, "connected"));
	for (unsigned i = 0; i < 50; i++) {
		_cleanup_free_ char *text = xasprintf("Kernel panic\nline %u.\n", i);

		ahead_ms += 61 * 1000;
		id = id && console_knows(w->console, id) ? id : NULL;
		assert_non_null(id);
		assert_int_equal(console_type(w->console, id, text, strlen(text)), 0);
		UNTIL(w, says(w->console, strchr(text, '\n') + 1));
	}
	assert_int_equal(times(w->events, "console.panic"), 40);
	console_new_run(w->console);
	assert_int_equal(console_type(w->console, id, "Kernel panic\nanew\n", 18), 0);
	UNTIL(w, says(w->console, "anew"));
	assert_int_equal(times(w->events, "console.panic"), 41);
}

/* ---- sessions that end ---- */

static void pauses_are(const uint64_t *want, size_t n)
{
	assert_true(n_pauses >= n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pauses_ms[i], want[i]);
	n_pauses = 0;
}

static void refused_sessions_are_tried_less_and_less(void **state)
{
	struct world *w = *state;
	static const uint64_t want[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};

	fake_does(&w->tool,
		"echo 'Info: SOL payload already active on another session'; exit 1");
	record(w);
	UNTIL(w, n_pauses >= ARRAY_SIZE(want));
	pauses_are(want, ARRAY_SIZE(want));
	assert_string_equal(w->events,
		"console.unavailable: the serial console cannot be had: "
		"Info: SOL payload already active on another session\n");
	fake_does(&w->tool, "printf '" BANNER "'; cat");
	UNTIL(w, session_is(w->console, "connected"));
	assert_int_equal(w->all.running, 1);
}

static void a_lost_session_is_taken_again(void **state)
{
	struct world *w = *state;
	static const uint64_t quick[] = {1000, 2000, 4000}, steady[] = {1000, 2000};
	_cleanup_free_ char *log = NULL;

	fake_does(&w->tool, "printf '" BANNER "'; echo here; exit 0");
	record(w);
	UNTIL(w, n_pauses >= ARRAY_SIZE(quick)); /* it connects, and is lost at once */
	pauses_are(quick, ARRAY_SIZE(quick));
	assert_string_equal(w->events,
		"console.lost: the serial console was lost, and is taken again\n");
	fake_does(&w->tool, "printf '" BANNER "'; read word <&0; exit 0");
	UNTIL(w, session_is(w->console, "connected"));
	ahead_ms += 30 * 1000; /* it held well */
	n_pauses = 0;
	{
		const char *id = console_attach(w->console, "night-shift", false);

		assert_int_equal(console_type(w->console, id, "\n", 1), 0);
	}
	UNTIL(w, n_pauses >= 1);
	UNTIL(w, session_is(w->console, "connected"));
	fake_does(&w->tool, "printf '" BANNER "'; exit 0");
	log = asked(w);
	assert_int_equal(pauses_ms[0], steady[0]);
	assert_true(times(log, "on\n") >= 4);
	assert_int_equal(times(log, "on\n"), times(log, "off\n"));
}

/* iLOs lock the account: it is not tried again until somebody has changed something. */
static void a_refused_login_is_final(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *log = NULL, *after = NULL;
	const char *id;

	fake_does(&w->tool, "echo 'RAKP 2 HMAC is invalid'; exit 1");
	record(w);
	UNTIL(w, session_is(w->console, "refused"));
	assert_int_equal(n_pauses, 0);
	assert_int_equal(times(w->events, "console.unavailable"), 1);
	assert_null(strstr(w->events, "sesame"));
	log = asked(w);
	assert_string_equal(log, "off\non\n");
	fake_does(&w->tool, "printf '" BANNER "'; cat");
	console_new_login(w->console);
	UNTIL(w, session_is(w->console, "connected"));
	console_record(w->console, false);
	fake_does(&w->tool, "echo 'RAKP 2 HMAC is invalid'; exit 1");
	id = console_attach(w->console, "night-shift", false);
	assert_non_null(id);
	UNTIL(w, session_is(w->console, "refused"));
	console_detach(w->console, id);
	assert_true(session_is(w->console, "refused"));
	assert_non_null(
		console_attach(w->console, "help-desk", true)); /* knows more, perhaps */
	assert_true(session_is(w->console, "connecting"));
	UNTIL(w, session_is(w->console, "refused"));
	after = asked(w);
	assert_string_equal(after, "off\non\noff\non\noff\non\noff\non\n");
}

/* What the queue says when the console is taken away counts like the session's own words. */
static void a_bmc_that_does_not_answer(void **state)
{
	struct world *w = *state;
	static const char away[] =
		"echo 'Error: Unable to establish IPMI v2 / RMCP+ session'; exit 1\n",
			  strange[] = "echo 'Invalid command'; exit 1\n",
			  locked[] = "echo 'RAKP 2 HMAC is invalid'; exit 1\n";
	_cleanup_free_ char *log = NULL;

	fake_put(&w->tool, "off", away, strlen(away));
	record(w);
	UNTIL(w, n_pauses >= 2);
	pauses_are((uint64_t[]){1000, 2000}, 2);
	log = asked(w);
	assert_null(strstr(log, "on\n"));
	assert_int_equal(times(w->events, "console.unavailable"), 1);
	fake_put(&w->tool, "off", strange,
		strlen(strange)); /* such a BMC may have a console all the same */
	UNTIL(w, session_is(w->console, "connected"));
	console_record(w->console, false);
	fake_put(&w->tool, "off", locked, strlen(locked));
	n_pauses = 0;
	console_record(w->console, true);
	UNTIL(w, session_is(w->console, "refused"));
	assert_int_equal(n_pauses, 0);
}

static void no_ipmitool(void **state)
{
	struct world *w = *state;

	setenv("PATH", "/nonexistent", 1);
	record(w);
	UNTIL(w, n_pauses >= 2);
	assert_int_equal(times(w->events, "console.unavailable"), 1);
	assert_true(session_is(w->console, "connecting"));
}

/* ---- operators ---- */

static void all_watch_and_one_types(void **state)
{
	struct world *w = *state;
	const char *first = console_attach(w->console, "night-shift", false),
		   *second = console_attach(w->console, "help-desk", false),
		   *screen = console_attach(w->console, "wall-screen", true);
	_cleanup_(jx_freep) json_t *body = NULL;

	assert_int_equal(console_type(w->console, first, "early", 5), -EAGAIN);
	UNTIL(w, session_is(w->console, "connected"));
	assert_int_equal(console_type(w->console, second, "x", 1), -EPERM);
	assert_int_equal(console_type(w->console, screen, "x", 1), -EPERM);
	assert_int_equal(console_type(w->console, "0123456789abcdef", "x", 1), -ENOENT);
	assert_int_equal(console_type(w->console, NULL, "x", 1), -ENOENT);
	assert_int_equal(console_type(w->console, first, "from the first\n", 15), 0);
	UNTIL(w, says(w->console, "from the first"));
	assert_int_equal(console_take(w->console, screen), 0);
	assert_int_equal(console_take(w->console, "nobody"), -ENOENT);
	assert_int_equal(console_type(w->console, first, "x", 1), -EPERM);
	body = look(w->console, screen);
	assert_string_equal(
		json_string_value(json_object_get(body, "typing")), "wall-screen");
	assert_true(json_is_true(json_object_get(body, "types")));
	console_detach(w->console, screen);
	assert_int_equal(console_type(w->console, second, "x", 1), 0); /* nobody did */
	console_detach(w->console, "nobody");
	console_detach(w->console, first);
	assert_true(session_is(w->console, "connected"));
	console_detach(w->console, second);
	assert_true(session_is(w->console, "off"));
	UNTIL(w, !w->all.stopped);
}

static void eight_at_most(void **state)
{
	struct world *w = *state;
	const char *ids[8];

	for (size_t i = 0; i < 8; i++) {
		ids[i] = console_attach(w->console, "help-desk", true);
		assert_non_null(ids[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(ids[i], ids[k]);
	}
	assert_null(console_attach(w->console, "help-desk", true));
	console_detach(w->console, ids[3]);
	assert_non_null(console_attach(w->console, "help-desk", true));
}

static void who_is_not_heard_of_has_left(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *away = xstrdup(
				    console_attach(w->console, "night-shift", false)),
			    *here = xstrdup(
				    console_attach(w->console, "help-desk", true));
	_cleanup_(jx_freep) json_t *body = NULL;
	bool new;

	ahead_ms += 40 * 1000;
	body = console_read(w->console, 0, here, &new);
	ahead_ms += 10 * 1000;
	console_pulse(w->console);
	assert_false(console_knows(w->console, away));
	assert_true(console_knows(w->console, here));
	assert_true(console_knows(w->console, NULL));
	json_decref(body);
	body = console_read(w->console, 0, here, &new);
	assert_true(new); /* that nobody types now */
	assert_true(json_is_null(json_object_get(body, "typing")));
	json_decref(body);
	body = console_read(w->console, 0, here, &new);
	assert_false(new);
	ahead_ms += 46 * 1000;
	console_pulse(w->console);
	assert_true(session_is(w->console, "off"));
}

/* ---- many ---- */

static void only_so_many_at_once(void **state)
{
	struct world *w = *state;
	struct console *other = new_console(w, "hp03");

	w->all.max = 1;
	record(w);
	UNTIL(w, session_is(w->console, "connected"));
	console_record(other, true);
	UNTIL(w, n_pauses >= 3);
	assert_int_equal(w->all.running, 1);
	pauses_are((uint64_t[]){1000, 2000, 4000}, 3);
	console_record(w->console, false);
	UNTIL(w, session_is(other, "connected"));
	assert_int_equal(w->all.running, 1);
	console_free(other);
}

static void none_at_all(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *log = asked(w);

	w->all.max = 0;
	console_new_run(w->console);
	assert_null(console_attach(w->console, "night-shift", false));
	assert_string_equal(log, "");
	assert_null(opendir(w->rec_dir));
}

/* Whatever it is doing, it can be taken down: the sanitizers look on. */
static void freed_at_any_moment(void **state)
{
	struct world *w = *state;
	static const char hangs[] = "exec sleep 1000\n";

	for (unsigned turns = 0; turns < 12; turns++) {
		struct console *c = new_console(w, "hp04");

		console_new_run(c);
		console_record(c, true);
		console_attach(c, "night-shift", false);
		for (unsigned i = 0; i < turns; i++)
			(void)sd_event_run(w->tool.event, 20000);
		console_free(c);
		assert_int_equal(w->all.running, 0);
	}
	fake_does(&w->tool, hangs); /* no banner, no end */
	record(w);
	UNTIL(w, w->all.running == 1);
	console_record(w->console, false);
	assert_int_equal(w->all.running, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nothing_before_it_is_used),
		TEST(it_is_taken_and_recorded),
		TEST(hostile_bytes),
		TEST(a_very_long_line),
		TEST(trouble_is_told_once_a_minute),
		TEST(a_run_has_forty_events),
		TEST(refused_sessions_are_tried_less_and_less),
		TEST(a_lost_session_is_taken_again),
		TEST(a_refused_login_is_final),
		TEST(a_bmc_that_does_not_answer),
		TEST(no_ipmitool),
		TEST(all_watch_and_one_types),
		TEST(eight_at_most),
		TEST(who_is_not_heard_of_has_left),
		TEST(only_so_many_at_once),
		TEST(none_at_all),
		TEST(freed_at_any_moment),
	};
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD); /* sd-event watches children so */
	sigprocmask(SIG_BLOCK, &child, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
