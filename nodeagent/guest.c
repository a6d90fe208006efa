/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host number is the same in every network of a rack, so a peer's address in any of
 * them follows from its management address and our own two.
 */
#include "nodeagent/guest.h"

#include "common/parse.h"
#include "nodeagent/applied.h"

#define PREFERRED "storage"
#define TARGET_ROLE "storage"
#define LINE_START "ondol-guest: ping "

struct subnet {
	uint32_t base, hosts; /* host numbers 1 .. hosts */
	uint32_t self; /* ours */
	uint32_t management; /* base of the network of desired_peer.management */
};

static const struct desired_port *find_port(const struct desired *d, const char *name)
{
	for (size_t i = 0; i < d->n_ports; i++) {
		if (streq(d->ports[i].name, name))
			return &d->ports[i];
	}
	return NULL;
}

static const struct desired_port *choose_port(
	const struct desired *d, char *const *vm_networks)
{
	const struct desired_port *p = NULL;

	if (strv_has(vm_networks, PREFERRED))
		p = find_port(d, PREFERRED);
	for (; !p && vm_networks && *vm_networks; vm_networks++)
		p = find_port(d, *vm_networks);
	return p;
}

/* A peer's host number; 0: it has none in a subnet of this size. */
static uint32_t host_of(const struct subnet *net, const struct desired_peer *peer)
{
	uint32_t host = peer->management - net->management;

	return host <= net->hosts ? host : 0;
}

static bool is_taken(const struct desired *d, const struct desired_port *port,
	const struct subnet *net, uint32_t host)
{
	uint32_t address = net->base + host;

	if (host == net->self || address == port->gateway || address == d->server)
		return true;
	for (size_t i = 0; i < d->n_peers; i++) {
		if (host_of(net, &d->peers[i]) == host)
			return true;
	}
	return false;
}

/* How many peers have a smaller host number: each node skips so many free addresses. */
static unsigned rank_of(const struct desired *d, const struct subnet *net)
{
	unsigned rank = 0;

	for (size_t i = 0; i < d->n_peers; i++) {
		uint32_t host = host_of(net, &d->peers[i]);

		rank += host != 0 && host < net->self;
	}
	return rank;
}

static uint32_t choose_address(const struct desired *d, const struct desired_port *port,
	const struct subnet *net, unsigned attempt)
{
	unsigned skip = rank_of(d, net) + attempt * (unsigned)d->n_peers;

	for (uint32_t host = net->hosts; host > 0; host--) {
		if (is_taken(d, port, net, host))
			continue;
		if (skip-- == 0)
			return net->base + host;
	}
	return 0;
}

static const struct desired_peer *choose_target(
	const struct desired *d, const struct subnet *net)
{
	const struct desired_peer *any = NULL;

	for (size_t i = 0; i < d->n_peers; i++) {
		const struct desired_peer *p = &d->peers[i];

		if (streq(p->name, d->node) || host_of(net, p) == 0)
			continue;
		if (streq(p->role, TARGET_ROLE))
			return p;
		if (!any)
			any = p;
	}
	return any;
}

static const struct desired_peer *find_self(const struct desired *d)
{
	for (size_t i = 0; i < d->n_peers; i++) {
		if (streq(d->peers[i].name, d->node))
			return &d->peers[i];
	}
	return NULL;
}

int guest_choose(const struct desired *d, char *const *vm_networks, unsigned attempt,
	struct guest_place *ret, char **reterr_msg)
{
	const struct desired_port *port = choose_port(d, vm_networks);
	const struct desired_peer *self = find_self(d), *target;
	struct subnet net;
	uint32_t address;

	if (!port || !self) {
		*reterr_msg = xasprintf("the probe guest has nowhere to go: %s",
			self ? "this node has a port on none of the role's networks"
			     : "the desired state does not list this node among its peers");
		return -EINVAL;
	}
	net.hosts = (1U << (32 - port->prefix)) - 2;
	net.self = port->address & (net.hosts + 1);
	net.base = port->address - net.self;
	net.management = self->management - net.self;
	address = choose_address(d, port, &net, attempt);
	if (address == 0) {
		*reterr_msg = xasprintf(
			"the probe guest finds no free address in the %s network: the /%u "
			"has %u addresses, and every node needs a second one for its guest",
			port->name, port->prefix, net.hosts);
		return -ENOSPC;
	}
	target = choose_target(d, &net);
	*ret = (struct guest_place){.network = port->name,
		.address = address,
		.prefix = port->prefix,
		.mtu = port->mtu,
		.alone = !target,
		.target = target ? net.base + host_of(&net, target) : port->address,
		.target_name = target ? target->name : d->node};
	return 0;
}

char *guest_cmdline(const struct guest_place *p)
{
	char ip[16], target[16];

	format_ipv4(p->address, ip);
	format_ipv4(p->target, target);
	return xasprintf("console=ttyS0 ondol.ip=%s/%u ondol.mtu=%u ondol.ping=%s", ip,
		p->prefix, p->mtu, target);
}

/* The last line of log that has more than blanks; escaped; caller frees. */
static char *last_line(const char *log)
{
	const char *best = "", *next;
	size_t len = 0;

	for (const char *s = log; *s; s = next) {
		size_t n = strcspn(s, "\r\n");

		next = s + n + strspn(s + n, "\r\n");
		if (strspn(s, " \t") < n) {
			best = s;
			len = n;
		}
	}
	_cleanup_free_ char *line = xstrndup(best, MIN(len, (size_t)200));

	return str_escape(line, 200);
}

bool guest_read_log(const char *log, char **ret_text)
{
	const char *found = NULL;
	_cleanup_free_ char *line = NULL;

	for (const char *s = log; (s = strstr(s, LINE_START)); s += strlen(LINE_START)) {
		if (s == log || s[-1] == '\n' || s[-1] == '\r')
			found = s;
	}
	if (!found) {
		line = last_line(log);
		*ret_text = *line
			? xasprintf(
				  "the guest did not say what its ping did; its last words: "
				  "%s",
				  line)
			: xstrdup("the guest never wrote to its console");
		return false;
	}
	line = xstrndup(found, MIN(strcspn(found, "\r\n"), (size_t)300));
	*ret_text = str_escape(line + strlen("ondol-guest: "), 300);
	return strstr(line, " ok ") && strstr(line, "kvm=yes");
}
