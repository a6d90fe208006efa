/* SPDX-License-Identifier: Apache-2.0 */
#include "initramfs/link.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/log.h"
#include "initramfs/nics.h"

#define NIC_DEADLINE_MS 60000
#define LINK_DEADLINE_MS 90000

static bool nic_is_there(void *userdata)
{
	_cleanup_free_ char *name = nics_name_of("", userdata);

	return name != NULL;
}

/* "eth0 94:40:..:01 (tg3, link up), ..."; caller frees. */
static char *describe_nics(void)
{
	_cleanup_(inventory_freep) struct inventory *inv = xcalloc(1, sizeof(*inv));
	char *all;

	nics_collect("", inv);
	all = xstrdup(inv->n_nics ? "" : "none at all");
	for (size_t i = 0; i < inv->n_nics; i++) {
		char mac[18], *joined;

		format_mac(&inv->nics[i].mac, mac);
		joined = xasprintf("%s%s%s %s (%s, link %s)", all, *all ? ", " : "",
			inv->nics[i].name, mac, inv->nics[i].driver,
			inv->nics[i].link ? "up" : "down");
		free(all);
		all = joined;
	}
	return all;
}

/* Disks are found meanwhile. */
static int wait_for(
	struct devices *d, unsigned ms, bool (*done)(void *userdata), void *userdata)
{
	if (done(userdata))
		return 0;
	devices_load_rest(d);
	return devices_wait(d, now_mono_ms() + ms, done, userdata);
}

static int find_nic(
	struct devices *d, const struct mac_addr *mac, char **ret, char **reterr_msg)
{
	struct mac_addr wanted = *mac;
	int r = wait_for(d, NIC_DEADLINE_MS, nic_is_there, &wanted);
	_cleanup_free_ char *there = NULL;
	char text[18];

	if (r == 0) {
		*ret = nics_name_of("", mac);
		return *ret ? 0 : -ENODEV;
	}
	there = describe_nics();
	format_mac(mac, text);
	*reterr_msg = xasprintf(
		"the network port %s did not appear within %d s; ports here: %s. "
		"Its driver may be missing from the initramfs, or its firmware.",
		text, NIC_DEADLINE_MS / 1000, there);
	return r;
}

static void set_ipv4(struct sockaddr *sa, uint32_t address)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};

	memcpy(sa, &in, sizeof(in));
}

static int configure(const char *interface, const struct boot_args *a)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ipv4_net net = {a->address, a->prefix};
	struct ifreq ifr = {0};

	if (fd < 0 || strlen(interface) >= sizeof(ifr.ifr_name))
		return fd < 0 ? -errno : -ENAMETOOLONG;
	strcpy(ifr.ifr_name, interface);
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		return -errno;
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return -errno;
	ifr.ifr_mtu = (int)a->mtu;
	if (ioctl(fd, SIOCSIFMTU, &ifr) < 0)
		log_warn("MTU %u is refused by %s: %s; going on with its own", a->mtu,
			interface, strerror(errno));
	set_ipv4(&ifr.ifr_addr, a->address);
	if (ioctl(fd, SIOCSIFADDR, &ifr) < 0)
		return -errno;
	set_ipv4(&ifr.ifr_netmask, ipv4_net_mask(&net));
	return ioctl(fd, SIOCSIFNETMASK, &ifr) < 0 ? -errno : 0;
}

static bool has_link(void *userdata)
{
	return nics_has_link("", userdata);
}

int link_up(struct devices *d, const struct boot_args *a, char **ret_interface,
	char **reterr_msg)
{
	_cleanup_free_ char *interface = NULL, *there = NULL;
	int r = find_nic(d, &a->nic, &interface, reterr_msg);

	if (r < 0)
		return r;
	r = configure(interface, a);
	if (r < 0) {
		*reterr_msg = xasprintf(
			"%s does not take its address: %s", interface, strerror(-r));
		return r;
	}
	r = wait_for(d, LINK_DEADLINE_MS, has_link, interface);
	if (r < 0) {
		there = describe_nics();
		*reterr_msg = xasprintf(
			"%s has no link after %d s; ports here: %s. Look at the cable "
			"and at the switch's port.",
			interface, LINK_DEADLINE_MS / 1000, there);
		return r;
	}
	*ret_interface = TAKE_PTR(interface);
	return 0;
}

static bool all_have_link(_unused_ void *userdata)
{
	_cleanup_(inventory_freep) struct inventory *inv = xcalloc(1, sizeof(*inv));

	nics_collect("", inv);
	for (size_t i = 0; i < inv->n_nics; i++)
		if (!inv->nics[i].link)
			return false;
	return true;
}

void link_await_others(struct devices *d, uint64_t deadline_ms)
{
	(void)devices_wait(d, deadline_ms, all_have_link, NULL);
}
