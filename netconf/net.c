/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order: first OVSDB, since an internal port must exist before it can have an address and
 * a NIC must be in its bridge before traffic can pass; then the addresses. In between the
 * node is unreachable for about a second; whoever killed us there, the next apply goes on
 * from what it finds.
 */
#include "netconf/net.h"

#include "common/log.h"
#include "netconf/files.h"
#include "netconf/netconf.h"
#include "netconf/nic.h"

#define SYSFS "/sys"
#define ERRORS_MS 3000 /* how long ovs-vswitchd may take to clear an error of before */

/* ---- opening ---- */

static int choose_addresses(const struct net_options *o, struct net *n, char **reterr_msg)
{
	int r = o->addresses == NET_ADDRESSES_NETLINK ? -ENOENT
						      : networkd_connect(&n->networkd);

	if (r < 0 && o->addresses == NET_ADDRESSES_NETWORKD) {
		*reterr_msg =
			xstrdup("systemd-networkd is not on the system bus; start it: "
				"systemctl start systemd-networkd");
		return r;
	}
	log_debug("addresses are set by %s",
		n->networkd ? "systemd-networkd" : "rtnetlink");
	return 0;
}

/* *ret stays where it is: the loop's event sources point into it. */
int net_open(const struct net_options *o, struct net *ret, char **reterr_msg)
{
	int r;

	*ret = (struct net){0};
	r = loop_open(o->db, o->debug, &ret->loop);
	if (r < 0) {
		*reterr_msg = xasprintf("cannot make an event loop: %s", strerror(-r));
		return r;
	}
	r = kernel_open(ret->loop.event, &ret->kernel, reterr_msg);
	if (r == 0)
		r = choose_addresses(o, ret, reterr_msg);
	if (r < 0) {
		net_close(ret);
		return r;
	}
	ret->datapath = o->datapath         ? o->datapath
		: kernel_has_ovs_datapath() ? "system"
					    : "netdev";
	return 0;
}

void net_close(struct net *n)
{
	networkd_close(n->networkd);
	kernel_close(n->kernel);
	loop_close(&n->loop);
	*n = (struct net){0};
}

/* ---- OVSDB ---- */

static int waited(int r, char **reterr_msg, const char *on_timeout)
{
	if (r == -ETIMEDOUT)
		*reterr_msg = xstrdup(on_timeout);
	else if (r == -EINTR)
		*reterr_msg = xstrdup("stopped by a signal");
	else if (r < 0)
		*reterr_msg = xasprintf("the event loop failed: %s", strerror(-r));
	return r;
}

static bool ovsdb_is_ready(void *userdata)
{
	struct net *n = userdata;

	return ovs_db_is_ready(n->loop.db);
}

int net_wait_ovsdb(struct net *n, uint64_t deadline_ms, char **reterr_msg)
{
	return waited(loop_until(&n->loop, ovsdb_is_ready, n, deadline_ms), reterr_msg,
		"ovsdb-server does not answer; is it running? systemctl status "
		"openvswitch-switch ovsdb-server");
}

static bool put_has_ended(void *userdata)
{
	struct net *n = userdata;
	const enum ovs_db_put state = ovs_db_put_state(n->loop.db);

	return state == OVS_DB_PUT_DONE || state == OVS_DB_PUT_FAILED;
}

struct row_errors {
	struct net *net;
	const struct rows *rows;
	char *text; /* owned: of the last look; NULL: none */
};

static bool no_errors_are_left(void *userdata)
{
	struct row_errors *w = userdata;
	_cleanup_(rows_freep) struct rows *found = NULL;

	if (!ovs_db_is_ready(w->net->loop.db))
		return false;
	found = ovs_db_read(w->net->loop.db);
	free(w->text);
	w->text = rows_errors(w->rows, found);
	return !w->text;
}

/*
 * An error that stands in the database may be an old one that ovs-vswitchd is just about
 * to clear: it gets a moment.
 */
static int check_errors(struct net *n, const struct rows *rows, char **reterr_msg)
{
	struct row_errors w = {.net = n, .rows = rows};

	if (loop_until(&n->loop, no_errors_are_left, &w, now_mono_ms() + ERRORS_MS) == 0)
		return 0;
	*reterr_msg = w.text ? w.text : xstrdup("ovsdb-server went away");
	return -EIO;
}

static int put_rows(
	struct net *n, const struct rows *rows, uint64_t deadline_ms, char **reterr_msg)
{
	int r;

	ovs_db_put(n->loop.db, rows);
	r = loop_until(&n->loop, put_has_ended, n, deadline_ms);
	n->changed |= ovs_db_put_changed(n->loop.db);
	if (r < 0) {
		ovs_db_give_up(n->loop.db);
		return waited(r, reterr_msg,
			"Open vSwitch has not applied the change in time; is ovs-vswitchd "
			"running? systemctl status openvswitch-switch ovs-vswitchd");
	}
	if (ovs_db_put_state(n->loop.db) == OVS_DB_PUT_FAILED) {
		*reterr_msg = xstrdup(ovs_db_error(n->loop.db));
		return -EPROTO;
	}
	return check_errors(n, rows, reterr_msg);
}

/* ---- planning ---- */

static bool is_virtual(const char *name, void *userdata)
{
	const struct rows *found = userdata;
	const struct row_port *p = found ? rows_port(found, name) : NULL;

	return (p && streq(p->type, "internal")) || (found && rows_bridge(found, name));
}

static struct rows *read_rows(struct net *n)
{
	return ovs_db_is_ready(n->loop.db) ? ovs_db_read(n->loop.db) : NULL;
}

static void free_names(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

int net_plan(struct net *n, const struct desired *d, struct plan **ret, char **reterr_msg)
{
	_cleanup_(rows_freep) struct rows *found = read_rows(n);
	_cleanup_free_ char *why = NULL;
	char **nics = xcalloc(d->n_bridges + 1, sizeof(*nics));
	int r = 0;

	for (size_t i = 0; i < d->n_bridges && r == 0; i++) {
		r = nic_find(SYSFS, &d->bridges[i].uplink, nic_permanent_mac, is_virtual,
			found, &nics[i], &why);
		if (r < 0)
			*reterr_msg = xasprintf("bridge %s: %s", d->bridges[i].name, why);
	}
	if (r == 0)
		r = plan_bridged(d, nics, n->datapath, ret, reterr_msg);
	free_names(nics, d->n_bridges);
	return r;
}

int net_plan_plain(
	struct net *n, const struct desired *d, struct plan **ret, char **reterr_msg)
{
	_cleanup_(rows_freep) struct rows *found = read_rows(n);
	_cleanup_free_ char *nic = NULL;
	const struct desired_bridge *b;
	const struct desired_port *p;
	int r = plan_native_port(d, &p, &b);

	if (r < 0) {
		*reterr_msg =
			xstrdup("no network is untagged on a NIC, so no NIC can have an "
				"address of its own");
		return r;
	}
	r = nic_find(SYSFS, &b->uplink, nic_permanent_mac, is_virtual, found, &nic,
		reterr_msg);
	if (r < 0)
		return r;
	*ret = plan_plain(d, nic);
	return 0;
}

/* A port or bridge we want, not in OVSDB, by whose name the kernel has an interface. */
static const char *stray_link(
	struct net *n, const struct plan *plan, const struct rows *found)
{
	_cleanup_(link_state_clear) struct link_state s = {0};

	for (size_t i = 0; i < plan->rows.n_ports; i++) {
		const struct row_port *p = &plan->rows.ports[i];

		if (*p->type && !streq(p->type, "patch") && !rows_port(found, p->name) &&
			kernel_read(n->kernel, p->name, &s) == 0 && s.exists)
			return p->name;
	}
	return NULL;
}

struct stray {
	struct net *net;
	const struct plan *plan;
	const struct rows *found;
};

static bool stray_is_gone(void *userdata)
{
	struct stray *s = userdata;

	return !stray_link(s->net, s->plan, s->found);
}

/*
 * A run before this one may have been killed after it had taken a port out of OVSDB and
 * before ovs-vswitchd had removed the interface: such a one goes by itself.
 */
int net_check_foreign(struct net *n, const struct plan *plan, char **reterr_msg)
{
	_cleanup_(rows_freep) struct rows *found = ovs_db_read(n->loop.db);
	struct stray w = {n, plan, found};
	uint64_t deadline = now_mono_ms();
	const char *name;

	*reterr_msg = rows_conflict(&plan->rows, found);
	if (*reterr_msg)
		return -EEXIST;
	if (!ovs_db_is_settled(n->loop.db))
		deadline += NETCONF_OVSDB_TIMEOUT_MS;
	if (loop_until(&n->loop, stray_is_gone, &w, deadline) == -EINTR)
		return waited(-EINTR, reterr_msg, "");
	name = stray_link(n, plan, found);
	if (!name)
		return 0;
	*reterr_msg = xasprintf(
		"an interface %s exists and is not a port of Open vSwitch; rename "
		"or remove it: ip link delete %s",
		name, name);
	return -EEXIST;
}

/* ---- comparing ---- */

static char **strv_append(char **strv, size_t *n, char *line)
{
	strv = xrealloc(strv, *n + 2, sizeof(*strv));
	strv[(*n)++] = line;
	strv[*n] = NULL;
	return strv;
}

/* Frees extra. */
static char **strv_take(char **strv, size_t *n, char **extra)
{
	for (size_t i = 0; extra[i]; i++)
		strv = strv_append(strv, n, extra[i]);
	free(extra);
	return strv;
}

static int diff_links(struct net *n, const struct plan *plan, char ***strv, size_t *count)
{
	_cleanup_(link_state_clear) struct link_state s = {0};

	for (size_t i = 0; i < plan->n_links; i++) {
		int r = kernel_read(n->kernel, plan->links[i].name, &s);
		char *line;

		if (r < 0)
			return r;
		line = link_diff(&plan->links[i], &s);
		if (line)
			*strv = strv_append(*strv, count, line);
	}
	return 0;
}

int net_diff(struct net *n, const struct plan *plan, char ***ret, char **reterr_msg)
{
	_cleanup_(rows_freep) struct rows *found = ovs_db_read(n->loop.db);
	_cleanup_(files_result_clear) struct files_result files = {0};
	char **strv = xcalloc(1, sizeof(*strv));
	size_t count = 0;
	int r;

	strv = strv_take(strv, &count, rows_diff(&plan->rows, found));
	r = network_files_sync(NETCONF_NETWORKD_DIR, plan, true, &files, reterr_msg);
	for (size_t i = 0; i < files.n_written; i++)
		strv = strv_append(strv, &count,
			xasprintf("%s: file for systemd-networkd differs",
				files.written[i]));
	if (files.n_removed)
		strv = strv_append(strv, &count,
			xasprintf("%zu files for systemd-networkd too many",
				files.n_removed));
	if (r == 0) {
		r = diff_links(n, plan, &strv, &count);
		if (r < 0)
			*reterr_msg = xasprintf(
				"cannot read the kernel's links: %s", strerror(-r));
	}
	if (r < 0) {
		rows_strv_free(strv);
		return r;
	}
	*ret = strv;
	return 0;
}

/* ---- addresses ---- */

static bool file_was_written(const struct files_result *files, const char *name)
{
	for (size_t i = 0; i < files->n_written; i++)
		if (streq(files->written[i], name))
			return true;
	return false;
}

/*
 * networkd does nothing about a link whose file is as before, also when someone took the
 * address away by hand; those are configured anew one by one.
 */
static int settle_by_networkd(struct net *n, const struct plan *plan,
	const struct files_result *files, char **reterr_msg)
{
	_cleanup_(link_state_clear) struct link_state s = {0};
	int r = 0;

	if (files->n_written || files->n_removed)
		r = networkd_reload(n->networkd, reterr_msg);
	for (size_t i = 0; i < plan->n_links && r == 0; i++) {
		const struct plan_link *l = &plan->links[i];
		_cleanup_free_ char *differs = NULL;

		if (file_was_written(files, l->name) ||
			kernel_read(n->kernel, l->name, &s) < 0 || !s.exists)
			continue;
		differs = link_diff(l, &s);
		if (differs) {
			n->changed = true;
			r = networkd_reconfigure(n->networkd, s.ifindex, reterr_msg);
		}
	}
	return r;
}

static int settle_by_netlink(struct net *n, const struct plan *plan, char **reterr_msg)
{
	_cleanup_(link_state_clear) struct link_state s = {0};
	int r = 0;

	for (size_t i = 0; i < plan->n_links && r == 0; i++) {
		_cleanup_free_ char *differs = NULL;

		if (kernel_read(n->kernel, plan->links[i].name, &s) == 0)
			differs = link_diff(&plan->links[i], &s);
		if (differs) {
			n->changed = true;
			r = kernel_put(n->kernel, &plan->links[i], reterr_msg);
		}
	}
	return r;
}

struct settling {
	struct net *net;
	const struct plan *plan;
	char *differs; /* owned: what is still to come, of the last look */
	int ifindex; /* of that link; 0: it does not exist */
};

static bool links_are_settled(void *userdata)
{
	struct settling *w = userdata;
	_cleanup_(link_state_clear) struct link_state s = {0};

	if (!kernel_take_change(w->net->kernel))
		return false;
	free(TAKE_PTR(w->differs));
	for (size_t i = 0; i < w->plan->n_links && !w->differs; i++) {
		const struct plan_link *l = &w->plan->links[i];

		if (kernel_read(w->net->kernel, l->name, &s) < 0)
			w->differs = xasprintf("%s cannot be read", l->name);
		else
			w->differs = link_diff(l, &s);
		w->ifindex = s.ifindex;
	}
	return !w->differs;
}

static char *explain_late(const struct settling *w)
{
	_cleanup_free_ char *says = NULL;

	if (w->net->networkd && w->ifindex)
		says = networkd_explain(w->net->networkd, w->ifindex);
	return xasprintf("the addresses were not in place in time; still: %s%s%s",
		w->differs ? w->differs : "unknown",
		says ? "; systemd-networkd says: " : "", says ? says : "");
}

static int wait_links(
	struct net *n, const struct plan *plan, uint64_t deadline_ms, char **reterr_msg)
{
	struct settling w = {n, plan, NULL, 0};
	_cleanup_free_ char *late = NULL;
	int r;

	kernel_expect_change(n->kernel);
	r = loop_until(&n->loop, links_are_settled, &w, deadline_ms);
	if (r < 0)
		late = explain_late(&w);
	free(w.differs);
	return waited(r, reterr_msg, late);
}

/*
 * The userspace datapath reads a NIC beside the kernel's own stack, which would take once more
 * what is for the port that has the NIC's MAC: each segment of TCP twice.
 */
static void leave_to_ovs(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_links; i++)
		if (plan->links[i].uplink)
			kernel_leave_to_ovs(plan->links[i].name);
}

static int put_addresses(
	struct net *n, const struct plan *plan, uint64_t deadline_ms, char **reterr_msg)
{
	_cleanup_(files_result_clear) struct files_result files = {0};
	int r = network_files_sync(NETCONF_NETWORKD_DIR, plan, false, &files, reterr_msg);

	if (r < 0)
		return r;
	n->changed |= files.n_written || files.n_removed;
	if (n->networkd)
		r = settle_by_networkd(n, plan, &files, reterr_msg);
	else
		r = settle_by_netlink(n, plan, reterr_msg);
	if (r == 0 && streq(n->datapath, "netdev"))
		leave_to_ovs(plan);
	return r < 0 ? r : wait_links(n, plan, deadline_ms, reterr_msg);
}

int net_put(struct net *n, const struct plan *plan, bool addresses_anyway,
	uint64_t deadline_ms, char **reterr_msg)
{
	_cleanup_free_ char *ovs_msg = NULL;
	const uint64_t now = now_mono_ms();
	const uint64_t left = deadline_ms > now ? deadline_ms - now : 0;
	/*
	 * Open vSwitch must leave time for the addresses; but its first bridge after a boot
	 * took 25 s on an emulated server with a busy host.
	 */
	const uint64_t ovs_deadline = now + left * 3 / 4;
	int r, r_ovs = 0;

	if (ovs_db_is_ready(n->loop.db) || !addresses_anyway)
		r_ovs = put_rows(n, &plan->rows, ovs_deadline, &ovs_msg);
	if (r_ovs < 0 && (!addresses_anyway || r_ovs == -EINTR)) {
		*reterr_msg = TAKE_PTR(ovs_msg);
		return r_ovs;
	}
	if (r_ovs < 0)
		log_warn("%s; setting the addresses all the same", ovs_msg);
	r = put_addresses(n, plan, deadline_ms, reterr_msg);
	if (r < 0 || r_ovs == 0)
		return r;
	*reterr_msg = xasprintf("%s has its address, but Open vSwitch may be in the way",
		plan->n_links ? plan->links[0].name : "the NIC");
	return r_ovs;
}
