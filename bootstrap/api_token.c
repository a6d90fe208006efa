/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include "common/jsonx.h"

/* Requests under /v1/tokens: who may use the page. On the UNIX socket alone. */

static void get_tokens(struct ondold *o, struct http_req *req)
{
	_cleanup_free_ char *url = page_url(o);

	httpd_reply_json(req, 200,
		json_pack("{s:s?, s:o}", "page", url, "tokens",
			access_list(page_access(o))));
}

static void tell(struct ondold *o, const char *type, const char *text)
{
	ondold_event(o, NULL, "operator", type, text, NULL);
}

static void refuse(struct http_req *req, const char *name, int r)
{
	if (r == -EEXIST)
		httpd_reply_error(req, 409,
			"there is a token %s already; `ondol token revoke %s` takes it back",
			name, name);
	else if (r == -ENOSPC)
		httpd_reply_error(req, 409,
			"there are %d tokens already; revoke one first",
			ACCESS_MAX_TOKENS);
	else
		httpd_reply_error(
			req, 400, "name: expected at most 32 letters, digits and . _ -");
}

static void add(
	struct ondold *o, struct http_req *req, const char *name, enum access_role role)
{
	_cleanup_free_ char *text = NULL;
	char *token = NULL;
	int r = access_add(page_access(o), name, role, now_real_ms(), &token);

	if (r < 0) {
		refuse(req, name, r);
		return;
	}
	if (page_keep_tokens(o) < 0) {
		access_revoke(page_access(o), name);
		httpd_reply_error(
			req, 500, "the token could not be kept: see ondold's log");
	} else {
		text = xasprintf(
			"%s may use the page as %s", name, access_role_str(role));
		tell(o, "access.token", text);
		httpd_reply_json(req, 200, json_pack("{s:s}", "token", token));
	}
	secret_free(token);
}

static void post_token(struct ondold *o, struct http_req *req)
{
	_cleanup_(jx_freep) json_t *body = api_body(req);
	struct jx j = {.obj = body};
	const char *name, *word;
	enum access_role role;

	if (!body)
		return;
	name = jx_str(&j, "name", 32);
	word = jx_str(&j, "role", 16);
	if (!j.error && access_role_parse(word, &role) < 0)
		jx_fail(&j, "role", "expected viewer or operator");
	if (j.error)
		httpd_reply_error(req, 400, "%s", j.error);
	else
		add(o, req, name, role);
	jx_clear(&j);
}

static void delete_token(struct ondold *o, struct http_req *req, const char *name)
{
	_cleanup_free_ char *text = NULL;

	if (access_revoke(page_access(o), name) < 0) {
		httpd_reply_error(
			req, 404, "there is no such token; `ondol token list` has all");
		return;
	}
	if (page_keep_tokens(o) < 0) {
		httpd_reply_error(req, 500,
			"the token counts no longer, but it will after a restart of ondold: that "
			"it was revoked could not be kept, see ondold's log");
		return;
	}
	text = xasprintf("the token of %s was revoked", name);
	tell(o, "access.revoked", text);
	httpd_reply_json(req, 200, json_object());
}

void api_token_handle(struct ondold *o, struct http_req *req)
{
	const char *path = httpd_path(req), *method = httpd_method(req);
	static const char one[] = "/v1/tokens/";

	if (streq(path, "/v1/tokens") && streq(method, "GET"))
		get_tokens(o, req);
	else if (streq(path, "/v1/tokens") && streq(method, "POST"))
		post_token(o, req);
	else if (str_startswith(path, one) && streq(method, "DELETE"))
		delete_token(o, req, path + strlen(one));
	else
		httpd_reply_error(req, 404, "no such request; see docs/protocol.md");
}
