/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks are ours when their description carries our mark in its metadata; all others,
 * libvirt's own "default" included, are never touched. What differs from what is wanted
 * is undefined and defined anew: a bridged network is only a name for a bridge and a
 * VLAN, machines that are attached stay attached.
 */
#include "nodeagent/hypervisor.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <systemd/sd-event.h>

#include "common/log.h"
#include "nodeagent/guest.h"
#include "nodeagent/virtloop.h"

static void conn_freep(virConnectPtr *c)
{
	if (*c)
		virConnectClose(*c);
}

static void net_freep(virNetworkPtr *n)
{
	if (*n)
		virNetworkFree(*n);
}

static void domain_freep(virDomainPtr *d)
{
	if (*d)
		virDomainFree(*d);
}

/* libvirt prints every error by itself otherwise. */
static void quiet(_unused_ void *userdata, _unused_ virErrorPtr e)
{
}

static const char *last_words(void)
{
	const char *s = virGetLastErrorMessage();

	return s ? s : "no reason given";
}

static int connect_to(const char *uri, virConnectPtr *ret, char **ret_text)
{
	virSetErrorFunc(NULL, quiet);
	*ret = virConnectOpen(uri);
	if (*ret)
		return 0;
	*ret_text = xasprintf(
		"libvirt does not answer: %s. See: systemctl status libvirtd.service; "
		"journalctl -b -u libvirtd",
		last_words());
	return -ENOTCONN;
}

/* ---- machines ---- */

static char *join_guests(virDomainPtr *list, int n)
{
	char *names = xstrdup("");

	for (int i = 0; i < n; i++) {
		const char *name = virDomainGetName(list[i]);
		char *next;

		if (!name || streq(name, GUEST_NAME))
			continue;
		next = xasprintf("%s%s%s", names, *names ? ", " : "", name);
		free(names);
		names = next;
	}
	return names;
}

int hypervisor_no_guests(const char *uri, char **ret_text)
{
	_cleanup_(conn_freep) virConnectPtr conn = NULL;
	_cleanup_free_ char *names = NULL;
	virDomainPtr *list = NULL;
	int n, r = connect_to(uri, &conn, ret_text);

	if (r < 0)
		return r;
	n = virConnectListAllDomains(conn, &list, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
	if (n < 0) {
		*ret_text = xasprintf(
			"libvirt does not tell which machines run: %s", last_words());
		return -EIO;
	}
	names = join_guests(list, n);
	for (int i = 0; i < n; i++)
		virDomainFree(list[i]);
	free(list);
	if (*names) {
		*ret_text = xasprintf(
			"virtual machines run here: %s. The node keeps its role until they "
			"are moved away or shut down",
			names);
		return -EBUSY;
	}
	*ret_text = xstrdup("no virtual machine runs here");
	return 0;
}

/* ---- networks ---- */

static int net_fail(const char *what, const char *name, char **ret_text)
{
	*ret_text = xasprintf(
		"libvirt network %s could not be %s: %s", name, what, last_words());
	return -EIO;
}

static int net_remove(virNetworkPtr net, const char *name, char **ret_text)
{
	if (virNetworkIsActive(net) == 1 && virNetworkDestroy(net) < 0)
		return net_fail("stopped", name, ret_text);
	if (virNetworkIsPersistent(net) == 1 && virNetworkUndefine(net) < 0)
		return net_fail("removed", name, ret_text);
	return 0;
}

static bool net_is_ours(virNetworkPtr net)
{
	_cleanup_free_ char *xml = virNetworkGetXMLDesc(net, 0);

	return xml && virtxml_network_is_ours(xml);
}

/* A network as it should be is kept; another one of ours goes. *ret_net NULL: define it. */
static int net_keep_or_remove(virConnectPtr conn, const struct virt_net *want,
	virNetworkPtr *ret_net, char **ret_text)
{
	virNetworkPtr net = virNetworkLookupByName(conn, want->name);
	_cleanup_free_ char *xml = net ? virNetworkGetXMLDesc(net, 0) : NULL;
	_cleanup_free_ char *why = xml ? virtxml_network_differs(xml, want) : NULL;
	int r = 0;

	if (net && !(xml && virtxml_network_is_ours(xml))) {
		*ret_text = xasprintf(
			"libvirt has a network %s that ondol did not make. Remove or rename "
			"it: virsh net-destroy %s; virsh net-undefine %s",
			want->name, want->name, want->name);
		r = -EEXIST;
	} else if (net && !why) {
		*ret_net = TAKE_PTR(net);
	} else if (net) {
		log_info("%s; it is defined anew", why);
		r = net_remove(net, want->name, ret_text);
	}
	net_freep(&net);
	return r;
}

static int net_ensure(virConnectPtr conn, const struct virt_net *want, char **ret_text)
{
	_cleanup_(net_freep) virNetworkPtr net = NULL;
	int r = net_keep_or_remove(conn, want, &net, ret_text);

	if (r < 0)
		return r;
	if (!net) {
		_cleanup_free_ char *xml = virtxml_network(want);

		net = virNetworkDefineXML(conn, xml);
		if (!net)
			return net_fail("defined", want->name, ret_text);
	}
	if (virNetworkSetAutostart(net, 1) < 0)
		return net_fail("set to start at boot", want->name, ret_text);
	if (virNetworkIsActive(net) != 1 && virNetworkCreate(net) < 0)
		return net_fail("started", want->name, ret_text);
	return 0;
}

static bool is_wanted(const struct virt_net *nets, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (streq(nets[i].name, name))
			return true;
	}
	return false;
}

static int remove_others(
	virConnectPtr conn, const struct virt_net *nets, size_t n, char **ret_text)
{
	virNetworkPtr *list = NULL;
	int r = 0, count = virConnectListAllNetworks(conn, &list, 0);

	if (count < 0)
		return net_fail("listed", "(all)", ret_text);
	for (int i = 0; i < count; i++) {
		const char *name = virNetworkGetName(list[i]);

		if (r == 0 && name && !is_wanted(nets, n, name) && net_is_ours(list[i]))
			r = net_remove(list[i], name, ret_text);
		virNetworkFree(list[i]);
	}
	free(list);
	return r;
}

int hypervisor_set_networks(
	const char *uri, const struct virt_net *nets, size_t n, char **ret_text)
{
	_cleanup_(conn_freep) virConnectPtr conn = NULL;
	int r = connect_to(uri, &conn, ret_text);

	if (r == 0)
		r = remove_others(conn, nets, n, ret_text);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = net_ensure(conn, &nets[i], ret_text);
	if (r == 0)
		*ret_text = xasprintf("%zu libvirt networks are defined and started", n);
	return r;
}

/* ---- the proof ---- */

static int check_network(virConnectPtr conn, const struct virt_net *want, char **ret_text)
{
	_cleanup_(net_freep) virNetworkPtr net = virNetworkLookupByName(conn, want->name);
	_cleanup_free_ char *xml = net ? virNetworkGetXMLDesc(net, 0) : NULL;

	if (!xml) {
		*ret_text = xasprintf(
			"libvirt network %s is not there: %s", want->name, last_words());
		return -ENOENT;
	}
	*ret_text = virtxml_network_differs(xml, want);
	if (*ret_text)
		return -EINVAL;
	if (virNetworkIsActive(net) == 1)
		return 0;
	*ret_text = xasprintf(
		"libvirt network %s is defined but not started; see: virsh net-list --all",
		want->name);
	return -ENOLINK;
}

int hypervisor_check(const char *uri, const struct virt_net *nets, size_t n,
	bool need_kvm, char **ret_text)
{
	_cleanup_(conn_freep) virConnectPtr conn = NULL;
	_cleanup_free_ char *caps = NULL, *all = xstrdup("");
	int r = connect_to(uri, &conn, ret_text);

	if (r < 0)
		return r;
	caps = virConnectGetCapabilities(conn);
	if (!caps || (need_kvm && !virtxml_caps_have_kvm(caps))) {
		*ret_text = xasprintf(
			"libvirt offers no x86_64 machine of type kvm%s%s. Is /dev/kvm "
			"there, and qemu-system-x86 installed?",
			caps ? "" : ": ", caps ? "" : last_words());
		return -ENODEV;
	}
	for (size_t i = 0; i < n; i++) {
		r = check_network(conn, &nets[i], ret_text);
		if (r < 0)
			return r;
		char *next = xasprintf("%s, %s on %s VLAN %u", all, nets[i].name,
			nets[i].bridge, nets[i].vlan);

		free(all);
		all = next;
	}
	*ret_text = xasprintf("libvirt answers%s%s", need_kvm ? ", offers kvm" : "", all);
	return 0;
}

/* ---- the probe guest ---- */

struct guest_run {
	sd_event *event;
	const char *name; /* of the machine; borrowed */
	bool ended, timed_out;
};

static void on_lifecycle_free(_unused_ void *opaque)
{
}

static int on_lifecycle(_unused_ virConnectPtr conn, virDomainPtr dom, int event,
	int detail, void *opaque)
{
	struct guest_run *run = opaque;

	if (!streq_ptr(virDomainGetName(dom), run->name))
		return 0;
	log_debug("probe guest: lifecycle event %d, detail %d", event, detail);
	if (event == VIR_DOMAIN_EVENT_STOPPED || event == VIR_DOMAIN_EVENT_CRASHED)
		run->ended = true;
	return 0;
}

static int on_guest_deadline(
	_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct guest_run *run = userdata;

	run->timed_out = true;
	return 0;
}

/* One that an earlier run left behind, by a crash of libvirtd for instance. */
static void destroy_leftover(virConnectPtr conn, const char *name)
{
	_cleanup_(domain_freep) virDomainPtr old = virDomainLookupByName(conn, name);

	if (old)
		virDomainDestroy(old);
}

static int wait_for_end(struct guest_run *run, virConnectPtr conn, virDomainPtr dom)
{
	while (!run->ended && !run->timed_out) {
		int r = sd_event_run(run->event, UINT64_MAX);

		if (r < 0)
			return r;
		if (virConnectIsAlive(conn) != 1)
			return -ENOTCONN;
	}
	if (run->ended)
		return 0;
	virDomainDestroy(dom);
	return -ETIMEDOUT;
}

static int run_guest(virConnectPtr conn, const struct virt_guest *g, unsigned timeout_ms,
	struct guest_run *run, char **ret_text)
{
	_cleanup_(domain_freep) virDomainPtr dom = NULL;
	_cleanup_free_ char *xml = virtxml_guest(g);
	int id, r;

	destroy_leftover(conn, g->name);
	id = virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
		VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), run, on_lifecycle_free);
	if (id >= 0)
		dom = virDomainCreateXML(conn, xml, VIR_DOMAIN_START_AUTODESTROY);
	if (!dom) {
		*ret_text = xasprintf("the probe guest could not be started: %s. See: "
				      "/var/log/libvirt/qemu/%s.log",
			last_words(), g->name);
		if (id >= 0)
			virConnectDomainEventDeregisterAny(conn, id);
		return -EIO;
	}
	r = wait_for_end(run, conn, dom);
	virConnectDomainEventDeregisterAny(conn, id);
	if (r == -ETIMEDOUT)
		*ret_text = xasprintf(
			"the probe guest was still running after %u s and was ended",
			timeout_ms / 1000);
	else if (r < 0)
		*ret_text = xasprintf(
			"libvirt went away while the probe guest ran: %s", last_words());
	else
		*ret_text = xstrdup("the probe guest ran and powered off");
	return r;
}

int hypervisor_run_guest(
	const char *uri, const struct virt_guest *g, unsigned timeout_ms, char **ret_text)
{
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	_cleanup_(conn_freep) virConnectPtr conn = NULL;
	struct guest_run run = {0};
	sd_event_source *timer = NULL;
	int r = sd_event_default(&event);

	if (r >= 0)
		r = virtloop_register(event);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &timer, CLOCK_MONOTONIC,
			(uint64_t)timeout_ms * 1000, 10000, on_guest_deadline, &run);
	if (r < 0) {
		*ret_text = xasprintf("no event loop for libvirt: %s", strerror(-r));
		return r;
	}
	run.event = event;
	run.name = g->name;
	r = connect_to(uri, &conn, ret_text);
	if (r == 0)
		virConnectSetKeepAlive(conn, 5, 6);
	if (r == 0)
		r = run_guest(conn, g, timeout_ms, &run, ret_text);
	sd_event_source_disable_unref(timer);
	return r;
}
