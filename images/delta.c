/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is sent by multicast comes first, in whatever order. Then frames are gone through in order:
 * one whose blocks are all at hand is put together from them, neighbours that are not are fetched
 * with one request. What came is checked block by block as
 * it comes, and all of it once more from the disk at the end; keys find blocks, no more.
 */
#include "images/delta.h"

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <zstd.h>

#include "common/digest.h"
#include "common/log.h"
#include "common/parse.h"
#include "images/blocks.h"
#include "images/castreceive.h"
#include "images/manifest.h"

#define NOWHERE 0u
#define ZEROS UINT32_MAX
#define READ_BYTES (1024 * 1024)

struct work {
	struct delta *d;
	int target; /* the slot, to be read back; borrowed */
	struct blocks *list; /* owned */
	uint32_t *by_key; /* owned: the blocks' numbers, sorted by key */
	/* owned: of each block NOWHERE, ZEROS, or 1 + its number in the source */
	uint32_t *from;
	uint64_t zero_key;
	ZSTD_DCtx *zstd; /* owned */
	struct http_reuse *reuse; /* owned */
	uint8_t *frame, *packed; /* owned: a frame, page-aligned; the same as it comes */
	size_t packed_len;
	uint8_t *written; /* owned: of each frame, whether it is */
	uint64_t written_bytes;
	uint32_t lacking; /* frames that multicast may still bring */
	uint32_t next; /* the frame that is to be written next */
	uint32_t run_end; /* the first frame that is not in the request that runs */
	int failed; /* of the sink or the bytes: no second attempt */
	char *why; /* owned: of that */
};

static void work_clear(struct work *w)
{
	blocks_free(w->list);
	free(w->by_key);
	free(w->from);
	free(w->written);
	ZSTD_freeDCtx(w->zstd);
	http_reuse_free(w->reuse);
	free(w->frame);
	free(w->packed);
	free(w->why);
}

/* ---- the list ---- */

static int fetch_list(struct work *w, char **reterr_msg)
{
	_cleanup_(http_response_clear) struct http_response resp = {0};
	struct http_request req = {.method = "GET",
		.url = w->d->blocks_url,
		.identity = w->d->image.identity,
		.reuse = w->reuse,
		.stall_timeout_ms = FETCH_STALL_MS,
		.max_body = (size_t)blocks_file_bytes(w->d->image.raw_bytes)};
	char digest[DIGEST_HEX];
	int r = http_do(&req, &resp, reterr_msg);

	if (r < 0)
		return r;
	w->d->fetched_bytes += resp.body_len;
	digest_hex(resp.body, resp.body_len, digest);
	if (resp.status != 200 || !streq(digest, w->d->blocks_sha256)) {
		*reterr_msg = xasprintf("%s: %s", w->d->blocks_url,
			resp.status != 200 ? "the server does not give it"
					   : "it is another than the manifest names");
		return -EBADMSG;
	}
	r = blocks_parse(resp.body, resp.body_len, &w->list, reterr_msg);
	if (r != 0)
		return -EBADMSG;
	if (w->list->raw_bytes == w->d->image.raw_bytes &&
		w->list->compressed_bytes == w->d->image.size_bytes)
		return 0;
	*reterr_msg = xstrdup("the list of the image's blocks is another image's");
	return -EBADMSG;
}

static int compare_keys(const void *a, const void *b, void *userdata)
{
	const struct blocks *list = userdata;
	uint64_t x = list->keys[*(const uint32_t *)a],
		 y = list->keys[*(const uint32_t *)b];

	return x < y ? -1 : x > y;
}

static void sort_list(struct work *w)
{
	static const uint8_t zeros[BLOCK_BYTES];
	uint32_t n = w->list->n_blocks;

	w->by_key = xcalloc(n, sizeof(*w->by_key));
	w->from = xcalloc(n, sizeof(*w->from));
	w->written = xcalloc(w->list->n_frames, 1);
	w->zero_key = block_key(zeros);
	for (uint32_t i = 0; i < n; i++) {
		w->by_key[i] = i;
		w->from[i] = w->list->keys[i] == w->zero_key ? ZEROS : NOWHERE;
	}
	qsort_r(w->by_key, n, sizeof(*w->by_key), compare_keys, w->list);
}

/* The first place in by_key whose key is not less. */
static uint32_t lower_bound(const struct work *w, uint64_t key)
{
	uint32_t low = 0, high = w->list->n_blocks;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (w->list->keys[w->by_key[mid]] < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* ---- what is at hand ---- */

static void found(struct work *w, uint64_t key, uint32_t number)
{
	for (uint32_t i = lower_bound(w, key); i < w->list->n_blocks; i++) {
		uint32_t block = w->by_key[i];

		if (w->list->keys[block] != key || w->from[block] != NOWHERE)
			return; /* no more, or all of them have been found before */
		w->from[block] = number + 1;
	}
}

/* What cannot be read is not had: it is fetched. */
static void search_source(struct work *w)
{
	_cleanup_free_ uint8_t *buf = xmalloc(READ_BYTES);

	for (uint64_t at = 0; w->d->source >= 0 && at < w->d->source_bytes;
		at += READ_BYTES) {
		ssize_t n = pread(w->d->source, buf,
			(size_t)MIN((uint64_t)READ_BYTES, w->d->source_bytes - at),
			(off_t)at);

		for (ssize_t i = 0; i + BLOCK_BYTES <= n; i += BLOCK_BYTES) {
			uint64_t key = block_key(buf + i);

			if (key != w->zero_key)
				found(w, key,
					(uint32_t)((at + (uint64_t)i) / BLOCK_BYTES));
		}
	}
}

/* ---- frames ---- */

static size_t frame_bytes(const struct work *w, uint32_t i)
{
	return (size_t)MIN(
		(uint64_t)FRAME_BYTES, w->list->raw_bytes - (uint64_t)i * FRAME_BYTES);
}

static bool is_at_hand(const struct work *w, uint32_t frame)
{
	uint32_t first = frame * BLOCKS_OF_FRAME;
	size_t n = frame_bytes(w, frame) / BLOCK_BYTES;

	for (size_t i = 0; i < n; i++)
		if (w->from[first + i] == NOWHERE)
			return false;
	return true;
}

static int fail(struct work *w, int r, const char *what)
{
	w->failed = r;
	free(w->why);
	w->why = xstrdup(what);
	return r;
}

static void tell_progress(void *userdata)
{
	const struct work *w = userdata;

	if (w->d->image.on_progress)
		w->d->image.on_progress(
			w->d->image.userdata, w->written_bytes, w->list->raw_bytes);
}

static int put_frame(struct work *w, uint32_t frame)
{
	const struct image_sink *sink = &w->d->image.sink;
	size_t len = frame_bytes(w, frame);
	int r = sink->write(sink->userdata, (uint64_t)frame * FRAME_BYTES, w->frame, len);

	if (r < 0)
		return fail(w, r, "the disk does not take the image");
	w->written[frame] = 1;
	w->written_bytes += len;
	tell_progress(w);
	return 0;
}

/* Blocks that lie beside one another in the source are read at once. */
static int copy_frame(struct work *w)
{
	const uint32_t *from = w->from + (size_t)w->next * BLOCKS_OF_FRAME;
	size_t n = frame_bytes(w, w->next) / BLOCK_BYTES, run;

	for (size_t i = 0; i < n; i += run) {
		uint8_t *to = w->frame + i * BLOCK_BYTES;
		ssize_t len;

		for (run = 1; i + run < n; run++)
			if (from[i + run] != (from[i] == ZEROS ? ZEROS : from[i] + run))
				break;
		len = (ssize_t)(run * BLOCK_BYTES);
		if (from[i] == ZEROS)
			memset(to, 0, (size_t)len);
		else if (pread(w->d->source, to, (size_t)len,
				 (off_t)(from[i] - 1) * BLOCK_BYTES) != len)
			return fail(w, -EBADMSG, "the older image cannot be read twice");
		w->d->copied_bytes += from[i] == ZEROS ? 0 : (uint64_t)len;
	}
	return put_frame(w, w->next++);
}

/* Into w->frame. What is wrong with it, or NULL. */
static const char *unpack_frame(
	struct work *w, uint32_t frame, const uint8_t *packed, size_t packed_len)
{
	size_t len = frame_bytes(w, frame);
	const uint64_t *keys = w->list->keys + (size_t)frame * BLOCKS_OF_FRAME;
	size_t got;

	/* one frame of today's format, and nothing else: images/stream.c has the reasons */
	if (packed_len < 4 || read_le(packed, 4) != ZSTD_MAGICNUMBER ||
		ZSTD_findFrameCompressedSize(packed, packed_len) != packed_len)
		return "a part of the image that came is damaged";
	got = ZSTD_decompressDCtx(w->zstd, w->frame, FRAME_BYTES, packed, packed_len);
	if (ZSTD_isError(got) || got != len)
		return "a part of the image that came is damaged";
	for (size_t i = 0; i < len / BLOCK_BYTES; i++)
		if (block_key(w->frame + i * BLOCK_BYTES) != keys[i])
			return "a part of the image that came is another than its list has";
	return NULL;
}

/* packed holds all of the next frame. */
static int fetched_frame(struct work *w)
{
	const char *wrong = unpack_frame(w, w->next, w->packed, w->packed_len);

	w->packed_len = 0;
	return wrong ? fail(w, -EBADMSG, wrong) : put_frame(w, w->next++);
}

/* ---- what is sent by multicast ---- */

/* Worth listening to only for whom it is most of the image: a round of it takes its time. */
#define CAST_WORTH(n_frames) ((n_frames) / 4)

static uint32_t frames_lacking(const struct work *w)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->list->n_frames; i++)
		n += !w->written[i] && !is_at_hand(w, i);
	return n;
}

static void on_listen(void *userdata)
{
	const struct work *w = userdata;

	if (w->d->on_listen)
		w->d->on_listen(w->d->image.userdata);
}

static bool wants_frame(void *userdata, uint32_t frame)
{
	const struct work *w = userdata;

	return !w->written[frame] && !is_at_hand(w, frame);
}

/* Anybody can send: what is wrong is as good as lost. */
static int take_frame(void *userdata, uint32_t frame, const uint8_t *packed, size_t len)
{
	struct work *w = userdata;

	if (unpack_frame(w, frame, packed, len))
		return 0;
	if (put_frame(w, frame) < 0)
		return w->failed;
	w->d->cast_frames++;
	return --w->lacking > 0 ? 0 : -ECANCELED;
}

static void listen_to_cast(struct work *w)
{
	_cleanup_free_ char *why = NULL;
	struct castreceive c = {.group = w->d->cast_group,
		.address = w->d->cast_address,
		.port = w->d->cast_port,
		.sha256 = w->d->image.sha256,
		.list = w->list,
		.on_listen = on_listen,
		.on_time = tell_progress, /* also when no frame comes whole */
		.wants = wants_frame,
		.take = take_frame,
		.come = &w->d->cast_come,
		.lost = &w->d->cast_lost,
		.userdata = w};

	w->d->frames = w->list->n_frames;
	w->lacking = frames_lacking(w);
	if (!w->d->cast_group || w->lacking <= CAST_WORTH(w->list->n_frames))
		return;
	if (castreceive_run(&c, &why) < 0 && !w->failed)
		log_warn("%s; it is fetched instead", why);
	if (w->d->on_listened)
		w->d->on_listened(w->d->image.userdata);
}

/* ---- what is fetched ---- */

static int on_data(const void *data, size_t len, void *userdata)
{
	struct work *w = userdata;
	const uint8_t *p = data;

	w->d->fetched_bytes += len;
	while (len > 0 && w->next < w->run_end) {
		size_t size = (size_t)(w->list->frame_at[w->next + 1] -
			       w->list->frame_at[w->next]),
		       n = MIN(len, size - w->packed_len);

		memcpy(w->packed + w->packed_len, p, n);
		w->packed_len += n;
		p += n;
		len -= n;
		if (w->packed_len == size && fetched_frame(w) < 0)
			return -ECANCELED;
	}
	return len > 0 ? fail(w, -EBADMSG, "more of the image came than was asked for")
		       : 0;
}

/* One request, from where the next frame stands to run_end. */
static int attempt(struct work *w, char **ret_why)
{
	_cleanup_(http_response_clear) struct http_response resp = {0};
	uint64_t from = w->list->frame_at[w->next] + w->packed_len;
	struct http_request req = {.method = "GET",
		.url = w->d->image.url,
		.identity = w->d->image.identity,
		.reuse = w->reuse,
		.stall_timeout_ms = FETCH_STALL_MS,
		.range_from = from,
		.range_bytes = w->list->frame_at[w->run_end] - from,
		.on_data = on_data,
		.userdata = w};
	int r;

	r = http_do(&req, &resp, ret_why);
	if (r == 0 && (resp.status < 200 || resp.status >= 300)) {
		*ret_why = xasprintf(
			"%s: the server answered %u", w->d->image.url, resp.status);
		return resp.status >= 500 ? -EAGAIN : -ENOENT;
	}
	return r;
}

static int fetch_run(struct work *w, char **reterr_msg)
{
	unsigned failures = 0;

	while (w->next < w->run_end) {
		uint64_t before = w->d->fetched_bytes;
		_cleanup_free_ char *why = NULL;
		int r = attempt(w, &why);

		if (w->failed || w->next == w->run_end)
			break;
		failures = w->d->fetched_bytes > before ? 0 : failures + 1;
		if (r == -ENOENT || failures >= FETCH_FAILURES_MAX) {
			*reterr_msg = xasprintf("the image could not be fetched: %s",
				why ? why : "the connection ended early");
			return r < 0 ? r : -ECONNRESET;
		}
		if (w->d->image.on_pause)
			w->d->image.on_pause(w->d->image.userdata,
				fetch_pause_ms(failures),
				why ? why : "the connection ended early");
	}
	return 0;
}

static int write_frames(struct work *w, char **reterr_msg)
{
	int r = 0;

	while (r == 0 && !w->failed && w->next < w->list->n_frames) {
		if (w->written[w->next]) {
			w->next++;
			continue;
		}
		if (is_at_hand(w, w->next)) {
			(void)copy_frame(w);
			continue;
		}
		w->run_end = w->next + 1;
		while (w->run_end < w->list->n_frames && wants_frame(w, w->run_end))
			w->run_end++;
		r = fetch_run(w, reterr_msg);
	}
	if (w->failed) {
		free(*reterr_msg);
		*reterr_msg = xasprintf("%s: %s", w->why, strerror(-w->failed));
		return w->failed;
	}
	return r;
}

/* From the disk: what the drive gives back is what will be started. */
static int check_target(struct work *w, char **reterr_msg)
{
	uint64_t left = w->list->raw_bytes, at = 0;
	uint8_t digest[32];
	gnutls_hash_hd_t hash;
	char hex[65];
	ssize_t n = 0;

	if (fsync(w->target) < 0) {
		*reterr_msg = xasprintf("the disk did not take the image: %s. It may be "
					"failing.",
			strerror(errno));
		return -EIO;
	}
	(void)posix_fadvise(w->target, 0, 0, POSIX_FADV_DONTNEED);
	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		abort(); /* no memory */
	while (left > 0 &&
		(n = pread(w->target, w->frame, (size_t)MIN(left, (uint64_t)FRAME_BYTES),
			 (off_t)at)) > 0) {
		gnutls_hash(hash, w->frame, (size_t)n);
		at += (uint64_t)n;
		left -= (uint64_t)n;
	}
	gnutls_hash_deinit(hash, digest);
	hex_encode(digest, sizeof(digest), hex);
	if (left == 0 && streq(hex, w->d->raw_sha256))
		return 0;
	*reterr_msg = left > 0
		? xasprintf("the disk does not give back what was written: %s",
			  strerror(n < 0 ? errno : EIO))
		: xasprintf("what is on the disk now is not the image: expected "
			    "SHA-256 %s, found %s",
			  w->d->raw_sha256, hex);
	return left > 0 ? -EIO : -EBADMSG;
}

/* -EBADMSG: it does not go this way, but the whole may be had. */
static int write_difference(struct delta *d, int target, char **reterr_msg)
{
	_cleanup_(work_clear) struct work w = {.d = d, .target = target};
	int r;

	w.reuse = http_reuse_new();
	w.zstd = ZSTD_createDCtx();
	w.frame = aligned_alloc(4096, FRAME_BYTES);
	w.packed = xmalloc(2 * FRAME_BYTES); /* blocks.c lets no frame be longer */
	if (!w.zstd || !w.frame)
		abort(); /* no memory */
	r = fetch_list(&w, reterr_msg);
	if (r < 0)
		return -EBADMSG; /* fetching the whole is tried for minutes */
	sort_list(&w);
	search_source(&w);
	listen_to_cast(&w);
	r = write_frames(&w, reterr_msg);
	return r == 0 ? check_target(&w, reterr_msg) : r;
}

static int write_whole(struct delta *d, struct slot *slot, char **reterr_msg)
{
	int r;

	slot_rewind(slot);
	r = fetch_image(&d->image, reterr_msg);
	if (r < 0)
		return r;
	d->fetched_bytes += d->image.size_bytes;
	r = slot_sync(slot);
	if (r < 0)
		*reterr_msg = xasprintf("the disk did not take the image: %s. It may be "
					"failing.",
			strerror(-r));
	return r;
}

int delta_write(struct delta *d, struct slot *slot, char **reterr_msg)
{
	_cleanup_free_ char *why = NULL;
	int r;

	d->image.sink = slot_sink(slot);
	if (!d->blocks_url || ((d->source < 0 || !d->source_bytes) && !d->cast_group))
		return write_whole(d, slot, reterr_msg);
	r = write_difference(d, slot_fd(slot), &why);
	if (r == -EBADMSG) {
		log_warn("%s; the whole image is fetched instead", why);
		return write_whole(d, slot, reterr_msg);
	}
	*reterr_msg = TAKE_PTR(why);
	return r;
}
