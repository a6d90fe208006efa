/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order says what ondold wants; the manifest in it says what the builder has signed. Both
 * have to agree in everything that ends on a disk, so that a deployment host that was broken
 * into gives nodes no image of its own making.
 */
#include "images/signature.h"

#include <gnutls/abstract.h>

#include "common/parse.h"
#include "images/manifest.h"

#define BEGIN_KEY "-----BEGIN PUBLIC KEY-----"
#define ID_DIGITS 16

static void pubkey_clear(gnutls_pubkey_t *key)
{
	if (*key)
		gnutls_pubkey_deinit(*key);
}

/* GnuTLS takes the first key of a text: so that of the rest is found by where it begins. */
static int read_key(const char *at, gnutls_pubkey_t *ret)
{
	gnutls_datum_t text = {(unsigned char *)at, (unsigned)strlen(at)};
	_cleanup_(pubkey_clear) gnutls_pubkey_t key = NULL;

	if (gnutls_pubkey_init(&key) < 0)
		return -ENOMEM;
	if (gnutls_pubkey_import(key, &text, GNUTLS_X509_FMT_PEM) < 0 ||
		gnutls_pubkey_get_pk_algorithm(key, NULL) != GNUTLS_PK_EDDSA_ED25519)
		return IMAGE_SIGNATURE_E_KEYS;
	*ret = key;
	key = NULL;
	return 0;
}

/* The first digits of the SHA-256 of the key's SubjectPublicKeyInfo; caller frees. */
static char *key_id(gnutls_pubkey_t key)
{
	uint8_t id[32];
	char hex[2 * sizeof(id) + 1];
	size_t len = sizeof(id);

	if (gnutls_pubkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, id, &len) < 0)
		return xstrdup("?");
	hex_encode(id, len, hex);
	return xstrndup(hex, ID_DIGITS);
}

int image_signature_check(const char *keys, const void *data, size_t len,
	const uint8_t signature[static IMAGE_SIGNATURE_BYTES], char **ret_key)
{
	gnutls_datum_t what = {(unsigned char *)data, (unsigned)len},
		       sig = {(unsigned char *)signature, IMAGE_SIGNATURE_BYTES};
	const char *at = strstr(keys, BEGIN_KEY);

	if (!at)
		return IMAGE_SIGNATURE_E_KEYS;
	for (; at; at = strstr(at + strlen(BEGIN_KEY), BEGIN_KEY)) {
		_cleanup_(pubkey_clear) gnutls_pubkey_t key = NULL;
		int r = read_key(at, &key);

		if (r != 0)
			return r;
		if (gnutls_pubkey_verify_data2(
			    key, GNUTLS_SIGN_EDDSA_ED25519, 0, &what, &sig) < 0)
			continue;
		if (ret_key)
			*ret_key = key_id(key);
		return 0;
	}
	return IMAGE_SIGNATURE_E_WRONG;
}

/* ---- on a node ---- */

static int check_signature(
	const char *keys, const struct order_image *im, char **reterr_msg)
{
	uint8_t signature[IMAGE_SIGNATURE_BYTES];
	int r;

	if (!im->manifest) {
		*reterr_msg = xasprintf(
			"image %s is not signed, and this node takes only signed ones: "
			"build it again (ondol image build)",
			im->version);
		return -EKEYREJECTED;
	}
	r = parse_hex(im->signature, sizeof(signature), signature);
	if (r == 0)
		r = image_signature_check(
			keys, im->manifest, strlen(im->manifest), signature, NULL);
	if (r == 0)
		return 0;
	*reterr_msg = r == IMAGE_SIGNATURE_E_KEYS
		? xasprintf("/" IMAGE_KEYS " holds no Ed25519 keys")
		: xasprintf("image %s is signed by none of the keys that this node "
			    "trusts, or was changed since: build it with the rack's key",
			  im->version);
	return -EKEYREJECTED;
}

static bool same(const char *a, const char *b)
{
	return streq(a ? a : "", b ? b : "");
}

/* Everything of it that ends on a disk is what was signed. */
static bool is_of(const struct order_image *im, const struct image_manifest *m)
{
	return same(im->version, m->version) && same(im->sha256, m->root.sha256) &&
		im->size_bytes == m->root.size_bytes && im->raw_bytes == m->raw_bytes &&
		(!im->blocks_path ||
			(m->blocks.name && same(im->blocks_sha256, m->blocks.sha256) &&
				same(im->raw_sha256, m->raw_sha256)));
}

static int check_floor(
	const char *root, const struct image_manifest *m, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/" IMAGE_FLOOR, root), *text = NULL;
	uint64_t floor = 0;
	int r = read_line_file(path, &text);

	if (r == -ENOENT)
		return 0;
	if (r < 0 || parse_u64(text, 0, IMAGE_MAX_SERIAL, &floor) < 0) {
		*reterr_msg = xasprintf("%s: %s", path,
			r < 0 ? strerror(-r) : "expected a serial such as 202612010600");
		return r < 0 ? r : -EINVAL;
	}
	if (m->serial >= floor)
		return 0;
	*reterr_msg = xasprintf(
		"image %s has the serial %llu; the image that this node runs allows none "
		"below %llu: build it anew",
		m->version, (unsigned long long)m->serial, (unsigned long long)floor);
	return -ESTALE;
}

int image_trusted(const char *root, const struct order_image *im, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/" IMAGE_KEYS, root), *keys = NULL,
			    *why = NULL;
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	int r = read_file(path, IMAGE_MAX_KEYS, &keys, NULL);

	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*reterr_msg = xasprintf("%s: %s", path, strerror(-r));
		return r;
	}
	r = check_signature(keys, im, reterr_msg);
	if (r < 0)
		return r;
	if (image_manifest_parse(im->manifest, strlen(im->manifest), &m, &why) != 0)
		*reterr_msg = xasprintf("image %s: its manifest: %s", im->version, why);
	else if (!is_of(im, m))
		*reterr_msg = xasprintf(
			"image %s: the order is not what the signed manifest says: was it "
			"built anew in between? Try once more",
			im->version);
	else
		return check_floor(root, m, reterr_msg);
	return -EKEYREJECTED;
}
