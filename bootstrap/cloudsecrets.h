/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An authority, the certificates it issues, and other secrets, in one file of mode 0600, JSON.
 * There are two: CLOUDSECRETS_FILE, the authority and secrets of the rack's cloud and the page's
 * key, which a backup of the cloud holds and a restore replaces; and CLOUDSECRETS_NODES, the
 * authority by which ondold and its nodes know one another, which never leaves this host.
 * Made once and never
 * changed afterwards, but for the endpoints' certificate; names are added when a part of
 * the cloud needs them. The name says what kind it is (docs/protocol.md). Values are wiped
 * before they are freed. Nothing here logs a value.
 */
#pragma once

#include <jansson.h>

#include "common/util.h"

#define CLOUDSECRETS_FILE "cloud-secrets"
#define CLOUDSECRETS_NODES "node-authority"

struct cloudsecrets;

/* DIR/FILE; empty when there is no such file yet. -errno with *reterr_msg. */
int cloudsecrets_load(
	const char *dir, const char *file, struct cloudsecrets **ret, char **reterr_msg);
void cloudsecrets_free(struct cloudsecrets *s); /* NULL is fine */
void cloudsecrets_freep(struct cloudsecrets **s);
bool cloudsecrets_is_empty(const struct cloudsecrets *s);
/* Borrowed; NULL: there is none of that name. */
const char *cloudsecrets_get(const struct cloudsecrets *s, const char *name);
/*
 * What these names (NULL-terminated) need beyond what is there: the authority "ondol rack
 * RACK" and a certificate for hosts (NULL-terminated) too. Kept in the file before it
 * returns. 0: nothing was missing, 1: it was added, or -errno with *reterr_msg.
 */
int cloudsecrets_need(struct cloudsecrets *s, const char *rack, char *const *names,
	char *const *hosts, uint64_t now_s, char **reterr_msg);
/* The authority alone. */
int cloudsecrets_need_ca(
	struct cloudsecrets *s, const char *rack, uint64_t now_s, char **reterr_msg);
/* One secret of 32 random bytes, as hex. */
int cloudsecrets_need_key(struct cloudsecrets *s, const char *name, char **reterr_msg);
/* The same for the page: the authority, and "page.cert" and "page.key" for these hosts. */
int cloudsecrets_need_page(struct cloudsecrets *s, const char *rack, char *const *hosts,
	uint64_t now_s, char **reterr_msg);
/* Is the endpoints' certificate good for these hosts? */
bool cloudsecrets_tls_is_good(
	const struct cloudsecrets *s, char *const *hosts, uint64_t now_s);
/* May a node be given it? Neither the authority's key nor the page's. */
bool cloudsecrets_may_leave(const char *name);
/* For backup and restore: {"NAME": "VALUE"}; new reference. */
json_t *cloudsecrets_to_json(const struct cloudsecrets *s);
/* All that a backup holds replaces what is here, and is kept. -EINVAL with *reterr_msg. */
int cloudsecrets_replace(struct cloudsecrets *s, const json_t *all, char **reterr_msg);
