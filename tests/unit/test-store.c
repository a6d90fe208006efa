/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <sqlite3.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "bootstrap/store.h"

struct place {
	char dir[64];
	struct store *store;
};

static void open_again(struct place *p)
{
	char *msg = NULL;

	store_close(p->store);
	p->store = NULL;
	assert_int_equal(store_open(p->dir, &p->store, &msg), 0);
	assert_null(msg);
}

static int setup(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));

	strcpy(p->dir, "/tmp/test-store.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	open_again(p);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	store_close(p->store);
	remove_tree(p->dir);
	free(p);
	return 0;
}

static int64_t add(
	struct place *p, const char *node, const char *type, const json_t *data)
{
	struct store_event ev = {.time_ms = 1234,
		.node = node,
		.source = "test",
		.type = type,
		.text = "text\n\t\"x\"",
		.data = data};

	return store_event_add(p->store, &ev);
}

static int collect(const struct store_event *ev, void *userdata)
{
	char **out = userdata;
	char *more = xasprintf("%s%lld:%s:%s:%s ", *out, (long long)ev->id, ev->node,
		ev->type, ev->data ? "data" : "-");

	free(*out);
	*out = more;
	return strstr(more, "stop") != NULL;
}

static char *list(struct place *p, int64_t since, const char *node, unsigned limit)
{
	char *out = xstrdup("");

	assert_int_equal(
		store_event_each(p->store, since, node, limit, collect, &out), 0);
	return out;
}

static void expect_list(struct place *p, int64_t since, const char *node, unsigned limit,
	const char *want)
{
	_cleanup_free_ char *got = list(p, since, node, limit);

	assert_string_equal(got, want);
}

static void events(void **state)
{
	struct place *p = *state;
	json_t *data = json_pack("{s:s}", "to", "ready");

	assert_int_equal(store_event_last(p->store), 0);
	assert_int_equal(add(p, "hp01", "a", NULL), 1);
	assert_int_equal(add(p, "hp02", "b", data), 2);
	assert_int_equal(add(p, "", "c", NULL), 3);
	assert_int_equal(add(p, "hp01", "d", NULL), 4);
	json_decref(data);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(store_event_last(p->store), 4);
		expect_list(p, 0, NULL, 0, "1:hp01:a:- 2:hp02:b:data 3::c:- 4:hp01:d:- ");
		expect_list(p, 2, NULL, 0, "3::c:- 4:hp01:d:- ");
		expect_list(p, 0, "hp01", 0, "1:hp01:a:- 4:hp01:d:- ");
		expect_list(p, 0, NULL, 2, "1:hp01:a:- 2:hp02:b:data ");
		expect_list(p, 4, NULL, 0, "");
		expect_list(p, 0, "nobody", 0, "");
		open_again(p);
	}
	add(p, "hp01", "stop", NULL);
	add(p, "hp01", "after", NULL);
	expect_list(p, 4, NULL, 0, "5:hp01:stop:- ");
}

static int check_text(const struct store_event *ev, void *userdata)
{
	assert_string_equal(ev->text, "text\n\t\"x\"");
	assert_string_equal(ev->source, "test");
	assert_int_equal(ev->time_ms, 1234);
	assert_string_equal(json_string_value(json_object_get(ev->data, "k")),
		"ü\"'; DROP TABLE event;");
	++*(int *)userdata;
	return 0;
}

static void text_is_kept(void **state)
{
	struct place *p = *state;
	json_t *data = json_pack("{s:s}", "k", "ü\"'; DROP TABLE event;");
	int n = 0;

	add(p, "hp01", "x", data);
	json_decref(data);
	store_event_each(p->store, 0, NULL, 0, check_text, &n);
	assert_int_equal(n, 1);
}

static void racks(void **state)
{
	struct place *p = *state;
	char *file, *ini, *secrets;
	_cleanup_free_ char *path = xasprintf("%s/secrets-2.ini", p->dir);
	_cleanup_free_ char *old = xasprintf("%s/secrets-1.ini", p->dir);
	int64_t rev;
	struct stat st;

	assert_int_equal(store_rack_get(p->store, &rev, &file, &ini, &secrets), -ENOENT);
	assert_int_equal(store_rack_put(p->store, "a.ini", "one", "s-one"), 1);
	assert_int_equal(store_rack_put(p->store, "b.ini", "two\nlines", "s-two"), 2);
	assert_int_equal(stat(old, &st), 0); /* until the caller has committed */
	store_rack_drop_secrets_but(p->store, 2);
	open_again(p);
	assert_int_equal(store_rack_get(p->store, &rev, &file, &ini, &secrets), 0);
	assert_int_equal(rev, 2);
	assert_string_equal(file, "b.ini");
	assert_string_equal(ini, "two\nlines");
	assert_string_equal(secrets, "s-two");
	free(file);
	free(ini);
	free(secrets);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(old, &st), -1); /* old passwords do not stay about */
	unlink(path);
	assert_int_equal(store_rack_get(p->store, &rev, &file, &ini, &secrets), -EIO);
}

static void documents(void **state)
{
	struct place *p = *state;
	json_t *doc = json_pack("{s:i}", "revision", 3), *got = NULL;

	assert_int_equal(store_doc_get(p->store, "desired", "hp01", &got), -ENOENT);
	assert_int_equal(store_doc_put(p->store, "desired", "hp01", doc), 0);
	json_object_set_new(doc, "revision", json_integer(4));
	assert_int_equal(store_doc_put(p->store, "desired", "hp01", doc), 0);
	open_again(p);
	assert_int_equal(store_doc_get(p->store, "desired", "hp01", &got), 0);
	assert_true(json_equal(doc, got));
	json_decref(got);
	json_decref(doc);
	assert_int_equal(store_doc_get(p->store, "inventory", "hp01", &got), -ENOENT);
	assert_int_equal(store_doc_drop(p->store, "hp01"), 0);
	assert_int_equal(store_doc_get(p->store, "desired", "hp01", &got), -ENOENT);
}

static void tokens(void **state)
{
	struct place *p = *state;
	_cleanup_free_ char *cmd = xasprintf("%s/ondold.db", p->dir), *bytes = NULL;
	size_t len;

	assert_false(store_token_is(p->store, "boot", "hp01", ""));
	assert_int_equal(
		store_token_put(p->store, "boot", "hp01", "deadbeefdeadbeef"), 0);
	assert_true(store_token_is(p->store, "boot", "hp01", "deadbeefdeadbeef"));
	assert_false(store_token_is(p->store, "boot", "hp01", "deadbeefdeadbeee"));
	assert_false(store_token_is(p->store, "boot", "hp02", "deadbeefdeadbeef"));
	assert_false(store_token_is(p->store, "node", "hp01", "deadbeefdeadbeef"));
	open_again(p);
	assert_true(store_token_is(p->store, "boot", "hp01", "deadbeefdeadbeef"));
	assert_int_equal(read_file(cmd, 1 << 24, &bytes, &len), 0);
	assert_null(memmem(bytes, len, "deadbeefdeadbeef", 16));
	store_token_put(p->store, "boot", "hp01", "another");
	assert_false(store_token_is(p->store, "boot", "hp01", "deadbeefdeadbeef"));
	store_token_drop(p->store, "boot", "hp01");
	assert_false(store_token_is(p->store, "boot", "hp01", "another"));
	store_token_put(p->store, "node", "hp01", "n");
	store_doc_drop(p->store, "hp01");
	assert_false(store_token_is(p->store, "node", "hp01", "n"));
}

static void one_holder(void **state)
{
	struct place *p = *state;
	struct store *other = NULL;
	_cleanup_free_ char *msg = NULL;

	assert_int_equal(store_open(p->dir, &other, &msg), -EBUSY);
	assert_non_null(strstr(msg, "held by another ondold"));
	assert_null(other);
}

static void not_a_database(void **state)
{
	struct place *p = *state;
	_cleanup_free_ char *path = xasprintf("%s/ondold.db", p->dir), *msg = NULL;
	_cleanup_free_ char *wal = xasprintf("%s/ondold.db-wal", p->dir);
	char rubbish[4096];

	store_close(p->store);
	p->store = NULL;
	memset(rubbish, 'x', sizeof(rubbish));
	unlink(wal);
	assert_int_equal(write_file_atomic(path, rubbish, sizeof(rubbish), 0600), 0);
	assert_true(store_open(p->dir, &p->store, &msg) < 0);
	assert_non_null(strstr(msg, "ondold.db"));
}

/* What an earlier ondold has left: no index by type, and a file that cannot shrink. */
static void make_old(struct place *p)
{
	_cleanup_free_ char *path = xasprintf("%s/ondold.db", p->dir);
	sqlite3 *db = NULL;

	store_close(p->store);
	p->store = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "DROP INDEX event_type; PRAGMA auto_vacuum=NONE; VACUUM",
			NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
}

static int64_t add_large(struct place *p)
{
	static char words[2000];
	struct store_event ev = {
		.node = "hp01", .source = "test", .type = "large", .text = words};

	memset(words, 'w', sizeof(words) - 1);
	return store_event_add(p->store, &ev);
}

static void fills_and_shrinks(struct place *p)
{
	_cleanup_free_ int64_t *ids = xcalloc(2000, sizeof(*ids));
	uint64_t full;
	int64_t last;

	store_begin(p->store);
	for (int i = 0; i < 2000; i++)
		ids[i] = add_large(p);
	assert_int_equal(store_commit(p->store), 0);
	open_again(p); /* the log goes into the file */
	assert_int_equal(store_event_count(p->store), 2000);
	full = store_size_bytes(p->store);
	assert_true(full > 4000000);
	last = store_event_last(p->store);
	assert_int_equal(store_event_drop(p->store, ids, 2000), 0);
	assert_int_equal(store_event_count(p->store), 0);
	while (store_shrink(p->store, 100)) {
	}
	assert_true(store_write_back(p->store));
	assert_true(store_size_bytes(p->store) < full / 10);
	assert_int_equal(add_large(p), last + 1); /* an id is never given twice */
	open_again(p);
	assert_int_equal(store_event_count(p->store), 1);
	assert_int_equal(store_event_drop(p->store, &(int64_t){last + 1}, 1), 0);
}

static void shrinking(void **state)
{
	fills_and_shrinks(*state);
}

static void shrinking_of_an_old_file(void **state)
{
	struct place *p = *state;
	int64_t id = add(p, "hp01", "state", NULL);

	make_old(p);
	open_again(p);
	assert_int_equal(store_event_count(p->store), 1);
	assert_int_equal(store_event_newest(p->store, "hp01", "state", "x"), id);
	assert_int_equal(store_event_drop(p->store, &id, 1), 0);
	fills_and_shrinks(p);
}

/* Nobody is made to wait for it at a start. */
static void a_huge_old_file(void **state)
{
	struct place *p = *state;
	_cleanup_free_ char *path = xasprintf("%s/ondold.db", p->dir);
	int64_t id = add(p, "hp01", "state", NULL);

	make_old(p);
	/* What follows its pages is none of it. */
	assert_int_equal(truncate(path, INT64_C(3) << 30), 0);
	open_again(p);
	assert_int_equal(store_event_count(p->store), 1);
	assert_int_equal(store_event_drop(p->store, &id, 1), 0);
	assert_false(store_shrink(p->store, 100));
}

/* Who reads on from an id reads on, whatever was dropped before, after and at it. */
static void cursors(void **state)
{
	struct place *p = *state;

	for (int i = 0; i < 6; i++)
		add(p, i % 2 ? "hp02" : "hp01", "x", NULL);
	assert_int_equal(store_event_drop(p->store, (int64_t[]){1, 2, 4, 99}, 4), 0);
	assert_int_equal(store_event_count(p->store), 3);
	expect_list(p, 0, NULL, 0, "3:hp01:x:- 5:hp01:x:- 6:hp02:x:- ");
	expect_list(p, 4, NULL, 0, "5:hp01:x:- 6:hp02:x:- ");
	expect_list(p, 2, "hp01", 1, "3:hp01:x:- ");
	assert_int_equal(store_event_last(p->store), 6);
	assert_int_equal(store_event_before(p->store, NULL, 2), 3);
	assert_int_equal(store_event_before(p->store, "hp02", 5), 0);
}

static int skim(const struct store_skim *row, void *userdata)
{
	char **out = userdata;
	char *more = xasprintf("%s%lld:%s:%s>%s ", *out, (long long)row->id, row->type,
		row->from, row->to);

	free(*out);
	*out = more;
	return streq(row->type, "stop");
}

static void skimming(void **state)
{
	struct place *p = *state;
	json_t *data = json_pack("{s:s, s:s}", "from", "idle", "to", "powering");
	_cleanup_free_ char *all = xstrdup(""), *some = xstrdup(""), *a = NULL, *b = NULL;

	assert_null(store_event_node_after(p->store, NULL));
	assert_int_equal(store_event_oldest_ms(p->store), 0);
	add(p, "hp01", "state", data);
	add(p, "hp01", "power.is", data);
	add(p, "", "state", NULL);
	add(p, "hp01", "stop", NULL);
	add(p, "hp01", "state", data);
	json_decref(data);
	assert_int_equal(store_event_skim(p->store, "hp01", NULL, 0, skim, &all), 0);
	assert_string_equal(all, "1:state:idle>powering 2:power.is:> 4:stop:> ");
	assert_int_equal(store_event_skim(p->store, "hp01", "state", 1, skim, &some), 0);
	assert_string_equal(some, "5:state:idle>powering ");
	a = store_event_node_after(p->store, NULL);
	assert_string_equal(a, "");
	b = store_event_node_after(p->store, "");
	assert_string_equal(b, "hp01");
	assert_null(store_event_node_after(p->store, "hp01"));
	assert_int_equal(store_event_oldest_ms(p->store), 1234);
}

static void transactions(void **state)
{
	struct place *p = *state;

	assert_int_equal(store_begin(p->store), 0);
	add(p, "hp01", "a", NULL);
	expect_list(p, 0, NULL, 0, "1:hp01:a:- ");
	assert_int_equal(store_commit(p->store), 0);
	assert_int_equal(store_begin(p->store), 0);
	add(p, "hp01", "b", NULL);
	open_again(p); /* without a commit */
	expect_list(p, 0, NULL, 0, "1:hp01:a:- ");
}

/* Killed between taking a rack and its commit: the old one is still whole. */
static void a_rack_not_committed(void **state)
{
	struct place *p = *state;
	_cleanup_free_ char *file = NULL, *ini = NULL, *secrets = NULL;
	_cleanup_free_ char *path = xasprintf("%s/secrets-2.ini", p->dir);
	int64_t rev;

	assert_int_equal(store_rack_put(p->store, "a.ini", "one", "s-one"), 1);
	assert_int_equal(store_begin(p->store), 0);
	assert_int_equal(store_rack_put(p->store, "b.ini", "two", "s-two"), 2);
	open_again(p);
	assert_int_equal(store_rack_get(p->store, &rev, &file, &ini, &secrets), 0);
	assert_int_equal(rev, 1);
	assert_string_equal(secrets, "s-one");
	store_rack_drop_secrets_but(p->store, rev);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(store_rack_put(p->store, "b.ini", "two", "s-two"), 2);
}

static void inner_transactions(void **state)
{
	struct place *p = *state;

	assert_int_equal(store_begin(p->store), 0);
	assert_int_equal(store_begin(p->store), 0);
	add(p, "hp01", "a", NULL);
	assert_int_equal(store_commit(p->store), 0);
	open_again(p); /* the outer one is not committed */
	expect_list(p, 0, NULL, 0, "");
	assert_int_equal(store_commit(p->store), -EIO); /* without a begin */
}

static void count_soon(void *userdata)
{
	++*(int *)userdata;
}

/* As another process sees it: what is not safe is not there. */
static int seen(struct place *p)
{
	_cleanup_free_ char *path = xasprintf("%s/ondold.db", p->dir);
	sqlite3_stmt *st = NULL;
	sqlite3 *db = NULL;
	int n;

	assert_int_equal(
		sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db,
			"SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM "
			"doc) + (SELECT count(*) FROM token)",
			-1, &st, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void gathered(void **state)
{
	struct place *p = *state;
	json_t *doc = json_object();
	int soon = 0;

	add(p, "hp01", "before", NULL);
	assert_int_equal(seen(p), 1);
	store_gather(p->store, count_soon, &soon);
	assert_true(store_is_settled(p->store));
	assert_int_equal(store_settle(p->store), 0);
	add(p, "hp01", "a", NULL);
	assert_int_equal(store_doc_put(p->store, "k", "hp01", doc), 0);
	assert_int_equal(store_token_put(p->store, "boot", "hp01", "abc"), 0);
	assert_int_equal(soon, 1);
	assert_false(store_is_settled(p->store));
	assert_int_equal(seen(p), 1);
	assert_int_equal(store_event_last(p->store), 2); /* who writes sees it */
	assert_int_equal(store_settle(p->store), 0);
	assert_true(store_is_settled(p->store));
	assert_int_equal(seen(p), 4);
	add(p, "hp01", "b", NULL);
	assert_int_equal(soon, 2);
	open_again(p); /* an orderly end loses nothing */
	assert_int_equal(seen(p), 5);
	json_decref(doc);
}

static void pairs_among_the_gathered(void **state)
{
	struct place *p = *state;
	int soon = 0;

	store_gather(p->store, count_soon, &soon);
	add(p, "hp01", "a", NULL);
	assert_int_equal(store_begin(p->store), 0);
	add(p, "hp01", "b", NULL);
	assert_int_equal(store_settle(p->store), 0); /* not within */
	assert_int_equal(seen(p), 0);
	assert_int_equal(store_commit(p->store), 0);
	assert_true(store_is_settled(p->store));
	assert_int_equal(seen(p), 2);
	assert_int_equal(store_begin(p->store), 0);
	add(p, "hp01", "c", NULL);
	assert_int_equal(soon, 1);
	assert_int_equal(store_commit(p->store), 0);
	assert_int_equal(seen(p), 3);
	assert_int_equal(store_settle(p->store), 0);
}

/* Letting go is one of the turn's writes, and the file gets shorter when all is safe. */
static void dropping_among_the_gathered(void **state)
{
	struct place *p = *state;
	int64_t ids[500];
	int soon = 0;

	for (int i = 0; i < 500; i++)
		ids[i] = add_large(p);
	store_gather(p->store, count_soon, &soon);
	add(p, "hp01", "a", NULL);
	assert_int_equal(store_event_drop(p->store, ids, 400), 0);
	assert_int_equal(store_event_count(p->store), 101);
	assert_int_equal(soon, 1);
	assert_int_equal(seen(p), 500);
	assert_false(store_write_back(p->store));
	assert_int_equal(store_settle(p->store), 0);
	assert_int_equal(seen(p), 101);
	assert_int_equal(store_event_drop(p->store, ids + 400, 100), 0);
	assert_int_equal(soon, 2); /* it asks for the settling itself */
	assert_true(store_shrink(p->store, 10));
	assert_int_equal(store_event_dropped(p->store), 500);
	assert_int_equal(seen(p), 101);
	assert_int_equal(store_settle(p->store), 0);
	assert_int_equal(seen(p), 1);
	assert_true(store_write_back(p->store));
}

/* Instead of a full disk: no file may grow. */
static int while_full(struct place *p, int (*fn)(struct store *))
{
	struct rlimit usual;
	int r;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, usual.rlim_max}), 0);
	r = fn(p->store);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
	return r;
}

/* What the disk did not take was neither added nor dropped. */
static void lost_counts(void **state)
{
	struct place *p = *state;
	int64_t id = add(p, "hp01", "a", NULL);
	int soon = 0;

	store_gather(p->store, count_soon, &soon);
	add(p, "hp01", "b", NULL);
	add(p, "hp01", "c", NULL);
	assert_int_equal(store_event_drop(p->store, &id, 1), 0);
	assert_int_equal(store_event_count(p->store), 2);
	assert_true(while_full(p, store_settle) < 0);
	assert_true(store_is_settled(p->store));
	assert_int_equal(store_event_count(p->store), 1);
	assert_int_equal(store_event_dropped(p->store), 0);
	assert_int_equal(seen(p), 1);
}

/* Who waits for what was gathered hears of it, though another's commit has lost it. */
static void lost_by_a_pair(void **state)
{
	struct place *p = *state;
	int soon = 0;

	store_gather(p->store, count_soon, &soon);
	add(p, "hp01", "a", NULL);
	assert_int_equal(store_begin(p->store), 0);
	add(p, "hp01", "b", NULL);
	assert_true(while_full(p, store_commit) < 0);
	assert_false(store_is_settled(p->store));
	add(p, "hp01", "c", NULL);
	assert_true(store_settle(p->store) < 0);
	assert_true(store_is_settled(p->store));
	assert_int_equal(store_settle(p->store), 0);
	assert_int_equal(seen(p), 1);
	assert_int_equal(store_begin(p->store), 0);
	add(p, "hp01", "d", NULL);
	assert_true(while_full(p, store_commit) < 0); /* nobody else's */
	assert_true(store_is_settled(p->store));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(events, setup, teardown),
		cmocka_unit_test_setup_teardown(text_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(racks, setup, teardown),
		cmocka_unit_test_setup_teardown(documents, setup, teardown),
		cmocka_unit_test_setup_teardown(tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(one_holder, setup, teardown),
		cmocka_unit_test_setup_teardown(not_a_database, setup, teardown),
		cmocka_unit_test_setup_teardown(shrinking, setup, teardown),
		cmocka_unit_test_setup_teardown(
			shrinking_of_an_old_file, setup, teardown),
		cmocka_unit_test_setup_teardown(a_huge_old_file, setup, teardown),
		cmocka_unit_test_setup_teardown(cursors, setup, teardown),
		cmocka_unit_test_setup_teardown(skimming, setup, teardown),
		cmocka_unit_test_setup_teardown(transactions, setup, teardown),
		cmocka_unit_test_setup_teardown(gathered, setup, teardown),
		cmocka_unit_test_setup_teardown(
			pairs_among_the_gathered, setup, teardown),
		cmocka_unit_test_setup_teardown(
			dropping_among_the_gathered, setup, teardown),
		cmocka_unit_test_setup_teardown(lost_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(lost_by_a_pair, setup, teardown),
		cmocka_unit_test_setup_teardown(inner_transactions, setup, teardown),
		cmocka_unit_test_setup_teardown(a_rack_not_committed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
