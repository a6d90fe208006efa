/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <sys/socket.h>

#include "twin/sock.h"

static char got[4096];

static int collect(const char *line, void *userdata)
{
	snprintf(got + strlen(got), sizeof(got) - strlen(got), "[%.20s]", line);
	return streq(line, "stop") ? -ECANCELED : 0;
}

/* Writes text into a socket pair, reads it by lines; closed: then the end of file. */
static int read_text(const char *text, size_t len, bool closed)
{
	_cleanup_(lines_clear) struct lines l = {0};
	int fds[2], size = 1 << 20, r;

	got[0] = '\0';
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	assert_int_equal(write_all(fds[0], text, len), 0);
	if (closed)
		close(fds[0]);
	r = lines_read(&l, fds[1], collect, NULL);
	if (!closed)
		close(fds[0]);
	close(fds[1]);
	return r;
}

static void whole_lines_come_one_by_one(void **state)
{
	assert_int_equal(read_text("one\ntwo\n\nhal", 12, false), 0);
	assert_string_equal(got, "[one][two][]");
	assert_int_equal(read_text("one\nhal", 7, true), 1);
	assert_string_equal(got, "[one]");
	assert_int_equal(read_text("", 0, true), 1);
	assert_string_equal(got, "");
}

static void the_reader_may_stop(void **state)
{
	assert_int_equal(read_text("one\nstop\nthree\n", 15, false), -ECANCELED);
	assert_string_equal(got, "[one][stop]");
}

static void a_line_without_end_is_dropped_whole(void **state)
{
	size_t n = LINES_MAX + 5000;
	_cleanup_free_ char *text = xmalloc(n + 7);

	memset(text, 'x', n);
	memcpy(text + n, "\nnext\n", 7);
	assert_int_equal(read_text(text, n + 6, false), 0);
	assert_string_equal(got, "[next]");
	assert_int_equal(read_text(text + 5000, LINES_MAX + 1, false),
		0); /* the longest allowed */
	assert_string_equal(got, "[xxxxxxxxxxxxxxxxxxxx]");
}

static void unix_sockets_end_at_107_characters(void **state)
{
	char path[200];

	memset(path, 'a', sizeof(path));
	path[108] = '\0';
	assert_int_equal(sock_listen_unix(path), -ENAMETOOLONG);
	assert_int_equal(sock_connect_unix(path), -ENAMETOOLONG);
	assert_int_equal(sock_connect_unix("/nowhere/at/all"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_lines_come_one_by_one),
		cmocka_unit_test(the_reader_may_stop),
		cmocka_unit_test(a_line_without_end_is_dropped_whole),
		cmocka_unit_test(unix_sockets_end_at_107_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
