/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/radv.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "bootstrap/radvtext.h"
#include "common/log.h"

/*
 * A packet socket and not an ICMPv6 one: the deployment host may have IPv6 switched off.
 * The answer goes to the asker alone and makes nobody a router: lifetime 0, no prefix, no
 * DHCPv6. A filter in the kernel lets nothing through but solicitations.
 */

struct radv {
	int fd; /* owned */
	sd_event_source *source; /* owned */
	struct mac_addr own;
	radv_ask_fn ask;
	void *userdata;
};

/* ICMPv6 (byte 20 of the frame) of type 133 (byte 54) */
static int attach_filter(int fd)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 54),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 133, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 256),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {ARRAY_SIZE(code), code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0
		? -errno
		: 0;
}

static int bind_to(int fd, const char *interface, struct mac_addr *ret_own)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_IPV6)};
	struct ifreq ifr = {0};

	if (strlen(interface) >= sizeof(ifr.ifr_name))
		return -EINVAL;
	strcpy(ifr.ifr_name, interface);
	if (ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
		return -errno;
	memcpy(ret_own->b, ifr.ifr_hwaddr.sa_data, 6);
	if (ioctl(fd, SIOCGIFINDEX, &ifr) < 0)
		return -errno;
	ll.sll_ifindex = ifr.ifr_ifindex;
	return bind(fd, (struct sockaddr *)&ll, sizeof(ll)) < 0 ? -errno : 0;
}

static int on_frame(
	_unused_ sd_event_source *s, int fd, _unused_ uint32_t revents, void *userdata)
{
	struct radv *r = userdata;
	uint8_t frame[256], answer[RADV_FRAME_BYTES];
	struct mac_addr from;
	ssize_t n = read(fd, frame, sizeof(frame));

	if (n <= 0 || !radv_is_solicitation(frame, (size_t)n, &from) ||
		!r->ask(&from, r->userdata))
		return 0;
	radv_answer(frame, &r->own, answer);
	if (write(fd, answer, sizeof(answer)) < 0)
		log_debug("a router solicitation could not be answered: %s",
			strerror(errno));
	return 0;
}

int radv_new(sd_event *event, const char *interface, radv_ask_fn ask, void *userdata,
	struct radv **ret)
{
	/* Protocol 0: nothing arrives before filter and interface are set. */
	_cleanup_close_ int fd =
		socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct radv *r;
	struct mac_addr own;
	int err = fd < 0 ? -errno : attach_filter(fd);

	if (err == 0)
		err = bind_to(fd, interface, &own);
	if (err < 0)
		return err;
	r = xcalloc(1, sizeof(*r));
	r->own = own;
	r->ask = ask;
	r->userdata = userdata;
	err = sd_event_add_io(event, &r->source, fd, EPOLLIN, on_frame, r);
	r->fd = TAKE_FD(fd);
	if (err < 0) {
		radv_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

void radv_free(struct radv *r)
{
	if (!r)
		return;
	sd_event_source_disable_unref(r->source);
	close(r->fd);
	free(r);
}
