/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/enrol.h"

#include "bootstrap/ondold.h"
#include "bootstrap/diskkeys.h"
#include "bootstrap/rackca.h"
#include "common/digest.h"
#include "common/jsonx.h"
#include "common/log.h"

/*
 * The token crosses the provisioning network in the clear, in the boot script and on the
 * kernel's command line: so it is for one key, from the node's own address, for minutes, and
 * only in a run in which ondold itself has powered the server on. A lost answer is given
 * again to the same key.
 */

#define TOKEN_MS (10u * 60 * 1000)
#define MAX_REQUEST 8192
#define REFUSAL_PAUSE_MS 10000

const char *enrol_authority(const struct ondold *o)
{
	return cloudsecrets_get(o->authority, "ca.cert");
}

int enrol_need_authority(struct ondold *o, const char *rack, char **reterr_msg)
{
	_cleanup_free_ char *name = xasprintf("%s, nodes", rack);
	int made = cloudsecrets_need_ca(
		o->authority, name, now_real_ms() / 1000, reterr_msg);
	int r = made < 0
		? made
		: cloudsecrets_need_key(o->authority, DISKKEYS_SECRET, reterr_msg);

	return r < 0 ? r : MAX(made, r);
}

const char *enrol_rack_id(struct ondold *o)
{
	const char *pem = enrol_authority(o);
	char digest[65];

	/* made once and never changed: 10,000 inventories do not parse it as often */
	if (*o->rack_id || !pem || o->rack_id_told)
		return o->rack_id;
	if (rackca_fingerprint(pem, digest) < 0 ||
		rackid_of_authority(digest, o->rack_id) < 0) {
		o->rack_id_told = true;
		log_error(
			"the authority of the rack's nodes cannot be read: no system disk "
			"counts as this rack's");
	}
	return o->rack_id;
}

int enrol_begin(struct node *n, const char *token)
{
	int r;

	enrol_revoke(n);
	r = store_token_put(n->o->store, "boot", n->name, token);
	n->enrol.token_ms = now_mono_ms();
	return r;
}

void enrol_revoke(struct node *n)
{
	store_token_drop(n->o->store, "boot", n->name);
	store_token_drop(n->o->store, "agent", n->name);
	store_token_drop(n->o->store, "request", n->name);
	free(n->enrol.cert);
	n->enrol.cert = NULL;
}

/*
 * An agent that was given no order yet is whoever had the boot's token: it tells events and asks
 * for its order. It does not read what a role keeps secret, and its certificate is not renewed:
 * that would outlive the run, which is all that it is good for.
 */
bool enrol_is_node(struct node *n, const struct http_req *req, enum enrol_as as)
{
	const char *client = httpd_client(req);
	struct store *s = n->o->store;

	if (!client)
		return false;
	if (as != ENROL_NODE && store_token_is(s, "agent", n->name, client))
		return true;
	if (as == ENROL_AGENT)
		return false;
	if (store_token_is(s, "node", n->name, client))
		return true;
	if (!store_token_is(s, "next", n->name, client))
		return false;
	/* The renewed certificate has arrived there: the old one has done its work. */
	return store_token_put(s, "node", n->name, client) == 0 &&
		store_token_drop(s, "next", n->name) == 0;
}

int enrol_ordered(struct node *n, const struct http_req *req)
{
	int r = store_token_put(n->o->store, "node", n->name, httpd_client(req));

	free(TAKE_PTR(n->enrol.cert)); /* it has it, for it has just shown it */
	return r < 0 ? r : store_token_drop(n->o->store, "next", n->name);
}

/* ---- POST enrol ---- */

static void refuse(struct node *n, struct http_req *req, const char *why)
{
	_cleanup_free_ char *text = NULL;
	char from[16];

	httpd_reply_error(req, 401, "%s", why);
	if (n->enrol.refused_ms && now_mono_ms() - n->enrol.refused_ms < REFUSAL_PAUSE_MS)
		return;
	n->enrol.refused_ms = now_mono_ms();
	format_ipv4(httpd_peer(req), from);
	text = xasprintf(
		"%s asks for this node's certificate and is refused: %s", from, why);
	ondold_event(n->o, n, "http", "enrol.refused", text, NULL);
}

/* NULL: this boot may. */
static const char *why_not(const struct node *n, const struct http_req *req)
{
	const char *token = httpd_bearer(req);
	uint64_t age_ms = now_mono_ms() - n->enrol.token_ms;

	if (!token)
		return "neither a boot's token nor a certificate was shown";
	if (!fsm_wants_netboot(&n->fsm) ||
		!store_token_is(n->o->store, "boot", n->name, token))
		return "this token is not good for this node now: its install has ended or was "
		       "begun anew";
	if (httpd_peer(req) != rack_address(n->conf, n->o->rack->provisioning))
		return "only the node itself may, from its own address";
	if (age_ms > TOKEN_MS / 100 * n->o->opts.patience_percent)
		return "this boot's token is over ten minutes old";
	return NULL;
}

static int certify(struct node *n, struct http_req *req, const char *request,
	const char *kind, char **ret_cert)
{
	_cleanup_free_ char *msg = NULL;
	char client[DIGEST_HEX];
	int r = rackca_certify(enrol_authority(n->o),
		cloudsecrets_get(n->o->authority, "ca.key"), request, n->name,
		now_real_ms() / 1000, ret_cert, client, &msg);

	if (r < 0) {
		httpd_reply_error(req, 400, "%s", msg);
		return r;
	}
	r = store_token_put(n->o->store, kind, n->name, client);
	if (r < 0)
		httpd_reply_error(
			req, 500, "the certificate could not be kept: see ondold's log");
	return r;
}

static void reply_cert(struct http_req *req, const char *cert, bool heard)
{
	json_t *body = json_pack("{s:s}", "cert", cert);

	if (heard)
		json_object_set_new(body, "heard", json_true());
	httpd_reply_json(req, 200, body);
}

/* What the agent says with its request, as it would with its certificate: that it is up. */
static bool hear(struct node *n, const json_t *event)
{
	const char *type = json_string_value(json_object_get(event, "type"));
	_cleanup_free_ char *bad = NULL;

	if (!type || !streq(type, fsm_event_str(FSM_EV_AGENT_UP)))
		return false;
	bad = node_take_event(n, event);
	if (bad)
		log_warn("%s: with its request for a certificate: %s", n->name, bad);
	return !bad;
}

/* The certificate of this boot's first request; -errno: it was answered why there is none. */
static int enrol_first(
	struct node *n, struct http_req *req, const char *request, const char *digest)
{
	if (store_token_put(n->o->store, "request", n->name, digest) == 0)
		return certify(n, req, request, "agent", &n->enrol.cert);
	httpd_reply_error(req, 500, "the request could not be kept: see ondold's log");
	return -EIO;
}

static void enrol_boot(
	struct node *n, struct http_req *req, const char *request, const json_t *event)
{
	const char *why = why_not(n, req);
	char digest[DIGEST_HEX];

	digest_hex(request, strlen(request), digest);
	if (why) {
		refuse(n, req, why);
	} else if (!store_token_has(n->o->store, "agent", n->name)) {
		_cleanup_free_ char *cert = NULL;

		if (enrol_first(n, req, request, digest) < 0)
			return;
		cert = xstrdup(n->enrol.cert);
		ondold_event(n->o, n, "http", "enrol.done", "its agent has a certificate",
			NULL);
		reply_cert(req, cert, hear(n, event));
	} else if (!store_token_is(n->o->store, "request", n->name, digest)) {
		refuse(n, req, "this boot's token was used, by another key");
	} else if (n->enrol.cert || /* its answer was lost, or ondold killed with it */
		enrol_first(n, req, request, digest) == 0) {
		reply_cert(req, n->enrol.cert, false);
	}
}

static void enrol_again(struct node *n, struct http_req *req, const char *request)
{
	_cleanup_free_ char *cert = NULL;

	if (certify(n, req, request, "next", &cert) < 0)
		return;
	ondold_event(n->o, n, "http", "enrol.renewed", "it has a new certificate", NULL);
	reply_cert(req, cert, false);
}

void enrol_post(struct node *n, struct http_req *req)
{
	_cleanup_(jx_freep) json_t *body = api_body(req);
	struct jx j = {.obj = body};
	const char *request = body ? jx_str(&j, "request", MAX_REQUEST) : "";

	if (!body)
		return;
	if (j.error)
		httpd_reply_error(req, 400, "enrol: %s", j.error);
	else if (enrol_is_node(n, req, ENROL_NODE))
		enrol_again(n, req, request);
	else
		enrol_boot(n, req, request, json_object_get(body, "event"));
	jx_clear(&j);
}
