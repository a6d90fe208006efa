/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each rule is a function over the whole model. A rule names the later of two places that
 * clash and says where the earlier one is. Zero values stand for what could not be read and
 * has already been told; rules pass over them.
 */
#include "common/rackrules.h"

#include <stdarg.h>

struct rules {
	const struct rack *rack;
	struct conf *conf;
	struct problems *problems;
};

static unsigned line_of(struct rules *ru, const char *section, const char *key)
{
	struct conf_section *s = conf_section(ru->conf, section);
	const struct conf_key *k = key ? conf_key(s, key) : NULL;

	return k ? k->line : s ? s->line : 0;
}

#define ZERO_BYTES_A_SECOND UINT64_C(100000000) /* of a slow disk */
#define GB UINT64_C(1000000000)
#define SYSTEM_BYTES (19 * GB) /* EFI partition, two slots, the least state */

/* what: "network", "node", "profile"; name may be NULL for sections without one */
#define SAY(ru, what, name, key, ...)                                            \
	do {                                                                     \
		_cleanup_free_ char *_section = (name)                           \
			? xasprintf("%s %s", what, (const char *)(name))         \
			: xstrdup(what);                                         \
		problems_add((ru)->problems, (ru)->conf->file,                   \
			line_of(ru, _section, key), _section, key, __VA_ARGS__); \
	} while (0)

static void check_presence(struct rules *ru)
{
	const struct rack *r = ru->rack;
	const char *file = ru->conf->file;

	if (!r->provisioning)
		problems_add(ru->problems, file, 0, NULL, NULL,
			"the section [network provisioning] is missing: nodes boot from it");
	if (!r->n_nodes)
		problems_add(ru->problems, file, 0, NULL, NULL,
			"no [node ...] section: expected at least one server");
}

/* Where a network has a bridge of its own on the nodes, its patch ports have these names. */
static bool is_port_of(const char *name, const struct rack_network *net)
{
	const char *rest =
		str_startswith(name, net->name) ? name + strlen(net->name) : "";

	return net->use != NETWORK_NODES && (streq(rest, "-up") || streq(rest, "-dn"));
}

static void check_network_pair(
	struct rules *ru, const struct rack_network *a, const struct rack_network *b)
{
	char net[20];

	format_ipv4_net(&a->subnet, net);
	if (a->subnet.prefix && b->subnet.prefix &&
		ipv4_net_overlaps(&a->subnet, &b->subnet))
		SAY(ru, "network", b->name, "subnet",
			"overlaps %s of [network %s] (line %u)", net, a->name, a->line);
	if (a->vlan && a->vlan == b->vlan)
		SAY(ru, "network", b->name, "vlan",
			"VLAN %u is already [network %s] (line %u)", b->vlan, a->name,
			a->line);
	if (is_port_of(b->name, a))
		SAY(ru, "network", b->name, NULL,
			"the nodes have a port of this name for [network %s] (line %u); choose another",
			a->name, a->line);
	if (is_port_of(a->name, b))
		SAY(ru, "network", b->name, NULL,
			"the nodes have ports %s-up and %s-dn for it, and one of them is [network %s] "
			"(line %u); choose another",
			b->name, b->name, a->name, a->line);
}

/* A usable address of the network: inside it, neither its own nor the broadcast address. */
static bool is_host_address(const struct ipv4_net *net, uint32_t addr)
{
	return ipv4_net_contains(net, addr) && addr != net->addr &&
		addr != (net->addr | ~ipv4_net_mask(net));
}

/* A network becomes an interface of its name on the nodes: not one of those that are there. */
static bool is_reserved_name(const char *name)
{
	static const char *const prefixes[] = {"eth", "eno", "ens", "enp", "enx", "bond",
		"vnet", "tap", "virbr", "br-", "ovs-"};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t n = strlen(prefixes[i]);

		if (str_startswith(name, prefixes[i]) &&
			(prefixes[i][n - 1] == '-' || (name[n] >= '0' && name[n] <= '9')))
			return true;
	}
	return streq(name, "lo");
}

static void check_networks(struct rules *ru)
{
	const struct rack *r = ru->rack;
	char net[20];

	format_ipv4_net(&r->bmc_subnet, net);
	for (size_t i = 0; i < r->n_networks; i++) {
		const struct rack_network *n = &r->networks[i];

		for (size_t k = 0; k < i; k++)
			check_network_pair(ru, &r->networks[k], n);
		if (r->bmc_subnet.prefix && n->subnet.prefix &&
			ipv4_net_overlaps(&r->bmc_subnet, &n->subnet))
			SAY(ru, "network", n->name, "subnet", "overlaps %s of [bmc]",
				net);
		if (r->bmc_vlan && n->vlan == r->bmc_vlan)
			SAY(ru, "network", n->name, "vlan",
				"VLAN %u is already that of [bmc]", n->vlan);
		if (n->gateway && n->subnet.prefix &&
			!is_host_address(&n->subnet, n->gateway))
			SAY(ru, "network", n->name, "gateway",
				"expected an address inside its subnet");
		if (is_reserved_name(n->name))
			SAY(ru, "network", n->name, NULL,
				"the nodes have an interface of this name already; choose another");
	}
}

static void check_range(struct rules *ru, const struct rack_network *n)
{
	char net[20], gateway[16];

	if (!n->range_first || !n->subnet.prefix)
		return;
	format_ipv4_net(&n->subnet, net);
	format_ipv4(n->gateway, gateway);
	if (!is_host_address(&n->subnet, n->range_first) ||
		!is_host_address(&n->subnet, n->range_last))
		SAY(ru, "network", n->name, "range",
			"expected addresses inside %s, neither its own nor the broadcast address",
			net);
	else if (n->gateway >= n->range_first && n->gateway <= n->range_last)
		SAY(ru, "network", n->name, "range",
			"expected a range without the gateway %s", gateway);
}

static bool is_carried(const struct rack_profile *p, const struct rack_network *net)
{
	const struct rack_node n = {.profile = p};

	return rack_nic_of(&n, net) >= 0;
}

/* Profiles may do without the external network, but it must reach some node. */
static void check_external(struct rules *ru, const struct rack_network *n)
{
	bool carried = ru->rack->n_profiles == 0;

	for (size_t i = 0; i < ru->rack->n_profiles; i++)
		carried |= is_carried(&ru->rack->profiles[i], n);
	if (!carried)
		SAY(ru, "network", n->name, "use",
			"no profile has a port that carries this network; add it to a nic.N.tagged");
	if (streq(n->name, "management"))
		SAY(ru, "network", n->name, "use",
			"expected nodes: this is where the nodes reach one another");
	check_range(ru, n);
}

static void check_network_uses(struct rules *ru)
{
	const struct rack_network *first[NETWORK_EXTERNAL + 1] = {NULL};

	for (size_t i = 0; i < ru->rack->n_networks; i++) {
		const struct rack_network *n = &ru->rack->networks[i];

		if (n->use == NETWORK_NODES)
			continue;
		if (n == ru->rack->provisioning)
			SAY(ru, "network", n->name, "use",
				"expected nodes: servers boot from this network");
		else if (first[n->use])
			SAY(ru, "network", n->name, "use",
				"[network %s] (line %u) is %s already: expected one; give the other "
				"use = nodes",
				first[n->use]->name, first[n->use]->line,
				network_use_str(n->use));
		else
			first[n->use] = n;
		if (n->use == NETWORK_EXTERNAL && n != ru->rack->provisioning)
			check_external(ru, n);
	}
}

static void check_deploy(struct rules *ru)
{
	const struct rack *r = ru->rack;
	char net[20];

	if (!r->address || !r->provisioning || !r->provisioning->subnet.prefix)
		return;
	format_ipv4_net(&r->provisioning->subnet, net);
	if (!is_host_address(&r->provisioning->subnet, r->address))
		SAY(ru, "deploy", NULL, "address",
			"expected an address inside %s of [network provisioning]", net);
}

static void check_profile_networks(struct rules *ru, const struct rack_profile *p)
{
	for (size_t i = 0; i < ru->rack->n_networks; i++) {
		const struct rack_network *net = &ru->rack->networks[i];
		int times = 0;

		for (size_t k = 0; k < p->n_nics; k++) {
			times += p->nics[k].native == net;
			for (size_t t = 0; t < p->nics[k].n_tagged; t++)
				times += p->nics[k].tagged[t] == net;
		}
		if (times > 1)
			SAY(ru, "profile", p->name, NULL,
				"the network %s is given to more than one port, or twice to one",
				net->name);
		if (times == 0 && net->use != NETWORK_EXTERNAL)
			SAY(ru, "profile", p->name, NULL,
				"no port carries the network %s; add it to a nic.N.tagged",
				net->name);
	}
	if (p->n_nics && ru->rack->provisioning &&
		p->nics[0].native != ru->rack->provisioning)
		SAY(ru, "profile", p->name, "nic.1.native",
			"expected provisioning: servers boot untagged from their first port");
}

/* Two halves of one system: as large, and erased alike. */
static void check_mirror(struct rules *ru, const struct rack_profile *p)
{
	int of = rack_disk_of(p, DISK_SYSTEM), first = rack_disk_of(p, DISK_MIRROR);

	for (int i = 0; i < (int)p->n_disks; i++) {
		const struct rack_disk *d = &p->disks[i],
				       *system = of < 0 ? NULL : &p->disks[of];
		_cleanup_free_ char *use = xasprintf("disk.%u.use", d->bay),
				    *size = xasprintf("disk.%u.size", d->bay),
				    *erase = xasprintf("disk.%u.erase", d->bay);

		if (d->use != DISK_MIRROR)
			continue;
		if (i != first)
			SAY(ru, "profile", p->name, use,
				"the system disk has a mirror already, in bay %u",
				p->disks[first].bay);
		if (system && d->size_bytes != system->size_bytes)
			SAY(ru, "profile", p->name, size,
				"expected the size of the system disk, in bay %u: this is "
				"its mirror",
				system->bay);
		if (system && d->erase != system->erase)
			SAY(ru, "profile", p->name, erase,
				"expected %s, as for the system disk: the same is on both",
				disk_erase_str(system->erase));
	}
}

static void check_profile_disks(struct rules *ru, const struct rack_profile *p)
{
	unsigned system = 0;

	for (size_t i = 0; i < p->n_disks; i++)
		system += p->disks[i].use == DISK_SYSTEM;
	if (system != 1)
		SAY(ru, "profile", p->name, NULL,
			"expected exactly one disk with use = system, found %u", system);
	check_mirror(ru, p);
	for (size_t i = 0; i < p->n_disks; i++) {
		const struct rack_disk *d = &p->disks[i];
		_cleanup_free_ char *key = xasprintf("disk.%u.size", d->bay);
		/* also of the smallest that matches */
		uint64_t least = (SYSTEM_BYTES + p->swap_bytes) / 95 * 100;

		if (d->use != DISK_SYSTEM || !d->size_bytes || d->size_bytes >= least)
			continue;
		SAY(ru, "profile", p->name, key,
			"expected at least %lluG for a system disk (two slots, the state%s)",
			(unsigned long long)(least + GB - 1) / GB,
			p->swap_bytes ? ", swap" : "");
	}
}

/* Overwriting takes as long as the disk is large: it may not be what the run fails of. */
static void check_erase(struct rules *ru, const struct rack_profile *p)
{
	uint64_t need_ms = 0;

	for (size_t i = 0; i < p->n_disks; i++) {
		const struct rack_disk *d = &p->disks[i];
		_cleanup_free_ char *key = xasprintf("disk.%u.erase", d->bay);
		char has[32];

		if (d->erase != DISK_ERASE_ZERO)
			continue;
		need_ms += d->size_bytes / (ZERO_BYTES_A_SECOND / 1000); /* one by one */
		if (need_ms <= ru->rack->deadlines.installing_ms)
			continue;
		format_duration(ru->rack->deadlines.installing_ms, has);
		SAY(ru, "profile", p->name, key,
			"zero may take longer than [deadlines] installing allows (%s): set it "
			"to %llum or more, or choose discard",
			has, (unsigned long long)need_ms / 60000 + 10);
	}
}

static void check_native_mtu(struct rules *ru, const struct rack_profile *p)
{
	for (size_t i = 0; i < p->n_nics; i++) {
		const struct rack_network *n = p->nics[i].native;

		for (size_t k = 0; k < i; k++)
			if (n && n == p->nics[k].native)
				SAY(ru, "profile", p->name, NULL,
					"the network %s is native on two ports", n->name);
	}
}

/* Also where the node's profile is missing, which has been told: the rest is checked. */
static bool takes_address(
	const struct rack *r, const struct rack_node *n, const struct rack_network *w)
{
	if (w->use != NETWORK_EXTERNAL)
		return true;
	return n->profile && rack_has_address(r, n, w);
}

static void check_node_addresses(struct rules *ru, const struct rack_node *n)
{
	const struct rack *r = ru->rack;
	char net[20];

	format_ipv4_net(&r->bmc_subnet, net);
	if (n->bmc && r->bmc_subnet.prefix && !is_host_address(&r->bmc_subnet, n->bmc))
		SAY(ru, "node", n->name, "bmc", "expected an address inside %s of [bmc]",
			net);
	for (size_t i = 0; n->host && i < r->n_networks; i++) {
		const struct rack_network *w = &r->networks[i];

		if (!w->subnet.prefix || !takes_address(r, n, w))
			continue;
		format_ipv4_net(&w->subnet, net);
		if (!is_host_address(&w->subnet, rack_address(n, w)))
			SAY(ru, "node", n->name, "host",
				"host number %u does not fit in %s of [network %s]",
				n->host, net, w->name);
		else if (rack_address(n, w) == w->gateway)
			SAY(ru, "node", n->name, "host",
				"host number %u is the gateway of [network %s]", n->host,
				w->name);
		else if (rack_address(n, w) >= w->range_first &&
			rack_address(n, w) <= w->range_last)
			SAY(ru, "node", n->name, "host",
				"host number %u is in the range of floating addresses of "
				"[network %s], where this node gives out shares; choose another "
				"number or range",
				n->host, w->name);
	}
	if (n->host && r->provisioning && r->address &&
		rack_address(n, r->provisioning) == r->address)
		SAY(ru, "node", n->name, "host",
			"host number %u is the address of [deploy]", n->host);
}

/* ---- what only one node may have ---- */

/* Sorted, those that are the same stand together, in the order of the file. */
struct claim {
	char *what; /* owned: "BMC 10.77.1.11" */
	const char *words; /* borrowed: "this BMC" */
	char key[24];
	const struct rack_node *node; /* borrowed */
	unsigned nth; /* of the node's own */
};

struct claims {
	struct claim *list; /* owned */
	size_t n, cap;
	const struct rack_node *node; /* whose are added */
	unsigned nth;
};

static _printf_(4, 5) void claim(
	struct claims *c, const char *key, const char *words, const char *fmt, ...)
{
	struct claim *x;
	va_list ap;

	GROW(c->list, c->n, c->cap);
	x = &c->list[c->n++];
	*x = (struct claim){.words = words, .node = c->node, .nth = c->nth++};
	snprintf(x->key, sizeof(x->key), "%s", key);
	va_start(ap, fmt);
	x->what = xvasprintf(fmt, ap);
	va_end(ap);
}

static bool mac_is_set(const struct mac_addr *m)
{
	static const struct mac_addr none;

	return !mac_equal(m, &none);
}

static void claim_parts(struct claims *c, const struct rack_node *n)
{
	char key[24], mac[18];

	for (unsigned i = 0; i < RACK_MAX_NICS; i++) {
		if (!mac_is_set(&n->macs[i]))
			continue;
		snprintf(key, sizeof(key), "mac.%u", i + 1);
		format_mac(&n->macs[i], mac);
		claim(c, key, "this MAC", "MAC %s", mac);
	}
	for (unsigned i = 0; i < RACK_MAX_DISKS; i++) {
		const struct rack_node_disk *d = &n->disks[i];
		unsigned bay = d->serial || d->wwn ? n->profile->disks[i].bay : 0;

		snprintf(key, sizeof(key), "disk.%u.serial", bay);
		if (d->serial)
			claim(c, key, "this disk's serial", "disk %s", d->serial);
		snprintf(key, sizeof(key), "disk.%u.wwn", bay);
		if (d->wwn)
			claim(c, key, "this disk's WWN", "WWN %s", d->wwn);
	}
}

static void claim_all(struct claims *c, const struct rack_node *n)
{
	c->node = n;
	c->nth = 0;
	if (n->bmc)
		claim(c, "bmc", "this BMC", "BMC %u", n->bmc);
	if (n->host)
		claim(c, "host", "this host number", "host %u", n->host);
	if (n->unit)
		claim(c, "unit", "this rack unit", "unit %u", n->unit);
	if (*n->serial)
		claim(c, "serial", "this serial", "serial %s", n->serial);
	if (*n->uuid)
		claim(c, "uuid", "this UUID", "UUID %s", n->uuid);
	claim_parts(c, n);
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int r = strcmp(x->what, y->what);

	if (r)
		return r;
	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return x->nth < y->nth ? -1 : x->nth > y->nth;
}

/* Each but the first of those that are the same is told about the first. */
static void check_claims(struct rules *ru, const struct rack *r)
{
	struct claims c = {0};
	const struct claim *first = NULL;

	for (size_t i = 0; i < r->n_nodes; i++)
		claim_all(&c, &r->nodes[i]);
	if (c.n)
		qsort(c.list, c.n, sizeof(*c.list), compare_claims);
	for (size_t i = 0; i < c.n; i++) {
		const struct claim *x = &c.list[i];

		if (first && streq(first->what, x->what))
			SAY(ru, "node", x->node->name, x->key,
				"%s is already that of [node %s] (line %u)", x->words,
				first->node->name, first->node->line);
		else
			first = x;
	}
	for (size_t i = 0; i < c.n; i++)
		free(c.list[i].what);
	free(c.list);
}

static void check_nodes(struct rules *ru)
{
	const struct rack *r = ru->rack;

	for (size_t i = 0; i < r->n_nodes; i++)
		check_node_addresses(ru, &r->nodes[i]);
	check_claims(ru, r);
}

void rackrules_check(const struct rack *r, struct conf *c, struct problems *problems)
{
	struct rules ru = {.rack = r, .conf = c, .problems = problems};

	check_presence(&ru);
	check_deploy(&ru);
	check_networks(&ru);
	check_network_uses(&ru);
	for (size_t i = 0; i < r->n_profiles; i++) {
		check_profile_networks(&ru, &r->profiles[i]);
		check_profile_disks(&ru, &r->profiles[i]);
		check_erase(&ru, &r->profiles[i]);
		check_native_mtu(&ru, &r->profiles[i]);
	}
	check_nodes(&ru);
}
