/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two sockets: events are only drained ("something changed"), and the state is read again
 * with a dump, so an event that the kernel dropped for want of space costs nothing.
 */
#include "netconf/kernel.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>
#include <sys/socket.h>

#include "common/log.h"

struct kernel {
	struct nl_sock *ask; /* owned */
	struct nl_sock *listen; /* owned */
	sd_event_source *source; /* owned */
	bool changed;
};

/* libnl's error numbers are its own. */
static int nl_errno(int r)
{
	switch (-r) {
	case NLE_NODEV:
	case NLE_OBJ_NOTFOUND:
		return -ENODEV;
	case NLE_PERM:
		return -EPERM;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_INVAL:
	case NLE_RANGE:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static int on_event(
	_unused_ sd_event_source *s, int fd, _unused_ uint32_t revents, void *userdata)
{
	struct kernel *k = userdata;
	char buf[8192];

	/* ENOBUFS: events were lost; that too is a change. */
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0 || errno == ENOBUFS ||
		errno == EINTR)
		;
	k->changed = true;
	return 0;
}

static int start_listening(struct kernel *k, sd_event *event)
{
	int r;

	nl_socket_disable_seq_check(k->listen);
	r = nl_connect(k->listen, NETLINK_ROUTE);
	if (r == 0)
		r = nl_socket_add_memberships(k->listen, RTNLGRP_LINK,
			RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, 0);
	if (r < 0)
		return nl_errno(r);
	r = sd_event_add_io(
		event, &k->source, nl_socket_get_fd(k->listen), EPOLLIN, on_event, k);
	return MIN(r, 0);
}

int kernel_open(sd_event *event, struct kernel **ret, char **reterr_msg)
{
	struct kernel *k = xcalloc(1, sizeof(*k));
	int r;

	k->changed = true;
	k->ask = nl_socket_alloc();
	k->listen = nl_socket_alloc();
	if (!k->ask || !k->listen)
		abort();
	r = nl_connect(k->ask, NETLINK_ROUTE);
	r = r < 0 ? nl_errno(r) : start_listening(k, event);
	if (r < 0) {
		*reterr_msg = xasprintf(
			"cannot talk to the kernel over rtnetlink: %s", strerror(-r));
		kernel_close(k);
		return r;
	}
	*ret = k;
	return 0;
}

void kernel_close(struct kernel *k)
{
	if (!k)
		return;
	sd_event_source_unref(k->source);
	nl_socket_free(k->listen);
	nl_socket_free(k->ask);
	free(k);
}

bool kernel_take_change(struct kernel *k)
{
	const bool changed = k->changed;

	k->changed = false;
	return changed;
}

void kernel_expect_change(struct kernel *k)
{
	k->changed = true;
}

/* ---- reading ---- */

static bool is_ipv4(struct nl_addr *a)
{
	return a && nl_addr_get_family(a) == AF_INET && nl_addr_get_len(a) == 4;
}

static uint32_t to_host(struct nl_addr *a)
{
	uint32_t v;

	memcpy(&v, nl_addr_get_binary_addr(a), sizeof(v));
	return ntohl(v);
}

static int each_address(
	struct kernel *k, void (*fn)(struct rtnl_addr *a, void *userdata), void *userdata)
{
	struct nl_cache *cache;
	int r = rtnl_addr_alloc_cache(k->ask, &cache);

	if (r < 0)
		return nl_errno(r);
	for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o))
		if (is_ipv4(rtnl_addr_get_local((struct rtnl_addr *)o)))
			fn((struct rtnl_addr *)o, userdata);
	nl_cache_free(cache);
	return 0;
}

static void keep_address(struct rtnl_addr *a, void *userdata)
{
	struct link_state *s = userdata;

	/* A dump that was interrupted and begun again has some of them twice. */
	if (rtnl_addr_get_ifindex(a) != s->ifindex ||
		link_state_has(s, to_host(rtnl_addr_get_local(a)),
			(unsigned)rtnl_addr_get_prefixlen(a)))
		return;
	GROW(s->addrs, s->n_addrs, s->cap_addrs);
	s->addrs[s->n_addrs++] = (struct link_addr){
		to_host(rtnl_addr_get_local(a)), (unsigned)rtnl_addr_get_prefixlen(a)};
}

/* The nexthop of a default route of the main table through the link; else NULL. */
static struct rtnl_nexthop *default_hop(struct rtnl_route *route, int ifindex)
{
	struct rtnl_nexthop *hop;

	if (nl_addr_get_prefixlen(rtnl_route_get_dst(route)) != 0 ||
		rtnl_route_get_table(route) != RT_TABLE_MAIN ||
		rtnl_route_get_nnexthops(route) < 1)
		return NULL;
	hop = rtnl_route_nexthop_n(route, 0);
	return rtnl_route_nh_get_ifindex(hop) == ifindex &&
			is_ipv4(rtnl_route_nh_get_gateway(hop))
		? hop
		: NULL;
}

static int each_default_route(struct kernel *k, int ifindex,
	void (*fn)(struct kernel *k, struct rtnl_route *route, uint32_t gateway,
		void *userdata),
	void *userdata)
{
	struct nl_cache *cache;
	int r = rtnl_route_alloc_cache(k->ask, AF_INET, 0, &cache);

	if (r < 0)
		return nl_errno(r);
	for (struct nl_object *o = nl_cache_get_first(cache); o;
		o = nl_cache_get_next(o)) {
		struct rtnl_nexthop *hop = default_hop((struct rtnl_route *)o, ifindex);

		if (hop)
			fn(k, (struct rtnl_route *)o,
				to_host(rtnl_route_nh_get_gateway(hop)), userdata);
	}
	nl_cache_free(cache);
	return 0;
}

static void keep_gateway(_unused_ struct kernel *k, _unused_ struct rtnl_route *route,
	uint32_t gateway, void *userdata)
{
	struct link_state *s = userdata;

	s->gateway = gateway;
}

static int read_link(struct kernel *k, const char *name, struct link_state *s)
{
	struct rtnl_link *link;
	int r = rtnl_link_get_kernel(k->ask, 0, name, &link);

	if (r < 0)
		return nl_errno(r);
	s->exists = true;
	s->ifindex = rtnl_link_get_ifindex(link);
	s->up = rtnl_link_get_flags(link) & IFF_UP;
	s->mtu = rtnl_link_get_mtu(link);
	rtnl_link_put(link);
	return 0;
}

int kernel_read(struct kernel *k, const char *name, struct link_state *ret)
{
	struct link_state s = {0};
	int r = read_link(k, name, &s);

	if (r == 0)
		r = each_address(k, keep_address, &s);
	if (r == 0)
		r = each_default_route(k, s.ifindex, keep_gateway, &s);
	if (r < 0 && r != -ENODEV) {
		link_state_clear(&s);
		return r;
	}
	link_state_clear(ret);
	*ret = s;
	return 0;
}

struct wanted_address {
	uint32_t address;
	bool found;
};

static void compare_address(struct rtnl_addr *a, void *userdata)
{
	struct wanted_address *w = userdata;

	w->found |= to_host(rtnl_addr_get_local(a)) == w->address;
}

bool kernel_has_address(struct kernel *k, uint32_t address)
{
	struct wanted_address w = {.address = address};

	return each_address(k, compare_address, &w) == 0 && w.found;
}

/* ---- setting ---- */

static int put_link(struct kernel *k, const struct plan_link *l, int ifindex)
{
	struct rtnl_link *old = rtnl_link_alloc(), *new = rtnl_link_alloc();
	int r;

	if (!old || !new)
		abort();
	rtnl_link_set_ifindex(old, ifindex);
	rtnl_link_set_mtu(new, l->mtu);
	rtnl_link_set_flags(new, IFF_UP);
	r = rtnl_link_change(k->ask, old, new, 0);
	rtnl_link_put(old);
	rtnl_link_put(new);
	return r;
}

static struct rtnl_addr *make_address(int ifindex, uint32_t address, unsigned prefix)
{
	const uint32_t mask = prefix ? ~0U << (32 - prefix) : 0;
	const uint32_t be = htonl(address), bcast = htonl(address | ~mask);
	struct nl_addr *local = nl_addr_build(AF_INET, &be, sizeof(be));
	struct nl_addr *broadcast = nl_addr_build(AF_INET, &bcast, sizeof(bcast));
	struct rtnl_addr *a = rtnl_addr_alloc();

	if (!local || !broadcast || !a)
		abort();
	nl_addr_set_prefixlen(local, (int)prefix);
	rtnl_addr_set_ifindex(a, ifindex);
	rtnl_addr_set_local(a, local);
	rtnl_addr_set_broadcast(a, broadcast);
	nl_addr_put(local);
	nl_addr_put(broadcast);
	return a;
}

static int put_addresses(
	struct kernel *k, const struct plan_link *l, const struct link_state *s)
{
	int r = 0;

	for (size_t i = 0; i < s->n_addrs && r == 0; i++) {
		const struct link_addr *a = &s->addrs[i];
		struct rtnl_addr *addr;

		if (a->address == l->address && a->prefix == l->prefix)
			continue;
		addr = make_address(s->ifindex, a->address, a->prefix);
		r = rtnl_addr_delete(k->ask, addr, 0);
		rtnl_addr_put(addr);
		if (r == -NLE_NOADDR)
			r = 0;
	}
	if (r == 0 && l->address && !link_state_has(s, l->address, l->prefix)) {
		struct rtnl_addr *addr = make_address(s->ifindex, l->address, l->prefix);

		r = rtnl_addr_add(k->ask, addr, NLM_F_CREATE | NLM_F_REPLACE);
		rtnl_addr_put(addr);
	}
	return r;
}

static void drop_other_route(
	struct kernel *k, struct rtnl_route *route, uint32_t gateway, void *userdata)
{
	const uint32_t *keep = userdata;

	if (gateway != *keep)
		rtnl_route_delete(k->ask, route, 0);
}

static int put_gateway(struct kernel *k, uint32_t gateway, int ifindex)
{
	const uint32_t be = htonl(gateway), any = 0;
	struct nl_addr *via = nl_addr_build(AF_INET, &be, sizeof(be));
	struct nl_addr *dst = nl_addr_build(AF_INET, &any, sizeof(any));
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct rtnl_route *route = rtnl_route_alloc();
	int r;

	if (!via || !dst || !hop || !route)
		abort();
	nl_addr_set_prefixlen(dst, 0);
	rtnl_route_set_family(route, AF_INET);
	rtnl_route_set_dst(route, dst);
	rtnl_route_set_table(route, RT_TABLE_MAIN);
	rtnl_route_set_protocol(route, RTPROT_STATIC);
	rtnl_route_set_scope(route, RT_SCOPE_UNIVERSE);
	rtnl_route_nh_set_ifindex(hop, ifindex);
	rtnl_route_nh_set_gateway(hop, via);
	rtnl_route_add_nexthop(route, hop);
	r = rtnl_route_add(k->ask, route, NLM_F_CREATE | NLM_F_REPLACE);
	rtnl_route_put(route);
	nl_addr_put(dst);
	nl_addr_put(via);
	return r;
}

int kernel_put(struct kernel *k, const struct plan_link *l, char **reterr_msg)
{
	_cleanup_(link_state_clear) struct link_state s = {0};
	uint32_t gateway = l->gateway;
	int r = kernel_read(k, l->name, &s);

	if (r == 0 && !s.exists)
		r = -ENODEV;
	if (r < 0) {
		*reterr_msg = xasprintf("interface %s: %s", l->name, strerror(-r));
		return r;
	}
	r = put_link(k, l, s.ifindex);
	if (r == 0)
		r = put_addresses(k, l, &s);
	if (r == 0)
		each_default_route(k, s.ifindex, drop_other_route, &gateway);
	if (r == 0 && gateway && gateway != s.gateway)
		r = put_gateway(k, gateway, s.ifindex);
	if (r < 0) {
		*reterr_msg =
			xasprintf("interface %s: the kernel refused its settings: %s",
				l->name, nl_geterror(r));
		return nl_errno(r);
	}
	return 0;
}

/* 1: only from where its source would be answered, and that is never a NIC without address. */
#define RP_FILTER_STRICT "1"
#define ARP_IGNORE_ALL "8"

static void set_ipv4(const char *nic, const char *what, const char *value)
{
	_cleanup_free_ char *path = xasprintf("/proc/sys/net/ipv4/conf/%s/%s", nic, what);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : write_all(fd, value, strlen(value));

	if (r < 0)
		log_warn("%s: %s", path, strerror(-r));
}

void kernel_leave_to_ovs(const char *nic)
{
	set_ipv4(nic, "rp_filter", RP_FILTER_STRICT);
	set_ipv4(nic, "arp_ignore", ARP_IGNORE_ALL);
}

bool kernel_has_ovs_datapath(void)
{
	struct nl_sock *sk = nl_socket_alloc();
	bool there;

	if (!sk)
		abort();
	there = genl_connect(sk) == 0 && genl_ctrl_resolve(sk, "ovs_datapath") >= 0;
	nl_socket_free(sk);
	return there;
}
