/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cloud's backup as a file from anywhere, given to `ondol cloud restore`. Digests and the
 * headers' checksums are made right in half of the inputs, or none would get past them: of a
 * text of members, "NAME\n" and content, each after a byte 0x1e, a tar is made; a manifest
 * without "members" gets the right ones.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/place.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "bootstrap/backup.h"
#include "common/jsonx.h"

#define MARK 0x1e

/* What is believed must be there, as the manifest has it. */
static void check(const char *path)
{
	_cleanup_(backup_freep) struct backup *b = NULL;
	_cleanup_(jx_freep) json_t *manifest = NULL, *keys = NULL;

	if (backup_open(path, &b) < 0)
		abort();
	if (backup_check(b))
		return;
	manifest = backup_doc(b, "manifest.json");
	keys = backup_doc(b, "keys.json");
	if (!manifest ||
		json_object_size(json_object_get(manifest, "members")) != b->n - 1)
		abort();
	for (size_t i = 0; i < b->n; i++)
		for (size_t k = 0; k < i; k++)
			if (streq(b->members[i].name, b->members[k].name))
				abort();
}

static void put_member(FILE *f, const char *name, const void *data, size_t len)
{
	static const unsigned char zeros[TAR_BLOCK];
	unsigned char block[TAR_BLOCK];

	tar_header(name, len, 1800000000, block);
	fwrite(block, 1, sizeof(block), f);
	fwrite(data, 1, len, f);
	fwrite(zeros, 1, tar_padding(len), f);
}

static void add_digest(json_t *members, const char *name, const void *data, size_t len)
{
	uint8_t raw[32];
	char hex[65];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, data, len, raw) < 0)
		abort();
	hex_encode(raw, sizeof(raw), hex);
	json_object_set_new(members, name, json_pack("{s:s}", "sha256", hex));
}

static void put_manifest(FILE *f, const char *text, size_t len, json_t *members)
{
	_cleanup_free_ char *msg = NULL, *out = NULL;
	_cleanup_(jx_freep) json_t *doc = jx_parse(text, len, &msg);

	if (json_is_object(doc) && !json_object_get(doc, "members"))
		json_object_set(doc, "members", members);
	out = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	put_member(f, "manifest.json", out ? out : text, out ? strlen(out) : len);
}

/* One member; the manifest is kept for the end. */
static void take_piece(FILE *f, const char *piece, size_t len, json_t *members,
	const char **ret_manifest)
{
	const char *end = memchr(piece, '\n', len);
	size_t name_len = end ? (size_t)(end - piece) : len;
	_cleanup_free_ char *name = xstrndup(piece, MIN(name_len, (size_t)TAR_MAX_NAME));

	if (!end)
		return;
	if (streq(name, "manifest.json")) {
		*ret_manifest = end + 1;
		return;
	}
	put_member(f, name, end + 1, len - name_len - 1);
	add_digest(members, name, end + 1, len - name_len - 1);
}

static char *make_tar(const char *text, size_t size, size_t *ret_len)
{
	static const unsigned char zeros[2 * TAR_BLOCK];
	_cleanup_(jx_freep) json_t *members = json_object();
	const char *manifest = NULL;
	char *out = NULL;
	FILE *f = open_memstream(&out, ret_len);

	if (!f)
		abort();
	for (size_t at = 0, len; at < size; at += len + 1) {
		const char *mark = memchr(text + at, MARK, size - at);

		len = mark ? (size_t)(mark - text) - at : size - at;
		take_piece(f, text + at, len, members, &manifest);
	}
	if (manifest) {
		size_t left = size - (size_t)(manifest - text);
		const char *mark = memchr(manifest, MARK, left);

		put_manifest(
			f, manifest, mark ? (size_t)(mark - manifest) : left, members);
	}
	fwrite(zeros, 1, sizeof(zeros), f);
	fclose(f);
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *path = xasprintf("%s/backup.tar", fuzz_place()), *tar = NULL;
	size_t len;

	fuzz_put("backup.tar", data, size);
	check(path);
	tar = make_tar((const char *)data, size, &len);
	fuzz_put("backup.tar", tar, len);
	check(path);
	return 0;
}
