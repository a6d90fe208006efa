/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/setup_internal.h"

#include <poll.h>

#define DHCP_WAIT_MS 330000 /* an agent tries for 300 s */
#define DHCP_TRIES 5
#define DHCP_PACE_MS UINT64_C(250)

/* ---- networks ---- */

/*
 * Neutron's resources: finds the one with that name among those that the query selects, or
 * makes it of body (taken). many: "networks"; also its place below /v2.0.
 */
static int ensure_net(struct setup_job *j, const char *many, const char *one,
	const char *query, const char *name, json_t *body, char **ret_id)
{
	_cleanup_free_ char *quoted = cloud_quote(name),
			    *made = xasprintf("/v2.0/%s", many);
	_cleanup_free_ char *path =
		xasprintf("/v2.0/%s?name=%s%s%s", many, quoted, *query ? "&" : "", query);
	_cleanup_(jx_freep) json_t *own = body, *found = NULL, *answer = NULL;
	int r = cloud_list(j->s, "network", path, NULL, many, &found, j->err);
	const json_t *hit = r == 0 ? cloud_find(found, "name", name) : NULL;

	if (r < 0)
		return r;
	if (*cloud_id(hit, "id")) {
		*ret_id = xstrdup(cloud_id(hit, "id"));
		return 0;
	}
	setup_say(j, "%s %s", one, name);
	json_object_set_new(own, "name", json_string(name));
	r = cloud_post(j->s, "network", made, NULL, json_pack("{s:O}", one, own), &answer,
		j->err);
	return r < 0 ? r : setup_made_id(j, answer, one, ret_id);
}

static json_t *ip_json(uint32_t addr)
{
	char buf[16];

	format_ipv4(addr, buf);
	return addr ? json_string(buf) : json_null();
}

int setup_external(struct setup_job *j)
{
	const struct desired_external *e = j->cloud->external;
	_cleanup_free_ char *subnet = NULL, *query = NULL;
	struct ipv4_net net;
	json_t *body;
	char cidr[20];
	int r;

	if (!e)
		return 0;
	r = ensure_net(j, "networks", "network", "router:external=true", e->name,
		json_pack("{s:b, s:s, s:s}", "router:external", 1,
			"provider:network_type", "flat", "provider:physical_network",
			e->name),
		&j->external);
	if (r < 0)
		return r;
	net = (struct ipv4_net){e->subnet, e->prefix};
	format_ipv4_net(&net, cidr);
	query = xasprintf("network_id=%s", j->external);
	body = json_pack("{s:s, s:i, s:s, s:b, s:o, s:[{s:o, s:o}]}", "network_id",
		j->external, "ip_version", 4, "cidr", cidr, "enable_dhcp", 0,
		"gateway_ip", ip_json(e->gateway), "allocation_pools", "start",
		ip_json(e->first), "end", ip_json(e->last));
	return ensure_net(j, "subnets", "subnet", query, e->name, body, &subnet);
}

static int ensure_interface(struct setup_job *j, const char *router, const char *subnet)
{
	_cleanup_free_ char *path = xasprintf("/v2.0/ports?device_id=%s", router),
			    *add = NULL;
	_cleanup_(jx_freep) json_t *ports = NULL;
	int r = cloud_list(j->s, "network", path, NULL, "ports", &ports, j->err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < json_array_size(ports); i++)
		if (cloud_find(json_object_get(json_array_get(ports, i), "fixed_ips"),
			    "subnet_id", subnet))
			return 0;
	add = xasprintf("/v2.0/routers/%s/add_router_interface", router);
	return cloud_send(j->s, "PUT", "network", add, NULL,
		json_pack("{s:s}", "subnet_id", subnet), NULL, j->err);
}

static int ensure_gateway(struct setup_job *j, const char *router)
{
	_cleanup_free_ char *path = xasprintf("/v2.0/routers/%s", router);
	_cleanup_(jx_freep) json_t *have = NULL;
	int r;

	if (!j->external)
		return 0;
	r = cloud_get(j->s, "network", path, NULL, &have, j->err);
	if (r < 0 ||
		json_is_object(json_object_get(
			json_object_get(have, "router"), "external_gateway_info")))
		return r;
	return cloud_send(j->s, "PUT", "network", path, NULL,
		json_pack("{s:{s:{s:s}}}", "router", "external_gateway_info",
			"network_id", j->external),
		NULL, j->err);
}

int setup_class(struct setup_job *j)
{
	_cleanup_free_ char *owner = xasprintf("project_id=%s", j->project),
			    *router = NULL;
	json_t *dns = json_array(), *body;
	int r;

	for (char **d = j->cloud->dns; d && *d; d++)
		json_array_append_new(dns, json_string(*d));
	r = ensure_net(j, "networks", "network", owner, "class",
		json_pack("{s:s}", "project_id", j->project), &j->class_network);
	if (r < 0) {
		json_decref(dns);
		return r;
	}
	body = json_pack("{s:s, s:s, s:i, s:s, s:o}", "project_id", j->project,
		"network_id", j->class_network, "ip_version", 4, "cidr",
		"192.168.100.0/24", "dns_nameservers", dns);
	r = ensure_net(j, "subnets", "subnet", owner, "class", body, &j->class_subnet);
	if (r == 0)
		r = ensure_net(j, "routers", "router", owner, "class",
			json_pack("{s:s}", "project_id", j->project), &router);
	if (r == 0)
		r = ensure_interface(j, router, j->class_subnet);
	return r < 0 ? r : ensure_gateway(j, router);
}

static int ensure_rule(
	struct setup_job *j, const json_t *group, const char *protocol, int port)
{
	const json_t *rules = json_object_get(group, "security_group_rules");
	json_t *rule;
	int r;

	for (size_t i = 0; i < json_array_size(rules); i++) {
		const json_t *v = json_array_get(rules, i);

		if (streq(cloud_str(v, "direction"), "ingress") &&
			streq(cloud_str(v, "protocol"), protocol) &&
			streq(cloud_str(v, "ethertype"), "IPv4") &&
			(!port ||
				json_integer_value(
					json_object_get(v, "port_range_min")) == port))
			return 0;
	}
	setup_say(j, "security group rule: %s from anywhere", port ? "SSH" : protocol);
	rule = json_pack("{s:s, s:s, s:s, s:s, s:s}", "security_group_id",
		cloud_id(group, "id"), "project_id", j->project, "direction", "ingress",
		"ethertype", "IPv4", "protocol", protocol);
	if (port) {
		json_object_set_new(rule, "port_range_min", json_integer(port));
		json_object_set_new(rule, "port_range_max", json_integer(port));
	}
	r = cloud_post(j->s, "network", "/v2.0/security-group-rules", NULL,
		json_pack("{s:o}", "security_group_rule", rule), NULL, j->err);
	return r == -EEXIST ? 0 : r;
}

/* Neutron makes a project's default group when it is first asked for. */
int setup_rules(struct setup_job *j)
{
	_cleanup_free_ char *path =
		xasprintf("/v2.0/security-groups?project_id=%s&name=default", j->project);
	_cleanup_(jx_freep) json_t *groups = NULL;
	const json_t *group;
	int r = cloud_list(
		j->s, "network", path, NULL, "security_groups", &groups, j->err);

	if (r < 0)
		return r;
	group = cloud_find(groups, "name", "default");
	if (!*cloud_id(group, "id"))
		return setup_fail(j, -EBADMSG,
			"Neutron shows no default security group of the student's project");
	r = ensure_rule(j, group, "icmp", 0);
	return r < 0 ? r : ensure_rule(j, group, "tcp", 22);
}

/* ---- addresses ---- */

/* 1: an agent serves the network; 0: not yet. */
static int look_for_dhcp(struct setup_job *j)
{
	_cleanup_free_ char *path = xasprintf(
		"/v2.0/ports?network_id=%s&device_owner=network:dhcp&status=ACTIVE",
		j->class_network);
	_cleanup_(jx_freep) json_t *ports = NULL;
	int r = cloud_list(j->s, "network", path, NULL, "ports", &ports, j->err);

	return r < 0 ? r : json_array_size(ports) > 0;
}

static int await_dhcp(struct setup_job *j)
{
	unsigned wait_ms = j->want->dhcp_wait_ms ? j->want->dhcp_wait_ms : DHCP_WAIT_MS;
	uint64_t end_ms = now_mono_ms() + wait_ms, began_ms;
	int r;

	for (;;) {
		began_ms = now_mono_ms();
		r = look_for_dhcp(j);
		if (r != 0 || began_ms >= end_ms)
			return r;
		poll(NULL, 0, (int)MAX(DHCP_PACE_MS, 2 * (now_mono_ms() - began_ms)));
	}
}

static int switch_dhcp(struct setup_job *j, bool on)
{
	_cleanup_free_ char *path = xasprintf("/v2.0/subnets/%s", j->class_subnet);

	return cloud_send(j->s, "PUT", "network", path, NULL,
		json_pack("{s:{s:b}}", "subnet", "enable_dhcp", on), NULL, j->err);
}

/*
 * An agent that does not bring DHCP up within 300 s says so in its log, gives up, and is well
 * by what Neutron knows of it; instances then never have an address. It is asked anew.
 */
int setup_dhcp(struct setup_job *j)
{
	int r = await_dhcp(j);

	for (unsigned i = 1; r == 0 && i < DHCP_TRIES; i++) {
		setup_say(j,
			"DHCP of network class: its agent has given up, it is asked anew");
		r = switch_dhcp(j, false);
		if (r == 0)
			r = switch_dhcp(j, true);
		if (r == 0)
			r = await_dhcp(j);
	}
	if (r == 0)
		return setup_fail(j, -ETIMEDOUT,
			"no agent serves DHCP in network class: neutron-dhcp-agent's log on the "
			"controller says why");
	return MIN(r, 0);
}
