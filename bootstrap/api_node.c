/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include "bootstrap/diskkeys.h"
#include "bootstrap/profile.h"
#include "common/jsonx.h"
#include "common/log.h"

/*
 * What nodes see, on the provisioning network. Over plain HTTP what firmware and boot loader
 * can fetch: boot scripts, image files (whose digests an order has), the authority of the
 * rest (whose digest is in the boot script). It gives away no secret but one: the boot
 * token, which goes only to the node's own fixed address and only while the node is being
 * installed. All else is over TLS, from clients that ondold has certified.
 *
 * A held request finds its node again by name at each try: the node may have left the
 * rack meanwhile.
 */

#define MAX_EVENTS 64

/* ---- for everybody ---- */

static void get_boot(struct ondold *o, struct http_req *req, const char *mac_text)
{
	_cleanup_free_ char *script = NULL;
	struct mac_addr mac;
	struct node *n;
	bool first;

	if (parse_mac(mac_text, &mac) < 0) {
		httpd_reply_error(
			req, 400, "/boot/: expected a MAC as aa:bb:cc:dd:ee:ff");
		return;
	}
	n = ondold_node_by_mac(o, &mac, &first);
	if (!n) {
		httpd_reply_error(req, 404, "no node of the rack has this MAC");
		return;
	}
	if (!first) {
		if (node_may_tell(n, FSM_EV_DHCP_OTHER_PORT, httpd_peer(req)))
			node_event(n, "http", FSM_EV_DHCP_OTHER_PORT,
				"it boots from another port than its first", NULL);
		httpd_reply_text(req, 200, pxe_exit_script());
		return;
	}
	if (fsm_wants_netboot(&n->fsm) &&
		httpd_peer(req) != rack_address(n->conf, o->rack->provisioning)) {
		httpd_reply_error(
			req, 403, "only %s itself may fetch its boot script", n->name);
		return;
	}
	script = node_boot_script(n, httpd_peer(req));
	httpd_reply_text(req, 200, script);
}

/* A node that fetches what it boots is seen to do so. */
static void note_fetch(
	struct ondold *o, struct http_req *req, const char *profile, const char *file)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	_cleanup_free_ char *msg = NULL;
	struct node *n = ondold_node_by_address(o, httpd_peer(req));

	if (!n || !fsm_wants_netboot(&n->fsm) ||
		profile_load(o->opts.images_dir, profile, &m, &msg) < 0)
		return;
	if (streq(file, m->kernel.name)) {
		if (node_may_tell(n, FSM_EV_BOOT_KERNEL, httpd_peer(req)))
			node_event(n, "http", FSM_EV_BOOT_KERNEL,
				"it fetches the agent's kernel", NULL);
	} else if (streq(file, m->initrd.name)) {
		if (node_may_tell(n, FSM_EV_BOOT_INITRD, httpd_peer(req)))
			node_event(n, "http", FSM_EV_BOOT_INITRD,
				"it fetches the agent's initramfs", NULL);
	}
}

static void get_file(struct ondold *o, struct http_req *req, const char *rest)
{
	char profile[65];
	const char *file = api_node_path(rest, "", profile, sizeof(profile));
	uint64_t size;
	int fd;

	if (!file || profile_open(o->opts.images_dir, profile, file, &fd, &size) < 0) {
		httpd_reply_error(req, 404, "no such file of an image profile");
		return;
	}
	note_fetch(o, req, profile, file);
	httpd_reply_file(req, fd, size);
}

/* ---- who asks ---- */

static struct node *node_of(struct ondold *o, struct http_req *req, char const **ret_rest)
{
	char name[64];
	const char *rest =
		api_node_path(httpd_path(req), "/v1/nodes/", name, sizeof(name));

	if (!rest)
		return NULL;
	*ret_rest = rest;
	return ondold_node(o, name);
}

/* ---- for the node itself ---- */

static void post_inventory(struct node *n, struct http_req *req)
{
	json_t *body = api_body(req);
	struct inventory *inv = NULL;
	_cleanup_free_ char *msg = NULL;

	if (!body)
		return;
	if (inventory_from_json(body, &inv, &msg) < 0)
		httpd_reply_error(req, 400, "inventory: %s", msg);
	else if (node_take_inventory(n, inv, body, &msg) != 0)
		httpd_reply_error(req, 409, "%s", msg);
	else
		httpd_reply_json(req, 200, json_object());
	json_decref(body);
}

static void drop_peers(void *peers)
{
	peers_unref(peers);
}

/* An object as JSON without its last brace: more members follow. Caller frees. */
static char *open_object(const json_t *obj)
{
	char *text = json_dumps(obj, JSON_COMPACT);

	if (!text)
		abort(); /* no memory: what is kept is UTF-8 */
	text[strlen(text) - 1] = 0;
	return text;
}

/* Around the list of peers; takes head. */
static void reply_around_peers(
	struct http_req *req, struct peers *peers, char *head, const char *tail)
{
	struct httpd_shared answer = {.head = head,
		.head_len = strlen(head),
		.middle = peers->text,
		.middle_len = peers->len,
		.tail = tail,
		.tail_len = strlen(tail),
		.drop = drop_peers,
		.owner = peers_ref(peers)};

	if (httpd_accepts(req, "zstd") && peers_pack_text(peers)) {
		_cleanup_free_ void *end = peers_frame(tail, &answer.tail_len);
		_cleanup_free_ void *begin = peers_frame(head, &answer.head_len);

		answer.head = xmalloc(answer.head_len + answer.tail_len);
		memcpy(answer.head, begin, answer.head_len);
		memcpy(answer.head + answer.head_len, end, answer.tail_len);
		answer.tail = answer.head + answer.head_len;
		answer.middle = peers->packed;
		answer.middle_len = peers->packed_len;
		answer.encoding = "zstd";
		free(head);
	}
	httpd_reply_shared(req, &answer);
}

/*
 * A desired state, inside of an order or (order NULL) by itself; takes both. In a large rack
 * its peers are nearly all of it: they are not written anew for each node.
 */
static void reply_desired(
	struct node *n, struct http_req *req, json_t *order, json_t *desired)
{
	_cleanup_free_ char *outer = order ? open_object(order) : NULL, *inner = NULL;

	inner = open_object(desired);
	json_decref(order);
	json_decref(desired);
	reply_around_peers(req, n->o->cloud->parts->peers,
		xasprintf("%s%s%s,\"peers\":", order ? outer : "",
			order ? ",\"desired\":" : "", inner),
		order ? "}}" : "}");
}

static void reply_order(struct node *n, struct http_req *req, json_t *order)
{
	json_t *desired = json_incref(json_object_get(order, "desired"));

	json_object_del(order, "desired");
	reply_desired(n, req, order, desired);
}

static void try_order(struct http_req *req, bool expired, void *userdata)
{
	const char *rest;
	struct node *n = node_of(userdata, req, &rest);
	_cleanup_free_ char *msg = NULL;
	json_t *order;
	int r;

	if (!n) {
		httpd_reply_error(req, 404, "this node was taken out of the rack");
	} else if (!node_order_is_due(n)) {
		if (expired || !fsm_wants_netboot(&n->fsm))
			httpd_reply_empty(req, 204);
	} else if ((r = node_make_order(n, &order, &msg)) < 0) {
		httpd_reply_error(req, 409, "%s", msg);
		node_event(n, "ondold", FSM_EV_REFUSED, msg, NULL);
	} else if (r > 0) {
		if (expired)
			httpd_reply_empty(req, 204);
	} else if (enrol_ordered(n, req) < 0) {
		httpd_reply_error(
			req, 500, "the node could not be kept: see ondold's log");
		json_decref(order);
	} else {
		reply_order(n, req, order);
		node_event(n, "http", FSM_EV_ORDER_SENT, "the agent has its order", NULL);
	}
}

static void get_order(struct node *n, struct http_req *req)
{
	uint64_t wait;

	if (httpd_arg_u64(req, "wait", 30, 0, &wait) == 0)
		httpd_hold(req, n, wait * 1000, try_order, n->o);
}

static void post_events(struct node *n, struct http_req *req)
{
	json_t *body = api_body(req), *ev;
	struct jx j = {.obj = body};
	const json_t *list = body ? jx_array(&j, "events", MAX_EVENTS) : NULL;
	_cleanup_free_ char *bad = NULL;
	size_t i, len;

	if (!body)
		return;
	httpd_body(req, &len);
	if (!node_may_say(n, len)) {
		/* agent and noded ask again, later */
		httpd_reply_error(req, 503, "%s says too much: wait a minute", n->name);
		jx_clear(&j);
		json_decref(body);
		return;
	}
	json_array_foreach(list, i, ev)
	{
		bad = node_take_event(n, ev);
		if (bad)
			break;
	}
	if (j.error || bad)
		httpd_reply_error(req, 400, "events: %s", j.error ? j.error : bad);
	else
		httpd_reply_json(req, 200, json_object());
	jx_clear(&j);
	json_decref(body);
}

static bool task_waits(const struct node *n, uint64_t last_done)
{
	return n->task_id && !n->task_done && (uint64_t)n->task_id != last_done;
}

/* The arguments were checked when the request came. */
static uint64_t checked_arg(struct http_req *req, const char *name)
{
	const char *s = httpd_arg(req, name);
	uint64_t v = 0;

	return s && parse_u64(s, 0, INT64_MAX, &v) < 0 ? 0 : v;
}

/* Of an update the image is told as it is now; null: it cannot be read, and noded says so. */
static json_t *task_json(const struct node *n)
{
	_cleanup_free_ char *why = NULL;
	json_t *obj = json_pack(
		"{s:I, s:s}", "id", (json_int_t)n->task_id, "type", n->task_type);

	if (obj && streq(n->task_type, NODE_UPDATE)) {
		json_t *image = node_image(n, &why);

		json_object_set_new(obj, "image", image ? image : json_null());
	}
	return obj;
}

static void try_desired(struct http_req *req, bool expired, void *userdata)
{
	const char *rest;
	struct node *n = node_of(userdata, req, &rest);
	uint64_t rev = checked_arg(req, "rev"), task = checked_arg(req, "task");
	bool facts;
	json_t *doc;

	if (!n) {
		httpd_reply_error(req, 404, "this node was taken out of the rack");
		return;
	}
	/* One that does not ask for facts is not woken by them. */
	facts = httpd_arg(req, "facts") &&
		checked_arg(req, "facts") != cloud_facts_rev(n->o);
	if (n->desired && (rev != n->revision || facts || task_waits(n, task))) {
		doc = cloud_deliver(n);
		if (task_waits(n, task))
			json_object_set_new(doc, "task", task_json(n));
		reply_desired(n, req, NULL, doc);
	} else if (expired) {
		httpd_reply_empty(req, 204);
	}
}

/* False: an argument was not good, and that was answered. */
static bool check_args(struct http_req *req, uint64_t *ret_wait_s)
{
	uint64_t rev, task, facts;

	return httpd_arg_u64(req, "rev", INT64_MAX, 0, &rev) == 0 &&
		httpd_arg_u64(req, "task", INT64_MAX, 0, &task) == 0 &&
		httpd_arg_u64(req, "facts", INT64_MAX, 0, &facts) == 0 &&
		httpd_arg_u64(req, "wait", 60, 0, ret_wait_s) == 0;
}

static void get_desired(struct node *n, struct http_req *req)
{
	uint64_t wait;

	if (check_args(req, &wait))
		httpd_hold(req, n, wait * 1000, try_desired, n->o);
}

/* False: it was not good, and that was answered. */
static bool take_report(struct node *n, struct http_req *req)
{
	_cleanup_(jx_freep) json_t *body = api_body(req);
	_cleanup_free_ char *bad = body ? node_take_report(n, body) : NULL;

	if (bad)
		httpd_reply_error(req, 400, "report: %s", bad);
	return body && !bad;
}

static void post_report(struct node *n, struct http_req *req)
{
	if (take_report(n, req))
		httpd_reply_json(req, 200, json_object());
}

/* Both in one, for a node that has nothing else to say: it keeps one connection for it. */
static void report_and_get_desired(struct node *n, struct http_req *req)
{
	uint64_t wait;

	if (!check_args(req, &wait) || !take_report(n, req))
		return;
	httpd_drop_body(req); /* it may be held long, and as often as there are nodes */
	httpd_hold(req, n, wait * 1000, try_desired, n->o);
}

static void get_disk_keys(struct node *n, struct http_req *req)
{
	_cleanup_free_ char *msg = NULL;
	json_t *keys;

	if (diskkeys_of(n, &keys, &msg) < 0)
		httpd_reply_error(req, 503, "%s", msg);
	else
		httpd_reply_json(req, 200, keys);
}

/* ---- routes ---- */

struct route {
	const char *method, *rest;
	enum enrol_as as;
	void (*handle)(struct node *n, struct http_req *req);
};

static const struct route routes[] = {
	{"POST", "inventory", ENROL_AGENT, post_inventory},
	{"GET", "order", ENROL_AGENT, get_order},
	{"POST", "events", ENROL_EITHER, post_events},
	{"GET", "desired", ENROL_NODE, get_desired},
	{"POST", "desired", ENROL_NODE, report_and_get_desired},
	{"POST", "report", ENROL_NODE, post_report},
	{"GET", "disk-keys", ENROL_NODE, get_disk_keys},
};

/* ---- blobs ---- */

static bool may_read_blob(const struct node *n, const char *name)
{
	return !streq(name, BLOB_BACKUP) || cloud_is_controller(n);
}

static void get_blob(struct node *n, struct http_req *req, const char *name)
{
	uint64_t size;
	int fd;

	if (!blob_name_is_ok(name) || !may_read_blob(n, name) ||
		blobs_read(n->o->cloud->blobs, name, &fd, &size) < 0) {
		httpd_reply_error(
			req, 404, "there is no blob of that name for this node");
		return;
	}
	httpd_reply_file(req, fd, size);
}

static bool may_write_blob(struct node *n, struct http_req *req)
{
	return cloud_is_controller(n) && enrol_is_node(n, req, ENROL_NODE);
}

void api_node_upload(struct http_req *req, void *ondold)
{
	const char *rest;
	struct node *n = node_of(ondold, req, &rest);
	struct blob_writer *w;

	if (n && streq(httpd_method(req), "PUT") && str_startswith(rest, "blobs/") &&
		may_write_blob(n, req) &&
		blob_write(n->o->cloud->blobs, rest + strlen("blobs/"), &w) == 0)
		api_blob_begin(req, w);
}

/*
 * The connection ends with the answer: a node whose certificate was renewed shows the new one
 * on its next connection, and would never make one.
 */
static void reply_stranger(struct http_req *req, const char *why)
{
	httpd_set_header(req, "Connection", "close");
	httpd_reply_error(req, 401, "%s", why);
}

static void route_blob(struct node *n, struct http_req *req, const char *name)
{
	if (streq(httpd_method(req), "GET") && enrol_is_node(n, req, ENROL_NODE))
		get_blob(n, req, name);
	else if (streq(httpd_method(req), "PUT") && may_write_blob(n, req))
		api_blob_done(n->o, req);
	else
		reply_stranger(req,
			"this node may not do that with blobs: the controller writes, all read");
}

/* A stranger does not learn which nodes and paths there are. */
static void route_node(struct ondold *o, struct http_req *req)
{
	const char *rest = "";
	struct node *n = node_of(o, req, &rest);

	if (n && str_startswith(rest, "blobs/")) {
		route_blob(n, req, rest + strlen("blobs/"));
		return;
	}
	if (n && streq(rest, "enrol") && streq(httpd_method(req), "POST")) {
		enrol_post(n, req);
		return;
	}
	for (size_t i = 0; n && i < ARRAY_SIZE(routes); i++) {
		if (!streq(rest, routes[i].rest) ||
			!streq(httpd_method(req), routes[i].method))
			continue;
		if (!enrol_is_node(n, req, routes[i].as))
			break;
		routes[i].handle(n, req);
		return;
	}
	reply_stranger(req,
		"ondold does not know you as this node now: its install has ended or was begun anew");
}

static void get_authority(struct ondold *o, struct http_req *req)
{
	const char *pem = enrol_authority(o);

	if (pem)
		httpd_reply_text(req, 200, pem);
	else
		httpd_reply_error(
			req, 503, "there is no authority yet: see ondold's log");
}

void api_boot_handle(struct http_req *req, void *ondold)
{
	struct ondold *o = ondold;
	const char *path = httpd_path(req);

	if (!streq(httpd_method(req), "GET"))
		httpd_reply_error(req, 404, "nothing is taken here: nodes speak TLS");
	else if (str_startswith(path, "/boot/"))
		get_boot(o, req, path + strlen("/boot/"));
	else if (str_startswith(path, "/files/"))
		get_file(o, req, path + strlen("/files/"));
	else if (streq(path, "/v1/ca"))
		get_authority(o, req);
	else
		httpd_reply_error(req, 404, "nothing is served here");
}

void api_node_handle(struct http_req *req, void *ondold)
{
	const char *path = httpd_path(req);

	if (str_startswith(path, "/v1/nodes/"))
		route_node(ondold, req);
	else if (streq(httpd_method(req), "GET") && str_startswith(path, "/files/"))
		get_file(ondold, req, path + strlen("/files/"));
	else
		httpd_reply_error(req, 404, "nothing is served here");
}
