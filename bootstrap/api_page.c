/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include <inttypes.h>

#include "common/jsonx.h"

/*
 * The way in over TLS: the page's files for everybody, all else for a token (scripts) or the
 * cookie of a session (the page). What a role may do is said in the tables of the operator
 * API, where a request that says nothing is for the UNIX socket alone.
 *
 * A cookie is sent by the browser without being asked, so what changes something must come
 * with a header that no other site can make a browser send.
 */

#define COOKIE "__Host-ondol"

const struct httpd_header api_page_headers[] = {
	{"Content-Security-Policy",
		"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors "
		"'none'; object-src 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Cache-Control", "no-store"},
	{NULL, NULL},
};

static void peer_of(struct http_req *req, char buf[static 16])
{
	format_ipv4(httpd_peer(req), buf);
}

static void keep(struct ondold *o, struct http_req *req, struct node *n, const char *type,
	const struct access_token *t, const char *what)
{
	_cleanup_(jx_freep) json_t *data = NULL;
	_cleanup_free_ char *text = NULL;
	char from[16];

	peer_of(req, from);
	text = xasprintf("%s from %s %s", t->name, from, what);
	data = json_pack("{s:s, s:s, s:s}", "by", t->name, "role",
		access_role_str(t->role), "from", from);
	ondold_event(o, n, "operator", type, text, data);
}

/* ---- who asks ---- */

/* Answers 429 when the address has to wait. */
static bool may_try(struct ondold *o, struct http_req *req)
{
	uint64_t wait = access_must_wait(page_access(o), httpd_peer(req), now_mono_ms());
	char seconds[24];

	if (!wait)
		return true;
	snprintf(seconds, sizeof(seconds), "%" PRIu64, wait / 1000 + 1);
	httpd_set_header(req, "Retry-After", seconds);
	httpd_reply_error(req, 429,
		"too many wrong tokens from this address: try again in %s seconds",
		seconds);
	o->counts.refused[METRICS_REFUSED_TRIES]++;
	return false;
}

/* NULL after an answer. */
static const struct access_token *by_token(
	struct ondold *o, struct http_req *req, const char *token)
{
	const struct access_token *t;
	_cleanup_free_ char *text = NULL;
	char from[16];

	if (!may_try(o, req))
		return NULL;
	t = access_by_token(page_access(o), token);
	if (t)
		return t;
	o->counts.refused[METRICS_REFUSED_TOKEN]++;
	if (access_was_wrong(page_access(o), httpd_peer(req), now_mono_ms())) {
		peer_of(req, from);
		text = xasprintf(
			"%d wrong tokens from %s within a minute: it has to wait",
			ACCESS_TRIES, from);
		ondold_event(o, NULL, "http", "access.refused", text, NULL);
	}
	httpd_reply_error(
		req, 401, "this token is not known: it is mistyped, or it was revoked");
	return NULL;
}

/* "GET" and "HEAD" only read. */
static bool only_reads(struct http_req *req)
{
	return streq(httpd_method(req), "GET") || streq(httpd_method(req), "HEAD");
}

static bool is_from_page(struct http_req *req)
{
	const char *h = httpd_header(req, "X-Ondol");

	if (h && streq(h, "page"))
		return true;
	httpd_reply_error(
		req, 403, "a request with a cookie needs the header X-Ondol: page");
	return false;
}

static const struct access_token *caller(struct ondold *o, struct http_req *req)
{
	const char *bearer = httpd_bearer(req), *cookie = httpd_cookie(req, COOKIE);
	const struct access_token *t = NULL;

	if (bearer)
		return by_token(o, req, bearer);
	if (cookie)
		t = access_by_cookie(page_access(o), cookie, now_mono_ms());
	if (!t)
		httpd_reply_error(
			req, 401, "sign in first, or send Authorization: Bearer TOKEN");
	else if (!only_reads(req) && !is_from_page(req))
		t = NULL;
	return t;
}

/* ---- the session ---- */

static void set_cookie(struct http_req *req, const char *value, unsigned max_age_s)
{
	_cleanup_free_ char *text =
		xasprintf(COOKIE "=%s; Path=/; Max-Age=%u; Secure; HttpOnly; "
				 "SameSite=Strict",
			value, max_age_s);

	httpd_set_header(req, "Set-Cookie", text);
}

static json_t *session_json(const struct access_token *t)
{
	return json_pack("{s:s, s:s}", "name", t->name, "role", access_role_str(t->role));
}

static void sign_in(struct ondold *o, struct http_req *req)
{
	const struct access_token *t;
	_cleanup_(jx_freep) json_t *body = NULL;
	struct jx j = {0};
	const char *token;
	char *cookie;

	if (!is_from_page(req))
		return;
	j.obj = body = api_body(req);
	if (!body)
		return;
	token = jx_str(&j, "token", 128);
	if (j.error) {
		httpd_reply_error(req, 400, "%s", j.error);
		jx_clear(&j);
		return;
	}
	t = by_token(o, req, token);
	if (!t)
		return;
	cookie = access_sign_in(page_access(o), t, now_mono_ms());
	set_cookie(req, cookie, ACCESS_SESSION_MS / 1000);
	secret_free(cookie);
	keep(o, req, NULL, "access.signed-in", t, "signed in to the page");
	httpd_reply_json(req, 200, session_json(t));
}

static void sign_out(struct ondold *o, struct http_req *req)
{
	const char *cookie = httpd_cookie(req, COOKIE);

	if (!is_from_page(req))
		return;
	if (cookie)
		access_sign_out(page_access(o), cookie);
	set_cookie(req, "", 0);
	httpd_reply_json(req, 200, json_object());
}

static void get_session(struct ondold *o, struct http_req *req)
{
	const struct access_token *t = caller(o, req);

	if (t)
		httpd_reply_json(req, 200, session_json(t));
}

static void route_session(struct ondold *o, struct http_req *req)
{
	if (streq(httpd_method(req), "GET"))
		get_session(o, req);
	else if (streq(httpd_method(req), "POST"))
		sign_in(o, req);
	else if (streq(httpd_method(req), "DELETE"))
		sign_out(o, req);
	else
		httpd_reply_error(req, 405, "expected GET, POST or DELETE");
}

/* ---- all else ---- */

static void pass_on(struct ondold *o, struct http_req *req, const struct access_token *t)
{
	_cleanup_free_ char *who = NULL;
	char from[16];

	peer_of(req, from);
	who = xasprintf("%s from %s", t->name, from);
	httpd_set_actor(req, who);
	if (streq(httpd_path(req), "/v1/stream") && streq(httpd_method(req), "GET"))
		live_get(page_live(o), req, t->name);
	else
		api_operator_route(o, req, t->role);
}

void api_page_handle(struct http_req *req, void *ondold)
{
	const struct page_file *file = page_file(httpd_path(req));
	const struct access_token *t;

	if (file && only_reads(req)) {
		httpd_reply_static(
			req, file->type, file->data, (size_t)(file->end - file->data));
		return;
	}
	if (streq(httpd_path(req), "/v1/session")) {
		route_session(ondold, req);
		return;
	}
	t = caller(ondold, req);
	if (t)
		pass_on(ondold, req, t);
}
