/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <dirent.h>

#include "bootstrap/blobs.h"

static char dir[64];
static struct store *store;
static struct blobs *blobs;

static void open_again(void)
{
	char *msg = NULL;

	blobs_free(blobs);
	store_close(store);
	assert_int_equal(store_open(dir, &store, &msg), 0);
	assert_int_equal(blobs_open(dir, store, &blobs), 0);
}

static int setup(void **state)
{
	strcpy(dir, "/tmp/test-blobs.XXXXXX");
	assert_non_null(mkdtemp(dir));
	open_again();
	return 0;
}

static int teardown(void **state)
{
	blobs_free(blobs);
	store_close(store);
	blobs = NULL;
	store = NULL;
	return remove_tree(dir);
}

static size_t count_files(void)
{
	_cleanup_free_ char *path = xasprintf("%s/blobs", dir);
	DIR *d = opendir(path);
	size_t n = 0;

	assert_non_null(d);
	for (const struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static int put(const char *name, const char *text)
{
	struct blob_writer *w;

	assert_int_equal(blob_write(blobs, name, &w), 0);
	assert_int_equal(blob_append(w, text, strlen(text) / 2), 0);
	assert_int_equal(
		blob_append(w, text + strlen(text) / 2, strlen(text) - strlen(text) / 2),
		0);
	return blob_finish(w);
}

static void holds(const char *name, const char *text)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *got = NULL;
	uint64_t size;

	assert_int_equal(blobs_read(blobs, name, &fd, &size), 0);
	assert_int_equal(size, strlen(text));
	assert_int_equal(read_fd(fd, 1000, &got, NULL), 0);
	assert_string_equal(got, text);
}

static void replaced_as_a_whole(void **state)
{
	_cleanup_close_ int fd = -1;
	uint64_t size;
	json_t *index;

	assert_int_equal(blobs_read(blobs, "account.ring.gz", &fd, &size), -ENOENT);
	assert_int_equal(put("account.ring.gz", "one"), 1);
	assert_int_equal(put("account.ring.gz", "one"), 0);
	holds("account.ring.gz", "one");
	assert_int_equal(put("account.ring.gz", "two two"), 1);
	holds("account.ring.gz", "two two");
	assert_int_equal(count_files(), 1);
	index = blobs_index(blobs);
	assert_int_equal(json_object_size(index), 1);
	json_decref(index);
	open_again();
	holds("account.ring.gz", "two two");
}

static void digest(void **state)
{
	struct blob_writer *w;
	char hex[65];

	assert_int_equal(blob_write(blobs, "x", &w), 0);
	assert_int_equal(blob_append(w, "abc", 3), 0);
	blob_digest(w, hex);
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	blob_drop(w);
	assert_int_equal(count_files(), 0);
}

static void leftovers(void **state)
{
	struct blob_writer *w;
	_cleanup_free_ char *path = xasprintf("%s/blobs/y.abcdef", dir);

	assert_int_equal(put("x", "kept"), 1);
	assert_int_equal(write_file_atomic(path, "half", 4, 0600), 0);
	assert_int_equal(count_files(), 2);
	open_again();
	assert_int_equal(count_files(), 1);
	holds("x", "kept");
	assert_int_equal(blob_write(blobs, "x", &w), 0);
	assert_int_equal(blob_append(w, "unfinished", 10), 0);
	blob_drop(w);
	holds("x", "kept");
}

static void limits(void **state)
{
	static const char *const bad[] = {"", "../x", ".hidden", "a/b", "a b",
		"0123456789012345678901234567890123456789012345678901234567890123456789"};
	struct blob_writer *w;
	char *big = xcalloc(1, 1 << 20);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(blob_write(blobs, bad[i], &w), -EINVAL);
	assert_int_equal(blob_write(blobs, "rings", &w), 0);
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(blob_append(w, big, 1 << 20), 0);
	assert_int_equal(blob_append(w, big, 1), -EFBIG);
	assert_int_equal(blob_writer_limit(w), UINT64_C(64) << 20);
	blob_drop(w);
	assert_int_equal(blob_limit(BLOB_BACKUP), UINT64_C(64) << 30);
	free(big);
}

static void backup_is_no_fact(void **state)
{
	json_t *facts;

	assert_int_equal(put(BLOB_BACKUP, "databases"), 1);
	assert_int_equal(put("object.ring.gz", "ring"), 1);
	facts = blobs_facts(blobs);
	assert_int_equal(json_object_size(facts), 1);
	assert_non_null(json_object_get(facts, "object.ring.gz"));
	json_decref(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(replaced_as_a_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(digest, setup, teardown),
		cmocka_unit_test_setup_teardown(leftovers, setup, teardown),
		cmocka_unit_test_setup_teardown(limits, setup, teardown),
		cmocka_unit_test_setup_teardown(backup_is_no_fact, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
