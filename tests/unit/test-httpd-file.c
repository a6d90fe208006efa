/* SPDX-License-Identifier: Apache-2.0 */
/* Large files, plain and over TLS: whole, and in few turns of the loop. */
#include "tests/unit/harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bootstrap/httpd_internal.h"
#include "bootstrap/rackca.h"

#define FILE_BYTES (4u * 1024 * 1024)
#define TAIL 12345u /* of a request for a part */

struct world {
	char dir[64], path[80], got[80];
	uint8_t *bytes; /* of the file */
	sd_event *event;
	struct httpd *httpd;
	unsigned port;
	int cut; /* bytes that the file is told to have and has not */
};

static void handler(struct http_req *req, void *userdata)
{
	const struct world *w = userdata;

	httpd_reply_file(
		req, open(w->path, O_RDONLY | O_CLOEXEC), FILE_BYTES + (uint64_t)w->cut);
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/test-httpd-file.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/file", w->dir);
	snprintf(w->got, sizeof(w->got), "%s/got", w->dir);
	w->bytes = xmalloc(FILE_BYTES);
	assert_int_equal(gnutls_rnd(GNUTLS_RND_NONCE, w->bytes, FILE_BYTES), 0);
	assert_int_equal(write_file_atomic(w->path, w->bytes, FILE_BYTES, 0600), 0);
	assert_true(sd_event_new(&w->event) >= 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	httpd_free(w->httpd);
	sd_event_unref(w->event);
	remove_tree(w->dir);
	free(w->bytes);
	free(w);
	return 0;
}

static void serve(struct world *w, bool tls)
{
	static char *const names[] = {(char *)"127.0.0.1", NULL};
	_cleanup_free_ char *ca = NULL, *ca_key = NULL, *cert = NULL, *key = NULL,
			    *msg = NULL;
	uint64_t now_s = now_real_ms() / 1000;
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	w->port = ntohs(sin.sin_port);
	if (tls) {
		assert_int_equal(rackca_new("lab", now_s, &ca, &ca_key, &msg), 0);
		assert_int_equal(
			rackca_issue(ca, ca_key, names, now_s, &cert, &key, &msg), 0);
	}
	assert_int_equal(httpd_serve(w->event, fd,
				 &(struct httpd_serve_options){.cert = cert, .key = key},
				 handler, w, &w->httpd),
		0);
}

/* curl's exit status; the turns that the loop made meanwhile into *ret_turns. */
static int fetch(
	struct world *w, const char *scheme, const char *range, unsigned *ret_turns)
{
	_cleanup_free_ char *url = xasprintf("%s://127.0.0.1:%u/", scheme, w->port);
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		execlp("curl", "curl", "-sk", "-m", "60", "-r", range, "-o", w->got, url,
			(char *)NULL);
		_exit(127);
	}
	*ret_turns = 0;
	while (waitpid(pid, &status, WNOHANG) == 0)
		*ret_turns += sd_event_run(w->event, 100000) > 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void assert_got(const struct world *w, const uint8_t *want, size_t want_len)
{
	_cleanup_free_ char *got = NULL;
	size_t len;

	assert_int_equal(read_file(w->got, FILE_BYTES, &got, &len), 0);
	assert_int_equal(len, want_len);
	assert_memory_equal(got, want, want_len);
}

static void large_file(struct world *w, const char *scheme)
{
	unsigned turns;

	serve(w, streq(scheme, "https"));
	assert_int_equal(fetch(w, scheme, "0-", &turns), 0);
	assert_got(w, w->bytes, FILE_BYTES);
	/* 4 KiB a turn would be 1024 */
	if (turns > FILE_BYTES / 8192)
		fail_msg("%u turns for %u bytes", turns, FILE_BYTES);
	assert_int_equal(fetch(w, scheme, "-12345", &turns), 0);
	assert_got(w, w->bytes + FILE_BYTES - TAIL, TAIL);
	/* A file that is shorter than was said ends the connection: curl's "partial file". */
	w->cut = 1;
	assert_int_equal(fetch(w, scheme, "0-", &turns), 18);
}

static void plain(void **state)
{
	large_file(*state, "http");
}

static void over_tls(void **state)
{
	large_file(*state, "https");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plain, setup, teardown),
		cmocka_unit_test_setup_teardown(over_tls, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
