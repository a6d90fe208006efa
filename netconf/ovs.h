/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local OVSDB through libopenvswitch's IDL; ovs.c alone sees Open vSwitch's headers.
 * Nothing here blocks but ovs_db_block(), which is the outer event loop: poll_block()
 * exports no file descriptor, so other loops go into it as one.
 */
#pragma once

#include "netconf/rows.h"

struct ovs_db;

/* Starts to connect to "unix:PATH"; whether that worked shows in ovs_db_is_ready. */
struct ovs_db *ovs_db_open(const char *remote, bool debug);
void ovs_db_close(struct ovs_db *db); /* NULL is fine */

/* Processes what has arrived and drives the transaction, if there is one. */
void ovs_db_run(struct ovs_db *db);
/* Sleeps until database or fd has something to read or timeout_ms passed (-1: never). */
void ovs_db_block(struct ovs_db *db, int fd, int timeout_ms);

bool ovs_db_is_ready(const struct ovs_db *db); /* connected, and a whole copy is here */
/* A copy of all bridges and their ports; needs ovs_db_is_ready(). Caller frees. */
struct rows *ovs_db_read(const struct ovs_db *db);

enum ovs_db_put {
	OVS_DB_PUT_NONE, /* none was started */
	OVS_DB_PUT_COMMITTING,
	OVS_DB_PUT_SETTLING, /* in the database; ovs-vswitchd has not applied it yet */
	OVS_DB_PUT_DONE, /* ovs-vswitchd has applied it */
	OVS_DB_PUT_FAILED, /* the database refused: ovs_db_error() */
};

/*
 * Starts a transaction after which our rows are those of want (borrowed until the put has
 * ended): missing ones are made, differing ones set, other rows of ours removed. A bridge
 * that carries ports of others is kept. Rows that are not ours are never written; when
 * want names one, the put fails. A put that is still under way is given up.
 */
void ovs_db_put(struct ovs_db *db, const struct rows *want);
/* Ends a put that takes too long: want is not looked at again. What is written stays. */
void ovs_db_give_up(struct ovs_db *db);
enum ovs_db_put ovs_db_put_state(const struct ovs_db *db);
/* Has ovs-vswitchd applied all that the database asks for? */
bool ovs_db_is_settled(const struct ovs_db *db);
bool ovs_db_put_changed(const struct ovs_db *db); /* did the database change by it? */
const char *ovs_db_error(const struct ovs_db *db); /* borrowed; "" when none */
