/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest is trusted as far as its directory is, and read strictly all the same: its
 * file names become paths and URLs, its sizes become what a node writes to its disk, and a
 * build that was interrupted must not be served. Sizes are checked at each load, digests
 * only when asked for: a node checks the digest of what it got anyway.
 */
#include "images/manifest.h"

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <sys/stat.h>

#include "common/jsonx.h"
#include "common/parse.h"
#include "images/blocks.h"
#include "images/signature.h"

#define SHA256_LEN 32
#define MAX_NAME 64
#define MAX_SBOM (8 << 20)
#define ALIGNMENT 4096

static const char *const top_keys[] = {"schema", "profile", "version", "serial", "kernel",
	"initrd", "root", "blocks", "keys", "sbom", "packages", NULL};
static const char *const file_keys[] = {"file", "sha256", "size_bytes", NULL};
static const char *const root_keys[] = {
	"file", "sha256", "size_bytes", "format", "raw_bytes", "raw_sha256", NULL};

static void file_clear(struct image_file *f)
{
	free(f->name);
}

void image_manifest_free(struct image_manifest *m)
{
	if (!m)
		return;
	file_clear(&m->kernel);
	file_clear(&m->initrd);
	file_clear(&m->root);
	file_clear(&m->blocks);
	file_clear(&m->keys);
	file_clear(&m->sbom);
	free(m->dir);
	free(m->text);
	free(m->signature);
	free(m->signer);
	free(m->profile);
	free(m->version);
	free(m);
}

void image_manifest_freep(struct image_manifest **m)
{
	image_manifest_free(*m);
	*m = NULL;
}

/* A key that nobody reads is a misspelling or a format that this program does not know. */
static void refuse_other_keys(struct jx *j, const char *const keys[])
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)j->obj, key, value)
	{
		size_t i = 0;

		while (keys[i] && !streq(keys[i], key))
			i++;
		if (!keys[i])
			jx_fail(j, "unknown key", "%s", key);
	}
}

/* A word that can be a file name, a part of a URL and of a message. */
static char *read_name(struct jx *j, const char *key)
{
	const char *s = jx_str(j, key, MAX_NAME);

	if (parse_token(s, MAX_NAME) < 0 || s[0] == '.')
		jx_fail(j, key, "expected a name of letters, digits, '.', '_' and '-'");
	return xstrdup(s);
}

static void read_sha256(struct jx *j, const char *key, char ret[static 65])
{
	const char *s = jx_str(j, key, 64);
	uint8_t digest[SHA256_LEN];

	if (parse_hex(s, SHA256_LEN, digest) < 0)
		jx_fail(j, key, "expected 64 lower-case hex digits");
	else
		memcpy(ret, s, 65);
}

static void read_file_object(struct jx *outer, const char *key, const char *const keys[],
	uint64_t max_bytes, struct image_file *ret, struct image_manifest *root)
{
	struct jx j = {.obj = jx_object(outer, key)};

	if (!j.obj)
		return;
	ret->name = read_name(&j, "file");
	read_sha256(&j, "sha256", ret->sha256);
	ret->size_bytes = jx_uint(&j, "size_bytes", 1, max_bytes);
	if (root) {
		if (!streq(jx_str(&j, "format", MAX_NAME), "erofs"))
			jx_fail(&j, "format", "expected erofs");
		root->raw_bytes =
			jx_uint(&j, "raw_bytes", ALIGNMENT, IMAGE_MAX_RAW_BYTES);
		if (root->raw_bytes % ALIGNMENT != 0)
			jx_fail(&j, "raw_bytes", "expected a multiple of %d", ALIGNMENT);
		if (json_object_get(j.obj, "raw_sha256"))
			read_sha256(&j, "raw_sha256", root->raw_sha256);
	}
	refuse_other_keys(&j, keys);
	jx_merge(outer, key, &j);
}

/* Images that were built before there were such lists have none, and are fetched whole. */
static void read_blocks(struct jx *j, struct image_manifest *m)
{
	if (!json_object_get(j->obj, "blocks"))
		return;
	read_file_object(j, "blocks", file_keys, IMAGE_MAX_BOOT_BYTES, &m->blocks, NULL);
	if (j->error)
		return;
	if (!*m->raw_sha256)
		jx_fail(j, "root", "expected raw_sha256 beside a list of blocks");
	if (m->blocks.size_bytes != blocks_file_bytes(m->raw_bytes))
		jx_fail(j, "blocks",
			"expected a list as long as an image of %llu bytes has",
			(unsigned long long)m->raw_bytes);
}

static void read_other(
	struct jx *j, const char *key, uint64_t max_bytes, struct image_file *ret)
{
	if (json_object_get(j->obj, key))
		read_file_object(j, key, file_keys, max_bytes, ret, NULL);
}

/* All files of it; those that it does not name are NULL. */
#define N_FILES 6
static void files_of(
	const struct image_manifest *m, const struct image_file *ret[static N_FILES])
{
	ret[0] = &m->kernel;
	ret[1] = &m->initrd;
	ret[2] = &m->root;
	ret[3] = m->blocks.name ? &m->blocks : NULL;
	ret[4] = m->keys.name ? &m->keys : NULL;
	ret[5] = m->sbom.name ? &m->sbom : NULL;
}

static void refuse_same_names(struct jx *j, const struct image_manifest *m)
{
	const struct image_file *files[N_FILES];

	files_of(m, files);
	for (size_t i = 0; i < N_FILES; i++)
		for (size_t k = 0; k < i; k++)
			if (files[i] && files[k] &&
				streq_ptr(files[i]->name, files[k]->name))
				jx_fail(j, "file",
					"each is expected in a file of its own");
}

int image_manifest_parse(
	const char *text, size_t len, struct image_manifest **ret, char **reterr_msg)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = xcalloc(1, sizeof(*m));
	_cleanup_(jx_freep) json_t *root = jx_parse(text, len, reterr_msg);
	struct jx j = {.obj = root};

	if (!root)
		return IMAGE_MANIFEST_E_INVALID;
	jx_uint(&j, "schema", 1, 1);
	m->profile = read_name(&j, "profile");
	m->version = read_name(&j, "version");
	m->serial = jx_uint_opt(&j, "serial", 1, IMAGE_MAX_SERIAL, 0);
	read_file_object(&j, "kernel", file_keys, IMAGE_MAX_BOOT_BYTES, &m->kernel, NULL);
	read_file_object(&j, "initrd", file_keys, IMAGE_MAX_BOOT_BYTES, &m->initrd, NULL);
	read_file_object(&j, "root", root_keys, IMAGE_MAX_RAW_BYTES, &m->root, m);
	read_blocks(&j, m);
	read_other(&j, "keys", IMAGE_MAX_KEYS, &m->keys);
	read_other(&j, "sbom", MAX_SBOM, &m->sbom);
	m->packages = (unsigned)jx_uint(&j, "packages", 1, 100000);
	refuse_other_keys(&j, top_keys);
	if (!j.error)
		refuse_same_names(&j, m);
	if (j.error) {
		*reterr_msg = TAKE_PTR(j.error);
		return IMAGE_MANIFEST_E_INVALID;
	}
	*ret = TAKE_PTR(m);
	return 0;
}

static int check_size(const char *dir, const struct image_file *f, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, f->name);
	struct stat st;

	if (stat(path, &st) < 0) {
		int r = -errno;

		*reterr_msg =
			xasprintf("%s: %s: the manifest names it; build the image again "
				  "(ondol image build)",
				path, strerror(-r));
		return r == -ENOENT ? (int)IMAGE_MANIFEST_E_MISSING : r;
	}
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == f->size_bytes)
		return 0;
	*reterr_msg = xasprintf(
		"%s: expected a file of %llu bytes, found %s of %lld: the image was "
		"not completely built or copied; build it again (ondol image build)",
		path, (unsigned long long)f->size_bytes,
		S_ISREG(st.st_mode) ? "one" : "something else", (long long)st.st_size);
	return IMAGE_MANIFEST_E_SIZE;
}

static int read_manifest(
	const char *path, char **ret_text, size_t *ret_len, char **reterr_msg)
{
	int r = read_file(path, ORDER_MAX_MANIFEST, ret_text, ret_len);

	if (r == 0)
		return 0;
	*reterr_msg = xasprintf(
		"%s: %s: no image is there; build one (ondol image build) or say "
		"where it is",
		path, strerror(-r));
	return r == -ENOENT ? (int)IMAGE_MANIFEST_E_MISSING : r;
}

static int read_signature(const char *dir, struct image_manifest *m, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/" IMAGE_MANIFEST_SIG, dir), *raw = NULL;
	char hex[2 * IMAGE_SIGNATURE_BYTES + 1];
	size_t len;
	int r = read_file(path, IMAGE_SIGNATURE_BYTES, &raw, &len);

	if (r == -ENOENT)
		return 0;
	if (r == -EFBIG || (r == 0 && len != IMAGE_SIGNATURE_BYTES)) {
		*reterr_msg = xasprintf("%s: expected a signature of %d bytes", path,
			IMAGE_SIGNATURE_BYTES);
		return IMAGE_MANIFEST_E_SIGNATURE;
	}
	if (r < 0) {
		*reterr_msg = xasprintf("%s: %s", path, strerror(-r));
		return r;
	}
	hex_encode((const uint8_t *)raw, len, hex);
	m->signature = xstrdup(hex);
	return 0;
}

int image_manifest_load(const char *dir, struct image_manifest **ret, char **reterr_msg)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	_cleanup_free_ char *path = xasprintf("%s/manifest.json", dir);
	_cleanup_free_ char *text = NULL, *why = NULL;
	const struct image_file *files[N_FILES];
	size_t len;
	int r = read_manifest(path, &text, &len, reterr_msg);

	if (r != 0)
		return r;
	r = image_manifest_parse(text, len, &m, &why);
	if (r != 0) {
		*reterr_msg = xasprintf(
			"%s: %s; build the image again (ondol image build)", path, why);
		return r;
	}
	files_of(m, files);
	for (size_t i = 0; i < N_FILES && r == 0; i++)
		r = files[i] ? check_size(dir, files[i], reterr_msg) : 0;
	m->dir = xstrdup(dir);
	m->text = TAKE_PTR(text);
	if (r == 0)
		r = read_signature(dir, m, reterr_msg);
	if (r != 0)
		return r;
	*ret = TAKE_PTR(m);
	return 0;
}

int image_manifest_check_signature(struct image_manifest *m, char **reterr_msg)
{
	_cleanup_free_ char *path = NULL, *keys = NULL;
	uint8_t signature[IMAGE_SIGNATURE_BYTES];
	int r;

	if (!m->keys.name)
		return 0;
	if (!m->signature || parse_hex(m->signature, sizeof(signature), signature) < 0) {
		*reterr_msg = xasprintf(
			"%s/" IMAGE_MANIFEST_SIG ": the manifest names "
			"keys, but is not signed: build it again (ondol image build)",
			m->dir);
		return IMAGE_MANIFEST_E_SIGNATURE;
	}
	path = xasprintf("%s/%s", m->dir, m->keys.name);
	r = read_file(path, IMAGE_MAX_KEYS, &keys, NULL);
	if (r < 0) {
		*reterr_msg = xasprintf("%s: %s", path, strerror(-r));
		return r;
	}
	r = image_signature_check(keys, m->text, strlen(m->text), signature, &m->signer);
	if (r == 0)
		return 0;
	*reterr_msg = r == IMAGE_SIGNATURE_E_KEYS
		? xasprintf("%s: expected public keys (Ed25519, PEM)", path)
		: xasprintf(
			  "%s/manifest.json: signed by none of the keys of %s, or changed "
			  "since; its nodes would refuse it: build it again (ondol image build)",
			  m->dir, m->keys.name);
	return IMAGE_MANIFEST_E_SIGNATURE;
}

static int hash_fd(int fd, uint8_t digest[static SHA256_LEN])
{
	_cleanup_free_ uint8_t *buf = xmalloc(256 * 1024);
	gnutls_hash_hd_t hash;
	ssize_t n;

	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return -EIO;
	while ((n = read(fd, buf, 256 * 1024)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		gnutls_hash(hash, buf, (size_t)n);
	}
	n = n < 0 ? -errno : 0;
	gnutls_hash_deinit(hash, digest);
	return (int)n;
}

static int check_digest(const char *dir, const struct image_file *f, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, f->name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t digest[SHA256_LEN];
	char found[2 * SHA256_LEN + 1];
	int r = fd < 0 ? -errno : hash_fd(fd, digest);

	if (r < 0) {
		*reterr_msg = xasprintf("%s: %s", path, strerror(-r));
		return r;
	}
	hex_encode(digest, SHA256_LEN, found);
	if (streq(found, f->sha256))
		return 0;
	*reterr_msg = xasprintf(
		"%s: expected SHA-256 %s, found %s: the file was changed or copied "
		"badly; build the image again (ondol image build)",
		path, f->sha256, found);
	return IMAGE_MANIFEST_E_DIGEST;
}

int image_manifest_verify(const struct image_manifest *m, char **reterr_msg)
{
	const struct image_file *files[N_FILES];
	int r = 0;

	files_of(m, files);
	for (size_t i = 0; i < N_FILES && r == 0; i++)
		r = files[i] ? check_digest(m->dir, files[i], reterr_msg) : 0;
	return r;
}

const struct image_file *image_manifest_file(
	const struct image_manifest *m, const char *name)
{
	const struct image_file *files[N_FILES];

	files_of(m, files);
	for (size_t i = 0; i < N_FILES; i++)
		if (files[i] && streq(files[i]->name, name))
			return files[i];
	return NULL;
}
