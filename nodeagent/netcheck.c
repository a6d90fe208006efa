/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getifaddrs(3) over rtnetlink for state and addresses, an ioctl for each MTU. A bridge's
 * internal port has its uplink's MAC too, so an uplink is looked for among the interfaces
 * that are neither bridge nor port.
 */
#include "nodeagent/netcheck.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static struct netif *obtain(struct netstate *s, const char *name)
{
	struct netif *i = (struct netif *)netstate_find(s, name);

	if (i)
		return i;
	GROW(s->list, s->n, s->cap);
	i = &s->list[s->n++];
	*i = (struct netif){0};
	snprintf(i->name, sizeof(i->name), "%s", name);
	return i;
}

static unsigned prefix_of(const struct sockaddr *mask)
{
	if (!mask)
		return 0;
	return (unsigned)__builtin_popcount(
		((const struct sockaddr_in *)mask)->sin_addr.s_addr);
}

static void take(struct netstate *s, const struct ifaddrs *a)
{
	struct netif *i = obtain(s, a->ifa_name);

	i->up = a->ifa_flags & IFF_UP;
	i->running = a->ifa_flags & IFF_RUNNING;
	if (!a->ifa_addr)
		return;
	if (a->ifa_addr->sa_family == AF_INET &&
		i->n_addresses < ARRAY_SIZE(i->addresses)) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)a->ifa_addr;

		i->addresses[i->n_addresses] = ntohl(in->sin_addr.s_addr);
		i->prefixes[i->n_addresses++] = prefix_of(a->ifa_netmask);
	} else if (a->ifa_addr->sa_family == AF_PACKET) {
		const struct sockaddr_ll *ll = (const struct sockaddr_ll *)a->ifa_addr;

		if (ll->sll_halen == sizeof(i->mac.b))
			memcpy(i->mac.b, ll->sll_addr, sizeof(i->mac.b));
	}
}

static void take_mtus(struct netstate *s)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (size_t i = 0; fd >= 0 && i < s->n; i++) {
		struct ifreq req = {0};

		memcpy(req.ifr_name, s->list[i].name, sizeof(req.ifr_name));
		if (ioctl(fd, SIOCGIFMTU, &req) == 0)
			s->list[i].mtu = (unsigned)req.ifr_mtu;
	}
}

int netstate_collect(struct netstate *ret)
{
	struct ifaddrs *list;

	if (getifaddrs(&list) < 0)
		return -errno;
	*ret = (struct netstate){0};
	for (const struct ifaddrs *a = list; a; a = a->ifa_next)
		take(ret, a);
	freeifaddrs(list);
	take_mtus(ret);
	return 0;
}

void netstate_clear(struct netstate *s)
{
	free(s->list);
	*s = (struct netstate){0};
}

const struct netif *netstate_find(const struct netstate *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++) {
		if (streq(s->list[i].name, name))
			return &s->list[i];
	}
	return NULL;
}

static bool has_address(const struct netif *i, const struct desired_port *p)
{
	for (size_t k = 0; k < i->n_addresses; k++) {
		if (i->addresses[k] == p->address && i->prefixes[k] == p->prefix)
			return true;
	}
	return false;
}

static void judge_port(FILE *out, const struct netstate *s, const struct desired_port *p)
{
	const struct netif *i = netstate_find(s, p->name);
	char ip[16];

	format_ipv4(p->address, ip);
	if (!i) {
		fprintf(out, "; port %s (VLAN %u on %s) is not there", p->name, p->vlan,
			p->bridge);
		return;
	}
	if (!i->up || !i->running)
		fprintf(out, "; port %s is down", p->name);
	if (!has_address(i, p))
		fprintf(out, "; port %s: expected address %s/%u, found %s", p->name, ip,
			p->prefix, i->n_addresses ? "another" : "none");
	if (i->mtu != p->mtu)
		fprintf(out, "; port %s: expected MTU %u, found %u", p->name, p->mtu,
			i->mtu);
}

static bool is_virtual(const struct desired *d, const char *name)
{
	for (size_t i = 0; i < d->n_bridges; i++) {
		if (streq(d->bridges[i].name, name))
			return true;
	}
	for (size_t i = 0; i < d->n_ports; i++) {
		if (streq(d->ports[i].name, name))
			return true;
	}
	return false;
}

static const struct netif *find_uplink(
	const struct netstate *s, const struct desired *d, const struct mac_addr *mac)
{
	for (size_t i = 0; i < s->n; i++) {
		if (mac_equal(&s->list[i].mac, mac) && !is_virtual(d, s->list[i].name))
			return &s->list[i];
	}
	return NULL;
}

static void judge_bridge(FILE *out, const struct netstate *s, const struct desired *d,
	const struct desired_bridge *b)
{
	const struct netif *i = find_uplink(s, d, &b->uplink);
	char mac[18];

	format_mac(&b->uplink, mac);
	if (!i)
		fprintf(out, "; the NIC %s of %s is not there", mac, b->name);
	else if (!i->up || !i->running)
		fprintf(out, "; the NIC %s (%s) of %s has no link: cable or switch port?",
			i->name, mac, b->name);
	else if (i->mtu < b->mtu)
		fprintf(out, "; the NIC %s of %s: expected MTU %u, found %u", i->name,
			b->name, b->mtu, i->mtu);
}

char *netcheck_judge(const struct netstate *s, const struct desired *d)
{
	_cleanup_free_ char *all = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&all, &len);

	if (!out)
		abort();
	for (size_t i = 0; i < d->n_bridges; i++)
		judge_bridge(out, s, d, &d->bridges[i]);
	for (size_t i = 0; i < d->n_ports; i++)
		judge_port(out, s, &d->ports[i]);
	if (fclose(out) != 0)
		abort();
	return len ? xstrdup(all + 2) : NULL;
}

char *netcheck_describe(const struct desired *d)
{
	char *all = xstrdup("");

	for (size_t i = 0; i < d->n_ports; i++) {
		const struct desired_port *p = &d->ports[i];
		char ip[16], mtu[24] = "", *next;

		format_ipv4(p->address, ip);
		if (p->mtu != 1500)
			snprintf(mtu, sizeof(mtu), " MTU %u", p->mtu);
		next = xasprintf("%s%s%s %s/%u%s", all, i ? ", " : "", p->name, ip,
			p->prefix, mtu);
		free(all);
		all = next;
	}
	return all;
}

uint32_t netcheck_source(uint32_t server, unsigned port)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr = {.s_addr = htonl(server)}};
	socklen_t len = sizeof(a);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return 0;
	return ntohl(a.sin_addr.s_addr);
}

bool netcheck_is_ours(const struct desired *d, uint32_t address)
{
	for (size_t i = 0; i < d->n_ports; i++) {
		if (d->ports[i].address == address)
			return true;
	}
	return false;
}
