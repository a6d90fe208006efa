/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/access.h"

#include "common/digest.h"
#include "common/jsonx.h"
#include "common/parse.h"

/*
 * A token has 160 random bits, so a plain SHA-256 of it cannot be turned round and needs no
 * salt. Sessions are not kept over a restart: signing in again is cheap, a list of cookies
 * on a disk is not. A session refers to its token by name, so that a revoked one ends it.
 * The addresses that tried are a small table: when it is full, the one that was quiet
 * longest is forgotten.
 */

#define SECRET_BYTES 20
#define MAX_ADDRESSES 256

struct session {
	char hash[65]; /* of the cookie */
	char *name; /* owned: of the token */
	uint64_t end_ms;
};

struct tries {
	uint32_t address;
	unsigned n;
	uint64_t began_ms, last_ms;
};

struct access {
	struct access_token *tokens; /* owned */
	size_t n_tokens, cap_tokens;
	struct session *sessions; /* owned, in the order of their ends */
	size_t n_sessions, cap_sessions;
	struct tries tries[MAX_ADDRESSES];
	size_t n_tries;
};

static void hash_of(const char *secret, char ret[static DIGEST_HEX])
{
	digest_hex(secret, strlen(secret), ret);
}

/* ---- life ---- */

struct access *access_new(void)
{
	return xcalloc(1, sizeof(struct access));
}

static void drop_session(struct access *a, size_t i)
{
	free(a->sessions[i].name);
	memmove(&a->sessions[i], &a->sessions[i + 1],
		(a->n_sessions - i - 1) * sizeof(a->sessions[0]));
	a->n_sessions--;
}

static void clear_tokens(struct access *a)
{
	for (size_t i = 0; i < a->n_tokens; i++)
		free(a->tokens[i].name);
	a->n_tokens = 0;
}

void access_free(struct access *a)
{
	if (!a)
		return;
	while (a->n_sessions)
		drop_session(a, a->n_sessions - 1);
	clear_tokens(a);
	free(a->tokens);
	free(a->sessions);
	free(a);
}

const char *access_role_str(enum access_role role)
{
	switch (role) {
	case ACCESS_NONE:
		return "none";
	case ACCESS_VIEWER:
		return "viewer";
	case ACCESS_OPERATOR:
		return "operator";
	case ACCESS_ROOT:
		return "root";
	}
	return "none";
}

int access_role_parse(const char *s, enum access_role *ret)
{
	if (streq(s, "viewer"))
		*ret = ACCESS_VIEWER;
	else if (streq(s, "operator"))
		*ret = ACCESS_OPERATOR;
	else
		return -EINVAL;
	return 0;
}

/* ---- tokens ---- */

static struct access_token *by_name(const struct access *a, const char *name)
{
	for (size_t i = 0; i < a->n_tokens; i++)
		if (streq(a->tokens[i].name, name))
			return &a->tokens[i];
	return NULL;
}

bool access_has(const struct access *a, const char *name)
{
	return by_name(a, name) != NULL;
}

static int add(struct access *a, const char *name, enum access_role role,
	uint64_t real_ms, const char *hash)
{
	struct access_token *t;

	if (parse_token(name, 32) < 0)
		return -EINVAL;
	if (by_name(a, name))
		return -EEXIST;
	if (a->n_tokens == ACCESS_MAX_TOKENS)
		return -ENOSPC;
	GROW(a->tokens, a->n_tokens, a->cap_tokens);
	t = &a->tokens[a->n_tokens++];
	*t = (struct access_token){xstrdup(name), role, real_ms, ""};
	memcpy(t->hash, hash, sizeof(t->hash));
	return 0;
}

int access_add(struct access *a, const char *name, enum access_role role,
	uint64_t real_ms, char **ret_token)
{
	char *token = random_hex(SECRET_BYTES);
	char hash[65];
	int r;

	hash_of(token, hash);
	r = add(a, name, role, real_ms, hash);
	if (r < 0)
		free(token);
	else
		*ret_token = token;
	return r;
}

int access_revoke(struct access *a, const char *name)
{
	struct access_token *t = by_name(a, name);

	if (!t)
		return -ENOENT;
	for (size_t i = a->n_sessions; i-- > 0;)
		if (streq(a->sessions[i].name, name))
			drop_session(a, i);
	free(t->name);
	a->n_tokens--;
	memmove(t, t + 1, (size_t)(&a->tokens[a->n_tokens] - t) * sizeof(*t));
	return 0;
}

const struct access_token *access_by_token(const struct access *a, const char *token)
{
	const struct access_token *found = NULL;
	char hash[65];

	hash_of(token, hash);
	for (size_t i = 0; i < a->n_tokens; i++)
		if (secret_equal(a->tokens[i].hash, hash))
			found = &a->tokens[i];
	return found;
}

/* ---- what is kept ---- */

static void load_one(struct access *a, struct jx *outer, const json_t *obj)
{
	struct jx j = {.obj = obj};
	const char *name = jx_str(&j, "name", 32), *hash = jx_str(&j, "sha256", 64);
	const char *word = jx_str(&j, "role", 16);
	uint64_t created = jx_uint(&j, "created", 0, INT64_MAX);
	enum access_role role = ACCESS_VIEWER;
	uint8_t raw[32];

	if (!j.error && access_role_parse(word, &role) < 0)
		jx_fail(&j, "role", "expected viewer or operator");
	if (!j.error && parse_hex(hash, 32, raw) < 0)
		jx_fail(&j, "sha256", "expected 64 hex digits");
	if (!j.error && add(a, name, role, created, hash) < 0)
		jx_fail(&j, "name", "expected another name");
	jx_merge(outer, "tokens", &j);
}

int access_load(struct access *a, const json_t *doc, char **reterr_msg)
{
	struct jx j = {.obj = doc};
	const json_t *list = jx_array(&j, "tokens", ACCESS_MAX_TOKENS), *t;
	size_t i;

	clear_tokens(a);
	json_array_foreach(list, i, t) load_one(a, &j, t);
	if (!j.error)
		return 0;
	clear_tokens(a); /* nobody, rather than some */
	*reterr_msg = TAKE_PTR(j.error);
	return -EINVAL;
}

static json_t *token_json(const struct access_token *t)
{
	return json_pack("{s:s, s:s, s:I}", "name", t->name, "role",
		access_role_str(t->role), "created", (json_int_t)t->created_ms);
}

json_t *access_list(const struct access *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n_tokens; i++)
		json_array_append_new(list, token_json(&a->tokens[i]));
	return list;
}

json_t *access_to_json(const struct access *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n_tokens; i++) {
		json_t *t = token_json(&a->tokens[i]);

		json_object_set_new(t, "sha256", json_string(a->tokens[i].hash));
		json_array_append_new(list, t);
	}
	return json_pack("{s:o}", "tokens", list);
}

/* ---- sessions ---- */

char *access_sign_in(struct access *a, const struct access_token *t, uint64_t now_ms)
{
	char *cookie = random_hex(SECRET_BYTES);
	struct session *s;

	while (a->n_sessions && a->sessions[0].end_ms <= now_ms)
		drop_session(a, 0);
	if (a->n_sessions == ACCESS_MAX_SESSIONS)
		drop_session(a, 0);
	GROW(a->sessions, a->n_sessions, a->cap_sessions);
	s = &a->sessions[a->n_sessions++];
	*s = (struct session){
		.name = xstrdup(t->name), .end_ms = now_ms + ACCESS_SESSION_MS};
	hash_of(cookie, s->hash);
	return cookie;
}

static const struct session *session_of(const struct access *a, const char *cookie)
{
	const struct session *found = NULL;
	char hash[65];

	hash_of(cookie, hash);
	for (size_t i = 0; i < a->n_sessions; i++)
		if (secret_equal(a->sessions[i].hash, hash))
			found = &a->sessions[i];
	return found;
}

const struct access_token *access_by_cookie(
	const struct access *a, const char *cookie, uint64_t now_ms)
{
	const struct session *s = session_of(a, cookie);

	return s && s->end_ms > now_ms ? by_name(a, s->name) : NULL;
}

void access_sign_out(struct access *a, const char *cookie)
{
	const struct session *s = session_of(a, cookie);

	if (s)
		drop_session(a, (size_t)(s - a->sessions));
}

/* ---- those who try ---- */

static struct tries *tries_of(const struct access *a, uint32_t address)
{
	for (size_t i = 0; i < a->n_tries; i++)
		if (a->tries[i].address == address)
			return (struct tries *)&a->tries[i];
	return NULL;
}

uint64_t access_must_wait(const struct access *a, uint32_t address, uint64_t now_ms)
{
	const struct tries *t = tries_of(a, address);

	if (!t || t->n < ACCESS_TRIES || now_ms - t->last_ms >= ACCESS_TRIES_MS)
		return 0;
	return ACCESS_TRIES_MS - (now_ms - t->last_ms);
}

static struct tries *room_for(struct access *a, uint32_t address)
{
	struct tries *quiet = &a->tries[0];

	if (a->n_tries < MAX_ADDRESSES) {
		quiet = &a->tries[a->n_tries++];
	} else {
		for (size_t i = 1; i < a->n_tries; i++)
			if (a->tries[i].last_ms < quiet->last_ms)
				quiet = &a->tries[i];
	}
	*quiet = (struct tries){.address = address};
	return quiet;
}

bool access_was_wrong(struct access *a, uint32_t address, uint64_t now_ms)
{
	struct tries *t = tries_of(a, address);

	if (!t)
		t = room_for(a, address);
	if (t->n == 0 || now_ms - t->began_ms >= ACCESS_TRIES_MS) {
		t->n = 0;
		t->began_ms = now_ms;
	}
	t->last_ms = now_ms;
	return ++t->n == ACCESS_TRIES;
}
