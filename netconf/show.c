/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One JSON value is made from what is found; the text for people is made from that value,
 * so both say the same.
 */
#include "netconf/show.h"

#include "netconf/state.h"

static json_t *bridge_to_json(const struct row_bridge *b)
{
	return json_pack("{s:s, s:b, s:b, s:s, s:s}", "name", b->name, "ours", b->ours,
		"provider", b->provider, "datapath_type", b->datapath_type, "fail_mode",
		b->fail_mode);
}

static json_t *port_to_json(const struct row_port *p)
{
	json_t *trunks = json_array();

	for (size_t i = 0; i < p->n_trunks; i++)
		json_array_append_new(trunks, json_integer(p->trunks[i]));
	return json_pack("{s:s, s:s, s:b, s:s, s:s, s:i, s:o, s:i, s:s, s:s, s:s}",
		"name", p->name, "bridge", p->bridge, "ours", p->ours, "type", p->type,
		"vlan_mode", p->vlan_mode, "tag", (int)p->tag, "trunks", trunks,
		"mtu_request", (int)p->mtu_request, "mac", p->mac, "peer", p->peer,
		"error", p->error);
}

static json_t *link_to_json(struct net *n, const struct plan_link *l)
{
	_cleanup_(link_state_clear) struct link_state s = {0};
	json_t *addresses = json_array();
	char gateway[16] = "";

	kernel_read(n->kernel, l->name, &s);
	for (size_t i = 0; i < s.n_addrs; i++) {
		_cleanup_free_ char *text = NULL;
		char buf[16];

		format_ipv4(s.addrs[i].address, buf);
		text = xasprintf("%s/%u", buf, s.addrs[i].prefix);
		json_array_append_new(addresses, json_string(text));
	}
	if (s.gateway)
		format_ipv4(s.gateway, gateway);
	return json_pack("{s:s, s:b, s:b, s:i, s:o, s:s}", "name", l->name, "exists",
		s.exists, "up", s.up, "mtu", (int)s.mtu, "addresses", addresses,
		"gateway", gateway);
}

json_t *show_to_json(struct net *n, const struct plan *plan)
{
	_cleanup_(rows_freep) struct rows *found = ovs_db_read(n->loop.db);
	json_t *bridges = json_array(), *ports = json_array(), *links = json_array();

	for (size_t i = 0; i < found->n_bridges; i++)
		json_array_append_new(bridges, bridge_to_json(&found->bridges[i]));
	for (size_t i = 0; i < found->n_ports; i++)
		json_array_append_new(ports, port_to_json(&found->ports[i]));
	for (size_t i = 0; i < plan->n_links; i++)
		json_array_append_new(links, link_to_json(n, &plan->links[i]));
	return json_pack(
		"{s:o, s:o, s:o}", "bridges", bridges, "ports", ports, "links", links);
}

static int load_desired(const char *path, struct document *ret, char **reterr_msg)
{
	_cleanup_free_ char *why = NULL;
	int r;

	if (path)
		return document_load(path, ret, reterr_msg);
	r = document_load(NETCONF_CONFIRMED, ret, &why);
	return r == 0 ? 0 : document_load(NETCONF_DESIRED, ret, reterr_msg);
}

static int compare(struct net *n, const struct desired *d, struct apply_result *ret,
	json_t **ret_json, char **reterr_msg)
{
	_cleanup_(plan_freep) struct plan *plan = NULL;
	json_t *list = json_array();
	char **lines = NULL;
	size_t count;
	int r = net_wait_ovsdb(n, now_mono_ms() + NETCONF_OVSDB_TIMEOUT_MS, reterr_msg);

	if (r == 0)
		r = net_plan(n, d, &plan, reterr_msg);
	if (r == 0)
		r = net_diff(n, plan, &lines, reterr_msg);
	for (size_t i = 0; r == 0 && lines[i]; i++)
		json_array_append_new(list, json_string(lines[i]));
	rows_strv_free(lines);
	count = json_array_size(list);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	*ret_json = show_to_json(n, plan);
	json_object_set_new(*ret_json, "differences", list);
	ret->exit = count ? NETCONF_EXIT_FAILED : NETCONF_EXIT_OK;
	ret->text = count
		? xasprintf("%zu differences from the network of revision %llu", count,
			  (unsigned long long)d->revision)
		: xasprintf("as desired, revision %llu", (unsigned long long)d->revision);
	return 0;
}

void show_run(const struct apply_options *o, struct apply_result *ret, json_t **ret_json)
{
	struct document d = {0};
	struct net n;
	char *why = NULL;
	int r;

	*ret_json = NULL;
	if (load_desired(o->desired, &d, &why) < 0) {
		ret->exit = NETCONF_EXIT_USAGE;
		ret->text = why;
		return;
	}
	r = net_open(&o->net, &n, &why);
	if (r == 0) {
		r = compare(&n, d.desired, ret, ret_json, &why);
		net_close(&n);
	}
	if (r < 0) {
		ret->exit = NETCONF_EXIT_FAILED;
		ret->text = why;
	}
	document_clear(&d);
}

/* ---- for people ---- */

static const char *str(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s ? s : "";
}

static void print_port(const json_t *p, FILE *out)
{
	const json_t *trunks = json_object_get(p, "trunks");
	const json_int_t tag = json_integer_value(json_object_get(p, "tag"));
	const json_int_t mtu = json_integer_value(json_object_get(p, "mtu_request"));

	fprintf(out, "    %-15s %s", str(p, "name"),
		*str(p, "type") ? str(p, "type") : "nic");
	if (*str(p, "vlan_mode"))
		fprintf(out, " %s", str(p, "vlan_mode"));
	if (tag)
		fprintf(out, " tag %lld", (long long)tag);
	for (size_t i = 0; i < json_array_size(trunks); i++)
		fprintf(out, "%s%lld", i ? "," : " trunks ",
			(long long)json_integer_value(json_array_get(trunks, i)));
	if (mtu)
		fprintf(out, " mtu %lld", (long long)mtu);
	if (*str(p, "peer"))
		fprintf(out, " to %s", str(p, "peer"));
	fprintf(out, "%s",
		json_is_true(json_object_get(p, "ours")) ? "" : " (not ondol's)");
	if (*str(p, "error"))
		fprintf(out, " ERROR: %s", str(p, "error"));
	fputc('\n', out);
}

static void print_bridge(const json_t *b, const json_t *ports, FILE *out)
{
	fprintf(out, "bridge %s datapath %s%s\n", str(b, "name"),
		*str(b, "datapath_type") ? str(b, "datapath_type") : "system",
		!json_is_true(json_object_get(b, "ours")) ? " (not ondol's)"
			: json_is_true(json_object_get(b, "provider"))
			? " (for the cloud's network agent)"
			: "");
	for (size_t i = 0; i < json_array_size(ports); i++) {
		const json_t *p = json_array_get(ports, i);

		if (streq(str(p, "bridge"), str(b, "name")))
			print_port(p, out);
	}
}

static void print_link(const json_t *l, FILE *out)
{
	const json_t *addresses = json_object_get(l, "addresses");

	if (!json_is_true(json_object_get(l, "exists"))) {
		fprintf(out, "link %-15s not there\n", str(l, "name"));
		return;
	}
	fprintf(out, "link %-15s %s mtu %lld", str(l, "name"),
		json_is_true(json_object_get(l, "up")) ? "up" : "down",
		(long long)json_integer_value(json_object_get(l, "mtu")));
	for (size_t i = 0; i < json_array_size(addresses); i++)
		fprintf(out, " %s", json_string_value(json_array_get(addresses, i)));
	if (*str(l, "gateway"))
		fprintf(out, " gateway %s", str(l, "gateway"));
	fputc('\n', out);
}

void show_print(const json_t *shown, FILE *out)
{
	const json_t *bridges = json_object_get(shown, "bridges");
	const json_t *ports = json_object_get(shown, "ports");
	const json_t *links = json_object_get(shown, "links");
	const json_t *differences = json_object_get(shown, "differences");

	for (size_t i = 0; i < json_array_size(bridges); i++)
		print_bridge(json_array_get(bridges, i), ports, out);
	for (size_t i = 0; i < json_array_size(links); i++)
		print_link(json_array_get(links, i), out);
	for (size_t i = 0; i < json_array_size(differences); i++)
		fprintf(out, "differs: %s\n",
			json_string_value(json_array_get(differences, i)));
}
