/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ondold keeps on disk: the table of events, from which the state of each node
 * is folded at the start, and beside it the documents that events only refer
 * to: the rack, each node's inventory and desired state, and the hashes of tokens.
 * Blocks for as long as SQLite in WAL mode does, with one fsync per write or transaction, or
 * (store_gather) for all writes of a turn of the event loop.
 */
#pragma once

#include <jansson.h>

#include "common/util.h"

struct store;

struct store_event { /* strings and data are borrowed */
	int64_t id;
	uint64_t time_ms; /* since 1970 */
	const char *node; /* "" for the rack as a whole */
	/* "ondold", "ipmi", "bmc", "dnsmasq", "http", "agent", "noded", "operator" */
	const char *source;
	const char *type; /* "state", "dhcp.discover", ... */
	const char *text; /* for people */
	const json_t *data; /* object or NULL */
};

/*
 * Opens DIR/ondold.db, made when it is not there, and holds DIR for this process alone.
 * *reterr_msg says what is wrong; caller frees both.
 */
int store_open(const char *dir, struct store **ret, char **reterr_msg);
void store_close(struct store *s);
void store_closep(struct store **s);

/* What the database and its write-ahead log take on disk. */
uint64_t store_size_bytes(const struct store *s);

/* What is written between the two is kept whole or not at all. Inner pairs only count. */
int store_begin(struct store *s);
int store_commit(struct store *s);

/*
 * From now on what is written outside of such a pair is gathered, many writes to one fsync,
 * and is not safe before store_settle(): until then nobody may be told that it is. soon is
 * called with the first of them; store_settle() is to follow from the event loop.
 */
void store_gather(struct store *s, void (*soon)(void *userdata), void *userdata);
bool store_is_settled(const struct store *s);
bool store_has_gathered(const struct store *s); /* its newest rows are not safe yet */
/* 0: all is safe; -errno, logged: what was gathered is lost. */
int store_settle(struct store *s);

/* Appends; id of *ev is not read. Returns the new id (> 0) or -errno, logged. */
int64_t store_event_add(struct store *s, const struct store_event *ev);
int64_t store_event_last(struct store *s); /* 0: none yet */
/*
 * Events with an id over since, oldest first, at most limit (0: all), of one node or
 * (NULL) of all. fn returning non-zero ends the walk. 0 or -errno.
 */
int store_event_each(struct store *s, int64_t since, const char *node, unsigned limit,
	int (*fn)(const struct store_event *ev, void *userdata), void *userdata);

/* The newest event of the node ("": of the rack as a whole) of one of two types; 0: none. */
int64_t store_event_newest(
	struct store *s, const char *node, const char *type, const char *or_type);
/* The id after which n events of the node (NULL: of all) follow; 0 when there are not more. */
int64_t store_event_before(struct store *s, const char *node, unsigned n);

/* ---- store_old.c: letting go of old events; which: retain.h ---- */
uint64_t store_event_count(const struct store *s);
uint64_t store_event_dropped(const struct store *s); /* since it was opened */
uint64_t store_event_oldest_ms(struct store *s); /* since 1970; 0: there is none */
/* The next name after this one (NULL: the first) that has events; NULL: none. Caller frees. */
char *store_event_node_after(struct store *s, const char *after);
struct store_skim { /* an event without its words; strings are borrowed */
	int64_t id;
	uint64_t time_ms;
	const char *type;
	const char *from, *to; /* of a "state" */
};
/*
 * Events of the node ("": of the rack as a whole) with an id over since, oldest first, of one
 * type or (NULL) of all. fn returning non-zero ends the walk; it may not write. 0 or -errno.
 */
int store_event_skim(struct store *s, const char *node, const char *type, int64_t since,
	int (*fn)(const struct store_skim *row, void *userdata), void *userdata);
/* Drops these; ids are never given again. 0 or -errno. */
int store_event_drop(struct store *s, const int64_t *ids, size_t n);
/* Gives back at most so many free pages of the file; true: there are more. */
bool store_shrink(struct store *s, unsigned pages);
/* The file gets shorter when the log is written back to it. false: not before all is settled. */
bool store_write_back(struct store *s);

/*
 * The rack in force. The secrets text goes to a file of mode 0600 beside the database.
 * put returns the new revision (> 0) or -errno; get -ENOENT when there is none yet; the
 * caller frees. put leaves the old secrets alone: when its transaction is committed, or
 * rolled back, drop_secrets_but() removes all but those of the revision that is in force.
 */
int64_t store_rack_put(
	struct store *s, const char *file, const char *rack_ini, const char *secrets_ini);
int store_rack_get(struct store *s, int64_t *ret_revision, char **ret_file,
	char **ret_rack_ini, char **ret_secrets_ini);
void store_rack_drop_secrets_but(struct store *s, int64_t revision);

/* One JSON document of a kind ("inventory", "desired") for a node; get -ENOENT: none. */
int store_doc_put(struct store *s, const char *kind, const char *node, const json_t *doc);
int store_doc_get(struct store *s, const char *kind, const char *node, json_t **ret);
int store_doc_remove(struct store *s, const char *kind, const char *node);
int store_doc_drop(struct store *s, const char *node); /* all kinds, tokens too */

/*
 * Only the SHA-256 of a token is kept; put replaces. Kind: "boot" is a token, "agent", "node"
 * and "next" are digests of certificates (enrol.h).
 */
int store_token_put(
	struct store *s, const char *kind, const char *node, const char *token);
int store_token_drop(struct store *s, const char *kind, const char *node);
bool store_token_has(struct store *s, const char *kind, const char *node);
bool store_token_is(
	struct store *s, const char *kind, const char *node, const char *token);
