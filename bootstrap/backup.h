/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An archive of `ondol cloud backup`, as it is read back (docs/protocol.md): nothing in it
 * is believed before every member is there as the manifest has it. Blocks for as long as
 * reading the file takes.
 */
#pragma once

#include <jansson.h>

#include "bootstrap/tar.h"

#define BACKUP_FORMAT "ondol-cloud-backup" /* "format" of its manifest.json */
#define BACKUP_MAX_MEMBERS 256
#define BACKUP_MAX_DOC (4 * 1024 * 1024) /* bytes of a JSON document in it */

struct backup_member {
	char name[TAR_MAX_NAME + 1];
	char sha256[65];
	uint64_t from, size; /* bytes, in the file */
};

struct backup {
	char *file; /* owned: as given */
	int fd; /* owned */
	struct backup_member *members; /* owned; filled by backup_check() */
	size_t n, cap;
};

int backup_open(const char *file, struct backup **ret); /* 0 or -errno */
void backup_freep(struct backup **b);
/*
 * Reads it whole. NULL: each member is in the manifest with this digest, and the other way
 * round, and blobs have names that a blob may have. Else why it is no whole backup; static.
 */
const char *backup_check(struct backup *b);
/* A JSON document of it, new reference; NULL: there is none such, or none that can be read. */
json_t *backup_doc(const struct backup *b, const char *name);
