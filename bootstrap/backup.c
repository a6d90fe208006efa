/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/backup.h"

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "common/jsonx.h"
#include "common/parse.h"

/*
 * The archive may be of a size that no memory holds, so members stay in the file and are
 * known by where they are. A name that is there twice would let one member be checked and
 * another be used: it is refused.
 */

#define PIECE_BYTES ((uint64_t)1 << 20)

int backup_open(const char *file, struct backup **ret)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct backup *b;

	if (fd < 0)
		return -errno;
	b = xcalloc(1, sizeof(*b));
	b->file = xstrdup(file);
	b->fd = fd;
	*ret = b;
	return 0;
}

void backup_freep(struct backup **b)
{
	if (!*b)
		return;
	close((*b)->fd);
	free((*b)->members);
	free((*b)->file);
	free(*b);
	*b = NULL;
}

static int digest_member(const struct backup *b, struct backup_member *m)
{
	_cleanup_free_ char *buf = xmalloc(MIN(m->size, PIECE_BYTES) + 1);
	gnutls_hash_hd_t hash;
	uint8_t raw[32];
	uint64_t done = 0;

	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		abort(); /* no memory */
	while (done < m->size) {
		size_t want = (size_t)MIN(m->size - done, PIECE_BYTES);
		ssize_t n = pread(b->fd, buf, want, (off_t)(m->from + done));

		if (n <= 0)
			break;
		gnutls_hash(hash, buf, (size_t)n);
		done += (uint64_t)n;
	}
	gnutls_hash_deinit(hash, raw);
	hex_encode(raw, sizeof(raw), m->sha256);
	return done == m->size ? 0 : -EIO;
}

static struct backup_member *find_member(const struct backup *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (streq(b->members[i].name, name))
			return &b->members[i];
	return NULL;
}

static const char *add_member(struct backup *b, const struct tar_entry *e, uint64_t from)
{
	struct backup_member *m;

	if (b->n == BACKUP_MAX_MEMBERS)
		return "it has too many files";
	if (find_member(b, e->name))
		return "a file is in it twice";
	GROW(b->members, b->n, b->cap);
	m = &b->members[b->n++];
	*m = (struct backup_member){.from = from, .size = e->size_bytes};
	strcpy(m->name, e->name);
	return digest_member(b, m) < 0 ? "it ends too early" : NULL;
}

static const char *scan(struct backup *b)
{
	unsigned char block[TAR_BLOCK];
	const char *bad = NULL;
	uint64_t at = 0;

	while (!bad) {
		struct tar_entry e;
		int r;

		if (pread(b->fd, block, sizeof(block), (off_t)at) != TAR_BLOCK)
			return "it ends too early";
		r = tar_read_header(block, &e);
		if (r == 0)
			return NULL;
		if (r < 0)
			return "it is no tar archive, or damaged";
		at += TAR_BLOCK;
		bad = add_member(b, &e, at);
		at += e.size_bytes + tar_padding(e.size_bytes);
	}
	return bad;
}

json_t *backup_doc(const struct backup *b, const char *name)
{
	const struct backup_member *m = find_member(b, name);
	_cleanup_free_ char *msg = NULL;
	char *text;
	json_t *doc = NULL;

	if (!m || m->size > BACKUP_MAX_DOC)
		return NULL;
	text = xcalloc(m->size + 1, 1);
	if (pread(b->fd, text, m->size, (off_t)m->from) == (ssize_t)m->size)
		doc = jx_parse(text, m->size, &msg);
	explicit_bzero(text, m->size);
	free(text);
	return doc;
}

/* Every member is in the manifest with this digest, and the other way round. */
static const char *check_manifest(const struct backup *b)
{
	_cleanup_(jx_freep) json_t *doc = backup_doc(b, "manifest.json");
	const char *format = json_string_value(json_object_get(doc, "format"));
	const json_t *list = json_object_get(doc, "members");

	if (!format || !streq(format, BACKUP_FORMAT))
		return "it has no manifest of such a backup";
	if (json_integer_value(json_object_get(doc, "version")) != 1)
		return "it was made by another version of ondol";
	if (json_object_size(list) != b->n - 1 || !json_object_get(list, "keys.json"))
		return "files of its manifest are missing";
	for (size_t i = 0; i < b->n; i++) {
		const struct backup_member *m = &b->members[i];
		const json_t *entry = json_object_get(list, m->name);
		const char *sha256 = json_string_value(json_object_get(entry, "sha256"));

		if (!streq(m->name, "manifest.json") &&
			(!sha256 || !streq(sha256, m->sha256)))
			return "a file in it is not as the manifest has it";
	}
	return NULL;
}

static const char *check_names(const struct backup *b)
{
	static const char blobs[] = "blobs/";

	for (size_t i = 0; i < b->n; i++) {
		const char *name = b->members[i].name;

		if (str_startswith(name, blobs) &&
			(parse_token(name + strlen(blobs), 64) < 0 ||
				b->members[i].size == 0))
			return "a file in it has a name that none may have";
	}
	return NULL;
}

const char *backup_check(struct backup *b)
{
	const char *bad = scan(b);

	if (!bad)
		bad = check_manifest(b);
	return bad ? bad : check_names(b);
}
