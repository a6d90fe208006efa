/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "bootstrap/conrec.h"
#include "common/jsonx.h"

struct world {
	char dir[64], *rec_dir;
	struct conrec *rec;
};

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/test-conrec.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->rec_dir = xasprintf("%s/hp02", w->dir);
	w->rec = conrec_open(w->rec_dir, "hp02");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	conrec_close(w->rec);
	remove_tree(w->dir);
	free(w->rec_dir);
	free(w);
	return 0;
}

static void reopen(struct world *w)
{
	conrec_close(w->rec);
	w->rec = conrec_open(w->rec_dir, "hp02");
}

static void put(struct world *w, const char *text)
{
	conrec_write(w->rec, text, strlen(text), 1795808716000);
}

static char *get(struct world *w, uint64_t since, size_t max, uint64_t *ret_next)
{
	_cleanup_(jx_freep) json_t *chunks = json_array();
	char *all = xstrdup("");
	const json_t *c;
	size_t i;

	*ret_next = conrec_read(w->rec, since, max, chunks);
	json_array_foreach(chunks, i, c)
	{
		_cleanup_free_ char *old = all;

		all = xasprintf(
			"%s%s", old, json_string_value(json_object_get(c, "text")));
		assert_true(json_is_integer(json_object_get(c, "time")));
	}
	return all;
}

static void expect(struct world *w, uint64_t since, const char *want)
{
	uint64_t next;
	_cleanup_free_ char *got = get(w, since, 1 << 20, &next);

	assert_string_equal(got, want);
	assert_int_equal(next, conrec_end(w->rec));
}

static size_t count_files(struct world *w)
{
	DIR *dir = opendir(w->rec_dir);
	size_t n = 0;

	for (struct dirent *d; dir && (d = readdir(dir));)
		n += d->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static void offsets_go_on_over_lives(void **state)
{
	struct world *w = *state;

	assert_int_equal(count_files(w), 0);
	conrec_begin(w->rec);
	put(w, "hello ");
	put(w, "gr\xc3\xbcn\r\n");
	expect(w, 0, "hello gr\xc3\xbcn\r\n");
	expect(w, 3, "lo gr\xc3\xbcn\r\n");
	expect(w, 9, "n\r\n"); /* 9 is within the character */
	reopen(w);
	assert_int_equal(conrec_end(w->rec), 13);
	assert_int_equal(conrec_run(w->rec), 1);
	expect(w, 0, "hello gr\xc3\xbcn\r\n");
	put(w, "again");
	expect(w, 6, "gr\xc3\xbcn\r\nagain");
	expect(w, 15, "ain");
	expect(w, 99, "");
	assert_int_equal(count_files(w), 1);
}

/* A host without a battery begins in 1970; what was recorded before its clock was set counts. */
static void the_clock_is_set_within_a_part(void **state)
{
	struct world *w = *state;

	conrec_begin(w->rec);
	conrec_write(w->rec, "boot ", 5, 20000);
	put(w, "later");
	reopen(w);
	assert_int_equal(conrec_end(w->rec), 10);
	expect(w, 0, "boot later");
}

static void a_cut_line_is_cut_off(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *path = xasprintf("%s/000001-001.cast", w->rec_dir);
	struct stat st;

	conrec_begin(w->rec);
	put(w, "first");
	put(w, "second");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(truncate(path, st.st_size - 4), 0);
	reopen(w);
	expect(w, 0, "first");
	put(w, "third");
	reopen(w);
	expect(w, 0, "firstthird");
}

static void it_is_asciicast(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *path = xasprintf("%s/000001-001.cast", w->rec_dir),
			    *text = NULL;
	char *line;

	conrec_begin(w->rec);
	conrec_write(w->rec, "a", 1, 1795808716000);
	conrec_mark(w->rec, "lost", 1795808716500);
	conrec_write(w->rec, "b\x1b[m", 4, 1795808717250);
	assert_int_equal(read_file(path, 10000, &text, NULL), 0);
	assert_non_null(strstr(text,
		"{\"version\":2,\"width\":80,\"height\":25,"
		"\"timestamp\":1795808716,"));
	line = strchr(text, '\n') + 1;
	assert_string_equal(line,
		"[0.0,\"o\",\"a\"]\n[0.5,\"m\",\"lost\"]\n"
		"[1.25,\"o\",\"b\\u001B[m\"]\n");
	expect(w, 0, "ab\x1b[m"); /* our remark is not the server's text */
}

static void runs_are_kept_apart_and_few(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < CONREC_RUNS + 3; i++) {
		conrec_begin(w->rec);
		assert_int_equal(conrec_begin_of_run(w->rec), conrec_end(w->rec));
		put(w, "0123456789");
	}
	assert_int_equal(count_files(w), CONREC_RUNS);
	reopen(w);
	assert_int_equal(conrec_run(w->rec), CONREC_RUNS + 3);
	assert_int_equal(conrec_begin_of_run(w->rec), (CONREC_RUNS + 2) * 10);
	expect(w, 0, "01234567890123456789012345678901234567890123456789");
}

static void size_is_capped(void **state)
{
	struct world *w = *state;
	size_t size = 100 * 1000, n = 0, total = 0;
	char *big = xmalloc(size + 1);
	uint64_t at = 0, last = 1;

	memset(big, 'x', size);
	big[size] = 0;
	conrec_begin(w->rec);
	for (; n < 130; n++)
		put(w, big);
	assert_int_equal(count_files(w), CONREC_PARTS);
	reopen(w);
	assert_int_equal(conrec_end(w->rec), 130 * size);
	while (at != last) {
		_cleanup_free_ char *got = NULL;

		last = at;
		got = get(w, at, 256 * 1024, &at);
		total += strlen(got);
		assert_true(strlen(got) < 256 * 1024 + size);
	}
	assert_int_equal(at, 130 * size);
	assert_true(total > (CONREC_PARTS - 1) * CONREC_PART_BYTES && total < 130 * size);
	free(big);
}

static void other_files_are_let_alone(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *a = xasprintf("%s/000009-001.cast", w->rec_dir),
			    *b = xasprintf("%s/notes.txt", w->rec_dir);

	assert_int_equal(mkdir_p(w->rec_dir, 0700), 0);
	assert_int_equal(write_file_atomic(a, "no header\n", 10, 0600), 0);
	assert_int_equal(write_file_atomic(b, "x", 1, 0600), 0);
	reopen(w);
	assert_int_equal(conrec_run(w->rec), 0);
	conrec_begin(w->rec);
	put(w, "y");
	expect(w, 0, "y");
	assert_int_equal(count_files(w), 3);
}

static void put_part(
	struct world *w, const char *name, long long offset, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", w->rec_dir, name);
	_cleanup_free_ char *whole =
		xasprintf("{\"ondol_offset\": %lld, \"ondol_began\": "
			  "1795808716000}\n[0.5,\"o\",\"%s\"]\n",
			offset, text);

	assert_int_equal(write_file_atomic(path, whole, strlen(whole), 0600), 0);
}

/* A folder put together from two: what says that it comes behind the newest is none of its. */
static void parts_of_another_record_are_not_shown(void **state)
{
	struct world *w = *state;

	assert_int_equal(mkdir_p(w->rec_dir, 0700), 0);
	put_part(w, "000001-001.cast", 0, "zero");
	put_part(w, "000001-002.cast", 20, "twenty");
	put_part(w, "000001-003.cast", 3, "three");
	put_part(w, "000001-004.cast", 8, "eight");
	put_part(w, "000001-005.cast", INT64_MAX, "a number that is none");
	reopen(w);
	assert_int_equal(conrec_begin_of_run(w->rec), 3);
	assert_int_equal(conrec_end(w->rec), 13);
	expect(w, 0, "threeeight");
	put(w, "more");
	expect(w, 0, "threeeightmore");
	assert_int_equal(count_files(w), 5);
}

static void a_disk_that_takes_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(
		write_file_atomic(w->rec_dir, "", 0, 0600), 0); /* no directory */
	conrec_begin(w->rec);
	put(w, "still ");
	put(w, "followed");
	expect(w, 0, "still followed");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(offsets_go_on_over_lives),
		T(the_clock_is_set_within_a_part),
		T(a_cut_line_is_cut_off),
		T(it_is_asciicast),
		T(runs_are_kept_apart_and_few),
		T(size_is_capped),
		T(other_files_are_let_alone),
		T(parts_of_another_record_are_not_shown),
		T(a_disk_that_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
