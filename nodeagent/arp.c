/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/arp.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define PROBES 3

static int own_mac(int fd, const char *interface, uint8_t ret[static 6])
{
	struct ifreq req = {0};

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", interface);
	if (ioctl(fd, SIOCGIFHWADDR, &req) < 0)
		return -errno;
	memcpy(ret, req.ifr_hwaddr.sa_data, 6);
	return 0;
}

static int send_probe(int fd, int index, const uint8_t mac[static 6], uint32_t address)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = index,
		.sll_halen = 6,
		.sll_addr = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	struct ether_arp a = {.ea_hdr = {.ar_hrd = htons(ARPHRD_ETHER),
				      .ar_pro = htons(ETHERTYPE_IP),
				      .ar_hln = 6,
				      .ar_pln = 4,
				      .ar_op = htons(ARPOP_REQUEST)}};
	uint32_t target = htonl(address);

	memcpy(a.arp_sha, mac, 6);
	memcpy(a.arp_tpa, &target, 4);
	return sendto(fd, &a, sizeof(a), 0, (struct sockaddr *)&to, sizeof(to)) < 0
		? -errno
		: 0;
}

/* Is it ARP from the owner of the address? A probe of another host for it counts too. */
static bool is_from(const struct ether_arp *a, ssize_t len, uint32_t address,
	const uint8_t own[static 6])
{
	uint32_t wanted = htonl(address), zero = 0;

	if (len < (ssize_t)sizeof(*a) || a->ea_hdr.ar_pro != htons(ETHERTYPE_IP) ||
		a->ea_hdr.ar_hln != 6 || a->ea_hdr.ar_pln != 4 ||
		memcmp(a->arp_sha, own, 6) == 0)
		return false;
	return memcmp(a->arp_spa, &wanted, 4) == 0 ||
		(memcmp(a->arp_spa, &zero, 4) == 0 &&
			memcmp(a->arp_tpa, &wanted, 4) == 0);
}

static int listen_until(int fd, uint64_t deadline_ms, uint32_t address,
	const uint8_t own[static 6], struct mac_addr *ret_owner)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (uint64_t now; (now = now_mono_ms()) < deadline_ms;) {
		struct ether_arp a;
		ssize_t len;

		if (poll(&p, 1, (int)(deadline_ms - now)) <= 0)
			continue;
		len = recv(fd, &a, sizeof(a), MSG_DONTWAIT);
		if (len < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (len < 0 || !is_from(&a, len, address, own))
			continue;
		memcpy(ret_owner->b, a.arp_sha, 6);
		return 1;
	}
	return 0;
}

int arp_probe(const char *interface, uint32_t address, unsigned wait_ms,
	struct mac_addr *ret_owner)
{
	_cleanup_close_ int fd =
		socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ARP));
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP)};
	uint8_t mac[6];
	int r;

	if (fd < 0)
		return -errno;
	at.sll_ifindex = (int)if_nametoindex(interface);
	if (at.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	r = own_mac(fd, interface, mac);
	for (unsigned i = 0; r == 0 && i < PROBES; i++) {
		r = send_probe(fd, at.sll_ifindex, mac, address);
		if (r == 0)
			r = listen_until(fd, now_mono_ms() + wait_ms / PROBES, address,
				mac, ret_owner);
	}
	return r;
}
