/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs between the supervisor and the others: the serial relay, QMP and the control
 * socket, each with this test as the other end.
 */
#include "tests/unit/harness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "common/jsonx.h"
#include "twin/ctl.h"
#include "twin/ctlclient.h"
#include "twin/qmp.h"
#include "twin/relay.h"
#include "twin/sock.h"

static char top[] = "/tmp/ondol-test-XXXXXX";
static sd_event *event;

static int setup(void **state)
{
	return mkdtemp(top) && sd_event_new(&event) >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	event = sd_event_unref(event);
	return remove_tree(top);
}

static char *path_of(const char *name)
{
	return xasprintf("%s/%s", top, name);
}

/* Lets the loop work off everything that is ready. */
static void spin(void)
{
	while (sd_event_run(event, 20 * 1000) > 0)
		;
}

static void say(int fd, const char *text)
{
	assert_int_equal(write_all(fd, text, strlen(text)), 0);
	spin();
}

static void expect_heard(int fd, const char *want)
{
	char buf[256] = "";
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	if (n < 0)
		fail_msg("expected \"%s\", found nothing: %s", want, strerror(errno));
	assert_string_equal(buf, want);
}

static void expect_silence(int fd)
{
	char c;

	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static int connect_port(unsigned port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static struct relay *new_relay(
	const char *node_path, const char *log_path, unsigned *port)
{
	struct relay *r = NULL;

	for (*port = 20000 + (unsigned)getpid() % 20000; *port < 60000; (*port)++)
		if (relay_new(event, node_path, *port, log_path, &r) == 0)
			return r;
	fail_msg("no port is free");
	return NULL;
}

static void expect_log(const char *path, const char *want)
{
	_cleanup_free_ char *text = NULL;

	assert_int_equal(read_file(path, 4096, &text, NULL), 0);
	assert_string_equal(text, want);
}

static void the_console_is_logged_and_relayed(void **state)
{
	_cleanup_free_ char *node_path = path_of("serial"), *log = path_of("console");
	unsigned port;
	struct relay *r = new_relay(node_path, log, &port);
	int node = sock_connect_unix(node_path), sol, again;

	say(node, "early ");
	expect_log(log, "early ");
	sol = connect_port(port);
	spin();
	expect_silence(sol);
	say(node, "later");
	expect_heard(sol, "later");
	expect_log(log, "early later");
	say(sol, "typed");
	expect_heard(node, "typed");
	/* the node restarts: the console stays connected */
	close(node);
	spin();
	say(sol, "to nobody");
	again = sock_connect_unix(node_path);
	spin();
	say(again, "back");
	expect_heard(sol, "back");
	expect_silence(again);
	relay_free(r);
	close(again);
	close(sol);
}

static void a_console_that_does_not_read_blocks_nobody(void **state)
{
	_cleanup_free_ char *node_path = path_of("serial2"), *log = path_of("console2");
	_cleanup_free_ char *text = NULL;
	unsigned port;
	struct relay *r = new_relay(node_path, log, &port);
	int node = sock_connect_unix(node_path), sol = connect_port(port);
	char chunk[4096];
	size_t len;

	memset(chunk, 'x', sizeof(chunk));
	for (int i = 0; i < 2048; i++) { /* 8 MiB: more than the sockets hold */
		assert_int_equal(write_all(node, chunk, sizeof(chunk)), 0);
		while (sd_event_run(event, 0) > 0)
			;
	}
	spin();
	assert_int_equal(read_file(log, 1 << 24, &text, &len), 0);
	assert_int_equal(len, 2048 * sizeof(chunk));
	relay_free(r);
	close(node);
	close(sol);
}

static unsigned alive;

static void on_alive(void *userdata)
{
	alive++;
}

static const struct qmp_ops qmp_test_ops = {.alive = on_alive};

static struct qmp *new_qmp(const char *path)
{
	struct qmp *q = NULL;

	alive = 0;
	assert_int_equal(qmp_new(event, path, &qmp_test_ops, NULL, &q), 0);
	return q;
}

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"
#define SHUTDOWN(reason)                                                            \
	"{\"timestamp\": {}, \"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, " \
	"\"reason\": \"" reason "\"}}\r\n"

static void qmp_greets_and_commands(void **state)
{
	_cleanup_free_ char *path = path_of("monitor");
	struct qmp *q = new_qmp(path);
	int fd;

	assert_int_equal(qmp_command(q, "system_powerdown"), -ENOTCONN);
	fd = sock_connect_unix(path);
	say(fd, GREETING);
	expect_heard(fd, "{\"execute\":\"qmp_capabilities\"}\n");
	assert_int_equal(alive, 0);
	say(fd, "{\"return\": {}}\r\n");
	assert_int_equal(alive, 1);
	assert_int_equal(qmp_command(q, "system_powerdown"), 0);
	expect_heard(fd, "{\"execute\":\"system_powerdown\"}\n");
	say(fd, "this is not JSON\n");
	assert_int_equal(qmp_command(q, "quit"), 0);
	qmp_free(q);
	close(fd);
}

/* The end of the process is often heard of before the loop has read its last words. */
static bool ended_after(struct qmp *q, const char *path, const char *last_words)
{
	int fd = sock_connect_unix(path);

	assert_int_equal(write_all(fd, last_words, strlen(last_words)), 0);
	close(fd);
	return qmp_ended_by_reset(q);
}

static void qmp_tells_a_reset_from_a_power_off(void **state)
{
	_cleanup_free_ char *path = path_of("monitor2");
	struct qmp *q = new_qmp(path);

	assert_true(ended_after(q, path, GREETING SHUTDOWN("guest-reset")));
	assert_false(ended_after(q, path, GREETING SHUTDOWN("guest-shutdown")));
	assert_false(ended_after(q, path, GREETING));
	assert_false(qmp_ended_by_reset(q)); /* never connected */
	assert_true(ended_after(q, path, GREETING SHUTDOWN("guest-reset")));
	qmp_free(q);
}

/* ---- the control socket; its client blocks, so it has a thread ---- */

static const int key;
static struct ctl *ctl;

static json_t *handler(struct ctl_conn *c, const json_t *request, void *userdata)
{
	const char *op = json_string_value(json_object_get(request, "op"));

	if (op && streq(op, "wait")) {
		ctl_defer(c, &key);
		return NULL;
	}
	if (op && streq(op, "fail"))
		return json_pack("{s:s}", "error", "it is broken");
	return json_pack("{s:s}", "value", op ? op : "none");
}

struct call {
	const char *op;
	json_t *answer;
	char *msg;
	int r;
};

static void *call_thread(void *arg)
{
	struct call *c = arg;
	_cleanup_(jx_freep) json_t *request = json_pack("{s:s}", "op", c->op);

	c->r = ctl_call(top, request, &c->answer, &c->msg);
	return NULL;
}

static bool has_ended(pthread_t t)
{
	return pthread_tryjoin_np(t, NULL) == 0;
}

/* Runs the loop until the call has its answer; release: what to answer the waiting with. */
static void call(struct call *c, const char *release)
{
	uint64_t deadline = now_mono_ms() + 10000;
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, call_thread, c), 0);
	while (!has_ended(t)) {
		assert_true(now_mono_ms() < deadline);
		sd_event_run(event, 20 * 1000);
		if (release)
			ctl_release(ctl, &key, json_pack("{s:s}", "value", release));
	}
}

static void requests_are_answered(void **state)
{
	_cleanup_free_ char *path = path_of("control.sock");
	struct call hello = {.op = "hello"}, fail = {.op = "fail"}, wait = {.op = "wait"};

	assert_int_equal(ctl_new(event, path, handler, NULL, &ctl), 0);
	call(&hello, NULL);
	assert_int_equal(hello.r, 0);
	assert_string_equal(
		json_string_value(json_object_get(hello.answer, "value")), "hello");
	call(&fail, NULL);
	assert_int_equal(fail.r, -EREMOTEIO);
	assert_string_equal(fail.msg, "it is broken");
	assert_null(fail.answer);
	call(&wait, "done");
	assert_int_equal(wait.r, 0);
	assert_string_equal(
		json_string_value(json_object_get(wait.answer, "value")), "done");
	json_decref(hello.answer);
	json_decref(wait.answer);
	free(fail.msg);
	ctl_free(ctl);
}

static void rubbish_is_answered_and_nobody_home_is_said(void **state)
{
	_cleanup_free_ char *path = path_of("control.sock"), *msg = NULL;
	_cleanup_(jx_freep) json_t *request = json_pack("{s:s}", "op", "x");
	json_t *answer = NULL;
	char buf[256] = "";
	int fd;

	assert_int_equal(ctl_new(event, path, handler, NULL, &ctl), 0);
	fd = sock_connect_unix(path);
	say(fd, "{rubbish\n");
	assert_true(recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT) > 0);
	assert_non_null(strstr(buf, "\"error\""));
	close(fd);
	fd = sock_connect_unix(path);
	say(fd, "{\"op\": \"wait\"}\n");
	close(fd); /* gone while it waits */
	spin();
	ctl_release(ctl, &key, json_object());
	ctl_free(ctl);
	unlink(path);
	assert_int_equal(ctl_call(top, request, &answer, &msg), -ENOENT);
	assert_non_null(strstr(msg, "does not answer"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_console_is_logged_and_relayed),
		cmocka_unit_test(a_console_that_does_not_read_blocks_nobody),
		cmocka_unit_test(qmp_greets_and_commands),
		cmocka_unit_test(qmp_tells_a_reset_from_a_power_off),
		cmocka_unit_test(requests_are_answered),
		cmocka_unit_test(rubbish_is_answered_and_nobody_home_is_said),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
