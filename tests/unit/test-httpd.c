/* SPDX-License-Identifier: Apache-2.0 */
/* The server in its event loop, spoken to over its socket in raw HTTP. */
#include "tests/unit/harness.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "bootstrap/httpd.h"

#define STREAM_BYTES 65536

struct world {
	char dir[64], path[80];
	sd_event *event;
	struct httpd *httpd;
	bool open; /* what /hold waits for */
	int tries;
	struct http_req *parked;
	struct http_req *slot; /* as parked, for /slot */
	struct http_stream *stream; /* NULL: none, or closed */
	bool unsafe; /* something was written, and is not settled */
	int settles, settle_r;
	int peeked; /* the client whose answer must not be there when it is settled */
	char *body; /* of the last POST */
	size_t body_len;
};

static void try_hold(struct http_req *req, bool expired, void *userdata)
{
	struct world *w = userdata;

	w->tries++;
	if (w->open)
		httpd_reply_json(req, 200, json_pack("{s:b}", "open", 1));
	else if (expired)
		httpd_reply_empty(req, 204);
}

static void get_file(struct world *w, struct http_req *req)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/file", w->dir);
	httpd_reply_file(req, open(path, O_RDONLY | O_CLOEXEC), 10);
}

/* One held request that, when it is answered, kicks and so answers the others too. */
static void try_chain(struct http_req *req, bool expired, void *userdata)
{
	struct world *w = userdata;

	if (!w->open && !expired)
		return;
	httpd_reply_empty(req, 204);
	w->tries++;
	httpd_kick(w->httpd, w);
}

static void drop_shared(void *owner)
{
	++*(int *)owner;
}

static void on_closed(void *userdata)
{
	struct world *w = userdata;

	w->stream = NULL;
}

static void handler(struct http_req *req, void *userdata)
{
	struct world *w = userdata;
	const char *path = httpd_path(req);
	uint64_t n;

	if (streq(path, "/text")) {
		httpd_reply_text(
			req, 200, httpd_bearer(req) ? httpd_bearer(req) : "none");
	} else if (streq(path, "/number")) {
		if (httpd_arg_u64(req, "n", 100, 7, &n) == 0)
			httpd_reply_error(req, 418, "%llu", (unsigned long long)n);
	} else if (streq(path, "/hold")) {
		httpd_hold(req, w, 400, try_hold, w);
	} else if (streq(path, "/chain")) {
		httpd_hold(req, w, 20000, try_chain, w);
	} else if (streq(path, "/shared")) {
		httpd_reply_shared(req,
			&(struct httpd_shared){.head = xstrdup("{\"a\":"),
				.head_len = 5,
				.middle = "[1,2,3]garbage",
				.middle_len = 7,
				.tail = "}",
				.tail_len = 1,
				.encoding =
					httpd_accepts(req, "x-none") ? "x-none" : NULL,
				.drop = drop_shared,
				.owner = &w->tries});
	} else if (streq(path, "/write")) {
		w->unsafe = true;
		httpd_reply_json(req, 200, json_object());
	} else if (streq(path, "/park")) {
		w->parked = req;
		httpd_park(req);
	} else if (streq(path, "/slot")) {
		httpd_park_in(req, &w->slot);
	} else if (streq(path, "/stream")) {
		httpd_set_header(req, "X-Of", "this answer");
		w->stream = httpd_reply_stream(
			req, "text/event-stream", STREAM_BYTES, on_closed, w);
	} else if (streq(path, "/file")) {
		get_file(w, req);
	} else if (streq(httpd_method(req), "POST")) {
		free(w->body);
		w->body = xstrdup(httpd_body(req, &w->body_len));
		httpd_reply_json(req, 200, json_object());
	} else {
		httpd_reply_error(req, 404, "no");
	}
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	char path[100];

	strcpy(w->dir, "/tmp/test-httpd.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/socket", w->dir);
	snprintf(path, sizeof(path), "%s/file", w->dir);
	assert_int_equal(write_file_atomic(path, "0123456789", 10, 0600), 0);
	assert_true(sd_event_new(&w->event) >= 0);
	assert_int_equal(httpd_listen_unix(w->event, w->path, handler, w, &w->httpd), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	httpd_free(w->httpd);
	assert_int_equal(access(w->path, F_OK), -1);
	sd_event_unref(w->event);
	remove_tree(w->dir);
	free(w->body);
	free(w);
	return 0;
}

static int dial(struct world *w)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(sun.sun_path, w->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	set_nonblock(fd);
	return fd;
}

/* Runs the loop for ms at most, adding what comes from fd to *got, until it has want or ends. */
static void converse(
	struct world *w, int fd, char *got, size_t size, const char *want, unsigned ms)
{
	uint64_t end = now_mono_ms() + ms;
	size_t len = strlen(got);

	while (now_mono_ms() < end) {
		ssize_t n = read(fd, got + len, size - len - 1);

		if (n == 0)
			return;
		if (n > 0) {
			len += (size_t)n;
			got[len] = 0;
		}
		if (want && strstr(got, want))
			return;
		sd_event_run(w->event, 5000);
	}
}

static void ask(
	struct world *w, const char *request, const char *status, const char *body)
{
	int fd = dial(w);
	char got[65536] = "";

	assert_int_equal(write_all(fd, request, strlen(request)), 0);
	converse(w, fd, got, sizeof(got), NULL, 5000);
	close(fd);
	if (!str_startswith(got, status) || (body && !strstr(got, body)))
		fail_msg("expected %s ... %s, got: %s", status, body, got);
}

#define END "Host: x\r\nConnection: close\r\n\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" END
#define HOLD "GET /hold HTTP/1.1\r\n" END
#define PARK "GET /park HTTP/1.1\r\n" END

static void answers(void **state)
{
	struct world *w = *state;
	struct stat st;

	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	ask(w, "GET /text HTTP/1.1\r\n" END, "HTTP/1.1 200 ", "\r\n\r\nnone");
	ask(w, "GET /text HTTP/1.1\r\nAuthorization: Bearer abc\r\n" END, "HTTP/1.1 200 ",
		"\r\n\r\nabc");
	ask(w, "GET /text HTTP/1.1\r\nAuthorization: Basic abc\r\n" END, "HTTP/1.1 200 ",
		"\r\n\r\nnone");
	ask(w, "GET /nothing HTTP/1.1\r\n" END, "HTTP/1.1 404 ", "{\"error\":\"no\"}");
	ask(w, "GET /number?n=5 HTTP/1.1\r\n" END, "HTTP/1.1 418 ", "\"5\"");
	ask(w, "GET /number HTTP/1.1\r\n" END, "HTTP/1.1 418 ", "\"7\"");
	ask(w, "GET /number?n=101 HTTP/1.1\r\n" END, "HTTP/1.1 400 ",
		"found \\\"101\\\"");
	ask(w, "GET /number?n=-1 HTTP/1.1\r\n" END, "HTTP/1.1 400 ", "n: expected");
	ask(w, "rubbish\r\n\r\n", "", NULL); /* closed */
	ask(w, "GET /text HTTP/1.1\r\n" END, "HTTP/1.1 200 ", "none");
}

static void files(void **state)
{
	struct world *w = *state;

	ask(w, "GET /file HTTP/1.1\r\n" END, "HTTP/1.1 200 ", "\r\n\r\n0123456789");
	ask(w, "GET /file HTTP/1.1\r\nRange: bytes=7-\r\n" END, "HTTP/1.1 206 ",
		"\r\n\r\n789");
	ask(w, "GET /file HTTP/1.1\r\nRange: bytes=2-4\r\n" END, "HTTP/1.1 206 ",
		"Content-Range: bytes 2-4/10\r\n");
	ask(w, "GET /file HTTP/1.1\r\nRange: bytes=10-\r\n" END, "HTTP/1.1 416 ",
		"Content-Range: bytes */10\r\n");
}

static void bodies(void **state)
{
	struct world *w = *state;

	ask(w, "POST /x HTTP/1.1\r\nContent-Length: 5\r\n" END "hello", "HTTP/1.1 200 ",
		"{}");
	assert_string_equal(w->body, "hello");
	assert_int_equal(w->body_len, 5);
	ask(w, "POST /x HTTP/1.1\r\nContent-Length: 0\r\n" END, "HTTP/1.1 200 ", "{}");
	assert_string_equal(w->body, "");
	ask(w,
		"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END
		"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
		"HTTP/1.1 200 ", "{}");
	assert_string_equal(w->body, "abcde");
}

static void body_too_long(void **state)
{
	struct world *w = *state;
	char head[200], got[4096] = "", chunk[65536];
	size_t sent = 0, size = HTTPD_MAX_BODY + 1;
	int fd = dial(w);

	memset(chunk, 'x', sizeof(chunk));
	snprintf(head, sizeof(head), "POST /x HTTP/1.1\r\nContent-Length: %zu\r\n" END,
		size);
	assert_int_equal(write_all(fd, head, strlen(head)), 0);
	while (sent < size) {
		ssize_t n = write(fd, chunk, MIN(sizeof(chunk), size - sent));

		if (n > 0)
			sent += (size_t)n;
		sd_event_run(w->event, 1000);
	}
	converse(w, fd, got, sizeof(got), NULL, 5000);
	close(fd);
	assert_true(str_startswith(got, "HTTP/1.1 413 "));
	assert_null(w->body);
}

static void held_until_a_kick(void **state)
{
	struct world *w = *state;
	char got[4096] = "";
	int fd = dial(w), other = 0;

	assert_int_equal(write_all(fd, HOLD, strlen(HOLD)), 0);
	converse(w, fd, got, sizeof(got), NULL, 100);
	assert_string_equal(got, "");
	assert_int_equal(w->tries, 1);
	httpd_kick(w->httpd, &other); /* not its key */
	assert_int_equal(w->tries, 1);
	httpd_kick(w->httpd, w); /* nothing to say yet */
	assert_int_equal(w->tries, 2);
	converse(w, fd, got, sizeof(got), NULL, 50);
	assert_string_equal(got, "");
	w->open = true;
	httpd_kick(w->httpd, w);
	converse(w, fd, got, sizeof(got), "{\"open\":true}", 100);
	assert_true(str_startswith(got, "HTTP/1.1 200 "));
	httpd_kick(w->httpd, w);
	assert_int_equal(w->tries, 3);
	close(fd);
}

static bool is_settled(void *userdata)
{
	return !((struct world *)userdata)->unsafe;
}

static int settle(void *userdata)
{
	struct world *w = userdata;
	char c;

	assert_int_equal(recv(w->peeked, &c, 1, MSG_PEEK | MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	w->settles++;
	w->unsafe = false;
	return w->settle_r;
}

/* Two that write in one turn are settled once, and answered after it. */
static void answers_wait_until_they_are_safe(void **state)
{
	struct world *w = *state;
	struct httpd_settler s = {
		.is_settled = is_settled, .settle = settle, .userdata = w};
	char got[2][4096] = {"", ""};
	int fds[2] = {dial(w), dial(w)};

	httpd_settle_with(w->httpd, &s);
	httpd_settle_with(NULL, &s);
	w->peeked = fds[1];
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			write_all(fds[i], GET("/write"), strlen(GET("/write"))), 0);
	for (int i = 0; i < 2; i++) {
		converse(w, fds[i], got[i], sizeof(got[i]), NULL, 5000);
		assert_true(str_startswith(got[i], "HTTP/1.1 200 "));
		close(fds[i]);
	}
	assert_int_equal(w->settles, 1);
	w->peeked = dial(w);
	ask(w, GET("/text"), "HTTP/1.1 200 ", NULL); /* has written nothing */
	assert_int_equal(w->settles, 1);
	w->settle_r = -ENOSPC;
	ask(w, GET("/write"), "HTTP/1.1 503 ", "could not be kept");
	assert_int_equal(w->settles, 2);
	close(w->peeked);
}

/* One that waits for others' sake is answered, too, when the server ends. */
static void end_with_an_unsafe_answer(void **state)
{
	struct world *w = *state;
	struct httpd_settler s = {
		.is_settled = is_settled, .settle = settle, .userdata = w};
	char got[4096] = "";
	int fd = dial(w);

	httpd_settle_with(w->httpd, &s);
	w->peeked = fd;
	assert_int_equal(write_all(fd, HOLD, strlen(HOLD)), 0);
	converse(w, fd, got, sizeof(got), NULL, 100);
	w->unsafe = w->open = true;
	httpd_kick(w->httpd, w);
	httpd_free(w->httpd);
	w->httpd = NULL;
	assert_true(read(fd, got, sizeof(got) - 1) > 0);
	assert_true(str_startswith(got, "HTTP/1.1 200 "));
	assert_int_equal(w->settles, 1);
	close(fd);
}

static void kick_within_a_kick(void **state)
{
	struct world *w = *state;
	char got[3][4096] = {"", "", ""};
	int fds[3];

	for (int i = 0; i < 3; i++) {
		fds[i] = dial(w);
		assert_int_equal(
			write_all(fds[i], GET("/chain"), strlen(GET("/chain"))), 0);
		converse(w, fds[i], got[i], sizeof(got[i]), NULL, 100);
	}
	w->open = true;
	httpd_kick(w->httpd, &w->open); /* nobody's */
	assert_int_equal(w->tries, 0);
	httpd_kick(w->httpd, w);
	assert_int_equal(w->tries, 3); /* each once */
	for (int i = 0; i < 3; i++) {
		converse(w, fds[i], got[i], sizeof(got[i]), NULL, 5000);
		assert_true(str_startswith(got[i], "HTTP/1.1 204 "));
		close(fds[i]);
	}
	httpd_kick(w->httpd, w);
	assert_int_equal(w->tries, 3);
}

static void shared_middle(void **state)
{
	struct world *w = *state;

	ask(w, GET("/shared"), "HTTP/1.1 200 ", "\r\n\r\n{\"a\":[1,2,3]}");
	assert_int_equal(w->tries, 1); /* given back, once */
}

static bool says_encoding(struct world *w, const char *accepts)
{
	_cleanup_free_ char *request =
		xasprintf("GET /shared HTTP/1.1\r\nAccept-Encoding: %s\r\n" END, accepts);
	char got[4096] = "";
	int fd = dial(w);

	assert_int_equal(write_all(fd, request, strlen(request)), 0);
	converse(w, fd, got, sizeof(got), NULL, 5000);
	close(fd);
	assert_non_null(strstr(got, "[1,2,3]}"));
	return strstr(got, "Content-Encoding: x-none\r\n");
}

static void encoding(void **state)
{
	struct world *w = *state;

	assert_true(says_encoding(w, "x-none"));
	assert_true(says_encoding(w, "gzip, X-None"));
	assert_true(says_encoding(w, "gzip;q=0.5,x-none , br"));
	assert_false(says_encoding(w, "x-none;q=0"));
	assert_false(says_encoding(w, "x-nonesuch, ,gzip,"));
	assert_false(says_encoding(w, ""));
}

/* With so many, those that are answered go on together. */
static void many_held(void **state)
{
	enum { MANY = 300 };
	struct world *w = *state;
	static char got[MANY][1024];
	int fds[MANY];

	memset(got, 0, sizeof(got));
	for (int i = 0; i < MANY; i++) {
		fds[i] = dial(w);
		assert_int_equal(
			write_all(fds[i], GET("/chain"), strlen(GET("/chain"))), 0);
		converse(w, fds[i], got[i], sizeof(got[i]), NULL, 1);
	}
	w->open = true;
	httpd_kick(w->httpd, w);
	assert_int_equal(w->tries, MANY);
	for (int i = 0; i < MANY; i++) {
		converse(w, fds[i], got[i], sizeof(got[i]), NULL, 5000);
		assert_true(str_startswith(got[i], "HTTP/1.1 204 "));
		close(fds[i]);
	}
}

static void held_to_the_end(void **state)
{
	struct world *w = *state;
	uint64_t began = now_mono_ms();

	ask(w, "GET /hold HTTP/1.1\r\n" END, "HTTP/1.1 204 ", NULL);
	assert_true(now_mono_ms() - began >= 390);
	assert_int_equal(w->tries, 2);
}

static void held_client_hangs_up(void **state)
{
	struct world *w = *state;
	char got[100] = "";
	int fd = dial(w);

	assert_int_equal(write_all(fd, HOLD, strlen(HOLD)), 0);
	converse(w, fd, got, sizeof(got), NULL, 50);
	close(fd);
	w->open = true;
	httpd_kick(w->httpd, w);
	ask(w, "GET /text HTTP/1.1\r\n" END, "HTTP/1.1 200 ", "none");
}

static void parked(void **state)
{
	struct world *w = *state;
	char got[4096] = "";
	int fd = dial(w);

	assert_int_equal(write_all(fd, PARK, strlen(PARK)), 0);
	converse(w, fd, got, sizeof(got), NULL, 50);
	assert_non_null(w->parked);
	httpd_reply_text(w->parked, 200, "late");
	httpd_reply_text(w->parked, 500, "a second answer is dropped");
	converse(w, fd, got, sizeof(got), "late", 500);
	assert_true(str_startswith(got, "HTTP/1.1 200 "));
	close(fd);
}

static void end_with_a_held_request(void **state)
{
	struct world *w = *state;
	char got[4096] = "";
	int fd = dial(w);

	assert_int_equal(write_all(fd, HOLD, strlen(HOLD)), 0);
	converse(w, fd, got, sizeof(got), NULL, 50);
	httpd_free(w->httpd);
	w->httpd = NULL;
	assert_true(read(fd, got, sizeof(got) - 1) > 0);
	assert_true(str_startswith(got, "HTTP/1.1 503 "));
	close(fd);
}

/* What is counted is what was answered; what waits or goes on is looked at. */
static void counted(void **state)
{
	struct world *w = *state;
	struct httpd_counts counts = {0};
	char got[4096] = "";
	uint64_t held, streams;
	int fd = dial(w), other = dial(w);

	httpd_count(w->httpd, &counts);
	ask(w, GET("/text"), "HTTP/1.1 200 ", NULL);
	ask(w, GET("/nothing"), "HTTP/1.1 404 ", NULL);
	ask(w, GET("/number"), "HTTP/1.1 418 ", NULL);
	assert_int_equal(write_all(fd, HOLD, strlen(HOLD)), 0);
	assert_int_equal(write_all(other, GET("/stream"), strlen(GET("/stream"))), 0);
	for (int i = 0; i < 100 && !(w->tries && w->stream); i++)
		sd_event_run(w->event, 20000);
	httpd_open_requests(w->httpd, &held, &streams);
	assert_int_equal(held, 1);
	assert_int_equal(streams, 1);
	assert_int_equal(counts.answered[2], 2);
	assert_int_equal(counts.answered[4], 2);
	w->open = true;
	httpd_kick(w->httpd, w);
	converse(w, fd, got, sizeof(got), "{\"open\":true}", 2000);
	httpd_open_requests(w->httpd, &held, &streams);
	assert_int_equal(held, 0);
	assert_int_equal(counts.answered[2], 3);
	close(fd);
	close(other);
	httpd_open_requests(NULL, &held, &streams);
	assert_int_equal(held + streams, 0);
}

static void streamed(void **state)
{
	struct world *w = *state;
	int fd = dial(w);
	char got[4096] = "";

	assert_int_equal(write_all(fd, GET("/stream"), strlen(GET("/stream"))), 0);
	converse(w, fd, got, sizeof(got), "\r\n\r\n", 2000);
	assert_non_null(strstr(got, "X-Of: this answer"));
	assert_non_null(w->stream);
	for (int i = 0; i < 3; i++) { /* asleep in between */
		char word[] = "word0";

		word[4] = (char)('0' + i);
		assert_int_equal(httpd_stream_send(w->stream, word, 5), 0);
		converse(w, fd, got, sizeof(got), word, 2000);
		assert_non_null(strstr(got, word));
		assert_int_equal(httpd_stream_waiting(w->stream), 0);
	}
	httpd_stream_end(w->stream);
	assert_int_equal(httpd_stream_send(w->stream, "late", 4), -EPIPE);
	for (int i = 0; w->stream && i < 100; i++)
		sd_event_run(w->event, 20000);
	assert_null(w->stream);
	close(fd);
}

/* What waits for a client that takes nothing is bounded, and it can be begun with anew. */
static void stream_of_the_slow(void **state)
{
	static char block[4096];
	struct world *w = *state;
	size_t sent = 0;
	int fd = dial(w), r;
	char got[4096] = "";

	memset(block, 'a', sizeof(block));
	assert_int_equal(write_all(fd, GET("/stream"), strlen(GET("/stream"))), 0);
	while (!w->stream)
		sd_event_run(w->event, 100000);
	do {
		r = httpd_stream_send(w->stream, block, sizeof(block));
		sent += r == 0 ? sizeof(block) : 0;
		while (sd_event_run(w->event, 0) > 0) {
		}
	} while (r == 0 && sent < 16 * 1024 * 1024);
	assert_int_equal(r, -ENOBUFS);
	assert_true(httpd_stream_waiting(w->stream) <= STREAM_BYTES);
	while (httpd_stream_waiting(w->stream) > STREAM_BYTES - sizeof(block)) {
		got[0] = 0;
		converse(w, fd, got, sizeof(got), "\1", 10);
	}
	assert_int_equal(httpd_stream_send(w->stream, block, sizeof(block)), 0);
	close(fd); /* noticed when there is something to send */
	for (int i = 0; w->stream && i < 100; i++) {
		(void)httpd_stream_send(w->stream, "b", 1);
		sd_event_run(w->event, 20000);
	}
	assert_null(w->stream);
}

/* The server ends before the one who is to answer: he finds nobody there any more. */
static void parked_in_a_slot(void **state)
{
	struct world *w = *state;
	int fd = dial(w);
	char got[2048] = "";

	assert_int_equal(write_all(fd, GET("/slot"), strlen(GET("/slot"))), 0);
	while (!w->slot)
		sd_event_run(w->event, 100000);
	httpd_free(w->httpd);
	assert_null(w->slot);
	w->httpd = NULL;
	assert_true(read(fd, got, sizeof(got) - 1) > 0);
	assert_non_null(strstr(got, "503"));
	close(fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(answers),
		T(files),
		T(bodies),
		T(body_too_long),
		T(held_until_a_kick),
		T(answers_wait_until_they_are_safe),
		T(end_with_an_unsafe_answer),
		T(kick_within_a_kick),
		T(shared_middle),
		T(encoding),
		T(many_held),
		T(held_to_the_end),
		T(held_client_hangs_up),
		T(parked),
		T(end_with_a_held_request),
		T(counted),
		T(streamed),
		T(stream_of_the_slow),
		T(parked_in_a_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
