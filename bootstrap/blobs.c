/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/blobs.h"

#include <dirent.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <sys/stat.h>

#include "common/jsonx.h"
#include "common/log.h"
#include "common/order.h"
#include "common/parse.h"

/*
 * A blob's file is named after its digest, so the new one is complete beside the old one
 * before the document names it, and the old one goes after. Whatever no document names at
 * the start was left by a kill and is removed. Large files are put on the disk piece by
 * piece, so that the end of one does not hold up the daemon.
 */

#define SYNC_EVERY (UINT64_C(16) << 20)

struct blobs {
	char *dir; /* owned */
	struct store *store; /* borrowed */
	json_t *index; /* owned */
};

struct blob_writer {
	struct blobs *blobs; /* borrowed */
	char *name, *tmp; /* owned */
	int fd; /* owned */
	gnutls_hash_hd_t hash; /* owned */
	uint64_t size, synced;
};

bool blob_name_is_ok(const char *name)
{
	return parse_token(name, DESIRED_MAX_BLOB_NAME) == 0 && name[0] != '.';
}

uint64_t blob_limit(const char *name)
{
	return streq(name, BLOB_BACKUP) ? BLOB_MAX_BACKUP : BLOB_MAX;
}

static char *path_of(const struct blobs *b, const char *name, const char *sha256)
{
	return xasprintf("%s/%s-%.16s", b->dir, name, sha256);
}

static const char *digest_of(const json_t *entry)
{
	const char *s = json_string_value(json_object_get(entry, "sha256"));

	return s ? s : "";
}

/* ---- life ---- */

static bool is_named(const struct blobs *b, const char *path)
{
	const char *name;
	json_t *entry;

	json_object_foreach(b->index, name, entry)
	{
		_cleanup_free_ char *known = path_of(b, name, digest_of(entry));

		if (streq(known, path))
			return true;
	}
	return false;
}

static void sweep(struct blobs *b)
{
	DIR *d = opendir(b->dir);

	for (const struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *path = xasprintf("%s/%s", b->dir, e->d_name);

		if (e->d_name[0] != '.' && !is_named(b, path))
			(void)unlink(path);
	}
	if (d)
		closedir(d);
}

int blobs_open(const char *dir, struct store *store, struct blobs **ret)
{
	struct blobs *b = xcalloc(1, sizeof(*b));
	int r;

	b->dir = xasprintf("%s/blobs", dir);
	b->store = store;
	r = mkdir_p(b->dir, 0700);
	if (r < 0) {
		log_error("%s: %s", b->dir, strerror(-r));
		blobs_free(b);
		return r;
	}
	if (store_doc_get(store, "blobs", "", &b->index) < 0)
		b->index = json_object();
	sweep(b);
	*ret = b;
	return 0;
}

void blobs_free(struct blobs *b)
{
	if (!b)
		return;
	json_decref(b->index);
	free(b->dir);
	free(b);
}

/* ---- reading ---- */

json_t *blobs_index(const struct blobs *b)
{
	return json_deep_copy(b->index);
}

json_t *blobs_facts(const struct blobs *b)
{
	json_t *all = blobs_index(b);

	json_object_del(all, BLOB_BACKUP);
	return all;
}

int blobs_read(const struct blobs *b, const char *name, int *ret_fd, uint64_t *ret_size)
{
	const json_t *entry = json_object_get(b->index, name);
	_cleanup_free_ char *path = path_of(b, name, digest_of(entry));
	struct stat st;
	int fd;

	if (!entry)
		return -ENOENT;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0) {
		int r = -errno;

		log_error("%s: %s", path, strerror(-r));
		util_closep(&fd);
		return r;
	}
	*ret_fd = fd;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

/* ---- writing ---- */

int blob_write(struct blobs *b, const char *name, struct blob_writer **ret)
{
	struct blob_writer *w;

	if (!blob_name_is_ok(name))
		return -EINVAL;
	if (json_object_size(b->index) >= DESIRED_MAX_BLOBS &&
		!json_object_get(b->index, name))
		return -ENOSPC;
	w = xcalloc(1, sizeof(*w));
	w->blobs = b;
	w->name = xstrdup(name);
	w->tmp = xasprintf("%s/%s.XXXXXX", b->dir, name);
	w->fd = mkostemp(w->tmp, O_CLOEXEC);
	if (w->fd < 0 || gnutls_hash_init(&w->hash, GNUTLS_DIG_SHA256) < 0) {
		int r = w->fd < 0 ? -errno : -ENOMEM;

		log_error("%s: %s", w->tmp, strerror(-r));
		blob_drop(w);
		return r;
	}
	*ret = w;
	return 0;
}

int blob_append(struct blob_writer *w, const void *data, size_t len)
{
	int r;

	if (len > blob_limit(w->name) - w->size)
		return -EFBIG;
	r = write_all(w->fd, data, len);
	if (r < 0)
		return r;
	gnutls_hash(w->hash, data, len);
	w->size += len;
	if (w->size - w->synced >= SYNC_EVERY) {
		w->synced = w->size;
		(void)fdatasync(w->fd);
	}
	return 0;
}

void blob_digest(const struct blob_writer *w, char ret[static 65])
{
	gnutls_hash_hd_t copy = gnutls_hash_copy(w->hash);
	uint8_t raw[32];

	if (!copy)
		abort(); /* no memory */
	gnutls_hash_deinit(copy, raw);
	hex_encode(raw, sizeof(raw), ret);
}

uint64_t blob_writer_limit(const struct blob_writer *w)
{
	return blob_limit(w->name);
}

static void writer_free(struct blob_writer *w)
{
	if (w->hash)
		gnutls_hash_deinit(w->hash, NULL);
	util_closep(&w->fd);
	free(w->name);
	free(w->tmp);
	free(w);
}

void blob_drop(struct blob_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		(void)unlink(w->tmp);
	writer_free(w);
}

/* The document names the new file; then the old one may go. */
static int replace(struct blobs *b, const char *name, const char *digest, uint64_t size)
{
	_cleanup_free_ char *old =
		path_of(b, name, digest_of(json_object_get(b->index, name)));
	json_t *index = json_deep_copy(b->index);
	int r;

	json_object_set_new(index, name,
		json_pack(
			"{s:s, s:I}", "sha256", digest, "size_bytes", (json_int_t)size));
	r = store_doc_put(b->store, "blobs", "", index);
	if (r == 0)
		r = store_settle(b->store); /* the old one goes now */
	if (r < 0) {
		json_decref(index);
		return r;
	}
	if (json_object_get(b->index, name))
		(void)unlink(old);
	json_decref(b->index);
	b->index = index;
	return 1;
}

int blob_finish(struct blob_writer *w)
{
	struct blobs *b = w->blobs;
	_cleanup_free_ char *path = NULL;
	char digest[65];
	int r;

	blob_digest(w, digest);
	if (streq(digest, digest_of(json_object_get(b->index, w->name)))) {
		blob_drop(w);
		return 0;
	}
	path = path_of(b, w->name, digest);
	if (fsync(w->fd) < 0 || rename(w->tmp, path) < 0) {
		r = -errno;
		log_error("%s: %s", path, strerror(-r));
		blob_drop(w);
		return r;
	}
	r = replace(b, w->name, digest, w->size);
	if (r < 0)
		(void)unlink(path);
	writer_free(w);
	return r;
}
