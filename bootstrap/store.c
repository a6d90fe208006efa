/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/store_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/digest.h"
#include "common/log.h"

/*
 * Why SQLite with synchronous=FULL: neither a killed process nor a power cut loses what
 * was answered; a node token or an order that is forgotten disowns a server. The secrets
 * are a file and not a row so that the database can be copied for a bug report. The new
 * file is in place before the row that names it, the old one until that row is committed.
 *
 * An fsync takes milliseconds, and in a large rack many nodes speak within one: so ondold
 * gathers what it is told in one turn of its loop, and answers when it is safe.
 */

#define SCHEMA_VERSION 1
#define AUTO_VACUUM_INCREMENTAL 2 /* as PRAGMA auto_vacuum answers */
/* A slow disk writes it three times within the TimeoutStartSec of ondold.service. */
#define REWRITE_MAX_BYTES (UINT64_C(2) << 30)

static const char schema[] =
	"CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL,"
	" node TEXT NOT NULL, source TEXT NOT NULL, type TEXT NOT NULL, text TEXT NOT NULL,"
	" data TEXT);"
	"CREATE INDEX event_node ON event (node, id);"
	"CREATE TABLE rack (revision INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL,"
	" file TEXT NOT NULL, rack_ini TEXT NOT NULL);"
	"CREATE TABLE doc (kind TEXT NOT NULL, node TEXT NOT NULL, json TEXT NOT NULL,"
	" PRIMARY KEY (kind, node));"
	"CREATE TABLE token (kind TEXT NOT NULL, node TEXT NOT NULL, hash TEXT NOT NULL,"
	" PRIMARY KEY (kind, node));"
	"PRAGMA user_version = 1;";

/* Later than the schema: an ondold without it reads and writes the same tables. */
static const char index_of_types[] =
	"CREATE INDEX IF NOT EXISTS event_type ON event (node, type, id)";

static const char *const sql[ST_N] = {
	[ST_EVENT_ADD] = ("INSERT INTO event (time, node, source, type, text, data)"
			  " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
	[ST_EVENT_LAST] = "SELECT coalesce(max(id), 0) FROM event",
	[ST_EVENT_BEFORE] = ("SELECT id FROM event WHERE ?1 IS NULL OR node = ?1"
			     " ORDER BY id DESC LIMIT 1 OFFSET ?2"),
	[ST_EVENT_NEWEST] =
		("SELECT max(coalesce((SELECT max(id) FROM event WHERE node = ?1"
		 " AND type = ?2), 0), coalesce((SELECT max(id) FROM event"
		 " WHERE node = ?1 AND type = ?3), 0))"),
	[ST_RACK_ADD] = "INSERT INTO rack (time, file, rack_ini) VALUES (?1, ?2, ?3)",
	[ST_RACK_GET] =
		"SELECT revision, file, rack_ini FROM rack ORDER BY revision DESC LIMIT 1",
	[ST_DOC_PUT] =
		"INSERT OR REPLACE INTO doc (kind, node, json) VALUES (?1, ?2, ?3)",
	[ST_DOC_GET] = "SELECT json FROM doc WHERE kind = ?1 AND node = ?2",
	[ST_DOC_REMOVE] = "DELETE FROM doc WHERE kind = ?1 AND node = ?2",
	[ST_DOC_DROP] = "DELETE FROM doc WHERE node = ?1",
	[ST_TOKEN_PUT] =
		"INSERT OR REPLACE INTO token (kind, node, hash) VALUES (?1, ?2, ?3)",
	[ST_TOKEN_GET] = "SELECT hash FROM token WHERE kind = ?1 AND node = ?2",
	[ST_TOKEN_DROP] = "DELETE FROM token WHERE kind = ?1 AND node = ?2",
	[ST_TOKEN_DROP_ALL] = "DELETE FROM token WHERE node = ?1",
};

int store_db_errno(struct store *s)
{
	int code = sqlite3_errcode(s->db);

	return code == SQLITE_FULL ? -ENOSPC : code == SQLITE_NOMEM ? -ENOMEM : -EIO;
}

int store_db_failed(struct store *s, const char *what)
{
	log_error("%s/ondold.db: %s: %s; going on without it, check the disk's space",
		s->dir, what, sqlite3_errmsg(s->db));
	return store_db_errno(s);
}

/* ---- gathering ---- */

void store_gather(struct store *s, void (*soon)(void *userdata), void *userdata)
{
	s->soon = soon;
	s->userdata = userdata;
}

bool store_is_settled(const struct store *s)
{
	return !s->gathered && !s->lost;
}

bool store_has_gathered(const struct store *s)
{
	return s->gathered;
}

static int begin(struct store *s)
{
	if (sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return store_db_failed(s, "begin");
	s->before = s->now;
	return 0;
}

static int commit(struct store *s)
{
	int r;

	if (sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	r = store_db_failed(s, "commit");
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->now = s->before;
	return r;
}

void store_join(struct store *s)
{
	if (!s->soon || s->gathered || s->depth > 0 || begin(s) < 0)
		return;
	s->gathered = true;
	s->soon(s->userdata);
}

int store_settle(struct store *s)
{
	int r = s->lost;

	if (s->depth > 0)
		return 0;
	s->lost = 0;
	if (!s->gathered)
		return r;
	s->gathered = false;
	return MIN(r, commit(s));
}

/* What could not be written is lost to whoever waits for it to be safe. */
static int lose(struct store *s, int r)
{
	if (r < 0 && s->soon) {
		s->lost = MIN(s->lost, r);
		s->soon(s->userdata);
	}
	return r;
}

/* ---- statements ---- */

void store_bind_text(sqlite3_stmt *st, int at, const char *text)
{
	if (text)
		sqlite3_bind_text(st, at, text, -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_null(st, at);
}

const char *store_column_text(sqlite3_stmt *st, int at)
{
	const unsigned char *text = sqlite3_column_text(st, at);

	return text ? (const char *)text : "";
}

/* Binds up to three texts and runs a statement that answers no row. */
static int run_texts(struct store *s, enum store_stmt which, const char *a, const char *b,
	const char *c)
{
	sqlite3_stmt *st = s->stmts[which];
	const char *const texts[] = {a, b, c};
	int r;

	store_join(s);
	for (int i = 0; i < sqlite3_bind_parameter_count(st); i++)
		store_bind_text(st, i + 1, texts[i]);
	r = sqlite3_step(st) == SQLITE_DONE ? 0 : lose(s, store_db_failed(s, "writing"));
	sqlite3_reset(st);
	return r;
}

/* ---- opening ---- */

static int take_lock(struct store *s, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/lock", s->dir);

	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0) {
		int r = -errno;

		*reterr_msg = xasprintf("cannot open %s: %s", path, strerror(-r));
		return r;
	}
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		*reterr_msg =
			xasprintf("%s is held by another ondold: two must not share a "
				  "state directory (see --state)",
				s->dir);
		return -EBUSY;
	}
	return 0;
}

static int read_number(struct store *s, const char *query, int64_t *ret)
{
	sqlite3_stmt *st = NULL;
	int r = -EIO;

	if (sqlite3_prepare_v2(s->db, query, -1, &st, NULL) == SQLITE_OK &&
		sqlite3_step(st) == SQLITE_ROW) {
		*ret = sqlite3_column_int64(st, 0);
		r = 0;
	}
	sqlite3_finalize(st);
	return r;
}

static void rewrite(struct store *s)
{
	if (store_size_bytes(s) > REWRITE_MAX_BYTES)
		log_warn(
			"%s/ondold.db is too large to be made shrinkable at a start; to do that, "
			"stop ondold and run: sqlite3 ondold.db 'PRAGMA auto_vacuum=2; VACUUM'",
			s->dir);
	else if (sqlite3_exec(s->db, "PRAGMA auto_vacuum=INCREMENTAL; VACUUM", NULL, NULL,
			 NULL) != SQLITE_OK)
		log_warn("%s/ondold.db will not shrink when old events are dropped: %s",
			s->dir, sqlite3_errmsg(s->db));
}

/*
 * Pages of dropped events are given back a few at a time (store_shrink), which a file has to
 * be made for: one of an earlier ondold is written anew, once. Without the space for that, or
 * when nobody could wait so long, it stays as it is, and its free pages are used again.
 */
static int make_shrinkable(struct store *s)
{
	int64_t mode = 0;
	int r = read_number(s, "PRAGMA auto_vacuum", &mode);

	if (r == 0 && mode != AUTO_VACUUM_INCREMENTAL)
		rewrite(s);
	return r;
}

static int prepare_schema(struct store *s, char **reterr_msg)
{
	int64_t version = 0, n_events = 0;

	if (sqlite3_exec(s->db,
		    "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL;"
		    " PRAGMA synchronous=FULL;",
		    NULL, NULL, NULL) != SQLITE_OK ||
		read_number(s, "PRAGMA user_version", &version) < 0)
		goto fail;
	if (version == 0 && sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK) {
		if (sqlite3_exec(s->db, schema, NULL, NULL, NULL) != SQLITE_OK ||
			sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
			goto fail;
		version = SCHEMA_VERSION;
	}
	if (version != SCHEMA_VERSION) {
		*reterr_msg = xasprintf(
			"%s/ondold.db has schema %lld, this ondold knows %d: it was "
			"written by another version",
			s->dir, (long long)version, SCHEMA_VERSION);
		return -EPROTO;
	}
	if (sqlite3_exec(s->db, index_of_types, NULL, NULL, NULL) == SQLITE_OK &&
		make_shrinkable(s) == 0 &&
		read_number(s, "SELECT count(*) FROM event", &n_events) == 0) {
		s->now.events = (uint64_t)n_events;
		return 0;
	}
fail:
	*reterr_msg = xasprintf("%s/ondold.db: %s", s->dir, sqlite3_errmsg(s->db));
	return -EIO;
}

static int open_db(struct store *s, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/ondold.db", s->dir);
	mode_t old = umask(0077);
	int r = sqlite3_open(path, &s->db);

	umask(old);
	if (r != SQLITE_OK) {
		*reterr_msg =
			xasprintf("cannot open %s: %s", path, sqlite3_errmsg(s->db));
		return -EIO;
	}
	sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
	r = prepare_schema(s, reterr_msg);
	for (int i = 0; r == 0 && i < ST_N; i++)
		if (sqlite3_prepare_v2(s->db, sql[i], -1, &s->stmts[i], NULL) !=
			SQLITE_OK) {
			*reterr_msg = xasprintf("%s: %s", path, sqlite3_errmsg(s->db));
			r = -EIO;
		}
	return r;
}

int store_open(const char *dir, struct store **ret, char **reterr_msg)
{
	_cleanup_(store_closep) struct store *s = xcalloc(1, sizeof(*s));
	int r;

	s->lock_fd = -1;
	s->dir = xstrdup(dir);
	r = mkdir_p(dir, 0700);
	if (r < 0) {
		*reterr_msg =
			xasprintf("cannot make directory %s: %s", dir, strerror(-r));
		return r;
	}
	r = take_lock(s, reterr_msg);
	if (r == 0)
		r = open_db(s, reterr_msg);
	if (r == 0)
		*ret = TAKE_PTR(s);
	return r;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->db)
		(void)store_settle(s);
	for (int i = 0; i < ST_N; i++)
		sqlite3_finalize(s->stmts[i]);
	sqlite3_close(s->db);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->dir);
	free(s);
}

void store_closep(struct store **s)
{
	store_close(*s);
}

static uint64_t size_of(const struct store *s, const char *file)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", s->dir, file);
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

uint64_t store_size_bytes(const struct store *s)
{
	return size_of(s, "ondold.db") + size_of(s, "ondold.db-wal");
}

int store_begin(struct store *s)
{
	int r = s->depth == 0 && !s->gathered ? begin(s) : 0;

	if (r == 0)
		s->depth++;
	return r;
}

/* With what was gathered before: then both are safe, or both lost. */
int store_commit(struct store *s)
{
	bool gathered = s->gathered;
	int r;

	if (s->depth == 0) /* its begin has failed: each write stood alone */
		return -EIO;
	if (--s->depth > 0)
		return 0;
	s->gathered = false;
	r = commit(s);
	return gathered ? lose(s, r) : r;
}

/* ---- events ---- */

int64_t store_event_add(struct store *s, const struct store_event *ev)
{
	sqlite3_stmt *st = s->stmts[ST_EVENT_ADD];
	_cleanup_free_ char *data = ev->data ? json_dumps(ev->data, JSON_COMPACT) : NULL;
	int64_t id;

	store_join(s);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)ev->time_ms);
	store_bind_text(st, 2, ev->node);
	store_bind_text(st, 3, ev->source);
	store_bind_text(st, 4, ev->type);
	store_bind_text(st, 5, ev->text);
	store_bind_text(st, 6, data);
	id = sqlite3_step(st) == SQLITE_DONE
		? sqlite3_last_insert_rowid(s->db)
		: lose(s, store_db_failed(s, "adding an event"));
	s->now.events += id > 0;
	sqlite3_reset(st);
	return id;
}

int64_t store_event_last(struct store *s)
{
	sqlite3_stmt *st = s->stmts[ST_EVENT_LAST];
	int64_t id = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;

	sqlite3_reset(st);
	return id;
}

int64_t store_event_before(struct store *s, const char *node, unsigned n)
{
	sqlite3_stmt *st = s->stmts[ST_EVENT_BEFORE];
	int64_t id;

	store_bind_text(st, 1, node);
	sqlite3_bind_int64(st, 2, n);
	id = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return id;
}

int64_t store_event_newest(
	struct store *s, const char *node, const char *type, const char *or_type)
{
	sqlite3_stmt *st = s->stmts[ST_EVENT_NEWEST];
	int64_t id;

	store_bind_text(st, 1, node);
	store_bind_text(st, 2, type);
	store_bind_text(st, 3, or_type);
	id = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return id;
}

static int read_event(
	sqlite3_stmt *st, int (*fn)(const struct store_event *, void *), void *userdata)
{
	const char *text = store_column_text(st, 6);
	json_t *data = *text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
	struct store_event ev = {
		.id = sqlite3_column_int64(st, 0),
		.time_ms = (uint64_t)sqlite3_column_int64(st, 1),
		.node = store_column_text(st, 2),
		.source = store_column_text(st, 3),
		.type = store_column_text(st, 4),
		.text = store_column_text(st, 5),
		.data = data,
	};
	int r = fn(&ev, userdata);

	json_decref(data);
	return r;
}

/* Prepared anew for each walk: fn may add events, and walks may nest. */
int store_event_each(struct store *s, int64_t since, const char *node, unsigned limit,
	int (*fn)(const struct store_event *ev, void *userdata), void *userdata)
{
	static const char all[] =
		"SELECT id, time, node, source, type, text, data FROM event"
		" WHERE id > ?1 ORDER BY id LIMIT ?2";
	static const char one[] =
		"SELECT id, time, node, source, type, text, data FROM event"
		" WHERE id > ?1 AND node = ?3 ORDER BY id LIMIT ?2";
	sqlite3_stmt *st = NULL;
	int rc, r = 0;

	if (sqlite3_prepare_v2(s->db, node ? one : all, -1, &st, NULL) != SQLITE_OK)
		return store_db_failed(s, "reading events");
	sqlite3_bind_int64(st, 1, since);
	sqlite3_bind_int64(st, 2, limit ? (sqlite3_int64)limit : -1);
	if (node)
		store_bind_text(st, 3, node);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		if (read_event(st, fn, userdata)) {
			rc = SQLITE_DONE;
			break;
		}
	if (rc != SQLITE_DONE)
		r = store_db_failed(s, "reading events");
	sqlite3_finalize(st);
	return r;
}

/* ---- the rack ---- */

static char *secrets_path(struct store *s, int64_t revision)
{
	return xasprintf("%s/secrets-%lld.ini", s->dir, (long long)revision);
}

/* The revision that the next row gets: AUTOINCREMENT never gives one twice. */
static int64_t rack_revision(struct store *s)
{
	sqlite3_stmt *st = s->stmts[ST_RACK_GET];
	int64_t rev = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;

	sqlite3_reset(st);
	return rev;
}

static int64_t add_rack_row(struct store *s, const char *file, const char *rack_ini)
{
	sqlite3_stmt *st = s->stmts[ST_RACK_ADD];
	int64_t rev;

	store_join(s);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)now_real_ms());
	store_bind_text(st, 2, file);
	store_bind_text(st, 3, rack_ini);
	rev = sqlite3_step(st) == SQLITE_DONE ? sqlite3_last_insert_rowid(s->db)
					      : store_db_failed(s, "writing the rack");
	sqlite3_reset(st);
	return rev;
}

int64_t store_rack_put(
	struct store *s, const char *file, const char *rack_ini, const char *secrets_ini)
{
	int64_t old = rack_revision(s), rev;
	_cleanup_free_ char *path = secrets_path(s, old + 1);
	int r = write_file_atomic(path, secrets_ini, strlen(secrets_ini), 0600);

	if (r < 0) {
		log_error(
			"cannot write %s: %s; the rack is not taken", path, strerror(-r));
		return r;
	}
	rev = add_rack_row(s, file, rack_ini);
	if (rev != old + 1)
		unlink(path);
	return rev < 0 ? rev : rev == old + 1 ? rev : -EIO;
}

void store_rack_drop_secrets_but(struct store *s, int64_t revision)
{
	_cleanup_free_ char *keep = xasprintf("secrets-%lld.ini", (long long)revision);
	DIR *dir = opendir(s->dir);

	/* Also a half-written one of a killed ondold: secrets-3.ini.XXXXXX. */
	for (struct dirent *d; dir && (d = readdir(dir));)
		if (str_startswith(d->d_name, "secrets-") && !streq(d->d_name, keep))
			(void)unlinkat(dirfd(dir), d->d_name, 0);
	if (dir)
		closedir(dir);
}

int store_rack_get(struct store *s, int64_t *ret_revision, char **ret_file,
	char **ret_rack_ini, char **ret_secrets_ini)
{
	sqlite3_stmt *st = s->stmts[ST_RACK_GET];
	_cleanup_free_ char *path = NULL, *secrets = NULL;
	int r;

	if (sqlite3_step(st) != SQLITE_ROW) {
		sqlite3_reset(st);
		return -ENOENT;
	}
	path = secrets_path(s, sqlite3_column_int64(st, 0));
	r = read_file(path, 4 * 1024 * 1024, &secrets, NULL);
	if (r == 0) {
		*ret_revision = sqlite3_column_int64(st, 0);
		*ret_file = xstrdup(store_column_text(st, 1));
		*ret_rack_ini = xstrdup(store_column_text(st, 2));
		*ret_secrets_ini = TAKE_PTR(secrets);
	} else {
		log_error("cannot read %s: %s; run `ondol apply` again", path,
			strerror(-r));
	}
	sqlite3_reset(st);
	return r == -ENOENT ? -EIO : r;
}

/* ---- documents ---- */

int store_doc_put(struct store *s, const char *kind, const char *node, const json_t *doc)
{
	_cleanup_free_ char *text = json_dumps(doc, JSON_COMPACT);

	return text ? run_texts(s, ST_DOC_PUT, kind, node, text) : -EINVAL;
}

int store_doc_get(struct store *s, const char *kind, const char *node, json_t **ret)
{
	sqlite3_stmt *st = s->stmts[ST_DOC_GET];
	json_t *doc = NULL;

	store_bind_text(st, 1, kind);
	store_bind_text(st, 2, node);
	if (sqlite3_step(st) == SQLITE_ROW)
		doc = json_loads(store_column_text(st, 0), JSON_REJECT_DUPLICATES, NULL);
	sqlite3_reset(st);
	if (!doc)
		return -ENOENT;
	*ret = doc;
	return 0;
}

int store_doc_remove(struct store *s, const char *kind, const char *node)
{
	return run_texts(s, ST_DOC_REMOVE, kind, node, NULL);
}

int store_doc_drop(struct store *s, const char *node)
{
	int a = run_texts(s, ST_DOC_DROP, node, NULL, NULL);
	int b = run_texts(s, ST_TOKEN_DROP_ALL, node, NULL, NULL);

	return a < 0 ? a : b;
}

/* ---- tokens ---- */

int store_token_put(
	struct store *s, const char *kind, const char *node, const char *token)
{
	char hash[65];

	digest_hex(token, strlen(token), hash);
	return run_texts(s, ST_TOKEN_PUT, kind, node, hash);
}

int store_token_drop(struct store *s, const char *kind, const char *node)
{
	return run_texts(s, ST_TOKEN_DROP, kind, node, NULL);
}

bool store_token_has(struct store *s, const char *kind, const char *node)
{
	sqlite3_stmt *st = s->stmts[ST_TOKEN_GET];
	bool has;

	store_bind_text(st, 1, kind);
	store_bind_text(st, 2, node);
	has = sqlite3_step(st) == SQLITE_ROW;
	sqlite3_reset(st);
	return has;
}

bool store_token_is(
	struct store *s, const char *kind, const char *node, const char *token)
{
	sqlite3_stmt *st = s->stmts[ST_TOKEN_GET];
	char hash[65];
	bool is = false;

	digest_hex(token, strlen(token), hash);
	store_bind_text(st, 1, kind);
	store_bind_text(st, 2, node);
	if (sqlite3_step(st) == SQLITE_ROW)
		is = secret_equal(store_column_text(st, 0), hash);
	sqlite3_reset(st);
	return is;
}
