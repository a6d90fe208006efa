/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/summary.h"

/* Have the nodes before i one with this role and kind? */
static bool role_seen(const struct rack *r, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (streq(r->nodes[k].role, r->nodes[i].role) &&
			streq_ptr(r->nodes[k].kind, r->nodes[i].kind))
			return true;
	return false;
}

static unsigned role_count(const struct rack *r, const struct rack_node *of)
{
	unsigned count = 0;

	for (size_t i = 0; i < r->n_nodes; i++)
		count += streq(r->nodes[i].role, of->role) &&
			streq_ptr(r->nodes[i].kind, of->kind);
	return count;
}

static void put_roles(FILE *f, const struct rack *r)
{
	const char *comma = "";

	for (size_t i = 0; i < r->n_nodes; i++) {
		const struct rack_node *n = &r->nodes[i];

		if (role_seen(r, i))
			continue;
		fprintf(f, "%s%u %s", comma, role_count(r, n), n->role);
		if (n->kind)
			fprintf(f, " (%s)", n->kind);
		comma = ", ";
	}
}

static void put_networks(FILE *f, const struct rack *r)
{
	char net[20];

	for (size_t i = 0; i < r->n_networks; i++) {
		const struct rack_network *n = &r->networks[i];

		format_ipv4_net(&n->subnet, net);
		fprintf(f, "%s%s VLAN %u %s MTU %u", i ? "; " : "", n->name, n->vlan, net,
			n->mtu);
	}
	format_ipv4_net(&r->bmc_subnet, net);
	fprintf(f, "; BMCs VLAN %u %s", r->bmc_vlan, net);
}

char *summary_text(const struct rack *r)
{
	char *out = NULL, address[16];
	size_t len;
	FILE *f = open_memstream(&out, &len);

	if (!f)
		abort();
	format_ipv4(r->address, address);
	fprintf(f, "%s is good: the rack %s has %zu node%s: ", r->file, r->name,
		r->n_nodes, r->n_nodes == 1 ? "" : "s");
	put_roles(f, r);
	fprintf(f, ".\nNetworks: ");
	put_networks(f, r);
	fprintf(f,
		".\nondold serves from %s on %s, port %u, image %s, at most %u installs at a time.\n",
		address, r->interface, r->http_port, r->image, r->parallel_installs);
	if (fclose(f) != 0)
		abort();
	return out;
}

static json_t *network_json(const struct rack_network *n)
{
	char net[20];

	format_ipv4_net(&n->subnet, net);
	return json_pack("{s:s, s:s, s:i, s:i}", "name", n->name, "subnet", net, "vlan",
		(int)n->vlan, "mtu", (int)n->mtu);
}

static json_t *node_json(const struct rack_node *n)
{
	char bmc[16];

	format_ipv4(n->bmc, bmc);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s}", "name", n->name, "role",
		n->role, "kind", n->kind ? n->kind : "", "profile", n->profile->name,
		"unit", (int)n->unit, "bmc", bmc, "serial", n->serial);
}

json_t *summary_json(const struct rack *r)
{
	json_t *networks = json_array(), *nodes = json_array();

	for (size_t i = 0; i < r->n_networks; i++)
		json_array_append_new(networks, network_json(&r->networks[i]));
	for (size_t i = 0; i < r->n_nodes; i++)
		json_array_append_new(nodes, node_json(&r->nodes[i]));
	return json_pack(
		"{s:s, s:o, s:o}", "name", r->name, "networks", networks, "nodes", nodes);
}

json_t *problems_json(const struct problems *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++) {
		const struct problem *x = &p->list[i];
		_cleanup_free_ char *section =
			x->section ? str_escape(x->section, 64) : NULL;
		_cleanup_free_ char *key = x->key ? str_escape(x->key, 64) : NULL;

		json_array_append_new(list,
			json_pack("{s:s, s:i, s:s?, s:s?, s:s}", "file", x->file, "line",
				(int)x->line, "section", section, "key", key, "text",
				x->text));
	}
	return list;
}
