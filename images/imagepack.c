/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ondol-imagepack RAW COMPRESSED BLOCKS LEVEL: for build-image. Compresses an image in frames of
 * their own, so that any of them can be fetched alone, and writes the list of its blocks. Prints
 * the raw bytes' SHA-256. The same bytes and level give the same files.
 */
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "common/parse.h"
#include "images/blocks.h"
#include "images/manifest.h"

#define BATCH 64 /* frames that are compressed side by side, then written in order */
#define MAX_THREADS 64

struct frame {
	uint8_t raw[FRAME_BYTES];
	size_t raw_len, packed_len;
	uint8_t *packed; /* owned, of ZSTD_compressBound(FRAME_BYTES) */
	uint64_t *keys; /* borrowed: where this frame's go */
};

struct batch {
	struct frame frames[BATCH];
	size_t n;
	size_t next; /* the one that the next thread takes */
	int level;
	bool failed;
	pthread_mutex_t lock;
};

static struct frame *take(struct batch *b)
{
	struct frame *f;

	pthread_mutex_lock(&b->lock);
	f = b->next < b->n ? &b->frames[b->next++] : NULL;
	pthread_mutex_unlock(&b->lock);
	return f;
}

static void *work(void *userdata)
{
	struct batch *b = userdata;
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	struct frame *f;

	while (zstd && (f = take(b))) {
		f->packed_len = ZSTD_compressCCtx(zstd, f->packed,
			ZSTD_compressBound(FRAME_BYTES), f->raw, f->raw_len, b->level);
		if (ZSTD_isError(f->packed_len))
			b->failed = true;
		for (size_t i = 0; i < f->raw_len / BLOCK_BYTES; i++)
			f->keys[i] = block_key(f->raw + i * BLOCK_BYTES);
	}
	if (!zstd)
		b->failed = true;
	ZSTD_freeCCtx(zstd);
	return NULL;
}

static int compress_batch(struct batch *b)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = (size_t)MAX(1L, MIN(cpus, (long)MAX_THREADS)), started = 0;
	pthread_t threads[MAX_THREADS];

	b->next = 0;
	while (started < n && pthread_create(&threads[started], NULL, work, b) == 0)
		started++;
	if (!started)
		return -EAGAIN;
	while (started > 0)
		pthread_join(threads[--started], NULL);
	return b->failed ? -EIO : 0;
}

/* ---- the whole ---- */

struct pack {
	int in, out;
	struct blocks list;
	gnutls_hash_hd_t hash;
	struct batch batch;
};

static int read_frame(struct pack *p, uint32_t i)
{
	struct frame *f = &p->batch.frames[p->batch.n];
	uint64_t at = (uint64_t)i * FRAME_BYTES;
	ssize_t n;

	f->raw_len = (size_t)MIN((uint64_t)FRAME_BYTES, p->list.raw_bytes - at);
	f->keys = p->list.keys + (size_t)i * BLOCKS_OF_FRAME;
	n = pread(p->in, f->raw, f->raw_len, (off_t)at);
	if (n != (ssize_t)f->raw_len)
		return n < 0 ? -errno : -EIO;
	p->batch.n++;
	return gnutls_hash(p->hash, f->raw, f->raw_len) < 0 ? -EIO : 0;
}

static int write_batch(struct pack *p, uint32_t first)
{
	int r = compress_batch(&p->batch);

	for (size_t i = 0; r == 0 && i < p->batch.n; i++) {
		const struct frame *f = &p->batch.frames[i];

		p->list.frame_at[first + i + 1] =
			p->list.frame_at[first + i] + f->packed_len;
		r = write_all(p->out, f->packed, f->packed_len);
	}
	p->batch.n = 0;
	return r;
}

static int pack_all(struct pack *p)
{
	int r = 0;

	for (uint32_t i = 0, first = 0; r == 0 && i < p->list.n_frames; i++) {
		r = read_frame(p, i);
		if (r == 0 && (p->batch.n == BATCH || i + 1 == p->list.n_frames)) {
			r = write_batch(p, first);
			first = i + 1;
		}
	}
	p->list.compressed_bytes = p->list.frame_at[p->list.n_frames];
	return r;
}

static int write_list(const struct pack *p, const char *path)
{
	size_t len;
	_cleanup_free_ uint8_t *bytes = blocks_format(&p->list, &len);

	return write_file_atomic(path, bytes, len, 0644);
}

static int begin(struct pack *p, const char *raw, const char *packed)
{
	struct stat st;

	p->in = open(raw, O_RDONLY | O_CLOEXEC);
	if (p->in < 0 || fstat(p->in, &st) < 0)
		return -errno;
	if (st.st_size <= 0 || st.st_size % BLOCK_BYTES != 0 ||
		(uint64_t)st.st_size > IMAGE_MAX_RAW_BYTES)
		return -EFBIG;
	blocks_init(&p->list, (uint64_t)st.st_size);
	for (size_t i = 0; i < BATCH; i++)
		p->batch.frames[i].packed = xmalloc(ZSTD_compressBound(FRAME_BYTES));
	pthread_mutex_init(&p->batch.lock, NULL);
	if (gnutls_hash_init(&p->hash, GNUTLS_DIG_SHA256) < 0)
		return -EIO;
	p->out = open(packed, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return p->out < 0 ? -errno : 0;
}

static void end(struct pack *p)
{
	util_closep(&p->in);
	util_closep(&p->out);
	if (p->hash)
		gnutls_hash_deinit(p->hash, NULL);
	for (size_t i = 0; i < BATCH; i++)
		free(p->batch.frames[i].packed);
	free(p->list.keys);
	free(p->list.frame_at);
	free(p);
}

int main(int argc, char *argv[])
{
	struct pack *p = xcalloc(1, sizeof(*p)); /* tens of MB */
	uint8_t digest[32];
	char hex[65];
	unsigned level;
	int r;

	p->in = p->out = -1;
	if (argc != 5 || parse_unsigned(argv[4], 1, 19, &level) < 0) {
		fprintf(stderr, "usage: ondol-imagepack RAW COMPRESSED BLOCKS LEVEL\n");
		end(p);
		return 2;
	}
	p->batch.level = (int)level;
	r = begin(p, argv[1], argv[2]);
	if (r == 0)
		r = pack_all(p);
	if (r == 0 && fsync(p->out) < 0)
		r = -errno;
	if (r == 0)
		r = write_list(p, argv[3]);
	if (r == 0) {
		gnutls_hash_output(p->hash, digest);
		hex_encode(digest, sizeof(digest), hex);
		printf("%s\n", hex);
	} else {
		fprintf(stderr, "ondol-imagepack: %s to %s and %s: %s\n", argv[1],
			argv[2], argv[3], strerror(-r));
	}
	end(p);
	return r == 0 ? 0 : 1;
}
