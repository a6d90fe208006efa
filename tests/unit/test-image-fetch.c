/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Against a web server of a few lines, in a child process, that closes the connection
 * after so many bytes: what arrives must be whole and each byte have come once.
 */
#include "tests/unit/harness.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <zstd.h>

#include "images/fetch.h"

#define RAW_BYTES (3 * 1024 * 1024 + 77)

struct fixture {
	uint8_t *raw, *compressed; /* owned */
	size_t size;
	char sha256[65];
	char *url; /* owned */
	pid_t pid;
	uint8_t *got; /* owned: what the sink was given */
	uint64_t got_bytes;
	unsigned pauses;
	int sink_result;
};

static void answer(int fd, const struct fixture *f, size_t cut)
{
	char request[2048], head[256];
	ssize_t n = read(fd, request, sizeof(request) - 1);
	const char *range;
	size_t from = 0, len;

	request[MAX(n, 0)] = '\0';
	range = strstr(request, "bytes=");
	if (range)
		from = strtoul(range + 6, NULL, 10);
	len = f->size - from;
	if (strstr(request, "/missing"))
		snprintf(head, sizeof(head),
			"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
	else
		snprintf(head, sizeof(head),
			"HTTP/1.1 %s\r\nContent-Length: %zu\r\n"
			"Content-Range: bytes %zu-%zu/%zu\r\n\r\n",
			range ? "206 Partial" : "200 OK", len, from, f->size - 1,
			f->size);
	if (write_all(fd, head, strlen(head)) == 0 && !strstr(request, "/missing"))
		(void)write_all(fd, f->compressed + from, cut ? MIN(cut, len) : len);
}

static void serve(int listener, const struct fixture *f, size_t cut)
{
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(1);
		answer(fd, f, cut);
		shutdown(fd, SHUT_WR);
		close(fd);
	}
}

/* Each connection ends after cut bytes; 0: none does. */
static void start(struct fixture *f, size_t cut, const char *path)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	_cleanup_close_ int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
	f->url = xasprintf("http://127.0.0.1:%u%s", ntohs(a.sin_port), path);
	f->pid = fork();
	if (f->pid == 0)
		serve(listener, f, cut);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	uint8_t digest[32];
	uint32_t x = 1;

	f->raw = xmalloc(RAW_BYTES);
	for (size_t i = 0; i < RAW_BYTES; i++) {
		x = x * 1664525 + 1013904223;
		f->raw[i] = i % 3 ? (uint8_t)(x >> 24) : 0;
	}
	f->compressed = xmalloc(ZSTD_compressBound(RAW_BYTES));
	f->size = ZSTD_compress(
		f->compressed, ZSTD_compressBound(RAW_BYTES), f->raw, RAW_BYTES, 3);
	gnutls_hash_fast(GNUTLS_DIG_SHA256, f->compressed, f->size, digest);
	hex_encode(digest, sizeof(digest), f->sha256);
	f->got = xcalloc(1, RAW_BYTES);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->pid > 0) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	free(f->raw);
	free(f->compressed);
	free(f->url);
	free(f->got);
	free(f);
	return 0;
}

static int on_write(void *userdata, uint64_t offset, const void *data, size_t len)
{
	struct fixture *f = userdata;

	assert_true(offset == f->got_bytes && len <= RAW_BYTES - offset);
	memcpy(f->got + offset, data, len);
	f->got_bytes += len;
	return f->sink_result;
}

static void on_pause(void *userdata, unsigned ms, const char *why)
{
	struct fixture *f = userdata;

	assert_non_null(why);
	f->pauses++;
}

static int fetch(struct fixture *f, char **reterr_msg)
{
	const struct fetch what = {.url = f->url,
		.size_bytes = f->size,
		.raw_bytes = RAW_BYTES,
		.sha256 = f->sha256,
		.sink = {on_write, f},
		.on_pause = on_pause,
		.userdata = f};

	return fetch_image(&what, reterr_msg);
}

static void test_whole(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *why = NULL;

	start(f, 0, "/root.zst");
	assert_int_equal(fetch(f, &why), 0);
	assert_int_equal(f->got_bytes, RAW_BYTES);
	assert_memory_equal(f->got, f->raw, RAW_BYTES);
	assert_int_equal(f->pauses, 0);
}

static void test_broken_connections(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *why = NULL;

	start(f, 100001, "/root.zst");
	assert_int_equal(fetch(f, &why), 0);
	assert_memory_equal(f->got, f->raw, RAW_BYTES);
	assert_int_equal(f->pauses, (f->size - 1) / 100001);
}

static void test_missing(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *why = NULL;

	start(f, 0, "/missing");
	assert_int_equal(fetch(f, &why), -ENOENT);
	assert_non_null(strstr(why, "404"));
	assert_int_equal(f->pauses, 0); /* asking again changes nothing */
}

static void test_nobody(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *why = NULL;

	f->url = xstrdup("http://127.0.0.1:1/root.zst");
	assert_true(fetch(f, &why) < 0);
	assert_int_equal(f->pauses, FETCH_FAILURES_MAX - 1);
	assert_non_null(strstr(why, "0 of "));
}

static void test_other_image(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *why = NULL;

	start(f, 0, "/root.zst");
	f->sha256[0] = f->sha256[0] == '0' ? '1' : '0';
	assert_int_equal(fetch(f, &why), -EBADMSG);
	assert_non_null(why);
}

/* A full or broken disk ends it at once. */
static void test_sink_fails(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *why = NULL;

	start(f, 0, "/root.zst");
	f->sink_result = -EIO;
	assert_int_equal(fetch(f, &why), -EIO);
	assert_int_equal(f->pauses, 0);
}

static void test_pauses(void **state)
{
	assert_int_equal(fetch_pause_ms(0), 500);
	assert_int_equal(fetch_pause_ms(1), 1000);
	assert_int_equal(fetch_pause_ms(4), 8000);
	assert_int_equal(fetch_pause_ms(5), 15000);
	assert_int_equal(fetch_pause_ms(1000), 15000);
}

#define WITH_FIXTURE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {WITH_FIXTURE(test_whole),
		WITH_FIXTURE(test_broken_connections), WITH_FIXTURE(test_missing),
		WITH_FIXTURE(test_nobody), WITH_FIXTURE(test_other_image),
		WITH_FIXTURE(test_sink_fails), cmocka_unit_test(test_pauses)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
