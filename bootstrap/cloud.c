/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/cloud.h"

#include "bootstrap/capath.h"
#include "bootstrap/ondold.h"
#include "common/digest.h"
#include "common/jsonx.h"
#include "common/log.h"

/*
 * Where secrets are: in the file of cloudsecrets.c, and on their way to the node that needs
 * them. The desired state that is kept and compared has digests in their place, so neither
 * the database nor an answer of the operator API holds one. Facts and what is to be
 * restored are added on the way too: they are no part of what the operator asked for.
 */

#define TLS_CHECK_MS 3600000
#define MAX_SERVICES 4096
#define MAX_TEXT 2000

/* ---- life ---- */

int cloud_open(struct ondold *o, char **reterr_msg)
{
	struct cloud *c = o->cloud = xcalloc(1, sizeof(*c));
	json_t *blobs;
	int r = cloudsecrets_load(
		o->opts.state_dir, CLOUDSECRETS_FILE, &c->secrets, reterr_msg);

	facts_init(&c->facts, now_real_ms());
	if (r < 0)
		return r;
	r = blobs_open(o->opts.state_dir, o->store, &c->blobs);
	if (r < 0) {
		*reterr_msg = xasprintf("%s/blobs: %s", o->opts.state_dir, strerror(-r));
		return r;
	}
	blobs = blobs_facts(c->blobs);
	facts_take_blobs(&c->facts, blobs);
	json_decref(blobs);
	(void)store_doc_get(o->store, "restore", "", &c->restore);
	if (c->restore && !json_object_get(c->restore, "sha256")) {
		json_decref(c->restore);
		c->restore = NULL;
	}
	return 0;
}

void cloud_close(struct ondold *o)
{
	struct cloud *c = o->cloud;

	if (!c)
		return;
	cloudparts_free(c->parts);
	cloudsecrets_free(c->secrets);
	blobs_free(c->blobs);
	facts_clear(&c->facts);
	json_decref(c->status);
	json_decref(c->told);
	json_decref(c->restore);
	free(c);
	o->cloud = NULL;
}

void cloud_take(struct ondold *o, struct cloudparts *parts)
{
	cloudparts_free(o->cloud->parts);
	o->cloud->parts = parts;
}

/* The certificate is for everybody: beside the socket, where `ondol cloud openrc` names it. */
void cloud_publish_ca(struct ondold *o)
{
	const char *pem = cloudsecrets_get(o->cloud->secrets, "ca.cert");
	_cleanup_free_ char *path = cloud_ca_path(o->opts.socket);
	_cleanup_free_ char *there = NULL;
	int r;

	if (!pem || (read_file(path, 65536, &there, NULL) == 0 && streq(there, pem)))
		return;
	r = write_file_atomic(path, pem, strlen(pem), 0644);
	if (r < 0)
		log_warn("%s cannot be written: %s", path, strerror(-r));
}

/* ---- secrets ---- */

static void add_host(char ***list, const char *host)
{
	if (!strv_has(*list, host))
		strv_add(list, host);
}

/* How clients and nodes call the endpoints; the public name first. */
static char **hosts_of(const struct rack *r)
{
	const struct rack_node *n = rack_controller(r);
	_cleanup_free_ char *public = rack_public_name(r);
	char **hosts = NULL;
	char buf[16];

	add_host(&hosts, public);
	for (size_t i = 0; i < r->n_networks; i++) {
		if (!rack_has_address(r, n, &r->networks[i]))
			continue;
		format_ipv4(rack_address(n, &r->networks[i]), buf);
		add_host(&hosts, buf);
	}
	add_host(&hosts, "127.0.0.1");
	add_host(&hosts, "localhost");
	return hosts;
}

int cloud_prepare(
	struct ondold *o, const struct rack *rack, const struct cloudparts *parts)
{
	_cleanup_(strv_freep) char **names = NULL, **hosts = NULL;
	_cleanup_free_ char *msg = NULL;
	int r;

	if (!rack->cloud)
		return 0;
	names = cloudparts_all_secrets(parts, rack);
	strv_add(&names, "admin");
	strv_add(&names, "student");
	hosts = hosts_of(rack);
	r = cloudsecrets_need(
		o->cloud->secrets, rack->name, names, hosts, now_real_ms() / 1000, &msg);
	if (r < 0)
		log_error("the cloud's secrets: %s", msg);
	else if (r > 0)
		ondold_event(o, NULL, "ondold", "cloud.secrets",
			"secrets of the cloud were made (their names and values are not said here)",
			NULL);
	if (r >= 0)
		cloud_publish_ca(o);
	return r < 0 ? r : 0;
}

static bool is_tls(const char *name)
{
	return streq(name, "tls.cert") || streq(name, "tls.key");
}

void cloud_put_digests(struct ondold *o, const struct rack *rack,
	const struct cloudparts *parts, const struct rack_node *conf, json_t *desired)
{
	char *const *names =
		rack->cloud && parts ? cloudparts_secrets(parts, conf) : NULL;
	_cleanup_(strv_freep) char **hosts = NULL;
	json_t *list;
	char digest[65];
	bool tls;

	if (!names || !names[0])
		return;
	hosts = hosts_of(rack);
	tls = cloudsecrets_tls_is_good(o->cloud->secrets, hosts, now_real_ms() / 1000);
	list = json_object();
	for (size_t i = 0; names[i]; i++) {
		const char *value = cloudsecrets_get(o->cloud->secrets, names[i]);

		if (!cloudsecrets_may_leave(names[i]))
			continue;
		digest[0] = 0;
		if (value && (tls || !is_tls(names[i])))
			digest_hex(value, strlen(value), digest);
		json_object_set_new(list, names[i], json_string(digest));
	}
	json_object_set_new(desired, "secrets", list);
}

/* Values in the place of digests. */
static void put_values(struct ondold *o, json_t *doc)
{
	json_t *list = json_object_get(doc, "secrets"), *values, *v;
	const char *name;

	if (!list)
		return;
	values = json_object();
	json_object_foreach(list, name, v)
	{
		const char *value = cloudsecrets_get(o->cloud->secrets, name);

		if (value && cloudsecrets_may_leave(name))
			json_object_set_new(values, name, json_string(value));
	}
	json_object_set_new(doc, "secrets", values);
}

/* ---- on the way to a node ---- */

bool cloud_is_controller(const struct node *n)
{
	return n->o->rack->cloud && n->conf == rack_controller(n->o->rack);
}

uint64_t cloud_facts_rev(const struct ondold *o)
{
	return o->rack && o->rack->cloud ? o->cloud->facts.rev : 0;
}

json_t *cloud_deliver(struct node *n)
{
	struct cloud *c = n->o->cloud;
	json_t *doc = node_desired(n), *restore;

	peers_forget(doc);
	if (!n->o->rack->cloud)
		return doc;
	put_values(n->o, doc);
	json_object_set_new(doc, "facts", facts_to_json(&c->facts));
	if (c->restore && cloud_is_controller(n)) {
		restore = json_deep_copy(c->restore);
		json_object_del(restore, "sent");
		json_object_set_new(doc, "restore", restore);
	}
	return doc;
}

json_t *cloud_deliver_order(struct node *n)
{
	struct cloud *c = n->o->cloud;

	if (c->restore && cloud_is_controller(n)) {
		json_object_set_new(c->restore, "sent", json_true());
		store_doc_put(n->o->store, "restore", "", c->restore);
	}
	return cloud_deliver(n);
}

static void forget_restore(struct ondold *o)
{
	json_t *nothing = json_object();

	store_doc_put(o->store, "restore", "", nothing);
	json_decref(nothing);
}

void cloud_node_ready(struct node *n)
{
	struct cloud *c = n->o->cloud;

	if (!c->restore || !cloud_is_controller(n) ||
		!json_is_true(json_object_get(c->restore, "sent")))
		return;
	json_decref(c->restore);
	c->restore = NULL;
	forget_restore(n->o);
	ondold_event(n->o, n, "ondold", "cloud.restored",
		"the controller came up from its backup", NULL);
}

/* ---- facts ---- */

static void kick_all(struct ondold *o)
{
	for (size_t i = 0; i < o->n_nodes; i++)
		ondold_kick(o, o->nodes[i]);
}

void cloud_facts_changed(struct node *n, bool heard)
{
	if (n->o->rack->cloud &&
		facts_take_report(&n->o->cloud->facts, n->name, heard ? n->report : NULL))
		kick_all(n->o);
}

void cloud_blobs_changed(struct ondold *o)
{
	_cleanup_(jx_freep) json_t *blobs = blobs_facts(o->cloud->blobs);

	if (facts_take_blobs(&o->cloud->facts, blobs))
		kick_all(o);
}

/* ---- what the controller says of the services ---- */

char *cloud_check_report(const json_t *cloud)
{
	struct jx j = {.obj = cloud};
	const json_t *list, *s;
	size_t i;

	if (!cloud || json_is_null(cloud))
		return NULL;
	jx_uint(&j, "time", 0, INT64_MAX);
	jx_str_opt(&j, "dashboard", 255, "");
	list = jx_array(&j, "services", MAX_SERVICES);
	json_array_foreach(list, i, s)
	{
		struct jx d = {.obj = s};

		jx_str(&d, "node", 63);
		jx_str(&d, "service", 63);
		jx_str(&d, "text", MAX_TEXT);
		if (!d.error && !json_is_boolean(json_object_get(s, "ok")))
			jx_fail(&d, "ok", "expected true or false");
		jx_merge(&j, "services", &d);
	}
	return TAKE_PTR(j.error);
}

static char *key_of(const json_t *s)
{
	return xasprintf("%s %s", json_string_value(json_object_get(s, "node")),
		json_string_value(json_object_get(s, "service")));
}

/* A service that never was well, of a node that is still on its way, is no news. */
static bool is_news(const struct node *n, const json_t *was, bool ok)
{
	if (was)
		return json_is_true(was) != ok;
	return !ok && (!n || !node_is_on_its_way(n));
}

/* A service that turns well or unwell is an event of its node. */
static void tell_turns(struct ondold *o, const json_t *status)
{
	struct cloud *c = o->cloud;
	json_t *told = json_object(), *s;
	size_t i;

	json_array_foreach(json_object_get(status, "services"), i, s)
	{
		_cleanup_free_ char *text = NULL, *key = key_of(s);
		const json_t *was = json_object_get(c->told, key);
		const char *name = json_string_value(json_object_get(s, "node"));
		struct node *n = ondold_node(o, name ? name : "");
		bool ok = json_is_true(json_object_get(s, "ok"));

		if (is_news(n, was, ok)) {
			text = xasprintf("%s: %s",
				json_string_value(json_object_get(s, "service")),
				json_string_value(json_object_get(s, "text")));
			ondold_event(o, n, "noded", ok ? "cloud.well" : "cloud.unwell",
				text, NULL);
		} else if (!was && !ok) {
			continue;
		}
		json_object_set_new(told, key, json_boolean(ok));
	}
	json_decref(c->told);
	c->told = told;
}

void cloud_take_report(struct node *n, const json_t *report)
{
	struct cloud *c = n->o->cloud;
	json_t *status = json_object_get(report, "cloud");

	if (!cloud_is_controller(n) || !json_is_object(status))
		return;
	tell_turns(n->o, status);
	json_decref(c->status);
	c->status = json_deep_copy(status);
	c->status_ms = now_real_ms();
	ondold_kick(n->o, n->o);
}

/* ---- the endpoints' certificate ---- */

void cloud_pulse(struct ondold *o)
{
	_cleanup_(strv_freep) char **hosts = NULL;
	uint64_t now = now_mono_ms();

	if (!o->rack || !o->rack->cloud || now - o->cloud->tls_checked_ms < TLS_CHECK_MS)
		return;
	o->cloud->tls_checked_ms = now;
	hosts = hosts_of(o->rack);
	if (cloudsecrets_tls_is_good(o->cloud->secrets, hosts, now_real_ms() / 1000) ||
		cloud_prepare(o, o->rack, o->cloud->parts) < 0)
		return;
	log_info("the certificate of the cloud's endpoints was issued anew");
	for (size_t i = 0; i < o->n_nodes; i++)
		if (node_refresh_desired(o->nodes[i]))
			ondold_kick(o, o->nodes[i]);
}
