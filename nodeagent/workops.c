/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/workops.h"

#include <libkmod.h>

#include "common/log.h"
#include "common/run.h"
#include "nodeagent/arp.h"
#include "nodeagent/guest.h"
#include "nodeagent/held.h"
#include "nodeagent/hypervisor.h"
#include "nodeagent/luks.h"
#include "nodeagent/lvm.h"
#include "nodeagent/partwork.h"
#include "nodeagent/paths.h"
#include "nodeagent/role.h"
#include "nodeagent/update.h"
#include "nodeagent/work.h"
#include "nodeagent/xfs.h"

#define GUEST_DEADLINE_MS 240000 /* nested KVM in an emulated machine is slow */
#define GUEST_MEMORY_MIB 192
#define GUEST_ATTEMPTS 4
#define GUEST_ARP_MS 900
#define MAX_LOG (1024 * 1024)

struct workop {
	struct held held;
	const struct desired *desired; /* borrowed from held */
	struct role role;
	const struct roledef *def; /* borrowed from role */
	const char *arg;
};

/* Will this node's machines run under KVM? */
static bool kvm_is_meant(const struct desired *d)
{
	struct vars_machine m;

	vars_machine(&m);
	return streq(vars_virt_type(d, m.kvm), "kvm");
}

/* ---- libvirt ---- */

/* The role's networks as this node has them. *ret: array, caller frees. */
static int wanted_networks(
	const struct workop *w, struct virt_net **ret, size_t *ret_n, char **ret_text)
{
	struct virt_net *nets = NULL;
	size_t n = 0, cap = 0;

	for (char **name = w->def->vm_networks; w->def->hypervisor && name && *name;
		name++) {
		const struct desired_port *port = NULL;

		for (size_t i = 0; i < w->desired->n_ports; i++) {
			if (streq(w->desired->ports[i].name, *name))
				port = &w->desired->ports[i];
		}
		if (!port) {
			*ret_text = xasprintf(
				"role %s wants the network %s for its machines, and no NIC of "
				"this node carries it: see its profile in rack.ini",
				w->def->name, *name);
			free(nets);
			return -ENOENT;
		}
		GROW(nets, n, cap);
		nets[n++] = (struct virt_net){port->name, port->bridge, port->vlan};
	}
	*ret = nets;
	*ret_n = n;
	return 0;
}

static int op_guests_none(_unused_ struct workop *w, char **ret_text)
{
	return hypervisor_no_guests(HYPERVISOR_URI, ret_text);
}

static int op_networks(struct workop *w, char **ret_text)
{
	_cleanup_free_ struct virt_net *nets = NULL;
	size_t n;
	int r = wanted_networks(w, &nets, &n, ret_text);

	return r < 0 ? r : hypervisor_set_networks(HYPERVISOR_URI, nets, n, ret_text);
}

static int op_libvirt_check(struct workop *w, char **ret_text)
{
	_cleanup_free_ struct virt_net *nets = NULL;
	size_t n;
	int r = wanted_networks(w, &nets, &n, ret_text);

	return r < 0 ? r
		     : hypervisor_check(HYPERVISOR_URI, nets, n,
			       w->def->hypervisor && kvm_is_meant(w->desired), ret_text);
}

static char *place_text(const struct guest_place *p)
{
	char ip[16], target[16];

	format_ipv4(p->address, ip);
	format_ipv4(p->target, target);
	return xasprintf("guest %s on %s, MTU %u, to %s%s (%s)", ip, p->network, p->mtu,
		p->target_name,
		p->alone ? ", this node itself, for there is no other" : "", target);
}

/* A place whose address nobody answers for. */
static int free_place(const struct workop *w, struct guest_place *ret, char **ret_text)
{
	for (unsigned attempt = 0; attempt < GUEST_ATTEMPTS; attempt++) {
		struct mac_addr owner;
		int r = guest_choose(
			w->desired, w->def->vm_networks, attempt, ret, ret_text);
		char ip[16], mac[18];

		if (r < 0)
			return r;
		r = arp_probe(ret->network, ret->address, GUEST_ARP_MS, &owner);
		if (r == 0)
			return 0;
		format_ipv4(ret->address, ip);
		if (r < 0) {
			*ret_text = xasprintf("%s cannot be looked for on %s: %s", ip,
				ret->network, strerror(-r));
			return r;
		}
		format_mac(&owner, mac);
		log_warn("%s is taken on %s by %s, which rack.ini does not name", ip,
			ret->network, mac);
	}
	*ret_text = xasprintf("the probe guest found %d addresses at the top of the %s "
			      "network taken by machines that rack.ini does not name",
		GUEST_ATTEMPTS, ret->network);
	return -EADDRINUSE;
}

static int op_guest(struct workop *w, char **ret_text)
{
	_cleanup_free_ char *cmdline = NULL, *ran = NULL, *said = NULL, *log = NULL,
			    *where = NULL;
	struct guest_place place;
	int r = free_place(w, &place, ret_text);

	if (r < 0)
		return r;
	cmdline = guest_cmdline(&place);
	where = place_text(&place);
	unlink(GUEST_LOG);
	r = hypervisor_run_guest(HYPERVISOR_URI,
		&(struct virt_guest){.name = GUEST_NAME,
			.kernel = GUEST_KERNEL,
			.initrd = GUEST_INITRD,
			.cmdline = cmdline,
			.network = place.network,
			.serial_log = GUEST_LOG,
			.memory_mib = GUEST_MEMORY_MIB,
			.mtu = place.mtu},
		GUEST_DEADLINE_MS, &ran);
	if (read_file(GUEST_LOG, MAX_LOG, &log, NULL) == 0 &&
		guest_read_log(log, &said) && r == 0) {
		*ret_text = xasprintf("%s: %s", where, said);
		return 0;
	}
	*ret_text = xasprintf(
		"%s: %s%s%s", where, ran, said ? "; console: " : "", said ? said : "");
	return r < 0 ? r : -EIO;
}

/* ---- KVM's modules ---- */

static const char *kvm_module(void)
{
	_cleanup_free_ char *cpuinfo = NULL;

	if (read_file("/proc/cpuinfo", 4 * 1024 * 1024, &cpuinfo, NULL) < 0)
		return NULL;
	if (strstr(cpuinfo, " vmx"))
		return "kvm_intel";
	if (strstr(cpuinfo, " svm"))
		return "kvm_amd";
	return NULL;
}

static int load_module(
	struct kmod_ctx *ctx, const char *name, const char *options, char **ret_text)
{
	struct kmod_module *mod = NULL;
	int r = kmod_module_new_from_name(ctx, name, &mod);

	if (r == 0)
		r = kmod_module_probe_insert_module(mod, 0, options, NULL, NULL, NULL);
	kmod_module_unref(mod);
	if (r >= 0) {
		*ret_text = xasprintf("%s is loaded", name);
		return 0;
	}
	*ret_text = xasprintf(
		"module %s could not be loaded: %s. Is virtualisation locked in the BIOS? "
		"See: dmesg | grep kvm",
		name, strerror(-r));
	return r;
}

static int load_kvm(char **ret_text)
{
	const char *name = kvm_module();
	struct kmod_ctx *ctx;
	int r;

	if (access("/dev/kvm", R_OK | W_OK) == 0) {
		*ret_text = xstrdup("/dev/kvm is there already");
		return 0;
	}
	if (!name) {
		*ret_text = xstrdup(
			"the CPU shows neither vmx nor svm: switch on virtualisation (VT-x, "
			"AMD-V) in the BIOS");
		return -ENODEV;
	}
	ctx = kmod_new(NULL, NULL);
	if (!ctx)
		abort();
	r = load_module(ctx, name, "nested=1", ret_text);
	kmod_unref(ctx);
	return r;
}

/* Where the rack allows emulation, a server without KVM is only slow. */
static int op_modules(struct workop *w, char **ret_text)
{
	const struct desired_cloud *c = w->desired->cloud;
	_cleanup_free_ char *why = NULL;
	int r;

	if (c && streq(c->virtualization, "emulated"))
		return 0;
	r = load_kvm(&why);
	if (r < 0 && c && streq(c->virtualization, "auto")) {
		*ret_text = xasprintf("machines are emulated: %s", why);
		return 0;
	}
	*ret_text = TAKE_PTR(why);
	return r;
}

/* ---- encrypted disks ---- */

static int op_luks_open(struct workop *w, char **ret_text)
{
	return luks_open(w->desired, false, ret_text);
}

static int op_luks_enter(struct workop *w, char **ret_text)
{
	return luks_open(w->desired, true, ret_text);
}

static int op_luks_close(_unused_ struct workop *w, char **ret_text)
{
	return luks_close(ret_text);
}

/* ---- volume groups ---- */

static int op_vg_enter(struct workop *w, char **ret_text)
{
	return lvm_enter(w->desired, w->def->data_vg ? w->def->data_vg : "", ret_text);
}

static int op_vg_check(struct workop *w, char **ret_text)
{
	return lvm_check(w->desired, w->def->data_vg ? w->def->data_vg : "", ret_text);
}

static int op_vg_leave(struct workop *w, char **ret_text)
{
	return lvm_leave(w->desired, w->arg, ret_text);
}

/* ---- data disks with XFS ---- */

static int no_data_dir(const struct workop *w, char **ret_text)
{
	*ret_text = xasprintf(
		"role %s has no data = xfs:/DIRECTORY, which the proof data-mounts needs",
		w->def->name);
	return -EINVAL;
}

static int op_xfs_enter(struct workop *w, char **ret_text)
{
	return w->def->data_dir ? xfs_enter(w->desired, w->def->data_dir, ret_text)
				: no_data_dir(w, ret_text);
}

static int op_xfs_check(struct workop *w, char **ret_text)
{
	return w->def->data_dir ? xfs_check(w->desired, w->def->data_dir, ret_text)
				: no_data_dir(w, ret_text);
}

static int op_xfs_leave(struct workop *w, char **ret_text)
{
	return xfs_leave(w->desired, w->arg, ret_text);
}

/* ---- the image ---- */

static int op_image_write(struct workop *w, char **ret_text)
{
	return update_write(w->arg, ret_text);
}

static int op_image_keep(_unused_ struct workop *w, char **ret_text)
{
	return update_keep(ret_text);
}

/* ---- */

static const struct {
	const char *op;
	bool needs_arg;
	int (*run)(struct workop *w, char **ret_text);
} table[] = {
	{"guests-none", false, op_guests_none},
	{"libvirt-networks", false, op_networks},
	{"libvirt-check", false, op_libvirt_check},
	{"kvm-modules", false, op_modules},
	{"luks-open", false, op_luks_open},
	{"luks-enter", false, op_luks_enter},
	{"luks-close", false, op_luks_close},
	{"vg-enter", false, op_vg_enter},
	{"vg-check", false, op_vg_check},
	{"vg-leave", true, op_vg_leave},
	{"xfs-enter", false, op_xfs_enter},
	{"xfs-check", false, op_xfs_check},
	{"xfs-leave", true, op_xfs_leave},
	{"guest", false, op_guest},
	{"image-write", true, op_image_write},
	{"image-keep", false, op_image_keep},
};

static int run_op(struct workop *w, const char *op, char **ret_text)
{
	int r = held_load(NODE_DESIRED, NULL, &w->held, ret_text);

	w->desired = w->held.desired;
	if (r == 0)
		r = role_load(w->desired, &w->role, ret_text);
	w->def = w->role.def;
	if (r == 0 && partwork_knows(op))
		return partwork_run(op, w->arg, w->desired, &w->role, ret_text);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(table); i++) {
		if (streq(table[i].op, op) && (w->arg || !table[i].needs_arg))
			return table[i].run(w, ret_text);
	}
	if (r == 0) {
		*ret_text = xasprintf("unknown work %s", op);
		r = -EINVAL;
	}
	return r;
}

int workops_main(const char *op, const char *arg)
{
	struct workop w = {.arg = arg};
	_cleanup_free_ char *text = NULL, *line = NULL;
	int r;

	run_share_group(); /* who ends this worker ends what it runs */
	r = run_op(&w, op, &text);
	line = work_result_line(r == 0, text ? text : r < 0 ? strerror(-r) : "done");
	printf("%s\n", line);
	role_clear(&w.role);
	held_clear(&w.held);
	return fflush(stdout) == 0 && r == 0 ? 0 : 1;
}
