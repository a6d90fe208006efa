/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the store: store.c keeps, store_old.c lets go. */
#pragma once

#include <sqlite3.h>

#include "bootstrap/store.h"

enum store_stmt {
	ST_EVENT_ADD,
	ST_EVENT_LAST,
	ST_EVENT_BEFORE,
	ST_EVENT_NEWEST,
	ST_RACK_ADD,
	ST_RACK_GET,
	ST_DOC_PUT,
	ST_DOC_GET,
	ST_DOC_REMOVE,
	ST_DOC_DROP,
	ST_TOKEN_PUT,
	ST_TOKEN_GET,
	ST_TOKEN_DROP,
	ST_TOKEN_DROP_ALL,
	ST_N,
};

/* How long another process that has the database is waited for. */
#define STORE_BUSY_MS 2000

struct store_counts {
	uint64_t events; /* in the table */
	uint64_t dropped; /* since the store was opened */
};

struct store {
	char *dir; /* owned */
	int lock_fd; /* owned; the flock lives as long as it */
	sqlite3 *db; /* owned */
	unsigned depth; /* of store_begin */
	bool gathered; /* a transaction is open for what is written one by one */
	int lost; /* -errno: what was gathered is lost, and nobody who waits for it was told */
	void (*soon)(void *userdata); /* NULL: each write is a transaction */
	void *userdata;
	struct store_counts now, before; /* the transaction that is open */
	sqlite3_stmt *stmts[ST_N]; /* owned */
};

/* Before each write: it goes with what is gathered, or else is a transaction by itself. */
void store_join(struct store *s);
/* The errno of what SQLite said last; _failed logs it too. */
int store_db_errno(struct store *s);
int store_db_failed(struct store *s, const char *what);
/* text NULL: SQL's NULL. Copied. */
void store_bind_text(sqlite3_stmt *st, int at, const char *text);
const char *store_column_text(
	sqlite3_stmt *st, int at); /* "" for NULL; until the next step */
