/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/renew.h"

#include "common/clientkey.h"
#include "common/jsonx.h"
#include "common/log.h"
#include "nodeagent/link.h"

#define LOOK_S 86400u
/* After a failure, doubled with each: the network may just not be up yet. */
#define AGAIN_S 30u
#define LONGEST_S 3600u
#define TIMEOUT_MS 30000
#define MAX_PEM 65536

struct renew {
	unsigned failures;
	const struct nodeconf *conf; /* borrowed */
	struct http_client *http; /* borrowed */
	sd_event_source *timer; /* owned */
	struct http_job *job; /* NULL: idle */
	char *key; /* owned: what is being certified, NULL: nothing; never logged */
};

bool renew_is_due(uint64_t end_s, uint64_t now_s)
{
	return end_s > 0 && now_s + RENEW_BEFORE_S >= end_s;
}

static void drop_key(struct renew *n)
{
	secret_free(n->key);
	n->key = NULL;
}

static void look_in(struct renew *n, unsigned seconds)
{
	sd_event_source_set_time_relative(n->timer, seconds * UINT64_C(1000000));
	sd_event_source_set_enabled(n->timer, SD_EVENT_ONESHOT);
}

static unsigned again_in(struct renew *n)
{
	unsigned seconds = AGAIN_S << MIN(n->failures, 7u);

	n->failures++;
	return MIN(seconds, LONGEST_S);
}

static int keep(struct renew *n, const struct http_response *resp)
{
	_cleanup_free_ char *why = NULL;
	_cleanup_(jx_freep) json_t *root = jx_parse(resp->body, resp->body_len, &why);
	const char *cert = json_string_value(json_object_get(root, "cert"));
	_cleanup_secret_ char *both = NULL;

	if (!cert || clientkey_end_of(cert) == 0)
		return -EBADMSG;
	both = xasprintf("%s%s", cert, n->key);
	return write_file_atomic(n->conf->cert, both, strlen(both), 0600);
}

static void on_certified(
	int r, const char *msg, const struct http_response *resp, void *userdata)
{
	struct renew *n = userdata;

	n->job = NULL;
	if (r == 0 && resp->status != 200)
		r = -EACCES;
	if (r == 0)
		r = keep(n, resp);
	drop_key(n);
	if (r < 0) {
		unsigned in_s = again_in(n);

		log_warn(
			"this node's certificate could not be renewed: %s; trying again in %u s",
			msg ? msg : strerror(-r), in_s);
		look_in(n, in_s);
		return;
	}
	n->failures = 0;
	log_info("this node has a new certificate");
	look_in(n, LOOK_S);
}

static int ask(struct renew *n)
{
	_cleanup_free_ char *node = link_node_url(n->conf), *request = NULL, *text = NULL;
	_cleanup_free_ char *url = xasprintf("%s/enrol", node), *why = NULL;
	_cleanup_(jx_freep) json_t *body = NULL;
	int r = clientkey_new(n->conf->name, &n->key, &request, &why);

	if (r < 0)
		return r;
	body = json_pack("{s:s}", "request", request);
	text = json_dumps(body, JSON_COMPACT);
	if (!text)
		abort(); /* no memory */
	return http_start(n->http,
		&(struct http_request){.method = "POST",
			.url = url,
			.identity = &n->conf->identity,
			.body = text,
			.body_len = strlen(text),
			.timeout_ms = TIMEOUT_MS},
		on_certified, n, &n->job);
}

static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct renew *n = userdata;
	_cleanup_secret_ char *pem = NULL;
	uint64_t end = 0;
	int r = read_file(n->conf->cert, MAX_PEM, &pem, NULL);

	if (r == 0)
		end = clientkey_end_of(pem);
	if (!renew_is_due(end, now_real_ms() / 1000)) {
		look_in(n, LOOK_S);
		return 0;
	}
	r = ask(n);
	if (r < 0) {
		drop_key(n);
		log_warn(
			"this node's certificate could not be renewed: %s", strerror(-r));
		look_in(n, again_in(n));
	}
	return 0;
}

int renew_new(sd_event *event, const struct nodeconf *conf, struct http_client *http,
	struct renew **ret)
{
	struct renew *n = xcalloc(1, sizeof(*n));
	int r = sd_event_add_time_relative(
		event, &n->timer, CLOCK_MONOTONIC, 0, 1000000, on_timer, n);

	n->conf = conf;
	n->http = http;
	if (r < 0) {
		free(n);
		return r;
	}
	*ret = n;
	return 0;
}

void renew_free(struct renew *n)
{
	if (!n)
		return;
	http_cancel(n->job);
	sd_event_source_disable_unref(n->timer);
	drop_key(n);
	free(n);
}
