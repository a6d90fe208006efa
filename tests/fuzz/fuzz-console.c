/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A serial console on its way through ondold and `ondol`: ipmitool's talk, its banner, what
 * the server says behind it; and what an operator types. Cut into reads anywhere, the same
 * comes out.
 */
#include "tests/fuzz/fuzz.h"

#include "bootstrap/sol.c"

#include "bootstrap/conescape.h"

struct heard { /* what the console was given */
	char *text; /* owned */
	size_t len, room;
	unsigned ups;
};

static void on_up(void *userdata)
{
	((struct heard *)userdata)->ups++;
}

static void on_data(const void *data, size_t len, void *userdata)
{
	struct heard *h = userdata;

	if (!h->ups || !len || len > h->room - h->len)
		abort(); /* not the server's */
	memcpy(h->text + h->len, data, len);
	h->len += len;
}

static void listen_in(const uint8_t *data, size_t size, size_t piece, struct heard *ret)
{
	struct sol s = {.hooks = {.up = on_up, .data = on_data, .userdata = ret},
		.in = -1,
		.out = -1};

	ret->text = xmalloc(size + 1);
	ret->room = size;
	for (size_t at = 0; at < size; at += piece) {
		_cleanup_free_ char *copy = xmalloc(piece); /* its end is watched */
		size_t n = MIN(piece, size - at);

		memcpy(copy, data + at, n);
		take(&s, copy, n);
	}
}

static void same_in_pieces(
	const uint8_t *data, size_t size, size_t piece, const struct heard *whole)
{
	struct heard cut = {0};

	listen_in(data, size, piece, &cut);
	if (whole->ups > 1 || whole->ups != cut.ups || whole->len != cut.len ||
		(whole->len && memcmp(whole->text, cut.text, whole->len) != 0))
		abort();
	free(cut.text);
}

static void fuzz_talk(const uint8_t *data, size_t size)
{
	struct heard whole = {0};

	listen_in(data, size, size + 1, &whole);
	same_in_pieces(data, size, 1, &whole);
	same_in_pieces(data, size, 1 + data[size / 2] % 64u, &whole);
	free(whole.text);
}

/* Nothing typed is lost but the commands, and nothing is made up. */
static void fuzz_typing(const uint8_t *data, size_t size)
{
	struct conescape e;
	size_t out = 0, commands = 0;

	conescape_init(&e);
	for (size_t i = 0; i < size; i++) {
		char bytes[2];
		size_t n;

		commands +=
			conescape_feed(&e, (char)data[i], bytes, &n) != CONESCAPE_NONE;
		out += n;
		if (n > 2)
			abort();
	}
	if (out > size || out + 2 * commands + 1 < size / 2)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	fuzz_talk(data, size);
	fuzz_typing(data, size);
	return 0;
}
