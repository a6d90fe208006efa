/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may use the page and the operators' API over TLS: tokens with a name and a role, the
 * sessions of those who signed in, and a limit for those who try. Pure: the clock is passed
 * in, in milliseconds; what has to be kept goes in and out as JSON. Of tokens and of the
 * cookies of sessions only the SHA-256 is held.
 */
#pragma once

#include <jansson.h>

#include "common/util.h"

enum access_role { /* each may what those before it may */
	ACCESS_NONE,
	ACCESS_VIEWER, /* sees */
	ACCESS_OPERATOR, /* power, reinstall, prove */
	ACCESS_ROOT, /* over the UNIX socket alone: no token has it */
};

#define ACCESS_MAX_TOKENS 64
#define ACCESS_MAX_SESSIONS 256
#define ACCESS_SESSION_MS (12u * 3600 * 1000)
#define ACCESS_TRIES 10 /* wrong tokens of one address ... */
#define ACCESS_TRIES_MS 60000 /* ... within this time; then it has to wait */

struct access;
struct access_token { /* strings are owned by the access it came from */
	char *name;
	enum access_role role;
	uint64_t created_ms; /* since 1970 */
	char hash[65];
};

struct access *access_new(void);
void access_free(struct access *a); /* NULL is fine */
const char *access_role_str(enum access_role role);
/* "viewer" or "operator"; -EINVAL */
int access_role_parse(const char *s, enum access_role *ret);

/* What access_to_json() made takes the place of all tokens; -EINVAL with *reterr_msg. */
int access_load(struct access *a, const json_t *doc, char **reterr_msg);
json_t *access_to_json(const struct access *a); /* with the hashes; new reference */
json_t *access_list(const struct access *a); /* name, role, created; new reference */

/*
 * A new token; *ret_token is its text, to be shown once, freed by the caller. -EEXIST: the
 * name is taken; -ENOSPC: there are ACCESS_MAX_TOKENS; -EINVAL: not a name.
 */
int access_add(struct access *a, const char *name, enum access_role role,
	uint64_t real_ms, char **ret_token);
/* Its sessions end with it. -ENOENT */
int access_revoke(struct access *a, const char *name);
bool access_has(const struct access *a, const char *name); /* a token of that name */
/* Whose token is it? NULL: nobody's. The time it takes says nothing of the token. */
const struct access_token *access_by_token(const struct access *a, const char *token);

/* A session of t; returns the cookie's value, freed by the caller. Past the limit the oldest ends. */
char *access_sign_in(struct access *a, const struct access_token *t, uint64_t now_ms);
/* NULL: there is no such session (any more). */
const struct access_token *access_by_cookie(
	const struct access *a, const char *cookie, uint64_t now_ms);
void access_sign_out(struct access *a, const char *cookie);

/* May this address (host byte order) try a token? Otherwise the ms that it has to wait. */
uint64_t access_must_wait(const struct access *a, uint32_t address, uint64_t now_ms);
/* A token of this address was wrong. True when it has to wait from now on. */
bool access_was_wrong(struct access *a, uint32_t address, uint64_t now_ms);
