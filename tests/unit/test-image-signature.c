/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <gnutls/abstract.h>
#include <sys/stat.h>

#include "images/manifest.h"
#include "images/signature.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char manifest[] =
	"{\"schema\": 1, \"profile\": \"core\", \"version\": \"7\", \"serial\": 202612010637,\n"
	" \"kernel\": {\"file\": \"vmlinuz\", \"sha256\": \"" SHA
	"\", \"size_bytes\": 6},\n"
	" \"initrd\": {\"file\": \"initrd.img\", \"sha256\": \"" SHA
	"\", \"size_bytes\": 6},\n"
	" \"root\": {\"file\": \"root.erofs.zst\", \"format\": \"erofs\", \"sha256\": \"" SHA
	"\", \"size_bytes\": 4, \"raw_bytes\": 4096, \"raw_sha256\": \"" SHA "\"},\n"
	" \"blocks\": {\"file\": \"root.blocks\", \"sha256\": \"" SHA
	"\", \"size_bytes\": 52},\n"
	" \"packages\": 142}\n";

struct signer {
	gnutls_privkey_t key;
	char *public; /* owned: PEM */
};

struct world {
	struct signer rack, other;
	char root[64];
};

static void signer_make(struct signer *s)
{
	gnutls_pubkey_t public;
	gnutls_datum_t pem;

	assert_int_equal(gnutls_privkey_init(&s->key), 0);
	assert_int_equal(
		gnutls_privkey_generate(s->key, GNUTLS_PK_EDDSA_ED25519, 0, 0), 0);
	assert_int_equal(gnutls_pubkey_init(&public), 0);
	assert_int_equal(gnutls_pubkey_import_privkey(public, s->key, 0, 0), 0);
	assert_int_equal(gnutls_pubkey_export2(public, GNUTLS_X509_FMT_PEM, &pem), 0);
	s->public = xstrndup((const char *)pem.data, pem.size);
	gnutls_free(pem.data);
	gnutls_pubkey_deinit(public);
}

static void signer_clear(struct signer *s)
{
	gnutls_privkey_deinit(s->key);
	free(s->public);
}

static void sign(const struct signer *s, const char *text, uint8_t ret[static 64])
{
	gnutls_datum_t what = {(unsigned char *)text, (unsigned)strlen(text)}, sig;

	assert_int_equal(gnutls_privkey_sign_data2(
				 s->key, GNUTLS_SIGN_EDDSA_ED25519, 0, &what, &sig),
		0);
	assert_int_equal(sig.size, IMAGE_SIGNATURE_BYTES);
	memcpy(ret, sig.data, sig.size);
	gnutls_free(sig.data);
}

static void put(const struct world *w, const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", w->root, name);

	assert_int_equal(write_file_atomic(path, text, strlen(text), 0644), 0);
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	_cleanup_free_ char *dir = NULL;

	signer_make(&w->rack);
	signer_make(&w->other);
	strcpy(w->root, "/tmp/test-image-signature.XXXXXX");
	assert_non_null(mkdtemp(w->root));
	dir = xasprintf("%s/usr/share/ondol", w->root);
	assert_int_equal(mkdir_p(dir, 0755), 0);
	put(w, IMAGE_KEYS, w->rack.public);
	put(w, IMAGE_FLOOR, "202612010637\n");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	signer_clear(&w->rack);
	signer_clear(&w->other);
	remove_tree(w->root);
	free(w);
	return 0;
}

static void test_check(void **state)
{
	const struct world *w = *state;
	_cleanup_free_ char *both = xasprintf(
				    "the rack's\n%s%s", w->other.public, w->rack.public),
			    *id = NULL;
	uint8_t sig[IMAGE_SIGNATURE_BYTES];

	sign(&w->rack, "words", sig);
	assert_int_equal(image_signature_check(w->rack.public, "words", 5, sig, &id), 0);
	assert_int_equal(strlen(id), 16);
	assert_int_equal(image_signature_check(both, "words", 5, sig, NULL), 0);
	assert_int_equal(image_signature_check(w->other.public, "words", 5, sig, NULL),
		IMAGE_SIGNATURE_E_WRONG);
	assert_int_equal(image_signature_check(both, "word", 4, sig, NULL),
		IMAGE_SIGNATURE_E_WRONG);
}

/* Whichever bit of bytes or signature is another: it is not signed. */
static void test_every_bit(void **state)
{
	const struct world *w = *state;
	char text[] = "words";
	uint8_t sig[IMAGE_SIGNATURE_BYTES];

	sign(&w->rack, text, sig);
	for (size_t bit = 0; bit < 8 * sizeof(sig); bit++) {
		sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(
			image_signature_check(w->rack.public, text, 5, sig, NULL),
			IMAGE_SIGNATURE_E_WRONG);
		sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * 5; bit++) {
		text[bit / 8] ^= (char)(1u << bit % 8);
		assert_int_equal(
			image_signature_check(w->rack.public, text, 5, sig, NULL),
			IMAGE_SIGNATURE_E_WRONG);
		text[bit / 8] ^= (char)(1u << bit % 8);
	}
	assert_int_equal(image_signature_check(w->rack.public, text, 5, sig, NULL), 0);
}

static void test_no_keys(void **state)
{
	static const char *const texts[] = {"", "no key",
		"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"};
	uint8_t sig[IMAGE_SIGNATURE_BYTES] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(image_signature_check(texts[i], "words", 5, sig, NULL),
			IMAGE_SIGNATURE_E_KEYS);
}

/* What an order says of the image of that manifest; cleared by order_image_clear. */
static struct order_image order_of(const struct signer *s, const char *text)
{
	uint8_t sig[IMAGE_SIGNATURE_BYTES];
	char hex[2 * sizeof(sig) + 1];

	sign(s, text, sig);
	hex_encode(sig, sizeof(sig), hex);
	return (struct order_image){.path = xstrdup("/files/core/root.erofs.zst"),
		.version = xstrdup("7"),
		.sha256 = xstrdup(SHA),
		.size_bytes = 4,
		.raw_bytes = 4096,
		.blocks_path = xstrdup("/files/core/root.blocks"),
		.blocks_sha256 = xstrdup(SHA),
		.raw_sha256 = xstrdup(SHA),
		.manifest = xstrdup(text),
		.signature = xstrdup(hex)};
}

static void expect(const struct world *w, const struct order_image *im, int expected,
	const char *words)
{
	_cleanup_free_ char *msg = NULL;
	int r = image_trusted(w->root, im, &msg);

	assert_int_equal(r, expected);
	if (expected < 0 && !strstr(msg, words))
		fail_msg("expected \"%s\" in \"%s\"", words, msg);
}

static void test_trusted(void **state)
{
	const struct world *w = *state;
	_cleanup_(order_image_clear) struct order_image im = order_of(&w->rack, manifest),
							theirs = order_of(
								&w->other, manifest),
							none = order_of(
								&w->rack, manifest);

	expect(w, &im, 0, "");
	expect(w, &theirs, -EKEYREJECTED, "none of the keys that this node trusts");
	free(TAKE_PTR(none.manifest));
	expect(w, &none, -EKEYREJECTED, "is not signed");
	put(w, IMAGE_KEYS, "no key at all\n");
	expect(w, &im, -EKEYREJECTED, "holds no Ed25519 keys");
}

/* An image that was built without keys takes what it is given. */
static void test_nothing_demanded(void **state)
{
	const struct world *w = *state;
	_cleanup_free_ char *path = xasprintf("%s/" IMAGE_KEYS, w->root);
	_cleanup_(order_image_clear) struct order_image im =
		order_of(&w->other, manifest);

	assert_int_equal(unlink(path), 0);
	expect(w, &im, 0, "");
}

static void test_floor(void **state)
{
	const struct world *w = *state;
	_cleanup_free_ char *path = xasprintf("%s/" IMAGE_FLOOR, w->root);
	_cleanup_(order_image_clear) struct order_image im = order_of(&w->rack, manifest);

	put(w, IMAGE_FLOOR, "202612010638\n");
	expect(w, &im, -ESTALE, "allows none below 202612010638");
	put(w, IMAGE_FLOOR, "soon\n");
	expect(w, &im, -EINVAL, "expected a serial");
	assert_int_equal(unlink(path), 0);
	expect(w, &im, 0, "");
}

/* The signed manifest is of another image than the order's: nothing of the two may differ. */
static void test_order_is_another(void **state)
{
	const struct world *w = *state;

	for (size_t i = 0; i < 7; i++) {
		_cleanup_(order_image_clear) struct order_image im =
			order_of(&w->rack, manifest);
		char **texts[] = {
			&im.version, &im.sha256, &im.blocks_sha256, &im.raw_sha256};

		if (i < ARRAY_SIZE(texts)) {
			free(*texts[i]);
			*texts[i] = xstrdup(i == 0 ? "8" : OTHER);
		} else if (i == 4) {
			im.size_bytes++;
		} else if (i == 5) {
			im.raw_bytes += 4096;
		} else { /* fetched whole: then the list does not matter */
			free(TAKE_PTR(im.blocks_path));
			expect(w, &im, 0, "");
			continue;
		}
		expect(w, &im, -EKEYREJECTED, "not what the signed manifest says");
	}
}

static void test_signed_nonsense(void **state)
{
	const struct world *w = *state;
	_cleanup_(order_image_clear) struct order_image im =
		order_of(&w->rack, "{\"schema\": 1}");

	expect(w, &im, -EKEYREJECTED, "its manifest: profile: is missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_check, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_bit, setup, teardown),
		cmocka_unit_test(test_no_keys),
		cmocka_unit_test_setup_teardown(test_trusted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_demanded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_floor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_is_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signed_nonsense, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
