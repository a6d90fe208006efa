/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/cloudsecrets.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "bootstrap/rackca.h"
#include "common/jsonx.h"
#include "common/parse.h"

/*
 * Why a file of its own beside the database: the database can be copied for a bug report.
 * The whole file is written anew by rename, so a killed ondold finds the old or the new
 * one; a secret is never handed out before it is in the file.
 */

#define MAX_FILE (1024 * 1024)
#define MAX_SECRETS 512
#define MAX_VALUE 16384

struct secret {
	char *name, *value; /* owned */
};

struct cloudsecrets {
	char *path; /* owned */
	struct secret *list; /* owned */
	size_t n, cap;
	bool unsaved; /* what is here is not in the file yet */
};

/* ---- the list ---- */

static struct secret *find(const struct cloudsecrets *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (streq(s->list[i].name, name))
			return &s->list[i];
	return NULL;
}

const char *cloudsecrets_get(const struct cloudsecrets *s, const char *name)
{
	const struct secret *x = find(s, name);

	return x ? x->value : NULL;
}

/* Takes value. */
static void put(struct cloudsecrets *s, const char *name, char *value)
{
	struct secret *x = find(s, name);

	if (x) {
		secret_free(x->value);
		x->value = value;
		s->unsaved = true;
		return;
	}
	s->unsaved = true;
	GROW(s->list, s->n, s->cap);
	s->list[s->n++] = (struct secret){xstrdup(name), value};
}

static void clear(struct cloudsecrets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->list[i].name);
		secret_free(s->list[i].value);
	}
	s->n = 0;
}

void cloudsecrets_free(struct cloudsecrets *s)
{
	if (!s)
		return;
	clear(s);
	free(s->list);
	free(s->path);
	free(s);
}

void cloudsecrets_freep(struct cloudsecrets **s)
{
	cloudsecrets_free(*s);
	*s = NULL;
}

bool cloudsecrets_is_empty(const struct cloudsecrets *s)
{
	return s->n == 0;
}

bool cloudsecrets_may_leave(const char *name)
{
	return !streq(name, "ca.key") && !str_startswith(name, "page.");
}

/* ---- the file ---- */

json_t *cloudsecrets_to_json(const struct cloudsecrets *s)
{
	json_t *all = json_object();

	for (size_t i = 0; i < s->n; i++)
		json_object_set_new(all, s->list[i].name, json_string(s->list[i].value));
	return all;
}

static char *take_all(struct cloudsecrets *s, const json_t *all)
{
	const char *name;
	json_t *v;

	if (!json_is_object(all) || json_object_size(all) > MAX_SECRETS)
		return xasprintf("expected an object of at most %d secrets", MAX_SECRETS);
	json_object_foreach((json_t *)all, name, v)
	{
		const char *value = json_string_value(v);

		if (parse_token(name, 63) < 0)
			return xstrdup("expected names of letters, digits and . _ -");
		if (!value || strlen(value) != json_string_length(v) || !*value ||
			strlen(value) > MAX_VALUE)
			return xasprintf(
				"%s: expected a text of 1 to %d bytes", name, MAX_VALUE);
		put(s, name, xstrdup(value));
	}
	return NULL;
}

static int save(struct cloudsecrets *s, char **reterr_msg)
{
	json_t *doc =
		json_pack("{s:i, s:o}", "version", 1, "secrets", cloudsecrets_to_json(s));
	char *text = json_dumps(doc, JSON_INDENT(1) | JSON_SORT_KEYS);
	int r;

	json_decref(doc);
	if (!text)
		abort(); /* no memory */
	r = write_file_atomic(s->path, text, strlen(text), 0600);
	secret_free(text);
	s->unsaved = r < 0;
	if (r < 0)
		*reterr_msg =
			xasprintf("%s cannot be written: %s", s->path, strerror(-r));
	return r;
}

static int load(struct cloudsecrets *s, char **reterr_msg)
{
	_cleanup_(jx_freep) json_t *doc = NULL;
	_cleanup_free_ char *why = NULL;
	char *text = NULL;
	size_t len;
	int r = read_file(s->path, MAX_FILE, &text, &len);

	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*reterr_msg = xasprintf("%s cannot be read: %s", s->path, strerror(-r));
		return r;
	}
	doc = jx_parse(text, len, &why);
	explicit_bzero(text, len);
	free(text);
	if (doc && json_integer_value(json_object_get(doc, "version")) != 1)
		why = xstrdup("expected version 1");
	if (doc && !why)
		why = take_all(s, json_object_get(doc, "secrets"));
	if (!why)
		return 0;
	*reterr_msg =
		xasprintf("%s is damaged (%s); put it back from a backup: without it "
			  "nodes are strangers and cannot be given their secrets",
			s->path, why);
	return -EINVAL;
}

int cloudsecrets_load(
	const char *dir, const char *file, struct cloudsecrets **ret, char **reterr_msg)
{
	_cleanup_(cloudsecrets_freep) struct cloudsecrets *s = xcalloc(1, sizeof(*s));
	struct stat st;
	int r;

	s->path = xasprintf("%s/%s", dir, file);
	if (stat(s->path, &st) == 0 && (st.st_mode & 077)) {
		*reterr_msg = xasprintf(
			"%s may be read by others (mode %03o): it is not trusted "
			"any more. If nobody did: chmod 600",
			s->path, (unsigned)(st.st_mode & 0777));
		return -EPERM;
	}
	r = load(s, reterr_msg);
	if (r < 0)
		return r;
	s->unsaved = false;
	*ret = TAKE_PTR(s);
	return 0;
}

int cloudsecrets_replace(struct cloudsecrets *s, const json_t *all, char **reterr_msg)
{
	struct cloudsecrets checked = {0};

	*reterr_msg = take_all(&checked, all);
	clear(&checked);
	free(checked.list);
	if (*reterr_msg)
		return -EINVAL;
	clear(s);
	free(take_all(s, all));
	return save(s, reterr_msg);
}

/* ---- making ---- */

static char *fernet_key(void)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t raw[33] = {0};
	char *out = xcalloc(45, 1);

	if (getrandom(raw, 32, 0) != 32)
		abort(); /* the kernel has no randomness to give */
	for (size_t i = 0; i < 11; i++) {
		uint32_t v = (uint32_t)raw[3 * i] << 16 | (uint32_t)raw[3 * i + 1] << 8 |
			raw[3 * i + 2];

		for (size_t k = 0; k < 4; k++)
			out[4 * i + k] = digits[v >> (18 - 6 * k) & 63];
	}
	out[43] = '=';
	explicit_bzero(raw, sizeof(raw));
	return out;
}

static char *make(const char *name)
{
	if (str_startswith(name, "fernet.") || str_startswith(name, "credential."))
		return fernet_key();
	return random_hex(16);
}

static bool is_pem(const char *name)
{
	return streq(name, "ca.cert") || streq(name, "ca.key") ||
		streq(name, "tls.cert") || streq(name, "tls.key") ||
		str_startswith(name, "page.");
}

struct leaf { /* the names under which a certificate and its key are kept */
	const char *cert, *key;
};

static const struct leaf endpoints = {"tls.cert", "tls.key"};
static const struct leaf page = {"page.cert", "page.key"};

static bool leaf_is_good(const struct cloudsecrets *s, const struct leaf *leaf,
	char *const *hosts, uint64_t now_s)
{
	return cloudsecrets_get(s, leaf->key) &&
		rackca_is_good(cloudsecrets_get(s, "ca.cert"),
			cloudsecrets_get(s, leaf->cert), hosts, now_s);
}

bool cloudsecrets_tls_is_good(
	const struct cloudsecrets *s, char *const *hosts, uint64_t now_s)
{
	return leaf_is_good(s, &endpoints, hosts, now_s);
}

static int need_ca(
	struct cloudsecrets *s, const char *rack, uint64_t now_s, char **reterr_msg)
{
	char *cert, *key;
	int r;

	if (cloudsecrets_get(s, "ca.cert") && cloudsecrets_get(s, "ca.key"))
		return 0;
	r = rackca_new(rack, now_s, &cert, &key, reterr_msg);
	if (r < 0)
		return r;
	put(s, "ca.cert", cert);
	put(s, "ca.key", key);
	return 1;
}

/* With the authority that signs it. */
static int need_leaf(struct cloudsecrets *s, const char *rack, const struct leaf *leaf,
	char *const *hosts, uint64_t now_s, char **reterr_msg)
{
	char *cert, *key;
	int r = need_ca(s, rack, now_s, reterr_msg);

	if (r < 0 || leaf_is_good(s, leaf, hosts, now_s))
		return r;
	r = rackca_issue(cloudsecrets_get(s, "ca.cert"), cloudsecrets_get(s, "ca.key"),
		hosts, now_s, &cert, &key, reterr_msg);
	if (r < 0)
		return r;
	put(s, leaf->cert, cert);
	put(s, leaf->key, key);
	return 1;
}

static int save_added(struct cloudsecrets *s, char **reterr_msg)
{
	int r = save(s, reterr_msg);

	return r < 0 ? r : 1;
}

int cloudsecrets_need_ca(
	struct cloudsecrets *s, const char *rack, uint64_t now_s, char **reterr_msg)
{
	int r = need_ca(s, rack, now_s, reterr_msg);

	return r > 0 ? save_added(s, reterr_msg) : r;
}

int cloudsecrets_need_key(struct cloudsecrets *s, const char *name, char **reterr_msg)
{
	if (cloudsecrets_get(s, name) && !s->unsaved)
		return 0;
	if (!cloudsecrets_get(s, name))
		put(s, name, random_hex(32));
	return save_added(s, reterr_msg);
}

int cloudsecrets_need_page(struct cloudsecrets *s, const char *rack, char *const *hosts,
	uint64_t now_s, char **reterr_msg)
{
	int r = need_leaf(s, rack, &page, hosts, now_s, reterr_msg);

	if (r < 0 || !s->unsaved)
		return MIN(r, 0);
	return save_added(s, reterr_msg);
}

int cloudsecrets_need(struct cloudsecrets *s, const char *rack, char *const *names,
	char *const *hosts, uint64_t now_s, char **reterr_msg)
{
	int r = need_leaf(s, rack, &endpoints, hosts, now_s, reterr_msg);

	if (r < 0)
		return r;
	for (size_t i = 0; names && names[i]; i++)
		if (!is_pem(names[i]) && !cloudsecrets_get(s, names[i]))
			put(s, names[i], make(names[i]));
	return s->unsaved ? save_added(s, reterr_msg) : 0;
}
