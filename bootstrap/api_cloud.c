/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include "bootstrap/rackca.h"
#include "common/digest.h"
#include "common/jsonx.h"
#include "common/log.h"
#include "common/order.h"

/*
 * Requests under /v1/cloud. Secrets leave ondold here in two answers only, `openrc` and
 * `keys`, on the UNIX socket of mode 0600. The archive of a backup is put together by the
 * command line from `keys` and the blobs: ondold need not hold a copy of it.
 */

#define MAX_WAIT_S 60

/* ---- status ---- */

static json_t *or_null(json_t *v)
{
	return v ? v : json_null();
}

static json_t *services_json(char *const *list)
{
	json_t *a = json_array();

	for (char *const *s = list; s && *s; s++)
		json_array_append_new(a, json_string(*s));
	return a;
}

static json_t *nodes_json(const struct ondold *o)
{
	uint64_t now = now_mono_ms();
	json_t *list = json_array();

	for (size_t i = 0; i < o->n_nodes; i++) {
		const struct node *n = o->nodes[i];
		bool heard = n->last_seen_ms && now - n->heard_ms < NODE_SILENT_MS;

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I}", "name",
				n->name, "role", n->conf->role, "kind",
				n->conf->kind ? n->conf->kind : "", "state",
				fsm_state_str(n->fsm.state), "reason", n->reason, "step",
				n->step, "heard", (int)heard, "last_seen",
				(json_int_t)n->last_seen_ms));
	}
	return list;
}

static json_t *blob_json(const struct ondold *o, const char *name)
{
	_cleanup_(jx_freep) json_t *index = blobs_index(o->cloud->blobs);
	json_t *entry = json_object_get(index, name);

	return or_null(entry ? json_incref(entry) : NULL);
}

static json_t *cloud_json(const struct ondold *o)
{
	const struct rack_cloud *conf = o->rack->cloud;
	const struct cloud *c = o->cloud;
	_cleanup_free_ char *public = rack_public_name(o->rack);
	json_t *dashboard = json_object_get(c->status, "dashboard");
	json_t *status = json_object_get(c->status, "services");
	json_t *obj = json_pack("{s:s, s:s, s:s, s:s, s:o}", "public", public, "region",
		conf->region, "controller", rack_controller(o->rack)->name, "student",
		conf->student, "services", services_json(conf->services));

	json_object_set_new(
		obj, "dashboard", dashboard ? json_incref(dashboard) : json_string(""));
	json_object_set_new(obj, "status", status ? json_incref(status) : json_array());
	json_object_set_new(
		obj, "time", json_integer(c->status ? (json_int_t)c->status_ms : 0));
	json_object_set_new(obj, "old_after_ms", json_integer(CLOUD_OLD_MS));
	json_object_set_new(obj, "nodes", nodes_json(o));
	json_object_set_new(obj, "backup", blob_json(o, BLOB_BACKUP));
	json_object_set_new(
		obj, "restore", or_null(c->restore ? json_incref(c->restore) : NULL));
	return obj;
}

/* Goes up with every event and every word of the controller. */
static uint64_t stamp_of(const struct ondold *o)
{
	return (uint64_t)store_event_last(o->store) + o->cloud->status_ms;
}

static void try_cloud(struct http_req *req, bool expired, void *userdata)
{
	struct ondold *o = userdata;
	const char *since = httpd_arg(req, "stamp");
	bool is = o->rack && o->rack->cloud;
	uint64_t stamp = 0;

	if (since && !expired && parse_u64(since, 0, INT64_MAX, &stamp) == 0 &&
		stamp == stamp_of(o))
		return;
	httpd_reply_json(req, 200,
		json_pack("{s:I, s:I, s:s?, s:o}", "now", (json_int_t)now_real_ms(),
			"stamp", (json_int_t)stamp_of(o), "rack",
			o->rack ? o->rack->name : NULL, "cloud",
			is ? cloud_json(o) : json_null()));
}

static void get_cloud(struct ondold *o, struct http_req *req)
{
	uint64_t wait, stamp;

	if (httpd_arg_u64(req, "stamp", INT64_MAX, 0, &stamp) == 0 &&
		httpd_arg_u64(req, "wait", MAX_WAIT_S, 0, &wait) == 0)
		httpd_hold(req, o, wait * 1000, try_cloud, o);
}

/* ---- what only the operator may have ---- */

static bool need_cloud(struct ondold *o, struct http_req *req)
{
	if (o->rack && o->rack->cloud)
		return true;
	httpd_reply_error(
		req, 409, "the rack is no cloud: its rack.ini has no section [cloud]");
	return false;
}

static void get_ca(struct ondold *o, struct http_req *req)
{
	const char *pem = cloudsecrets_get(o->cloud->secrets, "ca.cert");

	if (!pem)
		httpd_reply_error(req, 409,
			"there is no certificate authority yet: it is made "
			"by the first apply of a rack with [cloud], or with "
			"[deploy] page");
	else
		httpd_reply_json(req, 200, json_pack("{s:s}", "ca", pem));
}

/* One authority for an answer: what people compare, and whether it is new. */
static json_t *authority_json(const char *pem, bool made)
{
	char digest[DIGEST_HEX];

	if (rackca_fingerprint(pem, digest) < 0)
		return NULL;
	return json_pack("{s:s, s:b}", "sha256", digest, "made", made);
}

static void post_init(struct ondold *o, struct http_req *req)
{
	json_t *body = api_body(req);
	struct jx j = {.obj = body};
	const char *asked = body ? jx_str(&j, "name", 63) : "";
	_cleanup_free_ char *name = xstrdup(o->rack ? o->rack->name : asked), *msg = NULL;
	int rack, nodes = 0;

	if (!body)
		return;
	if (!j.error && parse_hostname(name) < 0)
		jx_fail(&j, "name", "expected a name of a-z, 0-9 and -");
	json_decref(body);
	if (j.error) {
		httpd_reply_error(req, 400, "init: %s", j.error);
		jx_clear(&j);
		return;
	}
	rack = cloudsecrets_need_ca(o->cloud->secrets, name, now_real_ms() / 1000, &msg);
	if (rack >= 0)
		nodes = enrol_need_authority(o, name, &msg);
	if (rack < 0 || nodes < 0) {
		httpd_reply_error(req, 500, "%s", msg);
		return;
	}
	cloud_publish_ca(o);
	httpd_reply_json(req, 200,
		json_pack("{s:o, s:o}", "rack",
			authority_json(
				cloudsecrets_get(o->cloud->secrets, "ca.cert"), rack),
			"nodes", authority_json(enrol_authority(o), nodes)));
}

static void get_openrc(struct ondold *o, struct http_req *req)
{
	const char *who = httpd_arg(req, "user");
	bool student = who && streq(who, "student");
	_cleanup_free_ char *public = NULL, *url = NULL;
	const char *password, *user;

	if (!need_cloud(o, req))
		return;
	password = cloudsecrets_get(o->cloud->secrets, student ? "student" : "admin");
	user = student ? o->rack->cloud->student : "admin";
	public = rack_public_name(o->rack);
	url = xasprintf("https://%s:5000/v3", public);
	if (!password)
		httpd_reply_error(
			req, 409, "there is no password yet: run `ondol apply`");
	else
		httpd_reply_json(req, 200,
			json_pack("{s:s, s:s, s:s, s:s, s:s}", "auth_url", url, "user",
				user, "project", user, "region", o->rack->cloud->region,
				"password", password));
}

/* ---- backup and restore ---- */

static void get_keys(struct ondold *o, struct http_req *req)
{
	if (cloudsecrets_is_empty(o->cloud->secrets))
		httpd_reply_error(
			req, 409, "this cloud has no secrets yet: run `ondol apply`");
	else
		httpd_reply_json(req, 200,
			json_pack("{s:o, s:o}", "secrets",
				cloudsecrets_to_json(o->cloud->secrets), "blobs",
				blobs_index(o->cloud->blobs)));
}

static void give_new_secrets(struct ondold *o)
{
	if (!o->rack)
		return;
	page_rack(o);
	if (cloud_prepare(o, o->rack, o->cloud->parts) < 0)
		return;
	for (size_t i = 0; i < o->n_nodes; i++)
		if (o->nodes[i]->desired && node_refresh_desired(o->nodes[i]))
			ondold_kick(o, o->nodes[i]);
}

static void put_keys(struct ondold *o, struct http_req *req)
{
	json_t *body = api_body(req);
	_cleanup_free_ char *msg = NULL;
	int r;

	if (!body)
		return;
	r = cloudsecrets_replace(
		o->cloud->secrets, json_object_get(body, "secrets"), &msg);
	if (r < 0) {
		httpd_reply_error(req, r == -EINVAL ? 400 : 500, "secrets: %s", msg);
	} else {
		ondold_event(o, NULL, "operator", "cloud.keys",
			"the cloud's secrets were put back from a backup", NULL);
		give_new_secrets(o);
		httpd_reply_json(req, 200, json_object());
	}
	json_decref(body);
}

static void post_backup(struct ondold *o, struct http_req *req)
{
	struct node *n;
	int64_t id;

	if (!need_cloud(o, req))
		return;
	n = ondold_node(o, rack_controller(o->rack)->name);
	if (n->fsm.state != FSM_READY) {
		httpd_reply_error(req, 409,
			"the controller %s is %s: a backup is made of one that is ready",
			n->name, fsm_state_str(n->fsm.state));
		return;
	}
	id = api_want_task(n, req, NODE_BACKUP);
	if (id >= 0)
		httpd_reply_json(req, 200,
			json_pack("{s:I, s:s}", "task", (json_int_t)id, "node", n->name));
}

/* The blob with the controller's data is there: it is loaded at its next install. */
static void post_restore(struct ondold *o, struct http_req *req)
{
	_cleanup_(jx_freep) json_t *blob = blob_json(o, BLOB_BACKUP);
	struct cloud *c = o->cloud;
	int r;

	if (!json_is_object(blob)) {
		httpd_reply_error(
			req, 409, "there is no " BLOB_BACKUP " to restore from");
		return;
	}
	r = store_doc_put(o->store, "restore", "", blob);
	if (r < 0) {
		httpd_reply_error(req, 500, "it could not be kept: %s", strerror(-r));
		return;
	}
	json_decref(c->restore);
	c->restore = TAKE_PTR(blob);
	ondold_event(o, NULL, "operator", "cloud.restore",
		"the controller is to come up from its backup at its next installation",
		NULL);
	httpd_reply_json(req, 200, json_object());
}

/* ---- blobs ---- */

static int sink_write(void *sink, const void *data, size_t len)
{
	return blob_append(sink, data, len);
}

static void sink_drop(void *sink)
{
	blob_drop(sink);
}

void api_blob_begin(struct http_req *req, struct blob_writer *w)
{
	httpd_set_sink(req, w, sink_write, sink_drop);
}

void api_blob_done(struct ondold *o, struct http_req *req)
{
	char digest[65];
	int r;
	struct blob_writer *w = httpd_take_sink(req, &r);

	if (!w) {
		httpd_reply_error(req, 400,
			"a blob needs a body and a name of letters, digits and "
			". _ -, at most 64; there may be %d blobs",
			DESIRED_MAX_BLOBS);
		return;
	}
	if (r == -EFBIG) {
		httpd_reply_error(req, 413, "a blob of this name has at most %llu MiB",
			(unsigned long long)(blob_writer_limit(w) >> 20));
		blob_drop(w);
		return;
	}
	if (r < 0) {
		blob_drop(w);
	} else {
		blob_digest(w, digest);
		r = blob_finish(w);
	}
	if (r < 0) {
		log_error("a blob could not be kept: %s", strerror(-r));
		httpd_reply_error(
			req, 500, "the blob could not be kept: %s", strerror(-r));
		return;
	}
	if (r > 0)
		cloud_blobs_changed(o);
	httpd_reply_json(req, 200, json_pack("{s:s}", "sha256", digest));
}

static const char *blob_of(const char *path)
{
	static const char prefix[] = "/v1/cloud/blobs/";

	return str_startswith(path, prefix) ? path + strlen(prefix) : NULL;
}

void api_cloud_upload(struct http_req *req, void *ondold)
{
	const char *name = blob_of(httpd_path(req));
	struct ondold *o = ondold;
	struct blob_writer *w;

	if (name && streq(httpd_method(req), "PUT") &&
		blob_write(o->cloud->blobs, name, &w) == 0)
		api_blob_begin(req, w);
}

static void get_blob(struct ondold *o, struct http_req *req, const char *name)
{
	uint64_t size;
	int fd;

	if (blobs_read(o->cloud->blobs, name, &fd, &size) < 0)
		httpd_reply_error(req, 404, "there is no blob of that name");
	else
		httpd_reply_file(req, fd, size);
}

/* ---- routes ---- */

static const struct {
	const char *method, *path;
	void (*handle)(struct ondold *o, struct http_req *req);
	/* of those over TLS, the least; none: the UNIX socket alone */
	enum access_role role;
} routes[] = {
	{"POST", "/v1/init", post_init, ACCESS_NONE},
	{"GET", "/v1/cloud", get_cloud, ACCESS_VIEWER},
	{"GET", "/v1/ca", get_ca, ACCESS_VIEWER},
	{"GET", "/v1/cloud/ca", get_ca, ACCESS_VIEWER},
	{"GET", "/v1/cloud/openrc", get_openrc, ACCESS_NONE},
	{"GET", "/v1/cloud/keys", get_keys, ACCESS_NONE},
	{"PUT", "/v1/cloud/keys", put_keys, ACCESS_NONE},
	{"POST", "/v1/cloud/backup", post_backup, ACCESS_NONE},
	{"POST", "/v1/cloud/restore", post_restore, ACCESS_NONE},
};

void api_cloud_handle(struct ondold *o, struct http_req *req, enum access_role role)
{
	const char *method = httpd_method(req), *path = httpd_path(req);
	const char *blob = blob_of(path);

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		if (streq(path, routes[i].path) && streq(method, routes[i].method)) {
			if (api_may(req, role, routes[i].role))
				routes[i].handle(o, req);
			return;
		}
	if (!api_may(req, role, ACCESS_NONE))
		return;
	if (blob && streq(method, "GET"))
		get_blob(o, req, blob);
	else if (blob && streq(method, "PUT"))
		api_blob_done(o, req);
	else
		httpd_reply_error(req, 404, "no such request; see docs/protocol.md");
}
