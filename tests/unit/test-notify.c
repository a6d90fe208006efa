/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "bootstrap/notify.h"

static void expect(const unsigned count[static FSM_N_STATES], const char *want)
{
	_cleanup_free_ char *text = notify_words(count, true, false);

	assert_string_equal(text, want);
}

static void words(void **state)
{
	_cleanup_free_ char *none =
		notify_words((unsigned[FSM_N_STATES]){0}, false, false);
	_cleanup_free_ char *lost =
		notify_words((unsigned[FSM_N_STATES]){0}, false, true);

	assert_string_equal(none, "no rack yet: `ondol apply FILE`");
	assert_non_null(strstr(lost, "cannot be read"));
	expect((unsigned[FSM_N_STATES]){0}, "0 nodes");
	expect((unsigned[FSM_N_STATES]){[FSM_READY] = 1}, "1 node: 1 ready");
	expect((unsigned[FSM_N_STATES]){[FSM_READY] = 9, [FSM_FAILED] = 1},
		"10 nodes: 9 ready, 1 failed");
	expect((unsigned[FSM_N_STATES]){[FSM_INSTALLING] = 2, [FSM_POWERING] = 1},
		"3 nodes: 1 powering, 2 installing");
}

/* No state is left out: the parts add up to the whole. */
static void every_state(void **state)
{
	for (unsigned s = 0; s < FSM_N_STATES; s++) {
		unsigned count[FSM_N_STATES] = {0};
		_cleanup_free_ char *want =
			xasprintf("2 nodes: 2 %s", fsm_state_str((enum fsm_state)s));

		count[s] = 2;
		expect(count, want);
	}
}

static void sent_once(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/test-notify.XXXXXX", got[200];
	_cleanup_close_ int fd =
		socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct notify n = {0};
	ssize_t len;

	assert_non_null(mkdtemp(dir));
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/notify", dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	setenv("NOTIFY_SOCKET", sun.sun_path, 1);
	notify_status(&n, "a");
	notify_status(&n, "a");
	notify_status(&n, "b");
	len = recv(fd, got, sizeof(got), 0);
	assert_int_equal(len, 8);
	assert_memory_equal(got, "STATUS=a", 8);
	len = recv(fd, got, sizeof(got), 0);
	assert_int_equal(len, 8);
	assert_memory_equal(got, "STATUS=b", 8);
	assert_int_equal(recv(fd, got, sizeof(got), 0), -1);
	unsetenv("NOTIFY_SOCKET");
	notify_status(&n, "c"); /* started by hand */
	notify_clear(&n);
	remove_tree(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(every_state),
		cmocka_unit_test(sent_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
