/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "bootstrap/backup.h"
#include "common/jsonx.h"

struct world {
	char path[64];
	FILE *f; /* the archive while it is written */
};

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	int fd;

	strcpy(w->path, "/tmp/test-backup.XXXXXX");
	fd = mkstemp(w->path);
	assert_true(fd >= 0);
	w->f = fdopen(fd, "w");
	assert_non_null(w->f);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	if (w->f)
		fclose(w->f);
	unlink(w->path);
	free(w);
	return 0;
}

static void put(struct world *w, const char *name, const char *text)
{
	static const unsigned char zeros[TAR_BLOCK];
	unsigned char block[TAR_BLOCK];

	tar_header(name, strlen(text), 1800000000, block);
	fwrite(block, 1, sizeof(block), w->f);
	fwrite(text, 1, strlen(text), w->f);
	fwrite(zeros, 1, tar_padding(strlen(text)), w->f);
}

/* A manifest of these members, NAME and TEXT in turn. */
static void put_manifest(
	struct world *w, const char *format, int version, const char *const list[])
{
	json_t *members = json_object(), *doc;
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; list[i]; i += 2) {
		uint8_t raw[32];
		char hex[65];

		assert_int_equal(gnutls_hash_fast(GNUTLS_DIG_SHA256, list[i + 1],
					 strlen(list[i + 1]), raw),
			0);
		hex_encode(raw, sizeof(raw), hex);
		json_object_set_new(members, list[i], json_pack("{s:s}", "sha256", hex));
	}
	doc = json_pack("{s:s, s:i, s:o}", "format", format, "version", version,
		"members", members);
	text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	put(w, "manifest.json", text);
}

/* Closes the archive and reads it back: NULL or words. */
static const char *checked(struct world *w, struct backup **ret)
{
	static const unsigned char end[2 * TAR_BLOCK];

	fwrite(end, 1, sizeof(end), w->f);
	fclose(w->f);
	w->f = NULL;
	assert_int_equal(backup_open(w->path, ret), 0);
	return backup_check(*ret);
}

static const char keys[] = "{\"admin\":\"x\"}";

static void whole(void **state)
{
	static const char *const list[] = {"keys.json", keys, "blobs/a.gz", "abc", NULL};
	_cleanup_(backup_freep) struct backup *b = NULL;
	_cleanup_(jx_freep) json_t *doc = NULL;
	struct world *w = *state;

	put_manifest(w, BACKUP_FORMAT, 1, list);
	put(w, "keys.json", keys);
	put(w, "blobs/a.gz", "abc");
	assert_null(checked(w, &b));
	assert_int_equal(b->n, 3);
	assert_string_equal(b->members[2].name, "blobs/a.gz");
	assert_true(b->members[2].size == 3);
	doc = backup_doc(b, "keys.json");
	assert_string_equal(json_string_value(json_object_get(doc, "admin")), "x");
	assert_null(backup_doc(b, "blobs/a.gz")); /* no document */
	assert_null(backup_doc(b, "nothing"));
}

static void is_refused(struct world *w, const char *words)
{
	_cleanup_(backup_freep) struct backup *b = NULL;
	const char *bad = checked(w, &b);

	if (!bad || !strstr(bad, words))
		fail_msg("expected \"%s\", got \"%s\"", words, bad ? bad : "(taken)");
}

static void another_file(void **state)
{
	static const char *const list[] = {"keys.json", "{}", NULL};
	struct world *w = *state;

	put_manifest(w, BACKUP_FORMAT, 1, list);
	put(w, "keys.json", keys);
	is_refused(w, "not as the manifest has it");
}

static void missing_file(void **state)
{
	static const char *const list[] = {"keys.json", keys, "blobs/a.gz", "abc", NULL};
	struct world *w = *state;

	put_manifest(w, BACKUP_FORMAT, 1, list);
	put(w, "keys.json", keys);
	is_refused(w, "are missing");
}

/* The second one would be what is used, or the first, and only one of them be checked. */
static void file_twice(void **state)
{
	static const char *const list[] = {"keys.json", keys, "blobs/a.gz", "abc", NULL};
	struct world *w = *state;

	put_manifest(w, BACKUP_FORMAT, 1, list);
	put(w, "keys.json", keys);
	put(w, "keys.json", keys);
	is_refused(w, "twice");
}

static void wrong_name(void **state)
{
	static const char *const list[] = {"keys.json", keys, "blobs/../x", "abc", NULL};
	struct world *w = *state;

	put_manifest(w, BACKUP_FORMAT, 1, list);
	put(w, "keys.json", keys);
	put(w, "blobs/../x", "abc");
	is_refused(w, "name that none may have");
}

static void empty_blob(void **state)
{
	static const char *const list[] = {"keys.json", keys, "blobs/a", "", NULL};
	struct world *w = *state;

	put_manifest(w, BACKUP_FORMAT, 1, list);
	put(w, "keys.json", keys);
	put(w, "blobs/a", "");
	is_refused(w, "name that none may have");
}

static void other_version(void **state)
{
	static const char *const list[] = {"keys.json", keys, NULL};
	struct world *w = *state;

	put_manifest(w, BACKUP_FORMAT, 2, list);
	put(w, "keys.json", keys);
	is_refused(w, "another version");
}

static void other_format(void **state)
{
	static const char *const list[] = {"keys.json", keys, NULL};
	struct world *w = *state;

	put_manifest(w, "something", 1, list);
	put(w, "keys.json", keys);
	is_refused(w, "no manifest");
}

static void cut_short(void **state)
{
	struct world *w = *state;
	unsigned char block[TAR_BLOCK];

	tar_header("keys.json", 100000, 0, block);
	fwrite(block, 1, sizeof(block), w->f);
	is_refused(w, "ends too early");
}

static void no_archive(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < TAR_BLOCK; i++)
		fputc('x', w->f);
	is_refused(w, "no tar archive");
}

static void too_many(void **state)
{
	struct world *w = *state;
	char name[16];

	for (int i = 0; i <= BACKUP_MAX_MEMBERS; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		put(w, name, "");
	}
	is_refused(w, "too many");
}

static void no_file(void **state)
{
	struct backup *b = NULL;

	assert_int_equal(backup_open("/tmp/there-is-no-such-backup", &b), -ENOENT);
	assert_null(b);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(whole), TEST(another_file),
		TEST(missing_file), TEST(file_twice), TEST(wrong_name), TEST(empty_blob),
		TEST(other_version), TEST(other_format), TEST(cut_short),
		TEST(no_archive), TEST(too_many), cmocka_unit_test(no_file)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
