/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blobs of a cloud: files that the controller gives to ondold for the other nodes
 * (Swift's rings), and its own backup. Kept in DIR/blobs, mode 0600; which file is which
 * blob is a document in the store. What comes in is streamed to the disk, digested on the
 * way, and replaces the blob as a whole or not at all. Blocks for writes of the disk.
 */
#pragma once

#include <jansson.h>

#include "bootstrap/store.h"

#define BLOB_MAX (UINT64_C(64) << 20)
#define BLOB_MAX_BACKUP (UINT64_C(64) << 30)
#define BLOB_BACKUP \
	"controller-backup.tar.gz" /* only for the controller; not among the facts */

struct blobs;
struct blob_writer;

/* store is borrowed. Removes what a killed ondold left half written. -errno, logged. */
int blobs_open(const char *dir, struct store *store, struct blobs **ret);
void blobs_free(struct blobs *b); /* NULL is fine */
bool blob_name_is_ok(const char *name);
uint64_t blob_limit(const char *name);
/* {"NAME": {"sha256", "size_bytes"}}, the backup too; new reference. */
json_t *blobs_index(const struct blobs *b);
/* The same without the backup: what the nodes are told. */
json_t *blobs_facts(const struct blobs *b);
/* -ENOENT: there is none of that name. */
int blobs_read(const struct blobs *b, const char *name, int *ret_fd, uint64_t *ret_size);

/* -EINVAL: no such name; -errno. */
int blob_write(struct blobs *b, const char *name, struct blob_writer **ret);
/* 0, -EFBIG over the name's limit, or -errno; after a failure only blob_drop() follows. */
int blob_append(struct blob_writer *w, const void *data, size_t len);
/* 1: it is new, 0: it is what was there already, or -errno. Frees w in any case. */
int blob_finish(struct blob_writer *w);
void blob_drop(struct blob_writer *w); /* forgets what was written; NULL is fine */
/* 64 hex digits of what was written; of use before blob_finish. */
void blob_digest(const struct blob_writer *w, char ret[static 65]);
uint64_t blob_writer_limit(const struct blob_writer *w); /* bytes that its name allows */
