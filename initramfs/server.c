/* SPDX-License-Identifier: Apache-2.0 */
#include "initramfs/server.h"

#include <curl/curl.h>
#include <poll.h>

#include "common/clientkey.h"
#include "common/digest.h"
#include "common/jsonx.h"
#include "common/log.h"
#include "common/sysfs.h"

#define EXCHANGE_MS 10000
#define CONNECT_MS 5000u
#define PROGRESS_TIMEOUT_MS 1500
#define EVENT_TRIES 4
#define EVENT_PAUSE_MS 1000
#define EVENT_TEXT_MAX 1000

#define MAX_CA 65536

struct server {
	char *base; /* owned: "http://A.B.C.D:PORT", where files are */
	char *api; /* owned: "https://A.B.C.D:PORT" */
	char *node; /* owned */
	char *token; /* owned; never logged */
	char *ca_digest; /* owned: 64 hex digits */
	char *dir, *ca,
		*cert; /* owned: the folder, and the files of the identity in it */
	char *key, *request; /* owned: PEM; NULL: not made yet. The key is never logged */
	struct http_identity identity;
	/* owned: a TLS handshake costs more than most exchanges */
	struct http_reuse *reuse;
	bool enrolled;
	struct progress_pace pace;
};

struct server *server_new(const struct boot_args *a, const char *dir)
{
	struct server *s = xcalloc(1, sizeof(*s));

	s->base = xasprintf("http://%s", a->server);
	s->api = xasprintf("https://%s", a->api);
	s->node = xstrdup(a->node);
	s->token = xstrdup(a->token);
	s->ca_digest = xstrdup(a->ca);
	s->dir = xstrdup(dir);
	s->ca = xasprintf("%s/ca.pem", dir);
	s->cert = xasprintf("%s/node.pem", dir);
	s->reuse = http_reuse_new();
	return s;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	http_reuse_free(s->reuse);
	free(s->base);
	free(s->api);
	free(s->node);
	secret_free(s->token);
	free(s->ca_digest);
	free(s->dir);
	free(s->ca);
	free(s->cert);
	secret_free(s->key);
	free(s->request);
	free(s);
}

void server_freep(struct server **s)
{
	server_free(*s);
	*s = NULL;
}

char *server_url(const struct server *s, const char *path)
{
	return xasprintf("%s%s", s->base, path);
}

/* What an answer that is no success says; caller frees. */
static char *answer_text(const struct http_response *resp)
{
	_cleanup_free_ char *ignored = NULL;
	_cleanup_(jx_freep) json_t *root = jx_parse(resp->body, resp->body_len, &ignored);
	const char *error = json_string_value(json_object_get(root, "error"));

	if (error)
		return str_escape(error, 500);
	return *resp->body ? str_escape(resp->body, 200) : xstrdup("no explanation");
}

static int exchange(struct server *s, const char *method, const char *what,
	const json_t *body, unsigned timeout_ms, struct http_response *ret,
	char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("/v1/nodes/%s/%s", s->node, what);
	_cleanup_free_ char *url = xasprintf("%s%s", s->api, path);
	_cleanup_free_ char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	unsigned connect_ms = MIN(timeout_ms, CONNECT_MS);
	struct http_request req = {
		.method = method,
		.url = url,
		.bearer = s->enrolled ? NULL : s->token,
		.identity = &s->identity,
		.reuse = s->reuse,
		.body = text,
		.body_len = text ? strlen(text) : 0,
		.packed = true,
		.connect_timeout_ms = connect_ms,
		.timeout_ms = timeout_ms,
	};

	return http_do(&req, ret, reterr_msg);
}

/* 0 for a 2xx; with words: -EREMOTEIO for a 5xx, which may pass, else SERVER_E_REFUSED. */
static int judge(struct server *s, const struct http_response *resp, char **reterr_msg)
{
	_cleanup_free_ char *text = NULL;

	if (resp->status >= 200 && resp->status < 300)
		return 0;
	text = answer_text(resp);
	if (resp->status == 401 || resp->status == 403)
		*reterr_msg = xasprintf(
			"%s does not accept this boot's token (%u: %s). The server was "
			"started by an older order: power-cycle it with ondol power.",
			s->api, resp->status, text);
	else
		*reterr_msg = xasprintf("%s answered %u: %s", s->api, resp->status, text);
	return resp->status >= 500 ? -EREMOTEIO : SERVER_E_REFUSED;
}

/* ---- enrolment ---- */

static int keep(const char *path, const char *text, char **reterr_msg)
{
	int r = write_file_atomic(path, text, strlen(text), 0600);

	if (r < 0)
		*reterr_msg = xasprintf("%s: %s", path, strerror(-r));
	return r;
}

/* The second of an answer's Date header; 0: it has none that can be read. */
static uint64_t date_of(const struct http_response *resp)
{
	_cleanup_free_ char *date = http_response_header(resp, "Date");
	time_t t = date ? curl_getdate(date, NULL) : -1;

	return t > 0 ? (uint64_t)t : 0;
}

/* Over plain HTTP: what makes it the right one is its digest, from the boot script. */
static int fetch_ca(struct server *s, uint64_t *ret_seconds, char **reterr_msg)
{
	_cleanup_(http_response_clear) struct http_response resp = {0};
	_cleanup_free_ char *url = server_url(s, "/v1/ca");
	struct http_request req = {.method = "GET",
		.url = url,
		.connect_timeout_ms = CONNECT_MS,
		.timeout_ms = EXCHANGE_MS,
		.max_body = MAX_CA};
	char digest[DIGEST_HEX];
	int r = http_do(&req, &resp, reterr_msg);

	if (r < 0)
		return r;
	digest_hex(resp.body, resp.body_len, digest);
	*ret_seconds = date_of(&resp);
	if (resp.status == 200 && streq(digest, s->ca_digest))
		return keep(s->ca, resp.body, reterr_msg);
	*reterr_msg = xasprintf(
		"%s is not the authority that the boot script names (status %u, "
		"SHA-256 %s): somebody else answers there, or ondold was set up "
		"anew since this server was started. Power-cycle it with ondol power.",
		url, resp.status, digest);
	return SERVER_E_REFUSED;
}

static int take_certificate(struct server *s, const struct http_response *resp,
	bool *ret_heard, char **reterr_msg)
{
	_cleanup_free_ char *why = NULL;
	_cleanup_(jx_freep) json_t *root = jx_parse(resp->body, resp->body_len, &why);
	const char *cert = json_string_value(json_object_get(root, "cert"));
	_cleanup_secret_ char *both = NULL;

	if (!cert || clientkey_end_of(cert) == 0) {
		*reterr_msg = xasprintf("%s answered with no certificate", s->api);
		return -EBADMSG;
	}
	*ret_heard = json_is_true(json_object_get(root, "heard"));
	both = xasprintf("%s%s", cert, s->key);
	return keep(s->cert, both, reterr_msg);
}

static int certify(struct server *s, const char *text, bool *ret_heard, char **reterr_msg)
{
	_cleanup_(http_response_clear) struct http_response resp = {0};
	_cleanup_free_ char *clean = sysfs_clean(xstrdup(text), EVENT_TEXT_MAX);
	_cleanup_(jx_freep) json_t *body = json_pack("{s:s, s:{s:s, s:s}}", "request",
		s->request, "event", "type", "agent.up", "text", clean);
	int r;

	s->identity = (struct http_identity){.ca = s->ca};
	r = exchange(s, "POST", "enrol", body, EXCHANGE_MS, &resp, reterr_msg);
	if (r == 0)
		r = judge(s, &resp, reterr_msg);
	return r == 0 ? take_certificate(s, &resp, ret_heard, reterr_msg) : r;
}

int server_meet(struct server *s, uint64_t *ret_seconds, char **reterr_msg)
{
	int r = mkdir_p(s->dir, 0700);

	*ret_seconds = 0;
	if (r == 0)
		return fetch_ca(s, ret_seconds, reterr_msg);
	*reterr_msg = xasprintf("%s: %s", s->dir, strerror(-r));
	return r;
}

int server_enrol(struct server *s, const char *text, bool *ret_heard, char **reterr_msg)
{
	int r = 0;

	*ret_heard = false;
	if (s->enrolled)
		return 0;
	if (!s->request)
		r = clientkey_new(s->node, &s->key, &s->request, reterr_msg);
	if (r == 0)
		r = certify(s, text, ret_heard, reterr_msg);
	if (r != 0)
		return r;
	s->identity = (struct http_identity){.ca = s->ca, .cert = s->cert};
	s->enrolled = true;
	/* the connections so far were made without the certificate */
	http_reuse_free(s->reuse);
	s->reuse = http_reuse_new();
	return 0;
}

const struct http_identity *server_identity(const struct server *s)
{
	return &s->identity;
}

/* ---- what is told and asked ---- */

int server_inventory(struct server *s, const struct inventory *inv, char **reterr_msg)
{
	_cleanup_(http_response_clear) struct http_response resp = {0};
	_cleanup_(jx_freep) json_t *body = inventory_to_json(inv);
	int r;

	if (!body) {
		*reterr_msg = xstrdup("the inventory cannot be written as JSON");
		return -EINVAL;
	}
	r = exchange(s, "POST", "inventory", body, EXCHANGE_MS, &resp, reterr_msg);
	return r < 0 ? r : judge(s, &resp, reterr_msg);
}

static int parse_order(
	const struct http_response *resp, struct install_order **ret, char **reterr_msg)
{
	_cleanup_free_ char *why = NULL;
	_cleanup_(jx_freep) json_t *root = jx_parse(resp->body, resp->body_len, &why);

	if (root && install_order_from_json(root, ret, &why) == 0)
		return 0;
	*reterr_msg =
		xasprintf("the install order is not one this agent understands: %s", why);
	return -EBADMSG;
}

int server_order(
	struct server *s, unsigned wait_s, struct install_order **ret, char **reterr_msg)
{
	_cleanup_(http_response_clear) struct http_response resp = {0};
	_cleanup_free_ char *what = xasprintf("order?wait=%u", wait_s);
	int r = exchange(
		s, "GET", what, NULL, EXCHANGE_MS + wait_s * 1000, &resp, reterr_msg);

	if (r < 0)
		return r;
	r = judge(s, &resp, reterr_msg);
	if (r != 0)
		return r;
	if (resp.status != 200) {
		*reterr_msg = xstrdup("no order yet");
		return SERVER_E_NO_ORDER;
	}
	return parse_order(&resp, ret, reterr_msg);
}

static int post_event(
	struct server *s, const json_t *body, unsigned timeout_ms, char **reterr_msg)
{
	_cleanup_(http_response_clear) struct http_response resp = {0};
	int r = exchange(s, "POST", "events", body, timeout_ms, &resp, reterr_msg);

	return r < 0 ? r : judge(s, &resp, reterr_msg);
}

static json_t *event_body(const char *type, const char *text, json_t *data)
{
	json_t *event = json_pack("{s:s}", "type", type);

	if (text) {
		_cleanup_free_ char *clean = sysfs_clean(xstrdup(text), EVENT_TEXT_MAX);

		json_object_set_new(event, "text", json_string(clean));
	}
	if (data)
		json_object_set_new(event, "data", data);
	return json_pack("{s:[o]}", "events", event);
}

/* At least tries times, and until deadline_ms has passed; a refusal ends it. */
static int tell(struct server *s, const char *type, const char *text, json_t *data,
	unsigned tries, uint64_t deadline_ms)
{
	_cleanup_(jx_freep) json_t *body = event_body(type, text, data);
	_cleanup_free_ char *why = NULL;
	int r = -EIO;

	log_info("%s: %s", type, text ? text : "");
	for (unsigned i = 0; r < 0 && (i < tries || now_mono_ms() < deadline_ms); i++) {
		free(TAKE_PTR(why));
		if (i > 0) /* nothing announces that a server is back */
			(void)poll(NULL, 0, EVENT_PAUSE_MS);
		r = post_event(s, body, EXCHANGE_MS / EVENT_TRIES, &why);
	}
	if (r != 0)
		log_warn("ondold was not told of %s: %s; going on", type, why);
	return r;
}

int server_event(struct server *s, const char *type, const char *text, json_t *data)
{
	return tell(s, type, text, data, EVENT_TRIES, 0);
}

int server_event_insist(struct server *s, const char *type, const char *text,
	json_t *data, unsigned for_ms)
{
	return tell(s, type, text, data, EVENT_TRIES, now_mono_ms() + for_ms);
}

bool progress_is_due(
	const struct progress_pace *p, uint64_t done, uint64_t total, uint64_t now_ms)
{
	return now_ms >= p->next_ms ||
		(done == total && p->next_ms - now_ms <= PROGRESS_MS);
}

void progress_told(struct progress_pace *p, bool ok, uint64_t now_ms)
{
	p->next_ms = now_ms + (ok ? PROGRESS_MS : PROGRESS_BACKOFF_MS);
}

void server_progress(
	struct server *s, uint64_t done, uint64_t total, uint64_t come, uint64_t lost)
{
	_cleanup_free_ char *why = NULL;
	_cleanup_(jx_freep) json_t *body = NULL;
	json_t *data;
	int r;

	if (!progress_is_due(&s->pace, done, total, now_mono_ms()))
		return;
	data = json_pack(
		"{s:I, s:I}", "done", (json_int_t)done, "total", (json_int_t)total);
	if (come)
		json_object_update_new(data,
			json_pack("{s:I, s:I}", "come", (json_int_t)come, "lost",
				(json_int_t)lost));
	body = event_body("agent.progress", NULL, data);
	r = post_event(s, body, PROGRESS_TIMEOUT_MS, &why);
	progress_told(&s->pace, r == 0, now_mono_ms());
	if (r != 0)
		log_debug("progress was not told: %s", why);
}
