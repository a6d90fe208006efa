/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One token, one catalogue, one set of open connections. The token's life is measured by
 * this machine's monotonic clock from what Keystone says of its length, so that clocks
 * which differ do no harm. Requests go to the hosts of the catalogue only, and to the
 * one of the login.
 */
#include "cloud/session.h"

#include <poll.h>

#include "cloud/token.h"

#define RENEW_BEFORE_MS (5 * 60 * 1000)
#define RETRY_AFTER_MS 1000
#define MAX_PAGES 1000
#define MAX_LISTED 100000

struct cloud_session {
	char *auth_url, *user, *password, *project, *domain, *region, *interface,
		*ca_file, *token_file; /* owned */
	char *url; /* owned: what cloud_url last gave */
	unsigned timeout_ms;
	struct cloud_token token;
	struct http_reuse *reuse;
	cloud_transport_fn transport;
	void *userdata;
};

static int over_the_network(const struct http_request *req, struct http_response *ret,
	char **reterr_msg, _unused_ void *userdata)
{
	return http_do(req, ret, reterr_msg);
}

struct cloud_session *cloud_session_new(const struct cloud_login *login)
{
	struct cloud_session *s = xcalloc(1, sizeof(*s));
	size_t n = strlen(login->auth_url);

	while (n && login->auth_url[n - 1] == '/')
		n--;
	s->auth_url = xstrndup(login->auth_url, n);
	s->user = xstrdup(login->user);
	s->password = xstrdup(login->password);
	s->project = xstrdup(login->project);
	s->domain = xstrdup(login->domain ? login->domain : "Default");
	s->region = xstrdup(login->region);
	s->interface = xstrdup(login->interface ? login->interface : "public");
	s->ca_file = xstrdup(login->ca_file);
	s->token_file = xstrdup(login->token_file);
	s->timeout_ms = login->timeout_ms ? login->timeout_ms : 120 * 1000;
	s->reuse = http_reuse_new();
	s->transport = over_the_network;
	return s;
}

void cloud_session_free(struct cloud_session *s)
{
	if (!s)
		return;
	cloud_token_clear(&s->token);
	http_reuse_free(s->reuse);
	free(s->auth_url);
	free(s->user);
	secret_free(s->password);
	free(s->project);
	free(s->domain);
	free(s->region);
	free(s->interface);
	free(s->ca_file);
	free(s->token_file);
	free(s->url);
	free(s);
}

void cloud_session_freep(struct cloud_session **s)
{
	cloud_session_free(*s);
}

void cloud_session_transport(
	struct cloud_session *s, cloud_transport_fn fn, void *userdata)
{
	s->transport = fn;
	s->userdata = userdata;
}

/* TLS is part of connecting, and a busy service takes its time over it. */
static unsigned connect_ms(unsigned timeout_ms)
{
	return MAX(timeout_ms / 4, 10000u);
}

const char *cloud_project_id(const struct cloud_session *s)
{
	return s->token.project_id ? s->token.project_id : "";
}

const char *cloud_user_id(const struct cloud_session *s)
{
	return s->token.user_id ? s->token.user_id : "";
}

const char *cloud_region(const struct cloud_session *s)
{
	return s->region;
}

/* ---- the token ---- */

static char *login_body(const struct cloud_session *s)
{
	_cleanup_(jx_freep) json_t *root =
		json_pack("{s:{s:{s:[s], s:{s:{s:s, s:s, s:{s:s}}}}}}", "auth",
			"identity", "methods", "password", "password", "user", "name",
			s->user, "password", s->password, "domain", "name", s->domain);

	if (s->project)
		json_object_set_new(json_object_get(root, "auth"), "scope",
			json_pack("{s:{s:s, s:{s:s}}}", "project", "name", s->project,
				"domain", "name", s->domain));
	return json_dumps(root, JSON_COMPACT);
}

static int errno_of(unsigned status)
{
	switch (status) {
	case 400:
		return -EINVAL;
	case 401:
	case 403:
		return -EACCES;
	case 404:
		return -ENOENT;
	case 409:
		return -EEXIST;
	case 413:
		return -E2BIG;
	case 429:
	case 503:
		return -EAGAIN;
	default:
		return -EREMOTEIO;
	}
}

static int login_refused(const struct cloud_session *s, const struct http_response *resp,
	char **reterr_msg)
{
	_cleanup_free_ char *text = cloud_error_text(resp->body, resp->body_len);

	*reterr_msg = xasprintf("Keystone at %s answered %u to the sign-in of %s%s%s: %s",
		s->auth_url, resp->status, s->user, s->project ? " to project " : "",
		s->project ? s->project : "", text);
	return errno_of(resp->status);
}

static int sign_in(struct cloud_session *s, char **reterr_msg)
{
	_cleanup_(http_response_clear) struct http_response resp = {0};
	_cleanup_free_ char *url = xasprintf("%s/auth/tokens", s->auth_url), *why = NULL;
	_cleanup_secret_ char *body = login_body(s);
	struct http_request req = {.method = "POST",
		.url = url,
		.body = body,
		.ca_file = s->ca_file,
		.timeout_ms = s->timeout_ms,
		.connect_timeout_ms = connect_ms(s->timeout_ms),
		.reuse = s->reuse};
	uint64_t now_ms = now_mono_ms();
	int r;

	if (!body) { /* json_pack refuses what is not UTF-8 */
		*reterr_msg = xasprintf(
			"user, password or project for %s is not UTF-8", s->auth_url);
		return -EINVAL;
	}
	req.body_len = strlen(body);
	r = s->transport(&req, &resp, &why, s->userdata);
	if (r < 0) {
		*reterr_msg = xasprintf(
			"Keystone does not answer: %s", why ? why : strerror(-r));
		return r;
	}
	if (resp.status != 201)
		return login_refused(s, &resp, reterr_msg);
	cloud_token_clear(&s->token);
	r = cloud_token_read(&s->token, &resp, now_ms, &why);
	if (r < 0) {
		cloud_token_clear(&s->token);
		*reterr_msg = xasprintf(
			"Keystone at %s gave no usable token: %s", s->auth_url, why);
	}
	return r;
}

int cloud_can_sign_in(struct cloud_session *s, const char *user, const char *password,
	const char *domain, char **reterr_msg)
{
	struct cloud_login login = {.auth_url = s->auth_url,
		.user = user,
		.password = password,
		.domain = domain ? domain : s->domain,
		.ca_file = s->ca_file,
		.timeout_ms = s->timeout_ms};
	_cleanup_(cloud_session_freep) struct cloud_session *other =
		cloud_session_new(&login);
	_cleanup_free_ char *msg = NULL;
	int r;

	other->transport = s->transport;
	other->userdata = s->userdata;
	r = cloud_authenticate(other, &msg);
	if (r == -EACCES)
		return 0;
	if (r < 0 && reterr_msg)
		*reterr_msg = TAKE_PTR(msg);
	return r < 0 ? r : 1;
}

/* ---- where a service is ---- */

static bool endpoint_fits(const struct cloud_session *s, const json_t *e)
{
	return streq(cloud_str(e, "interface"), s->interface) &&
		(!s->region || streq(cloud_str(e, "region_id"), s->region) ||
			streq(cloud_str(e, "region"), s->region));
}

const char *cloud_url(struct cloud_session *s, const char *type)
{
	const json_t *endpoints;
	const char *url = NULL;
	size_t n;

	if (streq(type, "identity"))
		return s->auth_url;
	endpoints =
		json_object_get(cloud_find(s->token.catalog, "type", type), "endpoints");
	for (size_t i = 0; i < json_array_size(endpoints) && !url; i++)
		if (endpoint_fits(s, json_array_get(endpoints, i)))
			url = cloud_str(json_array_get(endpoints, i), "url");
	if (!url || !*url)
		return NULL;
	for (n = strlen(url); n && url[n - 1] == '/';)
		n--;
	free(s->url);
	s->url = xstrndup(url, n);
	return s->url;
}

/* "https://host:port" of a URL; caller frees. */
static char *origin_of(const char *url)
{
	const char *p = strstr(url, "://");

	return xstrndup(
		url, p ? (size_t)(p + 3 - url) + strcspn(p + 3, "/?#") : strlen(url));
}

static char *url_for(struct cloud_session *s, const struct cloud_request *req)
{
	const char *base = cloud_url(s, req->service);
	_cleanup_free_ char *origin = NULL;

	if (!base)
		return NULL;
	origin = origin_of(base);
	return xasprintf("%s%s", req->from_root ? origin : base, req->path);
}

/* ---- a call ---- */

void cloud_answer_clear(struct cloud_answer *a)
{
	json_decref(a->json);
	free(a->text);
	*a = (struct cloud_answer){0};
}

static char *version_header(const char *service, const char *version)
{
	if (str_startswith(service, "share"))
		return xasprintf("X-OpenStack-Manila-API-Version: %s", version);
	return xasprintf("OpenStack-API-Version: %s %s",
		str_startswith(service, "volume") ? "volume" : service, version);
}

static int send(struct cloud_session *s, const struct cloud_request *req, const char *url,
	struct http_response *ret, char **reterr_msg)
{
	_cleanup_secret_ char *token = xasprintf("X-Auth-Token: %s", s->token.id);
	_cleanup_secret_ char *body =
		req->body ? json_dumps(req->body, JSON_COMPACT) : NULL;
	_cleanup_free_ char *version =
		req->version ? version_header(req->service, req->version) : NULL;
	const char *headers[] = {token, "Accept: application/json", version, NULL};
	struct http_request h = {.method = req->method,
		.url = url,
		.body = body,
		.body_file = req->file,
		.content_type = req->content_type,
		.headers = headers,
		.ca_file = s->ca_file,
		.timeout_ms = req->timeout_ms ? req->timeout_ms : s->timeout_ms,
		.connect_timeout_ms = connect_ms(s->timeout_ms),
		.reuse = s->reuse};

	if (req->file) {
		h.timeout_ms = 0; /* as long as bytes move */
		h.stall_timeout_ms = 300 * 1000;
	}
	if (body)
		h.body_len = strlen(body);
	return s->transport(&h, ret, reterr_msg, s->userdata);
}

static int answer_read(
	const struct http_response *resp, struct cloud_answer *ret, char **reterr_msg)
{
	const char *p = resp->body + strspn(resp->body, " \t\r\n");

	ret->status = resp->status;
	if (*p == '{' || *p == '[') {
		ret->json = jx_parse(resp->body, resp->body_len, reterr_msg);
		return ret->json ? 0 : -EBADMSG;
	}
	if (*p)
		ret->text = xstrdup(resp->body);
	return 0;
}

static char *request_words(const struct cloud_request *req)
{
	return xasprintf("%s %.*s", req->method, (int)strcspn(req->path, "?"), req->path);
}

static int exchange(struct cloud_session *s, const struct cloud_request *req,
	struct cloud_answer *ret, char **reterr_msg)
{
	_cleanup_(http_response_clear) struct http_response resp = {0};
	_cleanup_free_ char *url = url_for(s, req), *why = NULL,
			    *what = request_words(req);
	int r;

	if (!url) {
		*reterr_msg = xasprintf("the catalogue has no %s endpoint of type %s%s%s",
			s->interface, req->service, s->region ? " in region " : "",
			s->region ? s->region : "");
		return -ENODEV;
	}
	r = send(s, req, url, &resp, &why);
	if (r < 0) {
		*reterr_msg = xasprintf("the %s API does not answer to %s: %s",
			req->service, what, why ? why : strerror(-r));
		return r;
	}
	if (resp.status == 0 || resp.status >= 300) {
		why = cloud_error_text(resp.body, resp.body_len);
		*reterr_msg = xasprintf("the %s API answered %u to %s%s%s", req->service,
			resp.status, what, *why ? ": " : "", why);
		ret->status = resp.status;
		return errno_of(resp.status);
	}
	r = answer_read(&resp, ret, &why);
	if (r < 0)
		*reterr_msg = xasprintf("the %s API's answer to %s is no good: %s",
			req->service, what, why);
	return r;
}

/* ---- a token that is left for the next session ---- */

static bool token_lasts(const struct cloud_session *s)
{
	return s->token.id && now_mono_ms() + RENEW_BEFORE_MS < s->token.until_ms;
}

static char *login_words(const struct cloud_session *s)
{
	return xasprintf("%s %s %s %s", s->auth_url, s->domain, s->user,
		s->project ? s->project : "");
}

/* The catalogue of now, which also shows whether Keystone still takes the token. */
static bool read_catalog(struct cloud_session *s)
{
	static const struct cloud_request req = {
		.method = "GET", .service = "identity", .path = "/auth/catalog"};
	_cleanup_(cloud_answer_clear) struct cloud_answer a = {0};
	_cleanup_free_ char *why = NULL;

	if (exchange(s, &req, &a, &why) < 0)
		return false;
	s->token.catalog = json_incref(json_object_get(a.json, "catalog"));
	return s->token.catalog;
}

static bool take_left(struct cloud_session *s)
{
	_cleanup_free_ char *login = login_words(s);

	cloud_token_clear(&s->token);
	if (!s->token_file || !cloud_token_load(&s->token, s->token_file, login))
		return false;
	if (token_lasts(s) && (!s->project || read_catalog(s)))
		return true;
	cloud_token_clear(&s->token);
	return false;
}

static void leave_token(const struct cloud_session *s)
{
	_cleanup_free_ char *login = login_words(s);

	if (s->token_file)
		cloud_token_keep(&s->token, s->token_file, login);
}

static void forget_token(struct cloud_session *s)
{
	cloud_token_clear(&s->token);
	if (s->token_file)
		unlink(s->token_file);
}

int cloud_authenticate(struct cloud_session *s, char **reterr_msg)
{
	_cleanup_free_ char *msg = NULL;
	int r;

	if (token_lasts(s) || take_left(s))
		return 0;
	r = sign_in(s, &msg);
	if (r == 0)
		leave_token(s);
	else if (reterr_msg)
		*reterr_msg = TAKE_PTR(msg);
	return r;
}

/* A proxy whose service restarts; what may be said twice is said twice. */
static bool may_repeat(const struct cloud_request *req, unsigned status)
{
	return (status == 502 || status == 503) && !req->file &&
		!streq(req->method, "POST");
}

int cloud_call(struct cloud_session *s, const struct cloud_request *req,
	struct cloud_answer *ret, char **reterr_msg)
{
	_cleanup_(cloud_answer_clear) struct cloud_answer a = {0};
	_cleanup_free_ char *msg = NULL;
	int r = cloud_authenticate(s, &msg);

	if (r == 0)
		r = exchange(s, req, &a, &msg);
	if (r < 0 && (a.status == 401 || may_repeat(req, a.status))) {
		if (a.status == 401)
			forget_token(s);
		else
			poll(NULL, 0, RETRY_AFTER_MS);
		util_freep(&msg);
		msg = NULL;
		cloud_answer_clear(&a);
		r = cloud_authenticate(s, &msg);
		if (r == 0)
			r = exchange(s, req, &a, &msg);
	}
	if (r < 0) {
		if (reterr_msg)
			*reterr_msg = TAKE_PTR(msg);
		return r;
	}
	if (ret) {
		*ret = a;
		a = (struct cloud_answer){0};
	}
	return 0;
}

/* ---- its usual forms ---- */

static int object_call(struct cloud_session *s, const struct cloud_request *req,
	json_t **ret, char **reterr_msg)
{
	_cleanup_(cloud_answer_clear) struct cloud_answer a = {0};
	int r = cloud_call(s, req, &a, reterr_msg);

	if (r < 0 || !ret)
		return r;
	if (!json_is_object(a.json)) {
		if (reterr_msg)
			*reterr_msg = xasprintf(
				"the %s API's answer to %s %s is no JSON object",
				req->service, req->method, req->path);
		return -EBADMSG;
	}
	*ret = TAKE_PTR(a.json);
	return 0;
}

int cloud_get(struct cloud_session *s, const char *service, const char *path,
	const char *version, json_t **ret, char **reterr_msg)
{
	struct cloud_request req = {
		.method = "GET", .service = service, .path = path, .version = version};

	return object_call(s, &req, ret, reterr_msg);
}

int cloud_send(struct cloud_session *s, const char *method, const char *service,
	const char *path, const char *version, json_t *body, json_t **ret,
	char **reterr_msg)
{
	struct cloud_request req = {.method = method,
		.service = service,
		.path = path,
		.version = version,
		.body = body};
	int r = object_call(s, &req, ret, reterr_msg);

	json_decref(body);
	return r;
}

int cloud_post(struct cloud_session *s, const char *service, const char *path,
	const char *version, json_t *body, json_t **ret, char **reterr_msg)
{
	return cloud_send(s, "POST", service, path, version, body, ret, reterr_msg);
}

int cloud_delete(struct cloud_session *s, const char *service, const char *path,
	const char *version, char **reterr_msg)
{
	struct cloud_request req = {
		.method = "DELETE", .service = service, .path = path, .version = version};
	_cleanup_free_ char *msg = NULL;
	int r = cloud_call(s, &req, NULL, &msg);

	if (r == -ENOENT)
		return 0;
	if (r < 0 && reterr_msg)
		*reterr_msg = TAKE_PTR(msg);
	return r;
}

static int take_page(const json_t *page, const char *key, const char *service,
	json_t *all, char **reterr_msg)
{
	const json_t *list = json_object_get(page, key);

	if (!json_is_array(list) ||
		json_array_size(all) + json_array_size(list) > MAX_LISTED) {
		if (reterr_msg)
			*reterr_msg = xasprintf(
				"the %s API's listing has no array \"%s\" of at most %d",
				service, key, MAX_LISTED);
		return -EBADMSG;
	}
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_is_object(json_array_get(list, i)))
			json_array_append(all, json_array_get(list, i));
	return 0;
}

int cloud_list(struct cloud_session *s, const char *service, const char *path,
	const char *version, const char *key, json_t **ret, char **reterr_msg)
{
	_cleanup_(jx_freep) json_t *all = json_array();
	_cleanup_free_ char *next = NULL;
	struct cloud_request req = {
		.method = "GET", .service = service, .path = path, .version = version};

	for (unsigned page = 0; page < MAX_PAGES; page++) {
		_cleanup_(jx_freep) json_t *root = NULL;
		size_t before = json_array_size(all);
		int r = object_call(s, &req, &root, reterr_msg);

		if (r == 0)
			r = take_page(root, key, service, all, reterr_msg);
		if (r < 0)
			return r;
		free(next);
		next = cloud_next_page(root, key);
		if (!next || json_array_size(all) == before)
			break;
		req.path = next;
		req.from_root = true;
	}
	*ret = TAKE_PTR(all);
	return 0;
}

/* ---- probing ---- */

int cloud_probe(struct cloud_session *s, const char *url, unsigned timeout_ms,
	unsigned *ret_status, char **ret_body, char **reterr_msg)
{
	unsigned limit_ms = timeout_ms ? timeout_ms : s->timeout_ms;
	struct http_request req = {.method = "GET",
		.url = url,
		.ca_file = s->ca_file,
		.timeout_ms = limit_ms,
		.connect_timeout_ms = MIN(limit_ms, connect_ms(limit_ms)),
		.reuse = s->reuse};
	_cleanup_(http_response_clear) struct http_response resp = {0};
	int r = s->transport(&req, &resp, reterr_msg, s->userdata);

	if (r < 0)
		return r;
	*ret_status = resp.status;
	if (ret_body)
		*ret_body = TAKE_PTR(resp.body);
	return 0;
}
