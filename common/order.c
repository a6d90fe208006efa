/* SPDX-License-Identifier: Apache-2.0 */
#include "common/order.h"

#include "common/diskmatch.h"
#include "common/jsonx.h"
#include "common/ordercloud.h"
#include "common/rackid.h"

/* ---- disks ---- */

static json_t *disk_to_json(const struct order_disk *d)
{
	json_t *obj = json_pack("{s:s, s:s, s:I}", "serial", d->serial, "wwn", d->wwn,
		"size_bytes", (json_int_t)d->size_bytes);

	return d->encrypt ? json_pack("{s:o}", "encrypted", obj) : obj;
}

/*
 * One that is to be encrypted is an object in an object: who knows nothing of that reads no disk
 * there, and does not use it as it is.
 */
static void disk_from_json(
	struct jx *outer, const char *where, const json_t *obj, struct order_disk *d)
{
	const json_t *inner = json_object_get(obj, "encrypted");
	struct jx j = {.obj = inner ? inner : obj};

	d->encrypt = inner != NULL;
	d->serial = xstrdup(jx_str(&j, "serial", 64));
	d->wwn = xstrdup(jx_str(&j, "wwn", 64));
	d->size_bytes = jx_uint(&j, "size_bytes", 1, INT64_MAX);
	if (!j.error && !*d->serial && !*d->wwn)
		jx_fail(&j, "serial", "expected a serial or a WWN, found neither");
	jx_merge(outer, where, &j);
}

static void disk_clear(struct order_disk *d)
{
	free(d->serial);
	free(d->wwn);
}

static struct order_disk disk_of(const struct inv_disk *d)
{
	return (struct order_disk){.serial = xstrdup(d->serial),
		.wwn = xstrdup(d->wwn),
		.size_bytes = d->size_bytes};
}

/* ---- the install order ---- */

static json_t *mirror_to_json(const struct order_target *t)
{
	json_t *obj = disk_to_json(&t->disk);

	json_object_set_new(obj, "holds", inv_signatures_to_json(&t->holds));
	json_object_set_new(obj, "wipe", json_boolean(t->wipe));
	return obj;
}

json_t *install_order_to_json(const struct install_order *o)
{
	const struct order_target *system = &o->targets[0];
	json_t *doc = json_pack("{s:o, s:o, s:s, s:s, s:b, s:o, s:O}", "system",
		disk_to_json(&system->disk), "holds",
		inv_signatures_to_json(&system->holds), "rack_id", o->rack_id, "erase",
		disk_erase_str(o->erase), "wipe", system->wipe, "image",
		order_image_to_json(&o->image), "desired", o->desired);

	if (doc && o->n_targets > 1)
		json_object_set_new(doc, "mirror", mirror_to_json(&o->targets[1]));
	if (doc && o->swap_bytes)
		json_object_set_new(
			doc, "swap_bytes", json_integer((json_int_t)o->swap_bytes));
	return doc;
}

static void image_from_json(struct jx *outer, struct order_image *im)
{
	struct jx j = {.obj = jx_object(outer, "image")};

	if (!j.obj)
		return;
	(void)order_image_from_json(j.obj, im, &j.error);
	jx_merge(outer, "image", &j);
}

/* What is on it, and may it go: keys of the mirror's object, and of the order for the system disk. */
static void target_from_json(struct jx *j, struct order_target *t)
{
	inv_signatures_from_json(j, "holds", &t->holds);
	t->wipe = jx_bool_opt(j, "wipe", false);
}

static bool is_same_disk(const struct order_disk *a, const struct order_disk *b)
{
	return streq(a->serial, b->serial) && streq(a->wwn, b->wwn);
}

static void read_targets(struct jx *j, struct install_order *o)
{
	const json_t *system = jx_object(j, "system"), *mirror;
	struct jx of_mirror = {.obj = json_object_get(j->obj, "mirror")};

	o->n_targets = 1;
	if (system)
		disk_from_json(j, "system", system, &o->targets[0].disk);
	target_from_json(j, &o->targets[0]);
	if (!of_mirror.obj)
		return;
	mirror = jx_object(j, "mirror");
	if (!mirror)
		return;
	o->n_targets = 2;
	disk_from_json(j, "mirror", mirror, &o->targets[1].disk);
	target_from_json(&of_mirror, &o->targets[1]);
	jx_merge(j, "mirror", &of_mirror);
	if (!j->error && is_same_disk(&o->targets[0].disk, &o->targets[1].disk))
		jx_fail(j, "mirror", "expected another disk than the system disk");
}

int install_order_from_json(
	const json_t *root, struct install_order **ret, char **reterr_msg)
{
	_cleanup_(install_order_freep) struct install_order *o = xcalloc(1, sizeof(*o));
	struct jx j = {.obj = root};
	const json_t *desired = jx_object(&j, "desired");

	read_targets(&j, o);
	image_from_json(&j, &o->image);
	o->rack_id = xstrdup(jx_str(&j, "rack_id", RACKID_TEXT - 1));
	if (!j.error && !rackid_is_valid(o->rack_id))
		jx_fail(&j, "rack_id", "expected the beginning of a UUID of version 8");
	if (disk_erase_parse(jx_str_opt(&j, "erase", 16, "none"), &o->erase) < 0 &&
		!j.error)
		jx_fail(&j, "erase", "expected none, discard, secure or zero");
	o->swap_bytes = jx_uint_opt(&j, "swap_bytes", 0, UINT64_C(1) << 40, 0);
	o->desired = desired ? json_incref((json_t *)desired) : NULL;
	if (j.error) {
		*reterr_msg = TAKE_PTR(j.error);
		return -EINVAL;
	}
	*ret = TAKE_PTR(o);
	return 0;
}

void install_order_free(struct install_order *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < ORDER_MAX_TARGETS; i++) {
		disk_clear(&o->targets[i].disk);
		inv_signatures_clear(&o->targets[i].holds);
	}
	free(o->rack_id);
	order_image_clear(&o->image);
	json_decref(o->desired);
	free(o);
}

void install_order_freep(struct install_order **o)
{
	install_order_free(*o);
	*o = NULL;
}

/* ---- the desired state, from the model ---- */

static void make_bridge(struct desired *d, const struct rack_node *n, size_t nic)
{
	const struct rack_nic *p = &n->profile->nics[nic];
	struct desired_bridge *b = &d->bridges[d->n_bridges++];

	b->name = xasprintf("br-nic%zu", nic + 1);
	b->uplink = n->macs[nic];
	b->mtu = rack_nic_mtu(p);
	b->native_vlan = p->native ? p->native->vlan : 0;
	for (size_t i = 0; i < p->n_tagged; i++)
		b->trunks[b->n_trunks++] = p->tagged[i]->vlan;
}

static void make_port(struct desired *d, const struct rack *r, const struct rack_node *n,
	const struct rack_network *net)
{
	int nic = rack_nic_of(n, net);
	struct desired_port *p = &d->ports[d->n_ports];

	if (nic < 0)
		return;
	if (!rack_has_address(r, n, net)) {
		d->providers[d->n_providers++] =
			(struct desired_provider){.name = xstrdup(net->name),
				.bridge = xasprintf("br-nic%d", nic + 1),
				.vlan = net->vlan};
		return;
	}
	d->n_ports++;
	*p = (struct desired_port){.name = xstrdup(net->name),
		.bridge = xasprintf("br-nic%d", nic + 1),
		.vlan = net->vlan,
		.mtu = net->mtu,
		.address = rack_address(n, net),
		.prefix = net->subnet.prefix,
		/* an external network's is that of the cloud's routers */
		.gateway = net->use == NETWORK_EXTERNAL ? 0 : net->gateway,
		.tunnel = net->use == NETWORK_TUNNEL};
}

/* Where no bay can be told, two alike bays may match one drive: it is given once. */
static bool is_given(const struct desired *d, const struct inv_disk *disk)
{
	for (size_t i = 0; i < d->n_data_disks; i++)
		if (streq(d->data_disks[i].serial, disk->serial) &&
			streq(d->data_disks[i].wwn, disk->wwn))
			return true;
	return false;
}

static void make_data_disks(
	struct desired *d, const struct rack_node *n, const struct inventory *inv)
{
	d->data_disks = xcalloc(n->profile->n_disks, sizeof(*d->data_disks));
	for (size_t i = 0; inv && i < n->profile->n_disks; i++) {
		_cleanup_free_ char *why = NULL;
		const struct inv_disk *disk;

		if (n->profile->disks[i].use != DISK_DATA ||
			disk_match(n, i, inv, &disk, &why) < 0 || is_given(d, disk))
			continue;
		d->data_disks[d->n_data_disks] = disk_of(disk);
		d->data_disks[d->n_data_disks++].encrypt = n->profile->disks[i].encrypt;
	}
}

static void make_peers(struct desired *d, const struct rack *r)
{
	const struct rack_network *net = rack_network(r, "management");

	d->peers = xcalloc(r->n_nodes, sizeof(*d->peers));
	for (size_t i = 0; i < r->n_nodes; i++) {
		const struct rack_node *n = &r->nodes[i];

		d->peers[d->n_peers] = (struct desired_peer){.name = xstrdup(n->name),
			.role = xstrdup(n->role),
			.kind = xstrdup(n->kind ? n->kind : ""),
			.management = rack_address(n, net ? net : r->provisioning)};
		ordercloud_peer_from_rack(&d->peers[d->n_peers++], r, n);
	}
}

struct desired *desired_alone(const struct rack *r, const struct rack_node *n,
	const struct inventory *inv, uint64_t revision)
{
	struct desired *d = xcalloc(1, sizeof(*d));

	d->revision = revision;
	d->rack = xstrdup(r->name);
	d->node = xstrdup(n->name);
	d->role = xstrdup(n->role);
	d->kind = xstrdup(n->kind ? n->kind : "");
	d->server = r->address;
	d->server_port = r->api_port;
	d->patience_percent = 100;
	d->bridges = xcalloc(RACK_MAX_NICS, sizeof(*d->bridges));
	for (size_t i = 0; i < n->profile->n_nics; i++)
		make_bridge(d, n, i);
	d->ports = xcalloc(r->n_networks, sizeof(*d->ports));
	d->providers = xcalloc(r->n_networks, sizeof(*d->providers));
	for (size_t i = 0; i < r->n_networks; i++)
		make_port(d, r, n, &r->networks[i]);
	make_data_disks(d, n, inv);
	ordercloud_from_rack(d, r);
	d->ssh_keys = xcalloc(r->n_ssh_keys, sizeof(*d->ssh_keys));
	for (size_t i = 0; i < r->n_ssh_keys; i++)
		d->ssh_keys[d->n_ssh_keys++] = xstrdup(r->ssh_keys[i]);
	return d;
}

struct desired *desired_from_rack(const struct rack *r, const struct rack_node *n,
	const struct inventory *inv, uint64_t revision)
{
	struct desired *d = desired_alone(r, n, inv, revision);

	make_peers(d, r);
	return d;
}

/* ---- the desired state, as JSON ---- */

static json_t *address_json(uint32_t addr)
{
	char buf[16];

	format_ipv4(addr, buf);
	return json_string(addr ? buf : "");
}

static json_t *bridge_to_json(const struct desired_bridge *b)
{
	json_t *trunks = json_array();
	char mac[18];

	format_mac(&b->uplink, mac);
	for (size_t i = 0; i < b->n_trunks; i++)
		json_array_append_new(trunks, json_integer(b->trunks[i]));
	return json_pack("{s:s, s:s, s:i, s:i, s:o}", "name", b->name, "uplink", mac,
		"mtu", (int)b->mtu, "native_vlan", (int)b->native_vlan, "trunks", trunks);
}

static json_t *port_to_json(const struct desired_port *p)
{
	return json_pack("{s:s, s:s, s:i, s:i, s:o, s:i, s:o, s:b}", "name", p->name,
		"bridge", p->bridge, "vlan", (int)p->vlan, "mtu", (int)p->mtu, "address",
		address_json(p->address), "prefix", (int)p->prefix, "gateway",
		address_json(p->gateway), "tunnel", p->tunnel);
}

static json_t *providers_to_json(const struct desired *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->n_providers; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:i}", "name", d->providers[i].name,
				"bridge", d->providers[i].bridge, "vlan",
				(int)d->providers[i].vlan));
	return list;
}

static json_t *peer_to_json(const struct desired_peer *p)
{
	json_t *obj = json_pack("{s:s, s:s, s:s, s:o}", "name", p->name, "role", p->role,
		"kind", p->kind, "management", address_json(p->management));

	ordercloud_peer_to_json(p, obj);
	return obj;
}

static json_t *peers_to_json(const struct desired *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->n_peers; i++)
		json_array_append_new(list, peer_to_json(&d->peers[i]));
	return list;
}

json_t *desired_peers_json(const struct rack *r)
{
	_cleanup_(desired_freep) struct desired *d = xcalloc(1, sizeof(*d));

	make_peers(d, r);
	return peers_to_json(d);
}

json_t *desired_to_json(const struct desired *d)
{
	json_t *bridges = json_array(), *ports = json_array(), *disks = json_array();
	json_t *keys = json_array(), *root;

	for (size_t i = 0; i < d->n_bridges; i++)
		json_array_append_new(bridges, bridge_to_json(&d->bridges[i]));
	for (size_t i = 0; i < d->n_ports; i++)
		json_array_append_new(ports, port_to_json(&d->ports[i]));
	for (size_t i = 0; i < d->n_data_disks; i++)
		json_array_append_new(disks, disk_to_json(&d->data_disks[i]));
	for (size_t i = 0; i < d->n_ssh_keys; i++)
		json_array_append_new(keys, json_string(d->ssh_keys[i]));
	root = json_pack(
		"{s:I, s:s, s:s, s:s, s:s, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o}",
		"revision", (json_int_t)d->revision, "rack", d->rack, "node", d->node,
		"role", d->role, "kind", d->kind, "server", address_json(d->server),
		"server_port", (int)d->server_port, "bridges", bridges, "ports", ports,
		"providers", providers_to_json(d), "data_disks", disks, "peers",
		peers_to_json(d), "ssh_keys", keys);
	if (d->patience_percent != 100)
		json_object_set_new(root, "patience", json_integer(d->patience_percent));
	ordercloud_to_json(d, root);
	return root;
}

static uint32_t jx_ipv4(struct jx *j, const char *key, bool may_be_empty)
{
	const char *s = jx_str(j, key, 15);
	uint32_t addr = 0;

	if (!j->error && !(may_be_empty && !*s) && parse_ipv4(s, &addr) < 0)
		jx_fail(j, key, "expected an IPv4 address");
	return addr;
}

static char *jx_name(struct jx *j, const char *key, size_t max)
{
	const char *s = jx_str(j, key, max);

	if (!j->error && parse_token(s, max) < 0)
		jx_fail(j, key, "expected a name of letters, digits and . _ -");
	return xstrdup(s);
}

static void bridge_from_json(
	struct jx *outer, const json_t *obj, struct desired_bridge *b)
{
	struct jx j = {.obj = obj};
	const char *mac = jx_str(&j, "uplink", 17);
	const json_t *trunks = jx_array(&j, "trunks", RACK_MAX_NETWORKS);

	b->name = jx_name(&j, "name", 15);
	if (!j.error && parse_mac(mac, &b->uplink) < 0)
		jx_fail(&j, "uplink", "expected a MAC address");
	b->mtu = (unsigned)jx_uint(&j, "mtu", 1280, 9216);
	b->native_vlan = (unsigned)jx_uint(&j, "native_vlan", 0, 4094);
	for (size_t i = 0; i < json_array_size(trunks); i++) {
		json_int_t vlan = json_integer_value(json_array_get(trunks, i));

		if (vlan < 1 || vlan > 4094)
			jx_fail(&j, "trunks", "expected VLANs from 1 to 4094");
		else
			b->trunks[b->n_trunks++] = (unsigned)vlan;
	}
	jx_merge(outer, "bridges", &j);
}

static void port_from_json(struct jx *outer, const json_t *obj, struct desired_port *p)
{
	struct jx j = {.obj = obj};

	p->name = jx_name(&j, "name", 15);
	p->bridge = jx_name(&j, "bridge", 15);
	p->vlan = (unsigned)jx_uint(&j, "vlan", 1, 4094);
	p->mtu = (unsigned)jx_uint(&j, "mtu", 1280, 9216);
	p->address = jx_ipv4(&j, "address", false);
	p->prefix = (unsigned)jx_uint(&j, "prefix", 8, 30);
	p->gateway = jx_ipv4(&j, "gateway", true);
	p->tunnel = jx_bool_opt(&j, "tunnel", false);
	jx_merge(outer, "ports", &j);
}

static void provider_from_json(
	struct jx *outer, const json_t *obj, struct desired_provider *p)
{
	struct jx j = {.obj = obj};

	p->name = jx_name(&j, "name", RACK_MAX_NETWORK_NAME);
	p->bridge = jx_name(&j, "bridge", 15);
	p->vlan = (unsigned)jx_uint(&j, "vlan", 1, 4094);
	jx_merge(outer, "providers", &j);
}

/* Desired states that were kept before there were such networks have no such key. */
static void providers_from_json(struct jx *j, struct desired *d)
{
	const json_t *list = jx_array_opt(j, "providers", RACK_MAX_NETWORKS);

	d->providers = xcalloc(json_array_size(list), sizeof(*d->providers));
	for (size_t i = 0; i < json_array_size(list); i++)
		provider_from_json(
			j, json_array_get(list, i), &d->providers[d->n_providers++]);
}

static void peer_from_json(struct jx *outer, const json_t *obj, struct desired_peer *p)
{
	struct jx j = {.obj = obj};

	p->name = jx_name(&j, "name", 63);
	p->role = jx_name(&j, "role", 63);
	p->kind = xstrdup(jx_str(&j, "kind", 63));
	p->management = jx_ipv4(&j, "management", false);
	ordercloud_peer_from_json(&j, p);
	jx_merge(outer, "peers", &j);
}

static void lists_from_json(struct jx *j, struct desired *d)
{
	const json_t *bridges = jx_array(j, "bridges", RACK_MAX_NICS);
	const json_t *ports = jx_array(j, "ports", RACK_MAX_NETWORKS);
	const json_t *disks = jx_array(j, "data_disks", RACK_MAX_DISKS);
	const json_t *peers = jx_array(j, "peers", RACK_MAX_NODES);
	const json_t *keys = jx_array(j, "ssh_keys", 32);

	d->bridges = xcalloc(json_array_size(bridges), sizeof(*d->bridges));
	for (size_t i = 0; i < json_array_size(bridges); i++)
		bridge_from_json(
			j, json_array_get(bridges, i), &d->bridges[d->n_bridges++]);
	d->ports = xcalloc(json_array_size(ports), sizeof(*d->ports));
	for (size_t i = 0; i < json_array_size(ports); i++)
		port_from_json(j, json_array_get(ports, i), &d->ports[d->n_ports++]);
	d->data_disks = xcalloc(json_array_size(disks), sizeof(*d->data_disks));
	for (size_t i = 0; i < json_array_size(disks); i++)
		disk_from_json(j, "data_disks", json_array_get(disks, i),
			&d->data_disks[d->n_data_disks++]);
	d->peers = xcalloc(json_array_size(peers), sizeof(*d->peers));
	for (size_t i = 0; i < json_array_size(peers); i++)
		peer_from_json(j, json_array_get(peers, i), &d->peers[d->n_peers++]);
	d->ssh_keys = xcalloc(json_array_size(keys), sizeof(*d->ssh_keys));
	for (size_t i = 0; i < json_array_size(keys); i++) {
		const char *line = json_string_value(json_array_get(keys, i));

		if (!line || strchr(line, '\n'))
			jx_fail(j, "ssh_keys", "expected single lines");
		else
			d->ssh_keys[d->n_ssh_keys++] = xstrdup(line);
	}
}

static bool is_carried(const struct desired *d, const char *bridge, unsigned vlan)
{
	bool carried = false;

	for (size_t k = 0; k < d->n_bridges; k++) {
		const struct desired_bridge *b = &d->bridges[k];

		if (!streq(b->name, bridge))
			continue;
		carried |= b->native_vlan == vlan;
		for (size_t t = 0; t < b->n_trunks; t++)
			carried |= b->trunks[t] == vlan;
	}
	return carried;
}

/* Every port and provider must be on a bridge that is there and carries its VLAN. */
static void check_ports(struct jx *j, const struct desired *d)
{
	for (size_t i = 0; i < d->n_ports && !j->error; i++) {
		const struct desired_port *p = &d->ports[i];

		if (!is_carried(d, p->bridge, p->vlan))
			jx_fail(j, "ports", "%s: no bridge %s carries VLAN %u", p->name,
				p->bridge, p->vlan);
	}
	for (size_t i = 0; i < d->n_providers && !j->error; i++) {
		const struct desired_provider *p = &d->providers[i];

		if (!is_carried(d, p->bridge, p->vlan))
			jx_fail(j, "providers", "%s: no bridge %s carries VLAN %u",
				p->name, p->bridge, p->vlan);
	}
}

int desired_from_json(const json_t *root, struct desired **ret, char **reterr_msg)
{
	_cleanup_(desired_freep) struct desired *d = xcalloc(1, sizeof(*d));
	struct jx j = {.obj = root};

	d->revision = jx_uint(&j, "revision", 0, INT64_MAX);
	d->rack = jx_name(&j, "rack", 63);
	d->node = jx_name(&j, "node", 63);
	d->role = jx_name(&j, "role", 63);
	d->kind = xstrdup(jx_str(&j, "kind", 63));
	d->server = jx_ipv4(&j, "server", false);
	d->server_port = (unsigned)jx_uint(&j, "server_port", 1, 65535);
	d->patience_percent =
		(unsigned)jx_uint_opt(&j, "patience", 1, DESIRED_MAX_PATIENCE, 100);
	lists_from_json(&j, d);
	providers_from_json(&j, d);
	check_ports(&j, d);
	ordercloud_from_json(&j, d);
	if (j.error) {
		*reterr_msg = TAKE_PTR(j.error);
		return -EINVAL;
	}
	*ret = TAKE_PTR(d);
	return 0;
}

void desired_free(struct desired *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n_bridges; i++)
		free(d->bridges[i].name);
	for (size_t i = 0; i < d->n_ports; i++) {
		free(d->ports[i].name);
		free(d->ports[i].bridge);
	}
	for (size_t i = 0; i < d->n_providers; i++) {
		free(d->providers[i].name);
		free(d->providers[i].bridge);
	}
	for (size_t i = 0; i < d->n_data_disks; i++)
		disk_clear(&d->data_disks[i]);
	for (size_t i = 0; i < d->n_peers; i++) {
		free(d->peers[i].name);
		free(d->peers[i].role);
		free(d->peers[i].kind);
		ordercloud_peer_clear(&d->peers[i]);
	}
	ordercloud_clear(d);
	for (size_t i = 0; i < d->n_ssh_keys; i++)
		free(d->ssh_keys[i]);
	free(d->bridges);
	free(d->ports);
	free(d->providers);
	free(d->data_disks);
	free(d->peers);
	free(d->ssh_keys);
	free(d->rack);
	free(d->node);
	free(d->role);
	free(d->kind);
	free(d);
}

void desired_freep(struct desired **d)
{
	desired_free(*d);
	*d = NULL;
}
