/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One bridge per NIC: the NIC is a port that speaks the NIC's VLANs, and each network of
 * the node is an internal port in one VLAN, with the address. The bridge's own local port
 * stays without an address: it would be in no VLAN.
 */
#include "netconf/plan.h"

#include <net/if.h>

/* A NIC that carries one untagged network and nothing else. OVS reads an empty list of
 * trunks as "all", so native-untagged would let every VLAN in. */
#define MODE_ACCESS "access"
#define MODE_NATIVE "native-untagged"
#define MODE_TRUNK "trunk"

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

int plan_check(const struct desired *d, char **reterr_msg)
{
	int r;

	for (size_t i = 0; i < d->n_bridges; i++)
		if ((r = check_bridge(d, i, reterr_msg)) < 0)
			return r;
	for (size_t i = 0; i < d->n_ports; i++)
		if ((r = check_port(d, i, reterr_msg)) < 0)
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

static void add_bridge(struct plan *plan, const struct desired_bridge *b, const char *nic,
	const char *datapath_type)
{
	struct row_bridge *row = &plan->rows.bridges[plan->rows.n_bridges++];

	row->name = xstrdup(b->name);
	row->datapath_type = xstrdup(datapath_type);
	row->fail_mode = xstrdup("standalone");
	row->ours = true;
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

static void add_network(
	struct plan *plan, const struct desired_bridge *b, const struct desired_port *p)
{
	struct row_port *row =
		add_port(&plan->rows, p->name, b->name, "internal", MODE_ACCESS);
	struct mac_addr mac;

	row->tag = p->vlan;
	row->mtu_request = p->mtu;
	plan_port_mac(&b->uplink, p->vlan, p->vlan == b->native_vlan, &mac);
	free(row->mac);
	row->mac = xmalloc(18);
	format_mac(&mac, row->mac);
	plan->links[plan->n_links++] = (struct plan_link){.name = xstrdup(p->name),
		.mtu = p->mtu,
		.address = p->address,
		.prefix = p->prefix,
		.gateway = p->gateway};
}

int plan_bridged(const struct desired *d, char *const nics[], const char *datapath_type,
	struct plan **ret, char **reterr_msg)
{
	_cleanup_(plan_freep) struct plan *plan = xcalloc(1, sizeof(*plan));

	plan->rows.bridges = xcalloc(d->n_bridges + 1, sizeof(*plan->rows.bridges));
	plan->rows.ports =
		xcalloc(2 * d->n_bridges + d->n_ports + 1, sizeof(*plan->rows.ports));
	plan->links = xcalloc(d->n_bridges + d->n_ports + 1, sizeof(*plan->links));
	for (size_t i = 0; i < d->n_bridges; i++) {
		for (size_t j = 0; j < d->n_ports; j++)
			if (streq(d->ports[j].name, nics[i]))
				return bad(reterr_msg,
					xasprintf("network %s has the name of this "
						  "server's NIC",
						nics[i]));
		add_bridge(plan, &d->bridges[i], nics[i], datapath_type);
	}
	for (size_t i = 0; i < d->n_ports; i++)
		add_network(plan, find_bridge(d, d->ports[i].bridge), &d->ports[i]);
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
		a->prefix == b->prefix && a->gateway == b->gateway;
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
		a->server != b->server)
		return false;
	for (size_t i = 0; i < a->n_bridges; i++) {
		const struct desired_bridge *other = find_bridge(b, a->bridges[i].name);

		if (!other || !same_bridge(&a->bridges[i], other))
			return false;
	}
	for (size_t i = 0; i < a->n_ports; i++)
		if (!has_port(b, &a->ports[i]))
			return false;
	return true;
}
