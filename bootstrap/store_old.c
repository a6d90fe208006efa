/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/store_internal.h"

/*
 * What has to do with old events. It is used once an hour, so its statements are prepared
 * when they are needed. The file shrinks without a VACUUM, a few pages at a time: see
 * auto_vacuum in store.c. All that is written goes with what is gathered.
 */

static sqlite3_stmt *prepare(struct store *s, const char *sql)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK)
		store_db_failed(s, "looking for old events");
	return st;
}

static void finalizep(sqlite3_stmt **st)
{
	sqlite3_finalize(*st);
}

uint64_t store_event_count(const struct store *s)
{
	return s->now.events;
}

uint64_t store_event_dropped(const struct store *s)
{
	return s->now.dropped;
}

uint64_t store_event_oldest_ms(struct store *s)
{
	_cleanup_(finalizep) sqlite3_stmt *st =
		prepare(s, "SELECT time FROM event ORDER BY id LIMIT 1");

	return st && sqlite3_step(st) == SQLITE_ROW
		? (uint64_t)sqlite3_column_int64(st, 0)
		: 0;
}

/* Not SELECT DISTINCT, which would read the whole index. */
char *store_event_node_after(struct store *s, const char *after)
{
	_cleanup_(finalizep) sqlite3_stmt *st = prepare(s,
		"SELECT node FROM event WHERE ?1 IS NULL OR node > ?1 ORDER BY node LIMIT 1");

	if (!st)
		return NULL;
	store_bind_text(st, 1, after);
	return sqlite3_step(st) == SQLITE_ROW ? xstrdup(store_column_text(st, 0)) : NULL;
}

int store_event_skim(struct store *s, const char *node, const char *type, int64_t since,
	int (*fn)(const struct store_skim *row, void *userdata), void *userdata)
{
#define COLUMNS                                                                                 \
	"SELECT id, time, type,"                                                                \
	" CASE WHEN type = 'state' AND json_valid(data) THEN json_extract(data, '$.from') END," \
	" CASE WHEN type = 'state' AND json_valid(data) THEN json_extract(data, '$.to') END"    \
	" FROM event"
	static const char all[] = COLUMNS " WHERE node = ?1 AND id > ?2 ORDER BY id";
	static const char some[] =
		COLUMNS " WHERE node = ?1 AND type = ?3 AND id > ?2 ORDER BY id";
	_cleanup_(finalizep) sqlite3_stmt *st = prepare(s, type ? some : all);
	int rc;

	if (!st)
		return store_db_errno(s);
	store_bind_text(st, 1, node);
	sqlite3_bind_int64(st, 2, since);
	if (type)
		store_bind_text(st, 3, type);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_skim row = {.id = sqlite3_column_int64(st, 0),
			.time_ms = (uint64_t)sqlite3_column_int64(st, 1),
			.type = store_column_text(st, 2),
			.from = store_column_text(st, 3),
			.to = store_column_text(st, 4)};

		if (fn(&row, userdata))
			return 0;
	}
	return rc == SQLITE_DONE ? 0 : store_db_failed(s, "looking for old events");
}

static int drop_each(struct store *s, const int64_t *ids, size_t n)
{
	_cleanup_(finalizep) sqlite3_stmt *st =
		prepare(s, "DELETE FROM event WHERE id = ?1");

	if (!st)
		return store_db_errno(s);
	for (size_t i = 0; i < n; i++) {
		sqlite3_bind_int64(st, 1, ids[i]);
		if (sqlite3_step(st) != SQLITE_DONE)
			return store_db_failed(s, "dropping old events");
		s->now.events -= (uint64_t)sqlite3_changes(s->db);
		s->now.dropped += (uint64_t)sqlite3_changes(s->db);
		sqlite3_reset(st);
	}
	return 0;
}

int store_event_drop(struct store *s, const int64_t *ids, size_t n)
{
	int r;

	store_join(s);
	if (s->gathered || s->depth > 0)
		return drop_each(s, ids, n);
	r = store_begin(s);
	if (r < 0)
		return r;
	r = drop_each(s, ids, n);
	return MIN(r, store_commit(s));
}

static int64_t free_pages(struct store *s)
{
	_cleanup_(finalizep) sqlite3_stmt *st = prepare(s, "PRAGMA freelist_count");

	return st && sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
}

bool store_shrink(struct store *s, unsigned pages)
{
	_cleanup_free_ char *vacuum = xasprintf("PRAGMA incremental_vacuum(%u)", pages);
	int64_t before = free_pages(s), after;

	if (!before)
		return false;
	store_join(s);
	if (sqlite3_exec(s->db, vacuum, NULL, NULL, NULL) != SQLITE_OK) {
		store_db_failed(s, "shrinking");
		return false;
	}
	after = free_pages(s);
	return after &&
		after < before; /* one that was not made for it never gives a page back */
}

/* Whoever reads at the moment (a copy is made) is not waited for: it is done again in an hour. */
bool store_write_back(struct store *s)
{
	if (s->gathered || s->depth > 0)
		return false;
	sqlite3_busy_timeout(s->db, 0);
	(void)sqlite3_wal_checkpoint_v2(
		s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
	return true;
}
