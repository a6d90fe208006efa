/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new image from an old one and a web server of a few lines, in a child process: what is the
 * same in both does not come over the network, and nothing that is wrong passes.
 */
#include "tests/unit/harness.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <zstd.h>

#include "common/digest.h"
#include "images/blocks.h"
#include "images/cast.h"
#include "images/delta.h"
#include "images/slot.h"
#include "tests/unit/fakefs.h"

#define BLOCKS 700 /* eleven frames, the last one short */
#define RAW_BYTES ((size_t)BLOCKS * BLOCK_BYTES)

struct fixture {
	char *dir; /* owned */
	uint8_t *raw, *packed, *list; /* owned: the new image, its frames, its blocks */
	size_t packed_len, list_len;
	char raw_sha256[DIGEST_HEX], list_sha256[DIGEST_HEX], sha256[DIGEST_HEX];
	char *image_url, *blocks_url; /* owned */
	size_t cut; /* each connection ends after so many bytes; 0: none does */
	pid_t pid;
	int source, target;
	unsigned pauses;
	uint64_t fetched, copied;
	unsigned
		lose; /* each datagram whose number this divides is lost; 0: no multicast */
	uint32_t poisoned; /* a frame in which a byte is another; 0: none */
	pid_t sender;
	uint64_t cast_frames, cast_come, cast_lost;
	unsigned listened;
};

/* Text-like: compresses, and no two blocks are alike. */
static void fill_block(uint8_t *to, uint32_t seed)
{
	for (size_t i = 0; i < BLOCK_BYTES; i++) {
		seed = seed * 1664525 + 1013904223;
		to[i] = (uint8_t)(i % 4 ? 'a' + (seed >> 24) % 16 : ' ');
	}
}

static void digest(const void *data, size_t len, char ret[static DIGEST_HEX])
{
	digest_hex(data, len, ret);
}

static void pack(struct fixture *f)
{
	struct blocks list = {0};

	blocks_init(&list, RAW_BYTES);
	f->packed = xmalloc(ZSTD_compressBound(FRAME_BYTES) * list.n_frames);
	for (uint32_t i = 0; i < list.n_frames; i++) {
		size_t at = (size_t)i * FRAME_BYTES,
		       len = MIN((size_t)FRAME_BYTES, RAW_BYTES - at);

		f->packed_len += ZSTD_compress(f->packed + f->packed_len,
			ZSTD_compressBound(FRAME_BYTES), f->raw + at, len, 3);
		list.frame_at[i + 1] = f->packed_len;
	}
	for (uint32_t i = 0; i < BLOCKS; i++)
		list.keys[i] = block_key(f->raw + (size_t)i * BLOCK_BYTES);
	list.compressed_bytes = f->packed_len;
	f->list = blocks_format(&list, &f->list_len);
	free(list.keys);
	free(list.frame_at);
	digest(f->list, f->list_len, f->list_sha256);
	digest(f->raw, RAW_BYTES, f->raw_sha256);
	digest(f->packed, f->packed_len, f->sha256);
}

/* ---- the server ---- */

static void answer(int fd, const struct fixture *f)
{
	char request[2048], head[256];
	ssize_t n = read(fd, request, sizeof(request) - 1);
	bool is_list;
	const uint8_t *body;
	size_t from = 0, size, to;
	const char *range;

	request[MAX(n, 0)] = '\0';
	is_list = strstr(request, "GET /blocks");
	body = is_list ? f->list : f->packed;
	size = is_list ? f->list_len : f->packed_len;
	to = size;
	range = strstr(request, "bytes=");
	if (range) {
		char *dash;

		from = strtoul(range + 6, &dash, 10);
		to = dash[1] >= '0' && dash[1] <= '9' ? strtoul(dash + 1, NULL, 10) + 1
						      : size;
	}
	snprintf(head, sizeof(head),
		"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n"
		"Content-Range: bytes %zu-%zu/%zu\r\n\r\n",
		range ? "206 Partial" : "200 OK", to - from, from, to - 1, size);
	if (write_all(fd, head, strlen(head)) == 0)
		(void)write_all(fd, body + from,
			f->cut && !is_list ? MIN(f->cut, to - from) : to - from);
}

static void serve(int listener, const struct fixture *f)
{
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(1);
		answer(fd, f);
		shutdown(fd, SHUT_WR);
		close(fd);
	}
}

static void start(struct fixture *f)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	_cleanup_close_ int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
	f->image_url = xasprintf("http://127.0.0.1:%u/image", ntohs(a.sin_port));
	f->blocks_url = xasprintf("http://127.0.0.1:%u/blocks", ntohs(a.sin_port));
	f->pid = fork();
	if (f->pid == 0)
		serve(listener, f);
}

/* ---- old and new ---- */

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	void *dir = NULL;
	_cleanup_free_ char *source = NULL, *target = NULL;

	if (fakefs_setup(&dir) < 0)
		return -1;
	f->dir = dir;
	source = xasprintf("%s/source", f->dir);
	target = xasprintf("%s/target", f->dir);
	f->raw = xcalloc(1, RAW_BYTES);
	for (uint32_t i = 0; i < BLOCKS; i++)
		if (i % 100 != 50) /* some are zeros */
			fill_block(f->raw + (size_t)i * BLOCK_BYTES, i + 1);
	f->source = open(source, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	f->target = open(target, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (f->source < 0 || f->target < 0 || ftruncate(f->target, (off_t)RAW_BYTES) < 0)
		return -1;
	pack(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	void *dir = f->dir;

	if (f->sender > 0)
		waitpid(f->sender, NULL, 0);
	if (f->pid > 0) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	close(f->source);
	close(f->target);
	free(f->raw);
	free(f->packed);
	free(f->list);
	free(f->image_url);
	free(f->blocks_url);
	free(f);
	return fakefs_teardown(&dir);
}

/* An old image: the new one's blocks three further on, but for a few that are others. */
static void put_source(const struct fixture *f)
{
	for (uint32_t i = 0; i < BLOCKS; i++) {
		uint8_t block[BLOCK_BYTES];

		if (i == 10 || (i >= 300 && i < 310))
			fill_block(block, 100000 + i);
		else
			memcpy(block, f->raw + (size_t)i * BLOCK_BYTES, BLOCK_BYTES);
		assert_int_equal(pwrite(f->source, block, BLOCK_BYTES,
					 (off_t)(i + 3) * BLOCK_BYTES),
			BLOCK_BYTES);
	}
}

static void on_pause(void *userdata, unsigned ms, const char *why)
{
	struct fixture *f = userdata;

	assert_non_null(why);
	f->pauses++;
}

/* ---- the multicast ---- */

#define GROUP 0xefff4d01 /* 239.255.77.1 */

static void send_frames(const struct fixture *f, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(GROUP)};
	struct in_addr from = {.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint8_t buf[CAST_MAX], id[CAST_ID_BYTES];
	struct blocks *list = NULL;
	struct cast_datagram d = {0};
	char *why;

	if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof(from)) < 0 ||
		cast_id(f->sha256, id) < 0 ||
		blocks_parse(f->list, f->list_len, &list, &why) != 0)
		_exit(1);
	/* it begins in the middle, and comes round */
	for (uint32_t i = 0; i < list->n_frames; i++) {
		uint64_t at, end;

		d.frame = (i + 5) % list->n_frames;
		at = list->frame_at[d.frame];
		end = list->frame_at[d.frame + 1];
		for (d.at = 0; at + d.at < end; d.at += CAST_DATA, d.number++) {
			size_t len = MIN((size_t)(end - at - d.at), (size_t)CAST_DATA);

			cast_put_head(buf, id, &d);
			memcpy(buf + CAST_HEAD, f->packed + at + d.at, len);
			if (f->poisoned && f->poisoned == d.frame && d.at == 0)
				buf[CAST_HEAD + 99] ^= 1;
			if (d.number % f->lose != 0 || d.number == 0)
				(void)sendto(fd, buf, CAST_HEAD + len, 0,
					(struct sockaddr *)&to, sizeof(to));
		}
	}
	_exit(0);
}

static uint16_t cast_port(void)
{
	return (uint16_t)(20000 + getpid() % 20000);
}

static void on_listen(void *userdata)
{
	struct fixture *f = userdata;
	uint16_t port = cast_port();

	f->sender = fork();
	if (f->sender == 0)
		send_frames(f, port);
}

static void on_listened(void *userdata)
{
	struct fixture *f = userdata;

	f->listened++;
}

static int run(struct fixture *f, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/target", f->dir);
	_cleanup_(slot_freep) struct slot *slot = NULL;
	struct stat st;
	struct delta d;
	int r;

	start(f);
	assert_int_equal(fstat(f->source, &st), 0);
	assert_int_equal(slot_open(path, RAW_BYTES, &slot, reterr_msg), 0);
	d = (struct delta){.image = {.url = f->image_url,
				   .size_bytes = f->packed_len,
				   .raw_bytes = RAW_BYTES,
				   .sha256 = f->sha256,
				   .on_pause = on_pause,
				   .userdata = f},
		.blocks_url = f->blocks_url,
		.blocks_sha256 = f->list_sha256,
		.raw_sha256 = f->raw_sha256,
		.source = f->source,
		.source_bytes = (uint64_t)st.st_size,
		.cast_group = f->lose ? GROUP : 0,
		.cast_address = INADDR_LOOPBACK,
		.cast_port = cast_port(),
		.on_listen = on_listen,
		.on_listened = on_listened};
	r = delta_write(&d, slot, reterr_msg);
	f->cast_frames = d.cast_frames;
	f->cast_come = d.cast_come;
	f->cast_lost = d.cast_lost;
	f->fetched = d.fetched_bytes;
	f->copied = d.copied_bytes;
	return r;
}

static void is_there(const struct fixture *f)
{
	_cleanup_free_ uint8_t *got = xmalloc(RAW_BYTES);

	assert_int_equal(pread(f->target, got, RAW_BYTES, 0), RAW_BYTES);
	assert_memory_equal(got, f->raw, RAW_BYTES);
}

static void most_is_there(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *why = NULL;

	put_source(f);
	if (run(f, &why) < 0)
		fail_msg("%s", why);
	is_there(f);
	/* two of eleven frames, and the list */
	assert_true(f->fetched < f->list_len + 3 * f->packed_len / 11);
	assert_true(f->copied > RAW_BYTES * 7 / 10);
	assert_int_equal(f->pauses, 0);
}

static void little_is_there(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *why = NULL;

	assert_int_equal(pwrite(f->source, f->raw, BLOCK_BYTES, 0), BLOCK_BYTES);
	f->cut = 50001; /* and the connection breaks again and again */
	if (run(f, &why) < 0)
		fail_msg("%s", why);
	is_there(f);
	assert_int_equal(f->copied, 0); /* a frame is fetched whole */
	assert_true(f->pauses > 3);
}

static void nothing_is_there(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *why = NULL;

	if (run(f, &why) < 0)
		fail_msg("%s", why);
	is_there(f);
	assert_int_equal(f->fetched, f->packed_len); /* and no list */
}

/* What the difference does not make is fetched whole. */
static void comes_whole(struct fixture *f)
{
	_cleanup_free_ char *why = NULL;

	put_source(f);
	if (run(f, &why) < 0)
		fail_msg("%s", why);
	is_there(f);
	assert_true(f->fetched > f->packed_len);
}

static void another_list(void **state)
{
	struct fixture *f = *state;

	f->list[f->list_len - 1] ^= 1;
	comes_whole(f);
}

/* Two blocks of one key, made by hand here: the whole's digest tells. */
static void same_key(void **state)
{
	struct fixture *f = *state;
	uint8_t *keys = f->list + f->list_len - (size_t)BLOCKS * BLOCK_KEY_BYTES;

	memcpy(keys + 20 * BLOCK_KEY_BYTES, keys + 21 * BLOCK_KEY_BYTES, BLOCK_KEY_BYTES);
	memcpy(keys + 10 * BLOCK_KEY_BYTES, keys + 11 * BLOCK_KEY_BYTES, BLOCK_KEY_BYTES);
	digest(f->list, f->list_len, f->list_sha256);
	comes_whole(f);
}

/* Nor does the whole pass when it is damaged. */
static void damaged_frame(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *why = NULL;

	put_source(f);
	f->packed[f->packed_len - f->packed_len / 22 - 9] ^= 0x10; /* in the last frame */
	f->packed[f->packed_len / 22] ^= 0x10;
	f->packed[f->packed_len * 9 / 22] ^= 0x10; /* one that is fetched */
	assert_int_equal(run(f, &why), -EBADMSG);
	assert_non_null(strstr(why, "image"));
}

/* What multicast brings is not fetched; the rest is, and what is wrong counts as lost. */
static void by_multicast(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *why = NULL;

	f->lose = 1000000;
	if (run(f, &why) < 0)
		fail_msg("%s", why);
	is_there(f);
	assert_int_equal(f->fetched, f->list_len);
	assert_int_equal(f->cast_frames, 11);
	assert_int_equal(f->cast_lost, 0);
	assert_int_equal(f->listened, 1);
}

static void with_losses(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *why = NULL;

	f->lose = 300; /* of about 900 datagrams */
	f->poisoned = 7;
	if (run(f, &why) < 0)
		fail_msg("%s", why);
	is_there(f);
	assert_int_equal(f->listened, 1);
	assert_in_range(f->cast_lost, 1, 5);
	assert_in_range(f->cast_frames, 5, 9);
	assert_true(f->fetched > f->list_len + f->packed_len / 11);
	assert_true(f->fetched < f->list_len + f->packed_len * 6 / 11);
}

/* Who has most of it does not listen: a round would take longer than what it lacks. */
static void multicast_is_not_worth_it(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *why = NULL;

	put_source(f);
	f->lose = 1000000;
	if (run(f, &why) < 0)
		fail_msg("%s", why);
	is_there(f);
	assert_int_equal(f->listened, 0);
	assert_int_equal(f->cast_come, 0);
}

static void list_form(void **state)
{
	struct fixture *f = *state;
	struct blocks *b = NULL;
	_cleanup_free_ char *why = NULL, *why2 = NULL, *why3 = NULL;
	_cleanup_free_ uint8_t *again = NULL;
	size_t len;

	assert_int_equal(blocks_parse(f->list, f->list_len, &b, &why), 0);
	assert_int_equal(b->n_blocks, BLOCKS);
	assert_int_equal(b->compressed_bytes, f->packed_len);
	again = blocks_format(b, &len);
	assert_int_equal(len, f->list_len);
	assert_memory_equal(again, f->list, len);
	blocks_freep(&b);
	assert_int_equal(
		blocks_parse(f->list, f->list_len - 1, &b, &why2), BLOCKS_E_INVALID);
	assert_non_null(strstr(why2, "not as long"));
	f->list[40] ^= 1; /* the first frame's size */
	assert_int_equal(blocks_parse(f->list, f->list_len, &b, &why3), BLOCKS_E_INVALID);
	assert_non_null(strstr(why3, "frames"));
	assert_null(b);
}

#define WITH_BOTH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {WITH_BOTH(most_is_there),
		WITH_BOTH(little_is_there), WITH_BOTH(nothing_is_there),
		WITH_BOTH(by_multicast), WITH_BOTH(with_losses),
		WITH_BOTH(multicast_is_not_worth_it), WITH_BOTH(another_list),
		WITH_BOTH(damaged_frame), WITH_BOTH(same_key), WITH_BOTH(list_form)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
