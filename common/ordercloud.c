/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All keys here are optional: a rack that is no cloud has none of them, and a node may hold
 * a desired state that was kept by an older version. What is there is read as strictly as
 * the rest. Secrets are overwritten before they are freed; jansson's own copies live only
 * as long as the document.
 */
#include "common/ordercloud.h"

/* ---- what the nodes ask ---- */

const char *desired_secret(const struct desired *d, const char *name)
{
	for (size_t i = 0; i < d->n_secrets; i++)
		if (streq(d->secrets[i].name, name))
			return d->secrets[i].value;
	return NULL;
}

bool desired_fact(const struct desired *d, const char *node, const char *proof)
{
	for (size_t i = 0; i < d->facts.n_nodes; i++)
		if (streq(d->facts.nodes[i].name, node) &&
			strv_has(d->facts.nodes[i].proofs, proof))
			return true;
	return false;
}

bool desired_role_fact(
	const struct desired *d, const char *role, const char *kind, const char *proof)
{
	for (size_t i = 0; i < d->n_peers; i++)
		if (streq(d->peers[i].role, role) &&
			(!kind || streq(d->peers[i].kind, kind)) &&
			desired_fact(d, d->peers[i].name, proof))
			return true;
	return false;
}

const struct desired_peer *desired_peer(const struct desired *d, const char *name)
{
	for (size_t i = 0; i < d->n_peers; i++)
		if (streq(d->peers[i].name, name))
			return &d->peers[i];
	return NULL;
}

uint32_t desired_peer_address(const struct desired_peer *p, const char *network)
{
	for (size_t i = 0; i < p->n_addresses; i++)
		if (streq(p->addresses[i].network, network))
			return p->addresses[i].address;
	return 0;
}

const struct desired_blob *desired_blob(const struct desired *d, const char *name)
{
	for (size_t i = 0; i < d->facts.n_blobs; i++)
		if (streq(d->facts.blobs[i].name, name))
			return &d->facts.blobs[i];
	return NULL;
}

/* ---- from the model ---- */

void ordercloud_peer_from_rack(
	struct desired_peer *p, const struct rack *r, const struct rack_node *n)
{
	p->addresses = xcalloc(r->n_networks, sizeof(*p->addresses));
	for (size_t i = 0; i < r->n_networks; i++) {
		const struct rack_network *net = &r->networks[i];

		if (rack_has_address(r, n, net))
			p->addresses[p->n_addresses++] = (struct desired_address){
				xstrdup(net->name), rack_address(n, net)};
	}
	p->data_disks = xcalloc(n->profile->n_disks, sizeof(*p->data_disks));
	for (size_t i = 0; i < n->profile->n_disks; i++) {
		const struct rack_disk *disk = &n->profile->disks[i];

		if (disk->use != DISK_DATA)
			continue;
		p->data_disks[p->n_data_disks] = (struct desired_bay){
			xasprintf("d%zu", p->n_data_disks + 1), disk->size_bytes};
		p->n_data_disks++;
	}
}

static struct desired_external *external_of(const struct rack *r)
{
	const struct rack_network *net = rack_external(r);
	struct desired_external *e = net ? xcalloc(1, sizeof(*e)) : NULL;

	if (net)
		*e = (struct desired_external){.name = xstrdup(net->name),
			.subnet = net->subnet.addr,
			.prefix = net->subnet.prefix,
			.gateway = net->gateway,
			.first = net->range_first,
			.last = net->range_last,
			.mtu = net->mtu};
	return e;
}

void ordercloud_from_rack(struct desired *d, const struct rack *r)
{
	const struct rack_cloud *c = r->cloud;
	char controller[16];

	if (!c)
		return;
	format_ipv4(rack_address(rack_controller(r), c->network), controller);
	d->cloud = xcalloc(1, sizeof(*d->cloud));
	*d->cloud = (struct desired_cloud){.public = rack_public_name(r),
		.controller = xstrdup(controller),
		.network = xstrdup(c->network->name),
		.region = xstrdup(c->region),
		.virtualization = xstrdup(c->virtualization),
		.student = xstrdup(c->student),
		.services = strv_copy(c->services),
		.dns = strv_copy(c->dns),
		.external = external_of(r)};
}

/* ---- to JSON ---- */

static json_t *ipv4_json(uint32_t addr)
{
	char buf[16];

	format_ipv4(addr, buf);
	return json_string(addr ? buf : "");
}

static json_t *strv_json(char *const *list)
{
	json_t *a = json_array();

	for (char *const *s = list; s && *s; s++)
		json_array_append_new(a, json_string(*s));
	return a;
}

void ordercloud_peer_to_json(const struct desired_peer *p, json_t *obj)
{
	json_t *addresses = json_object(), *disks = json_array();

	for (size_t i = 0; i < p->n_addresses; i++)
		json_object_set_new(addresses, p->addresses[i].network,
			ipv4_json(p->addresses[i].address));
	for (size_t i = 0; i < p->n_data_disks; i++)
		json_array_append_new(disks,
			json_pack("{s:s, s:I}", "name", p->data_disks[i].name,
				"size_bytes", (json_int_t)p->data_disks[i].size_bytes));
	json_object_set_new(obj, "addresses", addresses);
	json_object_set_new(obj, "data_disks", disks);
}

static json_t *external_to_json(const struct desired_external *e)
{
	if (!e)
		return json_null();
	return json_pack("{s:s, s:o, s:i, s:o, s:o, s:o, s:i}", "name", e->name, "subnet",
		ipv4_json(e->subnet), "prefix", (int)e->prefix, "gateway",
		ipv4_json(e->gateway), "first", ipv4_json(e->first), "last",
		ipv4_json(e->last), "mtu", (int)e->mtu);
}

static json_t *cloud_to_json(const struct desired_cloud *c)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "public",
		c->public, "controller", c->controller, "network", c->network, "region",
		c->region, "virtualization", c->virtualization, "student", c->student,
		"services", strv_json(c->services), "dns", strv_json(c->dns), "external",
		external_to_json(c->external));
}

static json_t *facts_to_json(const struct desired_facts *f)
{
	json_t *nodes = json_object(), *blobs = json_object();

	for (size_t i = 0; i < f->n_nodes; i++)
		json_object_set_new(
			nodes, f->nodes[i].name, strv_json(f->nodes[i].proofs));
	for (size_t i = 0; i < f->n_blobs; i++)
		json_object_set_new(blobs, f->blobs[i].name,
			json_pack("{s:s, s:I}", "sha256", f->blobs[i].sha256,
				"size_bytes", (json_int_t)f->blobs[i].size_bytes));
	return json_pack("{s:I, s:o, s:o}", "rev", (json_int_t)f->rev, "nodes", nodes,
		"blobs", blobs);
}

void ordercloud_to_json(const struct desired *d, json_t *root)
{
	json_t *secrets = json_object();

	for (size_t i = 0; i < d->n_secrets; i++)
		json_object_set_new(
			secrets, d->secrets[i].name, json_string(d->secrets[i].value));
	if (d->cloud)
		json_object_set_new(root, "cloud", cloud_to_json(d->cloud));
	if (d->n_secrets)
		json_object_set(root, "secrets", secrets);
	json_decref(secrets);
	if (d->facts.rev)
		json_object_set_new(root, "facts", facts_to_json(&d->facts));
	if (d->restore)
		json_object_set_new(root, "restore",
			json_pack("{s:s, s:I}", "sha256", d->restore->sha256,
				"size_bytes", (json_int_t)d->restore->size_bytes));
}

/* ---- from JSON ---- */

static uint32_t read_ipv4(struct jx *j, const char *key, bool may_be_empty)
{
	const char *s = jx_str(j, key, 15);
	uint32_t addr = 0;

	if (!j->error && !(may_be_empty && !*s) && parse_ipv4(s, &addr) < 0)
		jx_fail(j, key, "expected an IPv4 address");
	return addr;
}

static void check_token(struct jx *j, const char *where, const char *s, size_t max)
{
	if (!j->error && parse_token(s, max) < 0)
		jx_fail(j, where,
			"expected names of letters, digits and . _ -, at most %zu", max);
}

static char *read_token(struct jx *j, const char *key, size_t max)
{
	const char *s = jx_str(j, key, max);

	check_token(j, key, s, max);
	return xstrdup(s);
}

static char *read_digest(struct jx *j)
{
	const char *s = jx_str(j, "sha256", 64);
	uint8_t raw[32];

	if (!j->error && parse_hex(s, 32, raw) < 0)
		jx_fail(j, "sha256", "expected 64 hex digits");
	return xstrdup(s);
}

static char **words_of(struct jx *j, const char *where, const json_t *list, size_t max)
{
	char **v = xcalloc(1, sizeof(*v));

	if (!json_is_array(list) || json_array_size(list) > max)
		jx_fail(j, where, "expected an array of at most %zu names", max);
	for (size_t i = 0; !j->error && i < json_array_size(list); i++) {
		const json_t *word = json_array_get(list, i);
		const char *s = json_string_value(word);

		check_token(j, where, s && strlen(s) == json_string_length(word) ? s : "",
			63);
		if (!j->error)
			strv_add(&v, s);
	}
	return v;
}

/* NULL when absent; a failure when it is there and no object. */
static const json_t *object_opt(struct jx *j, const char *key, size_t max)
{
	const json_t *v = json_object_get(j->obj, key);

	if (!v)
		return NULL;
	v = jx_object(j, key);
	if (v && json_object_size(v) > max) {
		jx_fail(j, key, "expected at most %zu entries", max);
		return NULL;
	}
	return v;
}

static void read_addresses(struct jx *j, struct desired_peer *p)
{
	const json_t *list = object_opt(j, "addresses", RACK_MAX_NETWORKS), *v;
	const char *name;

	p->addresses = xcalloc(json_object_size(list), sizeof(*p->addresses));
	json_object_foreach((json_t *)list, name, v)
	{
		uint32_t addr = 0;

		check_token(j, "addresses", name, RACK_MAX_NETWORK_NAME);
		if (!json_is_string(v) || parse_ipv4(json_string_value(v), &addr) < 0)
			jx_fail(j, "addresses", "expected IPv4 addresses");
		p->addresses[p->n_addresses++] =
			(struct desired_address){xstrdup(name), addr};
	}
}

void ordercloud_peer_from_json(struct jx *j, struct desired_peer *p)
{
	const json_t *disks = jx_array_opt(j, "data_disks", RACK_MAX_DISKS);

	read_addresses(j, p);
	p->data_disks = xcalloc(json_array_size(disks), sizeof(*p->data_disks));
	for (size_t i = 0; i < json_array_size(disks); i++) {
		struct jx jd = {.obj = json_array_get(disks, i)};

		p->data_disks[p->n_data_disks++] =
			(struct desired_bay){read_token(&jd, "name", 15),
				jx_uint(&jd, "size_bytes", 1, INT64_MAX)};
		jx_merge(j, "data_disks", &jd);
	}
}

static void read_external(struct jx *outer, struct desired_cloud *c)
{
	struct jx j = {.obj = json_object_get(outer->obj, "external")};
	struct desired_external *e;

	if (!j.obj || json_is_null(j.obj))
		return;
	e = c->external = xcalloc(1, sizeof(*e));
	e->name = read_token(&j, "name", RACK_MAX_NETWORK_NAME);
	e->subnet = read_ipv4(&j, "subnet", false);
	e->prefix = (unsigned)jx_uint(&j, "prefix", 8, 30);
	e->gateway = read_ipv4(&j, "gateway", true);
	e->first = read_ipv4(&j, "first", false);
	e->last = read_ipv4(&j, "last", false);
	e->mtu = (unsigned)jx_uint(&j, "mtu", 1280, 9216);
	if (!j.error && e->first > e->last)
		jx_fail(&j, "first", "expected an address that is not after \"last\"");
	jx_merge(outer, "external", &j);
}

static void read_cloud(struct jx *outer, struct desired *d)
{
	struct jx j = {.obj = object_opt(outer, "cloud", 32)};
	struct desired_cloud *c;

	if (!j.obj)
		return;
	c = d->cloud = xcalloc(1, sizeof(*c));
	c->public = read_token(&j, "public", 253);
	c->controller = read_token(&j, "controller", 15);
	c->network = read_token(&j, "network", RACK_MAX_NETWORK_NAME);
	c->region = read_token(&j, "region", 63);
	c->virtualization = read_token(&j, "virtualization", 15);
	c->student = read_token(&j, "student", 63);
	c->services = words_of(&j, "services", jx_array(&j, "services", 32), 32);
	c->dns = words_of(&j, "dns", jx_array(&j, "dns", 8), 8);
	read_external(&j, c);
	jx_merge(outer, "cloud", &j);
}

static void read_secrets(struct jx *j, struct desired *d)
{
	const json_t *list = object_opt(j, "secrets", DESIRED_MAX_SECRETS), *v;
	const char *name;

	d->secrets = xcalloc(json_object_size(list), sizeof(*d->secrets));
	json_object_foreach((json_t *)list, name, v)
	{
		struct jx one = {.obj = list};
		const char *value = jx_str(&one, name, DESIRED_MAX_SECRET);

		check_token(j, "secrets", name, 63);
		if (one.error)
			jx_fail(j, "secrets", "expected texts of at most %d bytes",
				DESIRED_MAX_SECRET);
		jx_clear(&one);
		d->secrets[d->n_secrets++] =
			(struct desired_secret){xstrdup(name), xstrdup(value)};
	}
}

static void read_facts(struct jx *outer, struct desired_facts *f)
{
	struct jx j = {.obj = object_opt(outer, "facts", 8)};
	const json_t *nodes, *blobs, *v;
	const char *name;

	if (!j.obj)
		return;
	f->rev = jx_uint(&j, "rev", 1, INT64_MAX);
	nodes = object_opt(&j, "nodes", RACK_MAX_NODES);
	blobs = object_opt(&j, "blobs", DESIRED_MAX_BLOBS);
	f->nodes = xcalloc(json_object_size(nodes), sizeof(*f->nodes));
	f->blobs = xcalloc(json_object_size(blobs), sizeof(*f->blobs));
	json_object_foreach((json_t *)nodes, name, v)
	{
		check_token(&j, "nodes", name, 63);
		f->nodes[f->n_nodes++] = (struct desired_node_facts){
			xstrdup(name), words_of(&j, "nodes", v, DESIRED_MAX_FACTS)};
	}
	json_object_foreach((json_t *)blobs, name, v)
	{
		struct jx jb = {.obj = v};

		check_token(&j, "blobs", name, DESIRED_MAX_BLOB_NAME);
		f->blobs[f->n_blobs++] = (struct desired_blob){xstrdup(name),
			read_digest(&jb), jx_uint(&jb, "size_bytes", 0, INT64_MAX)};
		jx_merge(&j, "blobs", &jb);
	}
	jx_merge(outer, "facts", &j);
}

void ordercloud_from_json(struct jx *outer, struct desired *d)
{
	struct jx j = {.obj = object_opt(outer, "restore", 8)};

	read_cloud(outer, d);
	read_secrets(outer, d);
	read_facts(outer, &d->facts);
	if (!j.obj)
		return;
	d->restore = xcalloc(1, sizeof(*d->restore));
	d->restore->sha256 = read_digest(&j);
	d->restore->size_bytes = jx_uint(&j, "size_bytes", 1, INT64_MAX);
	jx_merge(outer, "restore", &j);
}

/* ---- the end ---- */

void ordercloud_peer_clear(struct desired_peer *p)
{
	for (size_t i = 0; i < p->n_addresses; i++)
		free(p->addresses[i].network);
	for (size_t i = 0; i < p->n_data_disks; i++)
		free(p->data_disks[i].name);
	free(p->addresses);
	free(p->data_disks);
}

static void cloud_free(struct desired_cloud *c)
{
	if (!c)
		return;
	if (c->external)
		free(c->external->name);
	free(c->external);
	free(c->public);
	free(c->controller);
	free(c->network);
	free(c->region);
	free(c->virtualization);
	free(c->student);
	strv_free(c->services);
	strv_free(c->dns);
	free(c);
}

static void facts_clear(struct desired_facts *f)
{
	for (size_t i = 0; i < f->n_nodes; i++) {
		free(f->nodes[i].name);
		strv_free(f->nodes[i].proofs);
	}
	for (size_t i = 0; i < f->n_blobs; i++) {
		free(f->blobs[i].name);
		free(f->blobs[i].sha256);
	}
	free(f->nodes);
	free(f->blobs);
}

void ordercloud_clear(struct desired *d)
{
	cloud_free(d->cloud);
	for (size_t i = 0; i < d->n_secrets; i++) {
		free(d->secrets[i].name);
		secret_free(d->secrets[i].value);
	}
	free(d->secrets);
	facts_clear(&d->facts);
	if (d->restore)
		free(d->restore->sha256);
	free(d->restore);
}
