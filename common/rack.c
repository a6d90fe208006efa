/* SPDX-License-Identifier: Apache-2.0 */
/* The model's life and its look-ups; rackfile.c builds it, rackrules.c holds it to its rules. */
#include "common/rack.h"

#include "common/rackcloud.h"

static const char *const use_names[] = {[DISK_SPARE] = "spare",
	[DISK_SYSTEM] = "system",
	[DISK_DATA] = "data",
	[DISK_MIRROR] = "mirror"};
static const char *const erase_names[] = {[DISK_ERASE_NONE] = "none",
	[DISK_ERASE_DISCARD] = "discard",
	[DISK_ERASE_SECURE] = "secure",
	[DISK_ERASE_ZERO] = "zero"};
static const char *const bus_names[] = {[DISK_BUS_OTHER] = "other",
	[DISK_BUS_SATA] = "sata",
	[DISK_BUS_SAS] = "sas",
	[DISK_BUS_NVME] = "nvme",
	[DISK_BUS_VIRTIO] = "virtio",
	[DISK_BUS_USB] = "usb"};

static const char *const network_use_names[] = {[NETWORK_NODES] = "nodes",
	[NETWORK_TUNNEL] = "tunnel",
	[NETWORK_EXTERNAL] = "external"};

static int place_of(const char *s, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (streq(s, names[i]))
			return (int)i;
	return -EINVAL;
}

const char *network_use_str(enum network_use use)
{
	return network_use_names[use];
}

int network_use_parse(const char *s, enum network_use *ret)
{
	int i = place_of(s, network_use_names, ARRAY_SIZE(network_use_names));

	if (i >= 0)
		*ret = (enum network_use)i;
	return MIN(i, 0);
}

const char *disk_use_str(enum disk_use use)
{
	return use_names[use];
}

const char *disk_erase_str(enum disk_erase erase)
{
	return erase_names[erase];
}

int disk_erase_parse(const char *s, enum disk_erase *ret)
{
	int i = place_of(s, erase_names, ARRAY_SIZE(erase_names));

	if (i >= 0)
		*ret = (enum disk_erase)i;
	return MIN(i, 0);
}

const char *disk_bus_str(enum disk_bus bus)
{
	return bus_names[bus];
}

int disk_use_parse(const char *s, enum disk_use *ret)
{
	int i = place_of(s, use_names, ARRAY_SIZE(use_names));

	if (i >= 0)
		*ret = (enum disk_use)i;
	return MIN(i, 0);
}

int disk_bus_parse(const char *s, enum disk_bus *ret)
{
	int i = place_of(s, bus_names, ARRAY_SIZE(bus_names));

	if (i >= 0)
		*ret = (enum disk_bus)i;
	return MIN(i, 0);
}

bool disk_use_is_system(enum disk_use use)
{
	return use == DISK_SYSTEM || use == DISK_MIRROR;
}

int rack_disk_of(const struct rack_profile *p, enum disk_use use)
{
	for (size_t i = 0; i < p->n_disks; i++)
		if (p->disks[i].use == use)
			return (int)i;
	return -1;
}

static void index_free(struct rack_index *x);

static void node_clear(struct rack_node *n)
{
	free(n->name);
	free(n->role);
	free(n->kind);
	free(n->serial);
	for (size_t i = 0; i < RACK_MAX_DISKS; i++) {
		free(n->disks[i].serial);
		free(n->disks[i].wwn);
	}
}

void rack_free(struct rack *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_networks; i++)
		free(r->networks[i].name);
	for (size_t i = 0; i < r->n_profiles; i++) {
		free(r->profiles[i].name);
		free(r->profiles[i].vendor);
		free(r->profiles[i].product);
	}
	for (size_t i = 0; i < r->n_nodes; i++)
		node_clear(&r->nodes[i]);
	for (size_t i = 0; i < r->n_ssh_keys; i++)
		free(r->ssh_keys[i]);
	index_free(r->index);
	free(r->ssh_keys);
	free(r->networks);
	free(r->profiles);
	free(r->nodes);
	free(r->name);
	free(r->file);
	free(r->interface);
	free(r->image);
	rackcloud_free(r->cloud);
	free(r);
}

void rack_freep(struct rack **r)
{
	rack_free(*r);
	*r = NULL;
}

/* ---- finding nodes ---- */

/* Sorted arrays, each of all nodes (by_mac: of all ports). */
struct rack_index {
	const struct rack_node **by_name,
		**by_host; /* owned; what they point to is the rack's */
	struct port {
		struct mac_addr mac;
		size_t nth;
		const struct rack_node *node; /* borrowed */
	} * by_mac; /* owned */
	size_t n_macs;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp((*(const struct rack_node *const *)a)->name,
		(*(const struct rack_node *const *)b)->name);
}

static int compare_hosts(const void *a, const void *b)
{
	unsigned x = (*(const struct rack_node *const *)a)->host;
	unsigned y = (*(const struct rack_node *const *)b)->host;

	return x < y ? -1 : x > y;
}

static int compare_macs(const void *a, const void *b)
{
	return memcmp(&((const struct port *)a)->mac, &((const struct port *)b)->mac,
		sizeof(struct mac_addr));
}

static void index_ports(struct rack_index *x, const struct rack_node *n)
{
	for (size_t i = 0; n->profile && i < n->profile->n_nics; i++)
		x->by_mac[x->n_macs++] = (struct port){n->macs[i], i, n};
}

void rack_make_index(struct rack *r)
{
	struct rack_index *x = r->index = xcalloc(1, sizeof(*x));

	x->by_name = xcalloc(r->n_nodes + 1, sizeof(*x->by_name));
	x->by_host = xcalloc(r->n_nodes + 1, sizeof(*x->by_host));
	x->by_mac = xcalloc(r->n_nodes * RACK_MAX_NICS + 1, sizeof(*x->by_mac));
	for (size_t i = 0; i < r->n_nodes; i++) {
		x->by_name[i] = x->by_host[i] = &r->nodes[i];
		index_ports(x, &r->nodes[i]);
	}
	qsort(x->by_name, r->n_nodes, sizeof(*x->by_name), compare_names);
	qsort(x->by_host, r->n_nodes, sizeof(*x->by_host), compare_hosts);
	qsort(x->by_mac, x->n_macs, sizeof(*x->by_mac), compare_macs);
}

static void index_free(struct rack_index *x)
{
	if (!x)
		return;
	free(x->by_name);
	free(x->by_host);
	free(x->by_mac);
	free(x);
}

static const struct rack_node *find(const struct rack *r, const struct rack_node *like,
	const struct rack_node *const *list, int (*compare)(const void *, const void *))
{
	const struct rack_node *const *found =
		bsearch(&like, list, r->n_nodes, sizeof(*list), compare);

	return found ? *found : NULL;
}

const struct rack_node *rack_node(const struct rack *r, const char *name)
{
	const struct rack_node like = {.name = (char *)name};

	return find(r, &like, r->index->by_name, compare_names);
}

const struct rack_node *rack_node_by_mac(
	const struct rack *r, const struct mac_addr *mac, size_t *ret_port)
{
	const struct port like = {.mac = *mac};
	const struct port *found = bsearch(
		&like, r->index->by_mac, r->index->n_macs, sizeof(like), compare_macs);

	if (found && ret_port)
		*ret_port = found->nth;
	return found ? found->node : NULL;
}

const struct rack_node *rack_node_by_address(
	const struct rack *r, const struct rack_network *net, uint32_t address)
{
	const struct rack_node like = {.host = address - net->subnet.addr};

	return find(r, &like, r->index->by_host, compare_hosts);
}

/* ---- of a rack ---- */

const struct rack_network *rack_network(const struct rack *r, const char *name)
{
	for (size_t i = 0; i < r->n_networks; i++)
		if (streq(r->networks[i].name, name))
			return &r->networks[i];
	return NULL;
}

uint32_t rack_address(const struct rack_node *n, const struct rack_network *net)
{
	return net->subnet.addr + n->host;
}

static bool nic_carries(const struct rack_nic *nic, const struct rack_network *net)
{
	if (nic->native == net)
		return true;
	for (size_t i = 0; i < nic->n_tagged; i++)
		if (nic->tagged[i] == net)
			return true;
	return false;
}

int rack_nic_of(const struct rack_node *n, const struct rack_network *net)
{
	for (size_t i = 0; i < n->profile->n_nics; i++)
		if (nic_carries(&n->profile->nics[i], net))
			return (int)i;
	return -1;
}

bool rack_has_address(
	const struct rack *r, const struct rack_node *n, const struct rack_network *net)
{
	if (rack_nic_of(n, net) < 0)
		return false;
	return net->use != NETWORK_EXTERNAL ||
		(net->shares && rackcloud_has_shares(r, n));
}

unsigned rack_nic_mtu(const struct rack_nic *nic)
{
	unsigned mtu = nic->native ? nic->native->mtu : 1280;

	for (size_t i = 0; i < nic->n_tagged; i++)
		mtu = MAX(mtu, nic->tagged[i]->mtu);
	return mtu;
}
