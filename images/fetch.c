/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two kinds of failure are kept apart: the connection's, which are tried again with a
 * Range from where the stream stands, and the image's or the disk's, which trying again
 * would only repeat.
 */
#include "images/fetch.h"

struct transfer {
	const struct fetch *f;
	struct image_stream *stream; /* owned by fetch_image */
	int failed; /* of stream or sink: no second attempt */
};

unsigned fetch_pause_ms(unsigned failures)
{
	return failures < 5 ? 500u << failures : 15000;
}

static int on_data(const void *data, size_t len, void *userdata)
{
	struct transfer *t = userdata;
	int r = image_stream_feed(t->stream, data, len);

	if (r != 0) {
		t->failed = r;
		return -ECANCELED;
	}
	if (t->f->on_progress)
		t->f->on_progress(
			t->f->userdata, image_stream_taken(t->stream), t->f->size_bytes);
	return 0;
}

/* One connection. 0: the server sent all it meant to; -errno: it broke, *ret_why says how. */
static int attempt(struct transfer *t, char **ret_why)
{
	_cleanup_(http_response_clear) struct http_response resp = {0};
	struct http_request req = {
		.method = "GET",
		.url = t->f->url,
		.identity = t->f->identity,
		.stall_timeout_ms = FETCH_STALL_MS,
		.range_from = image_stream_taken(t->stream),
		.on_data = on_data,
		.userdata = t,
	};
	int r = http_do(&req, &resp, ret_why);

	if (r < 0)
		return r;
	if (resp.status >= 200 && resp.status < 300) {
		*ret_why = xstrdup("the connection ended early");
		return -ECONNRESET;
	}
	*ret_why = xasprintf("%s: the server answered %u", t->f->url, resp.status);
	return resp.status >= 500 ? -EAGAIN : -ENOENT;
}

static bool is_complete(const struct transfer *t)
{
	return image_stream_taken(t->stream) >= t->f->size_bytes;
}

/* Connections until all bytes are here, or it is hopeless. */
static int transfer(struct transfer *t, char **reterr_msg)
{
	unsigned failures = 0;

	while (!is_complete(t)) {
		uint64_t before = image_stream_taken(t->stream);
		_cleanup_free_ char *why = NULL;
		int r = attempt(t, &why);

		if (is_complete(t) || t->failed)
			break;
		failures = image_stream_taken(t->stream) > before ? 0 : failures + 1;
		if (r == -ENOENT || failures >= FETCH_FAILURES_MAX) {
			*reterr_msg = xasprintf(
				"the image could not be fetched (%llu of %llu bytes came): "
				"%s. Is the deployment host reachable, and is the file there?",
				(unsigned long long)image_stream_taken(t->stream),
				(unsigned long long)t->f->size_bytes, why);
			return r;
		}
		if (t->f->on_pause)
			t->f->on_pause(t->f->userdata, fetch_pause_ms(failures), why);
	}
	return 0;
}

int fetch_image(const struct fetch *f, char **reterr_msg)
{
	_cleanup_(image_stream_freep) struct image_stream *stream = NULL;
	struct transfer t = {.f = f};
	int r = image_stream_new(
		&f->sink, f->size_bytes, f->raw_bytes, f->sha256, &stream);

	if (r < 0) {
		*reterr_msg = xasprintf(
			"the order's image digest cannot be used: %s", strerror(-r));
		return r;
	}
	t.stream = stream;
	r = transfer(&t, reterr_msg);
	if (r < 0)
		return r;
	r = image_stream_finish(stream, reterr_msg);
	return r > 0 ? -EBADMSG : r;
}
