/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One bridge per NIC: the NIC is a port that speaks the NIC's VLANs, and each network of
 * the node is an internal port in one VLAN, with the address. The bridge's own local port
 * stays without an address: it would be in no VLAN.
 *
 * Two kinds of network are a bridge of their own, wired to the NIC's bridge in their VLAN:
 * - A provider network belongs to the cloud's routers: Neutron's agent wants a bridge all
 *   whose flows are its own, which the NIC's bridge cannot be.
 * - Tunnels of the userspace datapath: it looks for the tunnel's address on the local
 *   ports of bridges first, and that is all its documentation promises. (3.1 then searches
 *   all other ports, so that an internal port does as well when its MAC is not the NIC's.)
 */
#include "netconf/plan.h"

#include <net/if.h>

/* A NIC that carries one untagged network and nothing else. OVS reads an empty list of
 * trunks as "all", so native-untagged would let every VLAN in. */
#define MODE_ACCESS "access"
#define MODE_NATIVE "native-untagged"
#define MODE_TRUNK "trunk"

/* The wire between a network's bridge and the NIC's: NAME-up there, NAME-dn here. */
#define UP "-up"
#define DN "-dn"

void plan_free(struct plan *p)
{
	if (!p)
		return;
	rows_clear(&p->rows);
	for (size_t i = 0; i < p->n_links; i++)
		free(p->links[i].name);
	free(p->links);
	free(p);
}

void plan_freep(struct plan **p)
{
	plan_free(*p);
}

/* ---- checks ---- */

static int bad(char **reterr_msg, char *text)
{
	*reterr_msg = text;
	return -EINVAL;
}

static bool name_is_safe(const char *s)
{
	static const char *const taken[] = {
		"lo", "ovs-system", "ovs-netdev", "default", "all"};

	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		if (streq(s, taken[i]))
			return false;
	return strlen(s) < IFNAMSIZ && parse_hostname(s) == 0;
}

static const struct desired_bridge *find_bridge(const struct desired *d, const char *name)
{
	for (size_t i = 0; i < d->n_bridges; i++)
		if (streq(d->bridges[i].name, name))
			return &d->bridges[i];
	return NULL;
}

static bool bridge_carries(const struct desired_bridge *b, unsigned vlan)
{
	for (size_t i = 0; i < b->n_trunks; i++)
		if (b->trunks[i] == vlan)
			return true;
	return b->native_vlan == vlan;
}

static int check_bridge(const struct desired *d, size_t i, char **reterr_msg)
{
	const struct desired_bridge *b = &d->bridges[i];
	char mac[18];

	if (!name_is_safe(b->name))
		return bad(reterr_msg,
			xasprintf("bridges[%zu].name: expected an interface name of "
				  "at most 15 letters, digits and dashes, found "
				  "\"%s\"",
				i, b->name));
	if (b->native_vlan == 0 && b->n_trunks == 0)
		return bad(reterr_msg,
			xasprintf("bridge %s: expected a native_vlan or trunks, "
				  "found neither",
				b->name));
	for (size_t j = 0; j < i; j++) {
		if (streq(d->bridges[j].name, b->name))
			return bad(reterr_msg,
				xasprintf("bridge %s is there twice", b->name));
		format_mac(&b->uplink, mac);
		if (mac_equal(&d->bridges[j].uplink, &b->uplink))
			return bad(reterr_msg,
				xasprintf("bridges %s and %s both have the uplink "
					  "%s",
					d->bridges[j].name, b->name, mac));
	}
	return 0;
}

static int check_port(const struct desired *d, size_t i, char **reterr_msg)
{
	const struct desired_port *p = &d->ports[i];
	const struct desired_bridge *b = find_bridge(d, p->bridge);

	if (!name_is_safe(p->name))
		return bad(reterr_msg,
			xasprintf("ports[%zu].name: expected an interface name of "
				  "at most 15 letters, digits and dashes, found "
				  "\"%s\"",
				i, p->name));
	if (find_bridge(d, p->name))
		return bad(reterr_msg,
			xasprintf("port %s has the name of a bridge", p->name));
	if (!b)
		return bad(reterr_msg,
			xasprintf("port %s: there is no bridge \"%s\"", p->name,
				p->bridge));
	if (!bridge_carries(b, p->vlan))
		return bad(reterr_msg,
			xasprintf("port %s: VLAN %u is neither native nor a trunk "
				  "of bridge %s",
				p->name, p->vlan, b->name));
	if (p->mtu > b->mtu)
		return bad(reterr_msg,
			xasprintf("port %s: MTU %u is over the %u of bridge %s", p->name,
				p->mtu, b->mtu, b->name));
	for (size_t j = 0; j < i; j++)
		if (streq(d->ports[j].name, p->name))
			return bad(
				reterr_msg, xasprintf("port %s is there twice", p->name));
	return 0;
}

static bool name_is_used(const struct desired *d, const char *name)
{
	for (size_t i = 0; i < d->n_ports; i++)
		if (streq(d->ports[i].name, name))
			return true;
	for (size_t i = 0; i < d->n_providers; i++)
		if (streq(d->providers[i].name, name))
			return true;
	return find_bridge(d, name);
}

/* A network that is or may be a bridge: room for the names of its wire, and these free. */
static int check_wire(const struct desired *d, const char *name, char **reterr_msg)
{
	_cleanup_free_ char *up = xasprintf("%s" UP, name),
			    *dn = xasprintf("%s" DN, name);

	if (strlen(up) >= IFNAMSIZ)
		return bad(reterr_msg,
			xasprintf("network %s: expected a name of at most %zu characters",
				name, IFNAMSIZ - sizeof(UP)));
	if (name_is_used(d, up) || name_is_used(d, dn))
		return bad(reterr_msg,
			xasprintf("network %s: its bridge needs the names %s and %s, and "
				  "one of them is taken",
				name, up, dn));
	return 0;
}

static int check_provider(const struct desired *d, size_t i, char **reterr_msg)
{
	const struct desired_provider *p = &d->providers[i];
	const struct desired_bridge *b = find_bridge(d, p->bridge);

	if (!name_is_safe(p->name))
		return bad(reterr_msg,
			xasprintf("providers[%zu].name: expected an interface name of "
				  "letters, digits and dashes, found \"%s\"",
				i, p->name));
	if (find_bridge(d, p->name))
		return bad(reterr_msg,
			xasprintf("provider %s has the name of a bridge", p->name));
	for (size_t j = 0; j < d->n_ports; j++)
		if (streq(d->ports[j].name, p->name))
			return bad(reterr_msg,
				xasprintf("provider %s has the name of a port", p->name));
	for (size_t j = 0; j < i; j++)
		if (streq(d->providers[j].name, p->name))
			return bad(reterr_msg,
				xasprintf("provider %s is there twice", p->name));
	if (!b)
		return bad(reterr_msg,
			xasprintf("provider %s: there is no bridge \"%s\"", p->name,
				p->bridge));
	if (!bridge_carries(b, p->vlan))
		return bad(reterr_msg,
			xasprintf("provider %s: VLAN %u is neither native nor a trunk "
				  "of bridge %s",
				p->name, p->vlan, b->name));
	return check_wire(d, p->name, reterr_msg);
}

int plan_check(const struct desired *d, char **reterr_msg)
{
	int r;

	for (size_t i = 0; i < d->n_bridges; i++)
		if ((r = check_bridge(d, i, reterr_msg)) < 0)
			return r;
	for (size_t i = 0; i < d->n_ports; i++) {
		r = check_port(d, i, reterr_msg);
		if (r == 0 && d->ports[i].tunnel)
			r = check_wire(d, d->ports[i].name, reterr_msg);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < d->n_providers; i++)
		if ((r = check_provider(d, i, reterr_msg)) < 0)
			return r;
	return 0;
}

/* ---- rows ---- */

static int by_number(const void *a, const void *b)
{
	const unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return x < y ? -1 : x > y;
}

static struct row_port *add_port(struct rows *rows, const char *name, const char *bridge,
	const char *type, const char *vlan_mode)
{
	struct row_port *p = &rows->ports[rows->n_ports++];

	p->name = xstrdup(name);
	p->bridge = xstrdup(bridge);
	p->type = xstrdup(type);
	p->vlan_mode = xstrdup(vlan_mode);
	p->mac = xstrdup("");
	p->peer = xstrdup("");
	p->error = xstrdup("");
	p->ours = true;
	return p;
}

static void add_uplink(struct rows *rows, const struct desired_bridge *b, const char *nic)
{
	const char *mode = b->native_vlan == 0 ? MODE_TRUNK
		: b->n_trunks == 0             ? MODE_ACCESS
					       : MODE_NATIVE;
	struct row_port *p = add_port(rows, nic, b->name, "", mode);

	p->tag = b->native_vlan;
	p->n_trunks = b->n_trunks;
	p->trunks = xcalloc(b->n_trunks + 1, sizeof(unsigned));
	for (size_t i = 0; i < b->n_trunks; i++)
		p->trunks[i] = b->trunks[i];
	qsort(p->trunks, p->n_trunks, sizeof(unsigned), by_number);
}

static struct row_bridge *add_bridge_row(
	struct plan *plan, const char *name, const char *datapath_type)
{
	struct row_bridge *row = &plan->rows.bridges[plan->rows.n_bridges++];

	row->name = xstrdup(name);
	row->datapath_type = xstrdup(datapath_type);
	row->fail_mode = xstrdup("standalone");
	row->hwaddr = xstrdup("");
	row->ours = true;
	return row;
}

static void add_bridge(struct plan *plan, const struct desired_bridge *b, const char *nic,
	const char *datapath_type)
{
	add_bridge_row(plan, b->name, datapath_type);
	add_port(&plan->rows, b->name, b->name, "internal", "");
	add_uplink(&plan->rows, b, nic);
	plan->links[plan->n_links++] =
		(struct plan_link){.name = xstrdup(nic), .uplink = true, .mtu = b->mtu};
}

void plan_port_mac(
	const struct mac_addr *nic, unsigned vlan, bool native, struct mac_addr *ret)
{
	struct mac_addr m = *nic;

	if (!native) {
		m.b[0] |= 2; /* locally administered */
		m.b[1] ^= (uint8_t)(vlan >> 8);
		m.b[2] ^= (uint8_t)vlan;
	}
	*ret = m;
}

static void set_mac(
	char **field, const struct desired_bridge *b, unsigned vlan, bool native)
{
	struct mac_addr mac;

	plan_port_mac(&b->uplink, vlan, native, &mac);
	free(*field);
	*field = xmalloc(18);
	format_mac(&mac, *field);
}

static void set_str(char **field, const char *value)
{
	free(*field);
	*field = xstrdup(value);
}

/* Access mode holds for the native VLAN too: it is the uplink that sends it untagged. */
static void add_wire(
	struct rows *rows, const char *name, const char *bridge, unsigned vlan)
{
	_cleanup_free_ char *up = xasprintf("%s" UP, name),
			    *dn = xasprintf("%s" DN, name);
	struct row_port *p = add_port(rows, up, name, "patch", "");

	set_str(&p->peer, dn);
	p = add_port(rows, dn, bridge, "patch", MODE_ACCESS);
	set_str(&p->peer, up);
	p->tag = vlan;
}

/*
 * The MAC is never the NIC's: were it, the NIC's bridge would know it on two ports and
 * packets would come twice.
 */
static struct row_port *add_tunnel(struct plan *plan, const struct desired_bridge *b,
	const struct desired_port *p, const char *datapath_type)
{
	struct row_bridge *row = add_bridge_row(plan, p->name, datapath_type);
	struct row_port *local = add_port(&plan->rows, p->name, p->name, "internal", "");

	set_mac(&row->hwaddr, b, p->vlan, false);
	add_wire(&plan->rows, p->name, b->name, p->vlan);
	return local;
}

static struct row_port *add_internal(
	struct plan *plan, const struct desired_bridge *b, const struct desired_port *p)
{
	struct row_port *row =
		add_port(&plan->rows, p->name, b->name, "internal", MODE_ACCESS);

	row->tag = p->vlan;
	set_mac(&row->mac, b, p->vlan, p->vlan == b->native_vlan);
	return row;
}

static void add_provider(
	struct plan *plan, const struct desired_provider *p, const char *datapath_type)
{
	struct row_bridge *row = add_bridge_row(plan, p->name, datapath_type);

	set_str(&row->fail_mode, "");
	row->provider = true;
	add_port(&plan->rows, p->name, p->name, "internal", "");
	add_wire(&plan->rows, p->name, p->bridge, p->vlan);
}

static void add_network(struct plan *plan, const struct desired_bridge *b,
	const struct desired_port *p, const char *datapath_type)
{
	struct row_port *row = p->tunnel && streq(datapath_type, "netdev")
		? add_tunnel(plan, b, p, datapath_type)
		: add_internal(plan, b, p);

	row->mtu_request = p->mtu;
	plan->links[plan->n_links++] = (struct plan_link){.name = xstrdup(p->name),
		.mtu = p->mtu,
		.address = p->address,
		.prefix = p->prefix,
		.gateway = p->gateway};
}

/* A network is at most a bridge with a local port and the two ends of a wire. */
static void make_room(struct plan *plan, const struct desired *d)
{
	const size_t networks = d->n_ports + d->n_providers;

	plan->rows.bridges =
		xcalloc(d->n_bridges + networks + 1, sizeof(*plan->rows.bridges));
	plan->rows.ports =
		xcalloc(2 * d->n_bridges + 3 * networks + 1, sizeof(*plan->rows.ports));
	plan->links = xcalloc(d->n_bridges + d->n_ports + 1, sizeof(*plan->links));
}

int plan_bridged(const struct desired *d, char *const nics[], const char *datapath_type,
	struct plan **ret, char **reterr_msg)
{
	_cleanup_(plan_freep) struct plan *plan = xcalloc(1, sizeof(*plan));

	make_room(plan, d);
	for (size_t i = 0; i < d->n_bridges; i++) {
		if (name_is_used(d, nics[i]))
			return bad(reterr_msg,
				xasprintf("network %s has the name of this server's NIC",
					nics[i]));
		add_bridge(plan, &d->bridges[i], nics[i], datapath_type);
	}
	for (size_t i = 0; i < d->n_ports; i++)
		add_network(plan, find_bridge(d, d->ports[i].bridge), &d->ports[i],
			datapath_type);
	for (size_t i = 0; i < d->n_providers; i++)
		add_provider(plan, &d->providers[i], datapath_type);
	*ret = TAKE_PTR(plan);
	return 0;
}

/* ---- the plain network ---- */

static bool port_sees(const struct desired_port *p, uint32_t address)
{
	const struct ipv4_net net = {p->address, p->prefix};
	const uint32_t mask = ipv4_net_mask(&net);

	return (p->address & mask) == (address & mask);
}

int plan_native_port(const struct desired *d, const struct desired_port **ret_port,
	const struct desired_bridge **ret_bridge)
{
	const struct desired_port *port = NULL;
	const struct desired_bridge *bridge = NULL;

	for (size_t i = 0; i < d->n_ports; i++) {
		const struct desired_port *p = &d->ports[i];
		const struct desired_bridge *b = find_bridge(d, p->bridge);

		if (!b || b->native_vlan != p->vlan || p->address == 0)
			continue;
		if (port && !port_sees(p, d->server))
			continue;
		port = p;
		bridge = b;
	}
	if (!port)
		return -ENOENT;
	*ret_port = port;
	*ret_bridge = bridge;
	return 0;
}

struct plan *plan_plain(const struct desired *d, const char *nic)
{
	struct plan *plan = xcalloc(1, sizeof(*plan));
	const struct desired_bridge *b;
	const struct desired_port *p;

	if (plan_native_port(d, &p, &b) < 0)
		return plan;
	plan->links = xcalloc(1, sizeof(*plan->links));
	plan->n_links = 1;
	plan->links[0] = (struct plan_link){.name = xstrdup(nic),
		.uplink = true,
		.mtu = p->mtu,
		.address = p->address,
		.prefix = p->prefix,
		.gateway = p->gateway};
	return plan;
}

/* ---- comparing ---- */

static bool same_bridge(const struct desired_bridge *a, const struct desired_bridge *b)
{
	if (!streq(a->name, b->name) || !mac_equal(&a->uplink, &b->uplink) ||
		a->mtu != b->mtu || a->native_vlan != b->native_vlan ||
		a->n_trunks != b->n_trunks)
		return false;
	for (size_t i = 0; i < a->n_trunks; i++)
		if (!bridge_carries(b, a->trunks[i]))
			return false;
	return true;
}

static bool same_port(const struct desired_port *a, const struct desired_port *b)
{
	return streq(a->name, b->name) && streq(a->bridge, b->bridge) &&
		a->vlan == b->vlan && a->mtu == b->mtu && a->address == b->address &&
		a->prefix == b->prefix && a->gateway == b->gateway &&
		a->tunnel == b->tunnel;
}

static bool has_provider(const struct desired *d, const struct desired_provider *p)
{
	for (size_t i = 0; i < d->n_providers; i++)
		if (streq(d->providers[i].name, p->name) &&
			streq(d->providers[i].bridge, p->bridge) &&
			d->providers[i].vlan == p->vlan)
			return true;
	return false;
}

static bool has_port(const struct desired *d, const struct desired_port *p)
{
	for (size_t i = 0; i < d->n_ports; i++)
		if (same_port(&d->ports[i], p))
			return true;
	return false;
}

bool plan_same_network(const struct desired *a, const struct desired *b)
{
	if (a->n_bridges != b->n_bridges || a->n_ports != b->n_ports ||
		a->n_providers != b->n_providers || a->server != b->server)
		return false;
	for (size_t i = 0; i < a->n_bridges; i++) {
		const struct desired_bridge *other = find_bridge(b, a->bridges[i].name);

		if (!other || !same_bridge(&a->bridges[i], other))
			return false;
	}
	for (size_t i = 0; i < a->n_ports; i++)
		if (!has_port(b, &a->ports[i]))
			return false;
	for (size_t i = 0; i < a->n_providers; i++)
		if (!has_provider(b, &a->providers[i]))
			return false;
	return true;
}
