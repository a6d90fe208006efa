/* SPDX-License-Identifier: Apache-2.0 */
/*
 * There is no udev in the initramfs. The kernel says over netlink what it finds, with a
 * modalias; libkmod knows which module that is. The socket is opened before sysfs is
 * walked, so no device falls between the two. Loading a module returns when its driver
 * has probed, asynchronous probing included, and what it found is announced by then.
 */
#include "initramfs/devices.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <libkmod.h>

#include "common/log.h"
#include "common/sysfs.h"
#include "initramfs/uevent.h"

#define RECEIVE_BUFFER (16 * 1024 * 1024)
#define MESSAGE_MAX 16384

struct devices {
	enum devices_want want;
	struct kmod_ctx *kmod; /* owned */
	int uevents, links; /* netlink sockets, owned */
	int ioctls; /* any socket, to set interface flags; owned */
	bool rest; /* what is not network is being loaded, or was */
	pid_t loader; /* a child that does it; 0: there is none */
	int loader_fd; /* its pidfd */
	uint64_t generation;
	uint64_t last_event_ms;
};

/* ---- modules ---- */

static int load_alias(struct kmod_ctx *kmod, const char *alias)
{
	struct kmod_list *list = NULL, *item;
	int r = kmod_module_new_from_lookup(kmod, alias, &list);

	if (r == 0 && !list)
		r = -ENOENT;
	kmod_list_foreach(item, list)
	{
		struct kmod_module *module = kmod_module_get_module(item);
		int loaded = kmod_module_probe_insert_module(
			module, KMOD_PROBE_APPLY_BLACKLIST, NULL, NULL, NULL, NULL);

		if (loaded == -ENODEV) {
			log_debug("driver %s found nothing to drive",
				kmod_module_get_name(module));
		} else if (loaded < 0 && loaded != -EEXIST) {
			log_warn(
				"driver %s could not be loaded: %s; its devices stay unused",
				kmod_module_get_name(module), strerror(-loaded));
			r = loaded;
		}
		kmod_module_unref(module);
	}
	kmod_module_unref_list(list);
	return r;
}

static struct kmod_ctx *kmod_open(void)
{
	static const char *const no_config[] = {NULL};
	struct kmod_ctx *kmod = kmod_new(NULL, (const char **)no_config);

	if (kmod)
		(void)kmod_load_resources(kmod);
	return kmod;
}

int devices_modprobe(const char *name)
{
	struct kmod_ctx *kmod = kmod_open();
	int r = kmod ? load_alias(kmod, name) : -ENOMEM;

	if (kmod)
		kmod_unref(kmod);
	return r;
}

/* PCI base class 02, and virtio device type 1. */
static bool is_network_alias(const char *modalias)
{
	return (str_startswith(modalias, "pci:") && strstr(modalias, "bc02")) ||
		str_startswith(modalias, "virtio:d00000001v");
}

static void load_for_device(struct devices *d, const char *modalias)
{
	if (d->want == DEVICES_STORAGE && is_network_alias(modalias))
		return;
	(void)load_alias(d->kmod, modalias);
}

/* ---- what is there already ---- */

static void bring_up(struct devices *d, const char *interface)
{
	struct ifreq ifr = {0};

	if (d->want == DEVICES_STORAGE || strlen(interface) >= sizeof(ifr.ifr_name))
		return;
	strcpy(ifr.ifr_name, interface);
	if (ioctl(d->ioctls, SIOCGIFFLAGS, &ifr) < 0)
		return;
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(d->ioctls, SIOCSIFFLAGS, &ifr) < 0)
		log_warn("network port %s cannot be brought up: %s", interface,
			strerror(errno));
}

static void coldplug_bus(struct devices *d, const char *bus, bool network)
{
	_cleanup_free_ char *dir = xasprintf("/sys/bus/%s/devices", bus);
	_cleanup_(sysfs_list_freep) char **list = sysfs_list(dir);

	for (size_t i = 0; list[i]; i++) {
		_cleanup_free_ char *device = xasprintf("%s/%s", dir, list[i]);
		_cleanup_free_ char *modalias = sysfs_attr(device, "modalias");

		if (modalias && *modalias && is_network_alias(modalias) == network)
			load_for_device(d, modalias);
	}
}

/* is_network_alias() knows those two: none of the others is read. */
static void coldplug_network(struct devices *d)
{
	coldplug_bus(d, "pci", true);
	coldplug_bus(d, "virtio", true);
}

static void coldplug_others(struct devices *d)
{
	_cleanup_(sysfs_list_freep) char **buses = sysfs_list("/sys/bus");

	for (size_t i = 0; buses[i]; i++)
		coldplug_bus(d, buses[i], false);
}

/* The agent on its way to its first word goes first; until it has nothing to do but wait. */
static void give_way(pid_t pid, bool yes)
{
	struct sched_param p = {0};

	(void)sched_setscheduler(pid, yes ? SCHED_IDLE : SCHED_OTHER, &p);
}

/* A controller may take half a minute to find its disks: the agent is heard of meanwhile. */
static void load_aside(struct devices *d)
{
	pid_t pid;

	if (d->loader) { /* one is at it: what it does not see, this does */
		coldplug_others(d);
		return;
	}
	pid = fork();
	if (pid == 0) {
		give_way(0, true);
		coldplug_others(d);
		_exit(EXIT_SUCCESS);
	}
	d->loader_fd = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	if (d->loader_fd >= 0)
		d->loader = pid;
	else
		coldplug_others(d);
	if (pid > 0 && d->loader_fd < 0)
		(void)waitpid(pid, NULL, 0);
}

void devices_coldplug(struct devices *d)
{
	_cleanup_(sysfs_list_freep) char **ports = NULL;

	if (d->want == DEVICES_STORAGE) {
		coldplug_others(d);
		return;
	}
	coldplug_network(d);
	ports = sysfs_list("/sys/class/net");
	for (size_t i = 0; ports[i]; i++)
		bring_up(d, ports[i]);
	if (d->rest) /* anew */
		load_aside(d);
}

void devices_load_rest(struct devices *d)
{
	if (d->rest || d->want == DEVICES_STORAGE)
		return;
	d->rest = true;
	load_aside(d);
}

static void reap_loader(struct devices *d)
{
	int status = 0;

	(void)waitpid(d->loader, &status, 0);
	util_closep(&d->loader_fd);
	d->loader = 0;
	if (!WIFEXITED(status)) {
		log_warn("the loading of drivers was cut short; doing it again");
		coldplug_others(d);
	}
	d->generation++;
}

/* ---- what comes ---- */

static void handle_uevent(struct devices *d, const struct uevent *e)
{
	bool add = streq(e->action, "add");

	log_debug("uevent %s %s %s", e->action, e->subsystem, e->devpath);
	if (*e->modalias && add)
		load_for_device(d, e->modalias);
	if (streq(e->subsystem, "net") && add && *e->interface)
		bring_up(d, e->interface);
	if (streq(e->subsystem, "net") || streq(e->subsystem, "block"))
		d->generation++;
}

static void read_uevents(struct devices *d)
{
	char buf[MESSAGE_MAX + 1];
	struct sockaddr_nl from;
	socklen_t from_len;
	struct uevent e;
	ssize_t n;

	for (;;) {
		from_len = sizeof(from);
		n = recvfrom(d->uevents, buf, MESSAGE_MAX, 0, (struct sockaddr *)&from,
			&from_len);
		if (n < 0 && errno == ENOBUFS) {
			log_warn("kernel events were lost; looking at all devices again");
			devices_coldplug(d);
			d->generation++;
			continue;
		}
		if (n <= 0)
			return;
		buf[n] = '\0';
		if (from.nl_pid == 0 && uevent_parse(buf, (size_t)n, &e) == 0)
			handle_uevent(d, &e);
	}
}

/* A link that came or went only ends a wait; who waits looks for itself. */
static void read_links(struct devices *d)
{
	char buf[MESSAGE_MAX];

	while (recv(d->links, buf, sizeof(buf), 0) > 0 || errno == ENOBUFS ||
		errno == EINTR)
		;
}

static bool poll_events(struct devices *d, uint64_t deadline_ms)
{
	struct pollfd p[] = {{.fd = d->uevents, .events = POLLIN},
		{.fd = d->links, .events = POLLIN},
		{.fd = d->loader ? d->loader_fd : -1, .events = POLLIN}};
	uint64_t now = now_mono_ms();
	int timeout =
		deadline_ms > now ? (int)MIN(deadline_ms - now, (uint64_t)3600000) : 0;

	if (poll(p, ARRAY_SIZE(p), timeout) <= 0)
		return false;
	if (p[0].revents)
		read_uevents(d);
	if (p[1].revents)
		read_links(d);
	if (p[2].revents)
		reap_loader(d);
	return true;
}

int devices_wait(struct devices *d, uint64_t deadline_ms, bool (*done)(void *userdata),
	void *userdata)
{
	for (;;) {
		if (done && done(userdata))
			return 0;
		if (!poll_events(d, deadline_ms) && now_mono_ms() >= deadline_ms)
			return done ? -ETIMEDOUT : 0;
	}
}

static bool all_loaded(void *userdata)
{
	const struct devices *d = userdata;

	return d->loader == 0;
}

int devices_await_loaded(struct devices *d, uint64_t deadline_ms)
{
	devices_load_rest(d);
	if (d->loader)
		give_way(d->loader, false);
	return devices_wait(d, deadline_ms, all_loaded, d);
}

int devices_settle(struct devices *d, unsigned quiet_ms, uint64_t deadline_ms)
{
	uint64_t quiet_at = now_mono_ms() + quiet_ms;

	while (now_mono_ms() < quiet_at) {
		if (now_mono_ms() >= deadline_ms)
			return -ETIMEDOUT;
		if (poll_events(d, MIN(quiet_at, deadline_ms)))
			quiet_at = now_mono_ms() + quiet_ms;
	}
	return 0;
}

uint64_t devices_generation(const struct devices *d)
{
	return d->generation;
}

/* ---- life ---- */

static int open_netlink(int protocol, unsigned groups)
{
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int size = RECEIVE_BUFFER;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int devices_new(enum devices_want want, struct devices **ret, char **reterr_msg)
{
	_cleanup_(devices_freep) struct devices *d = xcalloc(1, sizeof(*d));

	d->want = want;
	d->kmod = kmod_open();
	d->uevents = open_netlink(NETLINK_KOBJECT_UEVENT, 1);
	d->links = open_netlink(NETLINK_ROUTE, RTMGRP_LINK);
	d->ioctls = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!d->kmod || d->uevents < 0 || d->links < 0 || d->ioctls < 0) {
		*reterr_msg = xasprintf("kernel events cannot be followed: %s",
			d->kmod ? strerror(errno) : "no module index in the initramfs");
		return -EIO;
	}
	*ret = TAKE_PTR(d);
	return 0;
}

void devices_free(struct devices *d)
{
	if (!d)
		return;
	if (d->kmod)
		kmod_unref(d->kmod);
	util_closep(&d->uevents);
	util_closep(&d->links);
	util_closep(&d->ioctls);
	if (d->loader) {
		(void)waitpid(d->loader, NULL, 0);
		util_closep(&d->loader_fd);
	}
	free(d);
}

void devices_freep(struct devices **d)
{
	devices_free(*d);
	*d = NULL;
}
