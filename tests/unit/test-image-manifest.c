/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <sys/stat.h>

#include "images/manifest.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char good[] =
	"{\"schema\": 1, \"profile\": \"core\", \"version\": \"0.1.0-3f2a00112233\",\n"
	" \"kernel\": {\"file\": \"vmlinuz\", \"sha256\": \"" SHA
	"\", \"size_bytes\": 6},\n"
	" \"initrd\": {\"file\": \"initrd.img\", \"sha256\": \"" SHA
	"\", \"size_bytes\": 6},\n"
	" \"root\": {\"file\": \"root.erofs.zst\", \"format\": \"erofs\", \"sha256\": \"" SHA
	"\","
	" \"size_bytes\": 4, \"raw_bytes\": 4096},\n"
	" \"packages\": 142}\n";

/* good with the first FROM replaced; caller frees. */
static char *changed(const char *from, const char *to)
{
	const char *at = strstr(good, from);

	assert_non_null(at);
	return xasprintf("%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
}

static void expect_refused(const char *text, const char *words)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(image_manifest_parse(text, strlen(text), &m, &msg),
		IMAGE_MANIFEST_E_INVALID);
	assert_null(m);
	if (!strstr(msg, words))
		fail_msg("expected \"%s\" in \"%s\"", words, msg);
}

static void test_good(void **state)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(image_manifest_parse(good, strlen(good), &m, &msg), 0);
	assert_null(msg);
	assert_null(m->dir);
	assert_string_equal(m->profile, "core");
	assert_string_equal(m->version, "0.1.0-3f2a00112233");
	assert_string_equal(m->kernel.name, "vmlinuz");
	assert_string_equal(m->initrd.sha256, SHA);
	assert_int_equal(m->root.size_bytes, 4);
	assert_int_equal(m->raw_bytes, 4096);
	assert_int_equal(m->packages, 142);
	assert_ptr_equal(image_manifest_file(m, "root.erofs.zst"), &m->root);
	assert_null(image_manifest_file(m, "manifest.json"));
	assert_null(image_manifest_file(m, "../core/vmlinuz"));
}

/* The list of an image of one block and one frame has 52 bytes. */
#define BLOCKS(size)                                                  \
	" \"blocks\": {\"file\": \"root.blocks\", \"sha256\": \"" SHA \
	"\", \"size_bytes\": " size "},\n"

static void test_blocks(void **state)
{
	_cleanup_free_ char *listed = changed(
				    " \"packages\"", BLOCKS("52") " \"packages\""),
			    *whole = changed("\"raw_bytes\": 4096},\n",
				    "\"raw_bytes\": 4096, \"raw_sha256\": \"" SHA
				    "\"},\n" BLOCKS("52")),
			    *longer = changed("\"raw_bytes\": 4096},\n",
				    "\"raw_bytes\": 4096, \"raw_sha256\": \"" SHA
				    "\"},\n" BLOCKS("53")),
			    *msg = NULL;
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;

	if (image_manifest_parse(whole, strlen(whole), &m, &msg) != 0)
		fail_msg("%s", msg);
	assert_string_equal(m->raw_sha256, SHA);
	assert_ptr_equal(image_manifest_file(m, "root.blocks"), &m->blocks);
	expect_refused(listed, "raw_sha256");
	expect_refused(longer, "as long as an image of 4096 bytes");
}

static void test_bad(void **state)
{
	static const struct {
		const char *from, *to, *words;
	} cases[] = {
		{"{", "", "not JSON"},
		{"\"schema\": 1", "\"schema\": 2", "schema: expected 1"},
		{"\"schema\": 1, ", "", "schema: is missing"},
		{"\"schema\": 1", "\"schema\": 1, \"schema\": 1", "not JSON"},
		{"\"core\"", "7", "profile"},
		{"\"core\"", "\"\"", "profile"},
		{"0.1.0-3f2a00112233", "0.1 0", "version"},
		{"vmlinuz", "../vmlinuz", "kernel"},
		{"vmlinuz", ".", "kernel"},
		{"vmlinuz", ".hidden", "kernel"},
		{"vmlinuz", "initrd.img", "a file of its own"},
		{"initrd.img", "a/b", "initrd"},
		{SHA, "0123", "sha256"},
		{SHA, "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
			"sha256"},
		{"\"size_bytes\": 6", "\"size_bytes\": 0", "size_bytes"},
		{"\"size_bytes\": 6", "\"size_bytes\": -6", "size_bytes"},
		{"\"size_bytes\": 6", "\"size_bytes\": 6.0", "size_bytes"},
		{"\"size_bytes\": 6", "\"size_bytes\": 4000000000", "size_bytes"},
		{"\"raw_bytes\": 4096", "\"raw_bytes\": 4097", "multiple"},
		{"\"raw_bytes\": 4096", "\"raw_bytes\": 8589938688", "raw_bytes"},
		{"\"erofs\"", "\"ext4\"", "expected erofs"},
		{"\"format\": \"erofs\", ", "", "format: is missing"},
		{"\"root\":", "\"rooot\":", "root: is missing"},
		{"\"packages\": 142", "\"packages\": 142, \"colour\": 1",
			"unknown key: colour"},
		{"\"size_bytes\": 6", "\"size_bytes\": 6, \"raw_bytes\": 8",
			"unknown key: raw_bytes"},
		{"\"packages\": 142", "\"packages\": \"142\"", "packages"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = changed(cases[i].from, cases[i].to);

		expect_refused(text, cases[i].words);
	}
	expect_refused("", "not JSON");
	expect_refused("[]", "expected inside an object");
	expect_refused("{\"kernel\": 1}", "is missing");
}

/* ---- a directory ---- */

struct dir {
	char path[64];
};

static void put(const struct dir *d, const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", d->path, name);

	assert_int_equal(write_file_atomic(path, text, strlen(text), 0644), 0);
}

static void take_away(const struct dir *d, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", d->path, name);

	assert_int_equal(remove_tree(path), 0);
}

static char *hex_of(const char *text)
{
	uint8_t digest[32];
	char hex[65];

	gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), digest);
	hex_encode(digest, sizeof(digest), hex);
	return xstrdup(hex);
}

static void put_manifest(const struct dir *d)
{
	_cleanup_free_ char *k = hex_of("kernel"), *i = hex_of("initrd"),
			    *r = hex_of("root");
	_cleanup_free_ char *text = xasprintf(
		"{\"schema\": 1, \"profile\": \"core\", \"version\": \"1\","
		" \"kernel\": {\"file\": \"vmlinuz\", \"sha256\": \"%s\", \"size_bytes\": 6},"
		" \"initrd\": {\"file\": \"initrd.img\", \"sha256\": \"%s\", \"size_bytes\": 6},"
		" \"root\": {\"file\": \"root.erofs.zst\", \"format\": \"erofs\", \"sha256\": \"%s\","
		" \"size_bytes\": 4, \"raw_bytes\": 8192}, \"packages\": 2}",
		k, i, r);

	put(d, "manifest.json", text);
}

static int setup(void **state)
{
	struct dir *d = xcalloc(1, sizeof(*d));

	strcpy(d->path, "/tmp/test-image-manifest.XXXXXX");
	assert_non_null(mkdtemp(d->path));
	put(d, "vmlinuz", "kernel");
	put(d, "initrd.img", "initrd");
	put(d, "root.erofs.zst", "root");
	put_manifest(d);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct dir *d = *state;

	remove_tree(d->path);
	free(d);
	return 0;
}

static void expect_load(const struct dir *d, int expect, const char *words)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(image_manifest_load(d->path, &m, &msg), expect);
	if (expect == 0) {
		assert_non_null(m);
		return;
	}
	assert_null(m);
	if (!strstr(msg, words) || !strstr(msg, d->path))
		fail_msg("expected \"%s\" and the path in \"%s\"", words, msg);
}

static void test_load(void **state)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	const struct dir *d = *state;
	char *msg = NULL;

	assert_int_equal(image_manifest_load(d->path, &m, &msg), 0);
	assert_null(msg);
	assert_string_equal(m->dir, d->path);
	assert_int_equal(image_manifest_verify(m, &msg), 0);
	assert_null(msg);
}

static void test_load_bad(void **state)
{
	const struct dir *d = *state;

	put(d, "initrd.img", "initrd and more");
	expect_load(
		d, IMAGE_MANIFEST_E_SIZE, "expected a file of 6 bytes, found one of 15");
	take_away(d, "initrd.img");
	expect_load(d, IMAGE_MANIFEST_E_MISSING, "initrd.img: No such file");
	put(d, "initrd.img", "initrd");
	take_away(d, "vmlinuz");
	expect_load(d, IMAGE_MANIFEST_E_MISSING, "vmlinuz");
	put(d, "vmlinuz", "kernel");
	put(d, "manifest.json", "{}");
	expect_load(d, IMAGE_MANIFEST_E_INVALID, "schema: is missing");
	take_away(d, "manifest.json");
	expect_load(d, IMAGE_MANIFEST_E_MISSING, "ondol image build");
}

static void test_load_directory_as_file(void **state)
{
	const struct dir *d = *state;
	_cleanup_free_ char *path = xasprintf("%s/vmlinuz", d->path);

	take_away(d, "vmlinuz");
	assert_int_equal(mkdir(path, 0755), 0);
	expect_load(d, IMAGE_MANIFEST_E_SIZE, "something else");
}

static void test_verify_bad(void **state)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	_cleanup_free_ char *msg = NULL, *gone = NULL;
	const struct dir *d = *state;

	assert_int_equal(image_manifest_load(d->path, &m, &msg), 0);
	put(d, "root.erofs.zst", "rOot");
	assert_int_equal(image_manifest_verify(m, &msg), IMAGE_MANIFEST_E_DIGEST);
	assert_non_null(strstr(msg, "root.erofs.zst: expected SHA-256"));
	take_away(d, "root.erofs.zst");
	assert_int_equal(image_manifest_verify(m, &gone), -ENOENT);
	assert_non_null(strstr(gone, "root.erofs.zst"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_bad),
		cmocka_unit_test_setup_teardown(test_load, setup, teardown),
		cmocka_unit_test_setup_teardown(test_load_bad, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_load_directory_as_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_verify_bad, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
