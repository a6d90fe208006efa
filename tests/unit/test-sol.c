/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session against an ipmitool that is a script: it does what the file `does` says, on the
 * pipe and the pseudo-terminal that it is given. The one timer of sol.c is wrapped, so that
 * nobody waits for it.
 */
#include "tests/unit/harness.h"
#include "tests/unit/fake-ipmitool.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>

#include "bootstrap/sol.h"

#define PATIENCE_US (60 * 1000 * 1000) /* a test that waits so long has failed */

static const char script[] = "#!/bin/sh\ncd \"$SOL_DIR\" || exit 1\n"
			     "tr '\\0' '\\n' </proc/$$/cmdline >argv\n"
			     "[ \"$IPMI_PASSWORD\" = sesame ] || exit 1\n"
			     ". ./does\n";

struct world {
	struct fake_ipmitool tool;
	struct sol *sol, *stopped;
	struct sol_hooks hooks;
	char *heard; /* owned: what the server said */
	size_t n_heard;
	unsigned ups, ends;
	enum ipmi_fault fault;
	char *why; /* owned */
	unsigned fds; /* before */
};

/* ---- the wrapped timer ---- */

static uint64_t asked_us; /* how long sol.c wanted to wait */

int __real_sd_event_add_time_relative(sd_event *e, sd_event_source **s, clockid_t clock,
	uint64_t usec, uint64_t accuracy, sd_event_time_handler_t fn, void *userdata);
int __wrap_sd_event_add_time_relative(sd_event *e, sd_event_source **s, clockid_t clock,
	uint64_t usec, uint64_t accuracy, sd_event_time_handler_t fn, void *userdata);

int __wrap_sd_event_add_time_relative(sd_event *e, sd_event_source **s, clockid_t clock,
	uint64_t usec, uint64_t accuracy, sd_event_time_handler_t fn, void *userdata)
{
	asked_us = usec;
	return __real_sd_event_add_time_relative(e, s, clock, 0, accuracy, fn, userdata);
}

/* ---- the world ---- */

static unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void on_up(void *userdata)
{
	((struct world *)userdata)->ups++;
}

static void on_data(const void *data, size_t len, void *userdata)
{
	struct world *w = userdata;

	assert_int_equal(w->ups, 1);
	assert_int_equal(w->ends, 0);
	assert_true(len > 0);
	w->heard = xrealloc(w->heard, w->n_heard + len + 1, 1);
	memcpy(w->heard + w->n_heard, data, len);
	w->n_heard += len;
	w->heard[w->n_heard] = 0;
}

static void on_end(enum ipmi_fault fault, const char *why, void *userdata)
{
	struct world *w = userdata;

	w->ends++;
	w->sol = NULL; /* freed after this */
	w->fault = fault;
	w->why = xstrdup(why);
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	fake_ipmitool_open(&w->tool, script);
	w->hooks = (struct sol_hooks){on_up, on_data, on_end, w};
	w->heard = xstrdup("");
	asked_us = 0;
	w->fds = count_fds();
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	sol_free(w->sol);
	sol_free_stopped(&w->stopped);
	assert_int_equal(count_fds(), w->fds);
	fake_ipmitool_close(&w->tool);
	free(w->heard);
	free(w->why);
	free(w);
	return 0;
}

static void start(struct world *w, const char *text)
{
	fake_does(&w->tool, text);
	assert_int_equal(sol_start(w->tool.event, w->tool.bmc, &w->hooks, &w->sol), 0);
}

/* Until it is so, by the events that come. */
#define UNTIL(w, so)                                                 \
	while (!(so))                                                \
		if (sd_event_run((w)->tool.event, PATIENCE_US) <= 0) \
	fail_msg("nothing happens; heard so far: \"%s\"", (w)->heard)

static bool has_heard(const struct world *w, const char *text)
{
	return strstr(w->heard, text) != NULL;
}

/* ---- what it says ---- */

static void banner_and_echo(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *path = xasprintf("%s/argv", w->tool.dir), *argv = NULL;

	start(w, "echo 'ipmitool talks of itself'; printf '" BANNER "'; echo ready; cat");
	assert_int_equal(sol_type(w->sol, "early", 5), -EAGAIN);
	UNTIL(w, has_heard(w, "ready\n"));
	assert_string_equal(w->heard, "ready\n");
	assert_int_equal(sol_type(w->sol, "dmesg\r", 6), 0);
	UNTIL(w, has_heard(w, "dmesg\r"));
	assert_int_equal(read_file(path, 1 << 16, &argv, NULL), 0);
	assert_non_null(strstr(argv, "\nsol\nactivate\n"));
	assert_non_null(strstr(argv, "\n10.77.1.12\n"));
	assert_null(strstr(argv, "sesame"));
}

/* However it is cut, and whatever comes right behind it. */
static void banner_in_pieces(void **state)
{
	struct world *w = *state;

	start(w,
		"for c in '[SO' L ' Ses' sion ' ' operational . ' x'; do printf '%s' \"$c\"; done\n"
		"echo\nprintf 'a'; printf 'b\\r\\n" BANNER "c'; cat >/dev/null");
	UNTIL(w, has_heard(w, "]\r\nc"));
	assert_int_equal(w->ups, 1);
	assert_string_equal(
		w->heard, "ab\r\n[SOL Session operational.  Use ^? for help]\r\nc");
}

static void every_byte_comes_through(void **state)
{
	struct world *w = *state;
	unsigned char bytes[3 * 256];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i < 256 ? i : 255 - i % 256);
	fake_put(&w->tool, "bytes", bytes, sizeof(bytes));
	start(w, "printf '" BANNER "'; cat bytes; cat");
	UNTIL(w, w->n_heard >= sizeof(bytes));
	assert_int_equal(w->n_heard, sizeof(bytes));
	assert_memory_equal(w->heard, bytes, sizeof(bytes));
	for (unsigned i = 0; i < 256; i++) /* and there and back */
		if (i != IPMI_SOL_ESCAPE)
			assert_int_equal(sol_type(w->sol, (char[]){(char)i}, 1), 0);
	UNTIL(w, w->n_heard >= sizeof(bytes) + 255);
	for (unsigned i = 0, at = sizeof(bytes); i < 256; i++)
		if (i != IPMI_SOL_ESCAPE)
			assert_int_equal((unsigned char)w->heard[at++], i);
}

/* More talk than is kept, without a line's end, with NUL: the banner behind it still counts. */
static void noise_before_the_banner(void **state)
{
	struct world *w = *state;

	for (unsigned more = 0; more < 64; more += 7) {
		_cleanup_free_ char *text = xasprintf(
			"head -c %u /dev/zero; head -c %u /dev/zero | tr '\\0' '['\n"
			"printf '\\377\\376[SOL Session \\0" BANNER
			"'; echo ready; cat >/dev/null",
			more, 4096 - more);

		w->ups = 0;
		w->n_heard = 0;
		w->heard[0] = 0;
		start(w, text);
		UNTIL(w, has_heard(w, "ready\n"));
		assert_string_equal(w->heard, "ready\n");
		sol_free(TAKE_PTR(w->sol));
	}
}

static void a_banner_without_an_end(void **state)
{
	struct world *w = *state;

	start(w,
		"printf '[SOL Session operational.'; head -c 9000 /dev/zero | tr '\\0' .\n"
		"printf '\\nready\\n'; cat >/dev/null");
	UNTIL(w, has_heard(w, "ready\n"));
	assert_string_equal(w->heard, "ready\n");
}

static void a_very_long_line(void **state)
{
	struct world *w = *state;

	start(w, "printf '" BANNER "'; head -c 3000000 /dev/zero | tr '\\0' x; exit 0");
	UNTIL(w, w->ends);
	assert_int_equal(
		w->n_heard, 3000000); /* all of it, though nobody is there any more */
	assert_int_equal(strspn(w->heard, "x"), 3000000);
	assert_int_equal(w->fault, IPMI_FAULT_NONE);
}

/* ---- how it ends ---- */

static void ends_so(
	struct world *w, const char *text, enum ipmi_fault fault, const char *word)
{
	w->ends = 0;
	free(TAKE_PTR(w->why));
	start(w, text);
	UNTIL(w, w->ends);
	if (w->ends != 1 || w->fault != fault || !strstr(w->why, word) ||
		strstr(w->why, "sesame"))
		fail_msg("%s: expected %s with \"%s\", got %s: %s", text,
			ipmi_fault_str(fault), word, ipmi_fault_str(w->fault), w->why);
}

static void ends_before_the_banner(void **state)
{
	struct world *w = *state;

	ends_so(w, "echo 'RAKP 2 HMAC is invalid'; exit 1", IPMI_FAULT_PASSWORD, "HMAC");
	ends_so(w,
		"echo 'Error: Unable to establish IPMI v2 / RMCP+ session' >&2; exit 1",
		IPMI_FAULT_UNREACHABLE, "RMCP+");
	ends_so(w, "echo 'Info: SOL payload already active on another session'; exit 0",
		IPMI_FAULT_OTHER, "another session");
	ends_so(w, "exit 0", IPMI_FAULT_OTHER, "");
	ends_so(w, "kill -9 $$", IPMI_FAULT_OTHER, "");
	/* the reason is what came last, whatever came before */
	ends_so(w, "head -c 50000 /dev/zero; echo; echo 'RAKP 2 HMAC is invalid'; exit 1",
		IPMI_FAULT_PASSWORD, "HMAC");
	assert_int_equal(w->ups, 0);
	assert_int_equal(w->n_heard, 0);
}

static void ends_behind_the_banner(void **state)
{
	struct world *w = *state;

	ends_so(w, "printf '" BANNER "bye'; exit 1", IPMI_FAULT_NONE,
		"the BMC has ended the session");
	assert_string_equal(w->heard, "bye");
}

static void no_ipmitool(void **state)
{
	struct world *w = *state;

	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(
		sol_start(w->tool.event, w->tool.bmc, &w->hooks, &w->sol), -ENOENT);
	assert_null(w->sol);
}

/* Typing into a session that has ended is refused; it ends no one else. */
static void typing_behind_its_end(void **state)
{
	struct world *w = *state;
	free(fake_fifo(&w->tool));

	start(w, "printf '" BANNER "x'; exec 0</dev/null; echo gone; read never <go");
	UNTIL(w, has_heard(w, "gone\n"));
	assert_int_equal(sol_type(w->sol, "x", 1), -EAGAIN);
}

/* ---- what is typed ---- */

static void the_escape_is_kept_from_ipmitool(void **state)
{
	struct world *w = *state;
	static const char text[] = {
		'a', IPMI_SOL_ESCAPE, '.', IPMI_SOL_ESCAPE, 'b', '\n'};

	start(w, "printf '" BANNER "'; cat");
	UNTIL(w, w->ups);
	assert_int_equal(sol_type(w->sol, text, sizeof(text)), 0);
	assert_int_equal(sol_type(w->sol, text + 1, 1), 0); /* nothing is left of it */
	assert_int_equal(sol_type(w->sol, "end", 3), 0);
	UNTIL(w, has_heard(w, "end"));
	assert_string_equal(w->heard, "a.b\nend");
}

/* A BMC that takes nothing: what does not fit is refused as a whole. */
static void whole_or_not_at_all(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *fifo = fake_fifo(&w->tool);
	_cleanup_close_ int go = -1;
	char text[PIPE_BUF + 1];
	size_t n = 0;
	int r;

	memset(text, 'k', sizeof(text));
	start(w, "printf '" BANNER "ready'; read word <go; cat");
	UNTIL(w, has_heard(w, "ready"));
	assert_int_equal(sol_type(w->sol, text, PIPE_BUF + 1), -EAGAIN);
	while ((r = sol_type(w->sol, text, 2048)) == 0)
		n += 2048;
	assert_int_equal(r, -EAGAIN);
	assert_true(n >= PIPE_BUF);
	go = open(fifo, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(go, "go\n", 3), 3);
	UNTIL(w, w->n_heard >= strlen("ready") + n);
	while ((r = sol_type(w->sol, "\nend", 4)) == -EAGAIN)
		assert_true(sd_event_run(w->tool.event, PATIENCE_US) >= 0);
	UNTIL(w, has_heard(w, "\nend"));
	assert_int_equal(strspn(w->heard + strlen("ready"), "k"), n);
}

/* ---- giving it back ---- */

static void stopped_it_ends_by_itself(void **state)
{
	struct world *w = *state;

	start(w, "printf '" BANNER "'; cat; echo late; echo ended >ended");
	UNTIL(w, w->ups);
	sol_stop(TAKE_PTR(w->sol), &w->stopped);
	assert_int_equal(asked_us, 5 * 1000 * 1000);
	UNTIL(w, !w->stopped);
	assert_int_equal(w->ends, 0);
	assert_int_equal(w->n_heard, 0); /* nobody listens any more */
}

static void stopped_it_does_not_end(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 3; i++) {
		w->ups = 0;
		start(w, "trap '' TERM HUP; printf '" BANNER "'; exec sleep 1000");
		UNTIL(w, w->ups);
		sol_stop(TAKE_PTR(w->sol), &w->stopped);
	}
	UNTIL(w, !w->stopped); /* killed, all three */
	assert_int_equal(w->ends, 0);
}

static void freed_without_an_event_loop(void **state)
{
	struct world *w = *state;

	start(w, "printf '" BANNER "'; cat");
	UNTIL(w, w->ups);
	sol_free(TAKE_PTR(w->sol));
	w->ups = 0;
	start(w, "printf '" BANNER "'; exec sleep 1000");
	UNTIL(w, w->ups);
	sol_stop(TAKE_PTR(w->sol), &w->stopped);
	sol_free_stopped(&w->stopped);
	assert_null(w->stopped);
	sol_free(NULL);
	assert_int_equal(w->ends, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(banner_and_echo),
		TEST(banner_in_pieces),
		TEST(every_byte_comes_through),
		TEST(noise_before_the_banner),
		TEST(a_banner_without_an_end),
		TEST(a_very_long_line),
		TEST(ends_before_the_banner),
		TEST(ends_behind_the_banner),
		TEST(no_ipmitool),
		TEST(typing_behind_its_end),
		TEST(the_escape_is_kept_from_ipmitool),
		TEST(whole_or_not_at_all),
		TEST(stopped_it_ends_by_itself),
		TEST(stopped_it_does_not_end),
		TEST(freed_without_an_event_loop),
	};

	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD); /* sd-event watches children so */
	sigprocmask(SIG_BLOCK, &child, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
