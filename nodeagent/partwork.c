/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything here may be killed at any point and begun again. A one-shot step leaves a
 * marker with a digest of what was run, so that it runs once, and again when the role
 * file or a setting in it has changed; what must not be done twice has a guard beside.
 * That a file changed is remembered before the change, until the units were restarted.
 */
#include "nodeagent/partwork.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <sys/stat.h>

#include "common/http.h"
#include "common/log.h"
#include "common/run.h"
#include "nodeagent/cloudops.h"
#include "nodeagent/database.h"
#include "nodeagent/link.h"
#include "nodeagent/nodeconf.h"
#include "nodeagent/partfiles.h"
#include "nodeagent/paths.h"
#include "nodeagent/patience.h"
#include "nodeagent/trust.h"

#define DIGEST_HEX 65
#define MAX_BLOB (64 * 1024 * 1024)
#define READY_PACE_MS UINT64_C(250)
#define READY_RESTS 2 /* so many times as long as it asked, */
#define READY_REST_MAX_MS \
	6000 /* but not longer: a question may have ended at its limit */
#define HTTP_TRY_MS 20000

/* ---- markers ---- */

static char *marker(const char *part, const char *what)
{
	return xasprintf(NODE_DONE "/%s.%s", part, what);
}

static int write_marker(const char *part, const char *what, const char *text)
{
	_cleanup_free_ char *path = marker(part, what);
	int r = mkdir_p(NODE_DONE, 0700);

	return r < 0 ? r : write_file_atomic(path, text, strlen(text), 0600);
}

static bool marker_is(const char *part, const char *what, const char *text)
{
	_cleanup_free_ char *path = marker(part, what), *found = NULL;

	return read_line_file(path, &found) == 0 && streq(found, text);
}

bool partwork_is_dirty(const char *part)
{
	_cleanup_free_ char *path = marker(part, "dirty");

	return access(path, F_OK) == 0;
}

static void drop_marker(const char *part, const char *what)
{
	_cleanup_free_ char *path = marker(part, what);

	if (unlink(path) < 0 && errno != ENOENT)
		log_warn("%s: %s", path, strerror(errno));
}

void partwork_finish(const char *part)
{
	int r = write_marker(part, "up", "");

	if (r < 0)
		log_warn("%s.up cannot be written, so the part counts as unfinished: %s",
			part, strerror(-r));
	drop_marker(part, "dirty");
}

static int mark_dirty(void *userdata)
{
	const struct partwork *w = userdata;

	return write_marker(w->part->name, "dirty", "");
}

/* ---- digests ---- */

static void digest_text(gnutls_hash_hd_t h, const char *s)
{
	/* The NUL parts one from the next; what is not there differs from what is empty. */
	gnutls_hash(h, s ? s : "\1", s ? strlen(s) + 1 : 1);
}

static void digest_list(gnutls_hash_hd_t h, char *const *list)
{
	for (; list && *list; list++)
		digest_text(h, *list);
	digest_text(h, NULL);
}

static void digest_end(gnutls_hash_hd_t h, char hex[static DIGEST_HEX])
{
	uint8_t bytes[32];

	gnutls_hash_deinit(h, bytes);
	hex_encode(bytes, sizeof(bytes), hex);
}

static gnutls_hash_hd_t digest_begin(void)
{
	gnutls_hash_hd_t h;

	if (gnutls_hash_init(&h, GNUTLS_DIG_SHA256) < 0)
		abort();
	return h;
}

/* ---- secrets do not get out ---- */

static void blank_out(char *text, const char *secret)
{
	size_t len = strlen(secret);

	for (char *p = len >= 8 ? strstr(text, secret) : NULL; p; p = strstr(p, secret)) {
		memmove(p + 3, p + len, strlen(p + len) + 1);
		memset(p, '*', 3);
	}
}

char *partwork_redact(const struct desired *d, const char *text)
{
	char *out = xstrdup(text);

	for (size_t i = 0; i < d->n_secrets; i++)
		blank_out(out, d->secrets[i].value);
	return out;
}

/* ---- steps ---- */

static int expand_words(
	const struct partwork *w, char *const *words, char ***ret, char **reterr_msg)
{
	_cleanup_(strv_freep) char **out = xcalloc(1, sizeof(char *));

	for (; words && *words; words++) {
		_cleanup_free_ char *value = NULL;
		int r = vars_expand(w->vars, *words, &value, reterr_msg);

		if (r < 0)
			return r;
		strv_add(&out, value);
	}
	*ret = TAKE_PTR(out);
	return 0;
}

/* argv as that user; runuser takes no secret and no shell. */
static char **as_user(const char *user, char **argv)
{
	char **out = NULL;

	if (user) {
		strv_add(&out, "runuser");
		strv_add(&out, "-u");
		strv_add(&out, user);
		strv_add(&out, "--");
	}
	for (; *argv; argv++)
		strv_add(&out, *argv);
	return out;
}

/* The end of a program's output, where the reason is. */
static const char *last_words(const char *out)
{
	size_t len = strlen(out);

	return len > 500 ? out + len - 500 : out;
}

struct step_texts {
	char **run, **env, **unless;
	char *input;
};

static void step_texts_clear(struct step_texts *t)
{
	strv_free(t->run);
	strv_free(t->env);
	strv_free(t->unless);
	free(t->input);
}

static int step_expand(const struct partwork *w, const struct part_step *s,
	struct step_texts *ret, char **reterr_msg)
{
	_cleanup_free_ char *why = NULL;
	int r = expand_words(w, s->run, &ret->run, &why);

	if (r == 0)
		r = expand_words(w, s->env, &ret->env, &why);
	if (r == 0)
		r = expand_words(w, s->unless, &ret->unless, &why);
	if (r == 0 && s->input)
		r = vars_expand(w->vars, s->input, &ret->input, &why);
	if (r < 0)
		*reterr_msg = xasprintf("%s: [step %s]: %s", w->part->file, s->name, why);
	return r;
}

static void step_digest(const struct partwork *w, const struct part_step *s,
	const struct step_texts *t, char hex[static DIGEST_HEX])
{
	_cleanup_free_ char *extra = s->op ? cloudops_digest(w, s->op) : NULL;
	gnutls_hash_hd_t h = digest_begin();

	digest_list(h, t->run);
	digest_list(h, t->env);
	digest_text(h, t->input);
	digest_text(h, s->user);
	digest_text(h, s->op);
	digest_text(h, extra);
	digest_end(h, hex);
}

/* Does the guard say that it was done already? Negative: it could not be asked. */
static int guard_says_done(const struct part_step *s, const struct step_texts *t)
{
	_cleanup_(strv_freep) char **argv = NULL;
	_cleanup_(run_result_clear) struct run_result res = {0};
	int r;

	if (!s->unless)
		return 0;
	argv = as_user(s->user, t->unless);
	r = run_child((const char *const *)argv, NULL, NULL,
		patience_ms(s->timeout_s * 1000), &res);
	if (r < 0)
		return r;
	return res.status == 0 &&
		(!s->unless_output || strstr(res.out, s->unless_output));
}

static int step_program(const struct partwork *w, const struct part_step *s,
	const struct step_texts *t, char **reterr_msg)
{
	_cleanup_(strv_freep) char **argv = as_user(s->user, t->run);
	_cleanup_(run_result_clear) struct run_result res = {0};
	_cleanup_free_ char *said = NULL;
	int r = guard_says_done(s, t);

	if (r > 0) {
		log_info("%s: %s was done before", w->part->name, s->name);
		return 0;
	}
	if (r == 0)
		r = run_child((const char *const *)argv, (const char *const *)t->env,
			t->input, patience_ms(s->timeout_s * 1000), &res);
	if (r < 0) {
		*reterr_msg = xasprintf("%s cannot be run: %s", t->run[0], strerror(-r));
		return r;
	}
	if (res.status == 0)
		return 0;
	said = partwork_redact(w->desired, last_words(res.out));
	*reterr_msg = res.timed_out
		? xasprintf("%s did not end within %u s: %s", t->run[0],
			  patience_ms(s->timeout_s * 1000) / 1000, said)
		: xasprintf("%s ended with status %d: %s", t->run[0], res.status, said);
	return -EIO;
}

static int step_run(
	const struct partwork *w, const struct part_step *s, char **reterr_msg)
{
	_cleanup_(step_texts_clear) struct step_texts t = {0};
	_cleanup_free_ char *why = NULL;
	char hex[DIGEST_HEX];
	uint64_t began = now_mono_ms();
	int r = step_expand(w, s, &t, reterr_msg);

	if (r < 0)
		return r;
	step_digest(w, s, &t, hex);
	if (s->on_change ? !partwork_is_dirty(w->part->name) &&
				marker_is(w->part->name, s->name, hex)
			 : marker_is(w->part->name, s->name, hex))
		return 0;
	r = s->op ? cloudops_step(w, s->op, &why) : step_program(w, s, &t, &why);
	if (r < 0) {
		*reterr_msg = xasprintf("step %s: %s", s->name, why ? why : strerror(-r));
		return r;
	}
	log_info("%s: %s done in %llu ms", w->part->name, s->name,
		(unsigned long long)(now_mono_ms() - began));
	return write_marker(w->part->name, s->name, hex);
}

static int steps_run(const struct partwork *w, bool after, char **reterr_msg)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->part->n_steps; i++)
		if (w->part->steps[i].after == after)
			r = step_run(w, &w->part->steps[i], reterr_msg);
	return r;
}

/* ---- blobs ---- */

static void sha256_hex(const void *data, size_t len, char hex[static DIGEST_HEX])
{
	uint8_t bytes[32];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, data, len, bytes) < 0)
		abort();
	hex_encode(bytes, sizeof(bytes), hex);
}

static bool have_blob(const struct part_blob *b, const struct desired_blob *want)
{
	_cleanup_free_ char *data = NULL;
	char hex[DIGEST_HEX];
	size_t len;

	if (read_file(b->path, MAX_BLOB, &data, &len) < 0)
		return false;
	sha256_hex(data, len, hex);
	return streq(hex, want->sha256);
}

static int fetch(const char *name, struct http_response *ret, char **reterr_msg)
{
	_cleanup_(nodeconf_freep) struct nodeconf *conf = NULL;
	_cleanup_free_ char *node = NULL, *url = NULL;
	int r = nodeconf_load(NODE_INI, &conf, reterr_msg);

	if (r < 0)
		return r;
	node = link_node_url(conf);
	url = xasprintf("%s/blobs/%s", node, name);
	r = http_do(&(struct http_request){.method = "GET",
			    .url = url,
			    .identity = &conf->identity,
			    .timeout_ms = 120000,
			    .max_body = MAX_BLOB},
		ret, reterr_msg);
	if (r == 0 && ret->status != 200) {
		*reterr_msg =
			xasprintf("ondold answers %u for the blob %s", ret->status, name);
		return -EIO;
	}
	return r;
}

static int blob_apply(struct partwork *w, const struct part_blob *b, char **reterr_msg)
{
	const struct desired_blob *want = desired_blob(w->desired, b->name);
	_cleanup_(http_response_clear) struct http_response res = {0};
	char hex[DIGEST_HEX];
	int r;

	if (!want) {
		*reterr_msg = xasprintf("%s is not made yet by the controller", b->name);
		return -EAGAIN;
	}
	if (have_blob(b, want))
		return partfiles_own(b->path, b->user, b->group, b->mode, reterr_msg);
	r = fetch(b->name, &res, reterr_msg);
	if (r < 0)
		return r;
	sha256_hex(res.body, res.body_len, hex);
	if (!streq(hex, want->sha256)) {
		*reterr_msg = xasprintf(
			"%s is not what the controller made; it will be asked for again",
			b->name);
		return -EBADMSG;
	}
	/* Who reads blobs looks for new ones by itself; a restart would only be a gap. */
	r = write_file_atomic(
		b->path, res.body, res.body_len, b->mode < 0 ? 0644 : (unsigned)b->mode);
	return r < 0 ? r : partfiles_own(b->path, b->user, b->group, b->mode, reterr_msg);
}

/* ---- databases ---- */

static int database_apply(
	const struct partwork *w, const struct part_database *d, char **reterr_msg)
{
	_cleanup_free_ char *secret = xasprintf("db.%s", d->user);
	_cleanup_free_ char *schema = xasprintf(NODE_SCHEMAS "/%s.sql.gz", d->schema);
	_cleanup_free_ char *what = xasprintf("db-%s", d->name);
	const char *password = desired_secret(w->desired, secret);
	gnutls_hash_hd_t h = digest_begin();
	char hex[DIGEST_HEX];
	bool loaded = false;
	int r;

	digest_text(h, d->user);
	digest_text(h, password);
	digest_list(h, d->hosts);
	digest_end(h, hex);
	if (!password) {
		*reterr_msg = xasprintf("ondold gave no secret %s", secret);
		return -ENOKEY;
	}
	if (marker_is(w->part->name, what, hex))
		return 0;
	r = database_ensure(
		&(struct database_want){d->name, d->user, password, d->hosts, schema},
		&loaded, reterr_msg);
	if (r == 0 && loaded)
		log_info("database %s: schema loaded", d->name);
	return r < 0 ? r : write_marker(w->part->name, what, hex);
}

/* ---- the works ---- */

static int do_prepare(struct partwork *w, char **ret_text)
{
	int r = partfiles_apply(
		w->role->defs, w->part, w->vars, "", mark_dirty, w, ret_text);

	for (size_t i = 0; r == 0 && i < w->part->n_blobs; i++)
		r = blob_apply(w, &w->part->blobs[i], ret_text);
	for (size_t i = 0; r == 0 && i < w->part->n_databases; i++)
		r = database_apply(w, &w->part->databases[i], ret_text);
	return r < 0 ? r : steps_run(w, false, ret_text);
}

static int try_http(const char *url, char **ret_text)
{
	_cleanup_(http_response_clear) struct http_response res = {0};
	_cleanup_free_ char *why = NULL;
	int r = http_do(&(struct http_request){.method = "GET",
				.url = url,
				.ca_file = TRUST_CA,
				.connect_timeout_ms = 5000,
				.timeout_ms = patience_ms(HTTP_TRY_MS)},
		&res, &why);

	if (r == 0 && res.status < 500)
		return 0;
	*ret_text = r < 0 ? xasprintf("%s: %s", url, why ? why : strerror(-r))
			  : xasprintf("%s answers %u", url, res.status);
	return -EAGAIN;
}

/* Do all of them hold at this moment? -EAGAIN: not (yet), *ret_text says which. */
static int ready_now(const struct partwork *w, char **ret_text)
{
	_cleanup_(strv_freep) char **http = NULL, **tcp = NULL;
	int r = expand_words(w, w->part->ready_http, &http, ret_text);

	if (r == 0)
		r = expand_words(w, w->part->ready_tcp, &tcp, ret_text);
	for (char **u = http; r == 0 && *u; u++)
		r = try_http(*u, ret_text);
	for (char **a = tcp; r == 0 && *a; a++)
		r = cloudops_tcp(*a, ret_text);
	if (r == 0 && w->part->ready_op)
		r = cloudops_ready(w, w->part->ready_op, ret_text);
	return r;
}

static int do_check(struct partwork *w, char **ret_text)
{
	int r = ready_now(w, ret_text);

	if (r == 0 && !*ret_text)
		*ret_text = xasprintf("%s: answers", w->part->description);
	return r;
}

/*
 * A service may answer long before its last steps are done (its user in Keystone, say):
 * others that wait for it must not be told so early.
 */
static int do_prove(struct partwork *w, char **ret_text)
{
	_cleanup_free_ char *up = marker(w->part->name, "up");

	if (access(up, F_OK) == 0)
		return do_check(w, ret_text);
	*ret_text = xasprintf("%s: not set up to its end yet", w->part->description);
	return -EAGAIN;
}

/*
 * Nobody tells when a service begins to answer: it is asked, and rests longer than the question
 * took. Where that is long the services are busy with coming up.
 */
static int do_ready(struct partwork *w, char **ret_text)
{
	uint64_t deadline = now_mono_ms() + patience_ms(w->part->ready_timeout_s * 1000);

	for (;;) {
		uint64_t began = now_mono_ms(), ended, rest;
		int r;

		free(TAKE_PTR(*ret_text));
		r = do_check(w, ret_text);
		ended = now_mono_ms();
		if (r != -EAGAIN || ended >= deadline)
			return r;
		rest = MIN((ended - began) * READY_RESTS, patience_ms(READY_REST_MAX_MS));
		poll(NULL, 0, (int)MAX(READY_PACE_MS, rest));
	}
}

static int do_after(struct partwork *w, char **ret_text)
{
	_cleanup_free_ char *what = NULL;
	int r = 0;

	if (w->part->n_users || w->part->n_services) {
		what = cloudops_digest(w, "identity");
		if (!marker_is(w->part->name, "identity", what))
			r = cloudops_step(w, "identity", ret_text);
		if (r == 0)
			r = write_marker(w->part->name, "identity", what);
	}
	if (r == 0 && w->part->leave_op)
		r = cloudops_enter(w, w->part->leave_op, ret_text);
	return r < 0 ? r : steps_run(w, true, ret_text);
}

/* Where the rack's cloud has the service no more, no API of it is left to be told. */
static int do_leave(struct partwork *w, char **ret_text)
{
	const char *service = w->part->service;

	drop_marker(w->part->name, "up");
	if (!w->part->leave_op)
		return 0;
	if (service && !strv_has(w->desired->cloud->services, service)) {
		*ret_text = xasprintf(
			"the cloud has no %s any more, nothing is owed", service);
		return 0;
	}
	return cloudops_leave(w, w->part->leave_op, ret_text);
}

static const struct {
	const char *op;
	int (*run)(struct partwork *w, char **ret_text);
	bool of_part;
} works[] = {
	{"part-prepare", do_prepare, true},
	{"part-ready", do_ready, true},
	{"part-after", do_after, true},
	{"part-check", do_prove, true},
	{"part-leave", do_leave, true},
	{"cloud-status", cloudops_status, false},
	{"cloud-backup", cloudops_backup, false},
};

bool partwork_knows(const char *op)
{
	for (size_t i = 0; i < ARRAY_SIZE(works); i++)
		if (streq(works[i].op, op))
			return true;
	return false;
}

static int prepare(struct partwork *w, const char *part, char **ret_text)
{
	struct vars_machine m;

	vars_machine(&m);
	w->vars = vars_new(w->desired, &m);
	w->part = part ? partdefs_find(w->role->defs, part) : NULL;
	if (part && !w->part) {
		*ret_text = xasprintf("this image has no part %s", part);
		return -ENOENT;
	}
	return 0;
}

int partwork_run(const char *op, const char *arg, const struct desired *d,
	const struct role *role, char **ret_text)
{
	struct partwork w = {.desired = d, .role = role};
	int r = -EINVAL;

	if (!d->cloud) {
		*ret_text = xstrdup("this rack is no cloud");
		return streq(op, "part-leave") ? 0
					       : -EINVAL; /* nobody is left to be told */
	}
	for (size_t i = 0; i < ARRAY_SIZE(works); i++) {
		if (!streq(works[i].op, op))
			continue;
		r = works[i].of_part && !arg
			? -EINVAL
			: prepare(&w, works[i].of_part ? arg : NULL, ret_text);
		if (r == 0)
			r = works[i].run(&w, ret_text);
		break;
	}
	vars_free(w.vars);
	return r;
}
