/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ondol-guest: /init of the probe guest. ondol-noded starts it on a hypervisor to prove
 * that a virtual machine runs there, under KVM, and reaches a peer through the bridge
 * with packets of the declared size. It says so in one line on its console and powers
 * off. Words: ondol.ip=A.B.C.D/PREFIX ondol.mtu=N (optional) ondol.ping=A.B.C.D
 */
#include <arpa/inet.h>
#include <cpuid.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>

#include "images/cmdline.h"
#include "initramfs/ping.h"

#define DEADLINE_MS 20000
#define RETRY_MS 500
#define SMALL_PING (PING_HEADER + 56)

struct guest {
	uint32_t address, peer; /* host order */
	unsigned prefix;
	unsigned mtu; /* 0: not said */
	uint64_t deadline_ms;
	int socket; /* raw ICMP */
	uint16_t sequence;
};

/* ---- before the network ---- */

static int load_module(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) < 0)
		return errno == EEXIST ? 0 : -errno;
	return 0;
}

/* Names begin with the order in which they are to be loaded. */
static int load_modules(char **reterr_msg)
{
	struct dirent **list = NULL;
	int n = scandir("/modules", &list, NULL, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = xasprintf("/modules/%s", list[i]->d_name);

		if (r == 0 && list[i]->d_name[0] != '.') {
			r = load_module(path);
			if (r < 0)
				*reterr_msg = xasprintf(
					"%s cannot be loaded: %s", path, strerror(-r));
		}
		free(list[i]);
	}
	free(list);
	return r;
}

static int read_words(struct guest *g, char **reterr_msg)
{
	_cleanup_free_ char *line = NULL, *ip = NULL, *mtu = NULL, *ping = NULL;
	int r = read_file("/proc/cmdline", CMDLINE_MAX, &line, NULL);

	if (r < 0) {
		*reterr_msg = xasprintf("/proc/cmdline: %s", strerror(-r));
		return r;
	}
	ip = cmdline_word(line, "ondol.ip", NULL);
	mtu = cmdline_word(line, "ondol.mtu", NULL);
	ping = cmdline_word(line, "ondol.ping", NULL);
	if (!ping || parse_ipv4(ping, &g->peer) < 0)
		*reterr_msg = xasprintf(
			"ondol.ping: expected A.B.C.D, found %s", ping ? ping : "none");
	else if (!ip || cmdline_address(ip, &g->address, &g->prefix) < 0)
		*reterr_msg = xasprintf(
			"ondol.ip: expected A.B.C.D/PREFIX, found %s", ip ? ip : "none");
	else if (mtu && parse_unsigned(mtu, 576, PING_SIZE_MAX, &g->mtu) < 0)
		*reterr_msg = xasprintf(
			"ondol.mtu: expected 576 to %d, found %s", PING_SIZE_MAX, mtu);
	else
		return 0;
	return -EINVAL;
}

/* ---- the network port ---- */

static bool find_port(char name[static IFNAMSIZ])
{
	DIR *dir = opendir("/sys/class/net");
	struct dirent *d;
	bool found = false;

	while (dir && !found && (d = readdir(dir))) {
		if (d->d_name[0] == '.' || streq(d->d_name, "lo") ||
			strlen(d->d_name) >= IFNAMSIZ)
			continue;
		strcpy(name, d->d_name);
		found = true;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* The first port; the kernel announces it. */
static int await_port(const struct guest *g, char name[static IFNAMSIZ])
{
	_cleanup_close_ int fd = socket(AF_NETLINK,
		SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	struct sockaddr_nl all = {.nl_family = AF_NETLINK, .nl_groups = 1};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char event[4096];

	if (fd < 0 || bind(fd, (struct sockaddr *)&all, sizeof(all)) < 0)
		return -errno;
	while (!find_port(name)) {
		uint64_t now = now_mono_ms();

		if (now >= g->deadline_ms)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)(g->deadline_ms - now)) > 0)
			while (recv(fd, event, sizeof(event), 0) > 0)
				;
	}
	return 0;
}

static void set_address(struct sockaddr *sa, uint32_t address)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};

	memcpy(sa, &in, sizeof(in));
}

static int configure(const struct guest *g, const char *name)
{
	struct ipv4_net net = {g->address, g->prefix};
	struct ifreq ifr = {0};

	strcpy(ifr.ifr_name, name);
	ifr.ifr_mtu = (int)g->mtu;
	if (g->mtu && ioctl(g->socket, SIOCSIFMTU, &ifr) < 0)
		return -errno;
	set_address(&ifr.ifr_addr, g->address);
	if (ioctl(g->socket, SIOCSIFADDR, &ifr) < 0)
		return -errno;
	set_address(&ifr.ifr_netmask, ipv4_net_mask(&net));
	if (ioctl(g->socket, SIOCSIFNETMASK, &ifr) < 0)
		return -errno;
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	return ioctl(g->socket, SIOCSIFFLAGS, &ifr) < 0 ? -errno : 0;
}

static int bring_up(struct guest *g, char **reterr_msg)
{
	char name[IFNAMSIZ];
	int dont_fragment = IP_PMTUDISC_DO, on = 1;
	int r = await_port(g, name);

	if (r < 0) {
		*reterr_msg = xasprintf("no network port appeared: %s", strerror(-r));
		return r;
	}
	g->socket =
		socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);
	if (g->socket < 0 ||
		setsockopt(g->socket, IPPROTO_IP, IP_MTU_DISCOVER, &dont_fragment,
			sizeof(int)) < 0 ||
		setsockopt(g->socket, IPPROTO_IP, IP_RECVFRAGSIZE, &on, sizeof(int)) < 0)
		r = -errno;
	if (r == 0)
		r = configure(g, name);
	if (r < 0)
		*reterr_msg =
			xasprintf("%s cannot be configured: %s", name, strerror(-r));
	return r;
}

/* ---- the ping ---- */

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/*
 * The next packet. A peer whose own MTU is smaller answers in pieces, which the kernel
 * puts together again: that must not pass for a packet of the full size.
 */
static ssize_t receive(int fd, uint8_t *packet, size_t size, bool *ret_in_pieces)
{
	char control[CMSG_SPACE(sizeof(int)) * 4];
	struct iovec iov = {packet, size};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &msg, 0);

	*ret_in_pieces = false;
	for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL; c;
		c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVFRAGSIZE)
			*ret_in_pieces = true;
	return n;
}

/* Until the reply to the request just sent: 0; -EAGAIN: not in time; -EBADMSG: changed;
 * -EMSGSIZE: it came in pieces. */
static int await_reply(const struct guest *g, size_t len, uint64_t until_ms)
{
	struct pollfd p = {.fd = g->socket, .events = POLLIN};
	uint8_t packet[PING_IP_HEADER + PING_SIZE_MAX + 64];

	for (;;) {
		uint64_t now = now_mono_ms();
		bool in_pieces;
		ssize_t n;
		int r;

		if (now >= until_ms || poll(&p, 1, (int)(until_ms - now)) <= 0)
			return -EAGAIN;
		n = receive(g->socket, packet, sizeof(packet), &in_pieces);
		r = n > 0 ? ping_check_reply(packet, (size_t)n, len, 1, g->sequence)
			  : -EAGAIN;
		if (r == 0 && in_pieces)
			return -EMSGSIZE;
		if (r != -EAGAIN)
			return r;
	}
}

/* Requests of len bytes, header included, until one is answered. */
static int ping(struct guest *g, size_t len, uint64_t *ret_rtt_us)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(g->peer)};
	uint8_t request[PING_SIZE_MAX];
	int last = -ETIMEDOUT;

	while (now_mono_ms() < g->deadline_ms) {
		uint64_t sent = now_us();
		int r = 0;

		ping_request(request, len, 1, ++g->sequence);
		if (sendto(g->socket, request, len, 0, (struct sockaddr *)&to,
			    sizeof(to)) < 0)
			last = -errno;
		if (last == -EMSGSIZE)
			return last;
		r = await_reply(g, len, MIN(now_mono_ms() + RETRY_MS, g->deadline_ms));
		if (r == 0)
			*ret_rtt_us = now_us() - sent;
		if (r != -EAGAIN)
			return r;
	}
	return last;
}

static int ping_all(struct guest *g, uint64_t *ret_rtt_us, char **reterr_msg)
{
	uint64_t large_us;
	int r = ping(g, SMALL_PING, ret_rtt_us);

	if (r < 0) {
		*reterr_msg = xasprintf(
			"no answer within %d s (%s)", DEADLINE_MS / 1000, strerror(-r));
		return r;
	}
	if (g->mtu)
		r = ping(g, g->mtu - PING_IP_HEADER, &large_us);
	if (r < 0)
		*reterr_msg = xasprintf(
			"small packets are answered, but none of %u bytes (%s): the "
			"MTU on the way is smaller",
			g->mtu, strerror(-r));
	return r;
}

/* ---- the whole ---- */

static bool is_kvm(void)
{
	unsigned eax, ebx, ecx, edx;
	char name[13] = "";

	__cpuid(1, eax, ebx, ecx, edx);
	if (!(ecx & 1u << 31))
		return false;
	__cpuid(0x40000000, eax, ebx, ecx, edx);
	memcpy(name, &ebx, 4);
	memcpy(name + 4, &ecx, 4);
	memcpy(name + 8, &edx, 4);
	return streq(name, "KVMKVMKVM");
}

static void mount_kernel(void)
{
	(void)mount("proc", "/proc", "proc", 0, NULL);
	(void)mount("sysfs", "/sys", "sysfs", 0, NULL);
}

int main(void)
{
	struct guest g = {.socket = -1, .deadline_ms = now_mono_ms() + DEADLINE_MS};
	_cleanup_free_ char *why = NULL;
	char peer[16];
	uint64_t rtt_us = 0;
	int r;

	mount_kernel();
	r = read_words(&g, &why);
	if (r == 0)
		r = load_modules(&why);
	if (r == 0)
		r = bring_up(&g, &why);
	if (r == 0)
		r = ping_all(&g, &rtt_us, &why);
	format_ipv4(g.peer, peer);
	if (r == 0)
		printf("\nondol-guest: ping %s ok rtt_us=%llu kvm=%s\n", peer,
			(unsigned long long)rtt_us, is_kvm() ? "yes" : "no");
	else
		printf("\nondol-guest: ping %s failed: %s\n", peer, why);
	(void)fflush(stdout);
	(void)tcdrain(STDOUT_FILENO);
	if (getpid() == 1)
		(void)reboot(RB_POWER_OFF);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
