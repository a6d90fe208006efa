/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a peer on a UNIX socket that says exactly what each test wants said. */
#include "tests/unit/harness.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/http.h"

static char dir[] = "/tmp/ondol-http.XXXXXX";
static char *path;

static int setup(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	path = xasprintf("%s/s", dir);
	return 0;
}

static int teardown(void **state)
{
	util_freep(&path);
	return remove_tree(dir);
}

/* A child that accepts one connection, reads the request's head, writes answer, closes. */
static pid_t serve(const char *answer, const char *want)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	unlink(path);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	pid = fork();
	if (pid == 0) {
		int c = accept(fd, NULL, NULL);
		char req[4096] = "";
		size_t n = 0;
		ssize_t got;

		while (!strstr(req, want) && n < sizeof(req) - 1 &&
			(got = read(c, req + n, sizeof(req) - 1 - n)) > 0)
			n += (size_t)got;
		(void)write_all(c, answer, strlen(answer));
		_exit(strstr(req, want) ? 0 : 1);
	}
	close(fd);
	return pid;
}

static void ended_well(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int count_bytes(const void *data, size_t len, void *userdata)
{
	size_t *n = userdata;

	*n += len;
	return *n > 8 ? -ENOSPC : 0;
}

static void get_and_post(void **state)
{
	struct http_request req = {.method = "GET",
		.url = "http://ondold/v1/x",
		.unix_socket = path,
		.bearer = "t0ken",
		.timeout_ms = 10000};
	struct http_response resp = {0};
	char *msg = NULL;
	pid_t pid = serve("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		"Authorization: Bearer t0ken");

	assert_int_equal(http_do(&req, &resp, &msg), 0);
	assert_int_equal(resp.status, 200);
	assert_string_equal(resp.body, "{}");
	http_response_clear(&resp);
	ended_well(pid);
	req.method = "POST";
	req.body = "{\"a\":1}";
	req.body_len = 7;
	pid = serve("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "{\"a\":1}");
	assert_int_equal(http_do(&req, &resp, &msg), 0);
	assert_int_equal(resp.status, 404);
	http_response_clear(&resp);
	ended_well(pid);
	assert_null(msg);
}

static void other_methods(void **state)
{
	static const char *const headers[] = {"X-Auth-Token: s3cret", NULL};
	_cleanup_free_ char *file = xasprintf("%s/body", dir), *token = NULL,
			    *none = NULL;
	struct http_reuse *reuse = http_reuse_new();
	struct http_request req = {.method = "PUT",
		.url = "http://ondold/x",
		.unix_socket = path,
		.body_file = file,
		.content_type = "application/octet-stream",
		.headers = headers,
		.reuse = reuse,
		.timeout_ms = 10000};
	struct http_response resp = {0};
	_cleanup_free_ char *msg = NULL;
	pid_t pid = serve(
		"HTTP/1.1 201 Created\r\nX-Subject-Token:  abc \r\nContent-Length: 0\r\n\r\n",
		"X-Auth-Token: s3cret\r\nContent-Type: application/octet-stream\r\nContent-Length: 5\r\n\r\nbytes");

	assert_int_equal(write_file_atomic(file, "bytes", 5, 0600), 0);
	assert_int_equal(http_do(&req, &resp, &msg), 0);
	assert_int_equal(resp.status, 201);
	token = http_response_header(&resp, "x-subject-token");
	none = http_response_header(&resp, "Location");
	assert_string_equal(token, "abc");
	assert_null(none);
	http_response_clear(&resp);
	ended_well(pid);
	req.body_file = "/nonexistent/file";
	assert_int_equal(http_do(&req, &resp, &msg), -ENOENT);
	assert_string_equal(msg, "/nonexistent/file: No such file or directory");
	req = (struct http_request){.method = "HEAD",
		.url = "http://ondold/x",
		.unix_socket = path,
		.reuse = reuse,
		.timeout_ms = 10000};
	pid = serve("HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", "HEAD /x");
	assert_int_equal(http_do(&req, &resp, NULL), 0);
	http_response_clear(&resp);
	ended_well(pid);
	req.method = "PATCH";
	req.body = "[]";
	req.body_len = 2;
	pid = serve("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "\r\n\r\n[]");
	assert_int_equal(http_do(&req, &resp, NULL), 0);
	http_response_clear(&resp);
	ended_well(pid);
	http_reuse_free(reuse);
}

static void failures(void **state)
{
	static const struct {
		const char *answer;
		int want;
	} cases[] = {
		{"", -ECONNRESET},
		{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", -ECONNRESET},
		{"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789",
			-EFBIG},
		{"rubbish\r\n\r\n", -EPROTO},
	};
	struct http_request req = {.method = "GET",
		.url = "http://ondold/",
		.unix_socket = path,
		.max_body = 10,
		.timeout_ms = 10000};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_response resp = {0};
		_cleanup_free_ char *msg = NULL;
		pid_t pid = serve(cases[i].answer, "\r\n\r\n");

		assert_int_equal(http_do(&req, &resp, &msg), cases[i].want);
		assert_non_null(msg);
		ended_well(pid);
	}
}

static void nobody_there(void **state)
{
	struct http_request req = {
		.method = "GET", .url = "http://ondold/", .unix_socket = path};
	struct http_response resp = {0};
	_cleanup_free_ char *msg = NULL;

	unlink(path);
	assert_int_equal(http_do(&req, &resp, &msg), -ECONNREFUSED);
	assert_non_null(msg);
}

static void streamed(void **state)
{
	size_t n = 0;
	struct http_request req = {.method = "GET",
		.url = "http://ondold/",
		.unix_socket = path,
		.on_data = count_bytes,
		.userdata = &n};
	struct http_response resp = {0};
	_cleanup_free_ char *msg = NULL;
	pid_t pid =
		serve("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n01234567", "\r\n\r\n");

	assert_int_equal(http_do(&req, &resp, &msg), 0);
	assert_int_equal(n, 8);
	assert_string_equal(resp.body, "");
	http_response_clear(&resp);
	ended_well(pid);
	pid = serve("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n012345678", "\r\n\r\n");
	n = 0;
	assert_int_equal(http_do(&req, &resp, &msg), -ENOSPC);
	ended_well(pid);
}

struct seen {
	sd_event *event;
	int r;
	unsigned status;
};

static void on_done(
	int r, const char *msg, const struct http_response *resp, void *userdata)
{
	struct seen *s = userdata;

	s->r = r;
	s->status = resp->status;
	sd_event_exit(s->event, 0);
}

static void in_loop(void **state)
{
	struct http_request req = {
		.method = "GET", .url = "http://ondold/", .unix_socket = path};
	struct seen s = {0};
	struct http_client *client = NULL;
	pid_t pid = serve("HTTP/1.1 204 No Content\r\n\r\n", "\r\n\r\n");

	assert_true(sd_event_new(&s.event) >= 0);
	assert_int_equal(http_client_new(s.event, &client), 0);
	assert_int_equal(http_start(client, &req, on_done, &s, NULL), 0);
	sd_event_loop(s.event);
	assert_int_equal(s.r, 0);
	assert_int_equal(s.status, 204);
	ended_well(pid);
	http_client_free(client);
	sd_event_unref(s.event);
}

static void cancelled(void **state)
{
	struct http_request req = {
		.method = "GET", .url = "http://ondold/", .unix_socket = path};
	struct seen s = {0};
	struct http_client *client = NULL;
	struct http_job *one = NULL;

	unlink(path);
	assert_true(sd_event_new(&s.event) >= 0);
	assert_int_equal(http_client_new(s.event, &client), 0);
	assert_int_equal(http_start(client, &req, on_done, &s, &one), 0);
	http_cancel(one);
	assert_int_equal(http_start(client, &req, on_done, &s, NULL), 0);
	http_client_free(client); /* drops the running one */
	sd_event_unref(s.event);
	assert_int_equal(s.status, 0);
}

/* Bytes that this process has read from anywhere. */
static unsigned long long bytes_read(void)
{
	_cleanup_free_ char *text = NULL;
	unsigned long long n = 0;

	assert_int_equal(read_file("/proc/self/io", 4096, &text, NULL), 0);
	assert_int_equal(sscanf(text, "rchar: %llu", &n), 1);
	return n;
}

/* A CA is named: the hundreds of the system's directory are neither believed nor read. */
static void one_ca_is_no_other(void **state)
{
	_cleanup_free_ char *ca = xasprintf("%s/ca.pem", dir), *msg = NULL, *url = NULL,
			    *make = xasprintf(
				    "cd %s && openssl req -x509 -newkey ed25519 "
				    "-nodes -subj /CN=peer -addext "
				    "subjectAltName=IP:127.0.0.1 -keyout key.pem "
				    "-out ca.pem 2>/dev/null",
				    dir),
			    *run = xasprintf(
				    "cd %s && exec timeout 60 openssl s_server -www "
				    "-naccept 1 -accept 127.0.0.1:0 -cert ca.pem "
				    "-key key.pem 2>/dev/null",
				    dir);
	struct http_request req = {.method = "GET", .ca_file = ca, .timeout_ms = 30000};
	struct http_response resp = {0};
	char line[256] = "";
	unsigned long long before;
	FILE *peer;

	assert_int_equal(system(make), 0);
	peer = popen(run, "r");
	assert_non_null(peer);
	while (!strstr(line, "ACCEPT"))
		assert_non_null(fgets(line, sizeof(line), peer));
	line[strcspn(line, "\n")] = '\0';
	url = xasprintf("https://%s/", strchr(line, ' ') + 1);
	req.url = url;
	before = bytes_read();
	if (http_do(&req, &resp, &msg) < 0)
		fail_msg("%s", msg);
	assert_int_equal(resp.status, 200);
	assert_true(bytes_read() - before < 100000);
	http_response_clear(&resp);
	pclose(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get_and_post),
		cmocka_unit_test(other_methods),
		cmocka_unit_test(failures),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(streamed),
		cmocka_unit_test(in_loop),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(one_ca_is_no_other),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
