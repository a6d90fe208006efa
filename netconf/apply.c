/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is gone back to is a desired state, not a copy of rows: it is put in place by the
 * same code as any other, whatever a crash has left behind. Three levels, each tried when
 * the one before does not work: the wanted network, the last confirmed one, and the plain
 * one (the provisioning address on the NIC itself, no bridge), by which the node was
 * installed and can be reached again.
 *
 * The network that is confirmed already is not confirmed again: after a reboot while the
 * server is down a node must not lose its network.
 */
#include "netconf/apply.h"

#include <fcntl.h>
#include <sys/file.h>

#include "common/log.h"
#include "netconf/confirm.h"
#include "netconf/show.h"
#include "netconf/state.h"

struct apply {
	const struct apply_options *o; /* borrowed */
	struct net net;
	bool net_is_open;
	int lock; /* owned */
	struct document wanted;
	struct document confirmed; /* empty: none */
	struct plan *plan; /* owned: of wanted */
	uint64_t deadline_ms;
};

void apply_result_clear(struct apply_result *r)
{
	free(r->text);
	*r = (struct apply_result){0};
}

static void result(struct apply_result *ret, enum netconf_exit exit, char *text)
{
	free(ret->text);
	ret->exit = exit;
	ret->text = text;
}

static void apply_clear(struct apply *a)
{
	plan_free(a->plan);
	document_clear(&a->wanted);
	document_clear(&a->confirmed);
	if (a->net_is_open)
		net_close(&a->net);
	util_closep(&a->lock);
}

/* ---- before ---- */

static int take_lock(struct apply *a, char **reterr_msg)
{
	int r = mkdir_p("/run/ondol/netconf", 0755);

	if (r == 0) {
		a->lock = open(NETCONF_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		r = a->lock < 0 ? -errno : 0;
	}
	if (r == 0 && flock(a->lock, LOCK_EX | LOCK_NB) < 0)
		r = -errno;
	if (r == -EWOULDBLOCK)
		*reterr_msg = xstrdup(
			"another ondol-netconf is at work; wait until it has ended");
	else if (r < 0)
		*reterr_msg = xasprintf("cannot lock %s: %s", NETCONF_LOCK, strerror(-r));
	return r;
}

/* A confirmed state that cannot be read any more is as good as none. */
static void load_confirmed(struct apply *a)
{
	_cleanup_free_ char *why = NULL;
	int r = document_load(NETCONF_CONFIRMED, &a->confirmed, &why);

	if (r < 0 && r != -ENOENT)
		log_warn("%s; going on as if no network had been confirmed", why);
}

static bool is_confirmed(const struct apply *a)
{
	return a->confirmed.desired &&
		plan_same_network(a->confirmed.desired, a->wanted.desired);
}

/* Everything up to the first write; also the checks that can still refuse. */
static int prepare(struct apply *a, char **reterr_msg)
{
	int r = net_wait_ovsdb(&a->net,
		now_mono_ms() + MIN(a->o->timeout_ms, NETCONF_OVSDB_TIMEOUT_MS),
		reterr_msg);

	if (r == 0)
		r = net_plan(&a->net, a->wanted.desired, &a->plan, reterr_msg);
	if (r == 0)
		r = net_check_foreign(&a->net, a->plan, reterr_msg);
	return r;
}

static int begin(struct apply *a, const struct apply_options *o, char **reterr_msg)
{
	int r = take_lock(a, reterr_msg);

	a->o = o;
	if (r == 0)
		r = net_open(&o->net, &a->net, reterr_msg);
	if (r < 0)
		return r;
	a->net_is_open = true;
	load_confirmed(a);
	return 0;
}

/* ---- going back ---- */

/* For each of the two ways back: as patient as forward, but not for ever. */
static uint64_t way_back(const struct apply *a)
{
	const uint64_t least_ms = 10000, most_ms = NETCONF_ROLLBACK_TIMEOUT_MS / 2;

	return now_mono_ms() + MIN(most_ms, MAX(least_ms, a->o->timeout_ms));
}

static int put_plain(struct apply *a, const struct desired *d, char **reterr_msg)
{
	_cleanup_(plan_freep) struct plan *plan = NULL;
	int r = net_plan_plain(&a->net, d, &plan, reterr_msg);

	if (r == 0)
		r = net_put(&a->net, plan, true, way_back(a), reterr_msg);
	return r;
}

static int put_confirmed(struct apply *a, char **reterr_msg)
{
	_cleanup_(plan_freep) struct plan *plan = NULL;
	int r = net_plan(&a->net, a->confirmed.desired, &plan, reterr_msg);

	if (r == 0)
		r = net_put(&a->net, plan, false, way_back(a), reterr_msg);
	return r;
}

/* 0 with *ret_what: what is in place now; caller frees. -errno with *reterr_msg. */
static int go_back(struct apply *a, const struct desired *plain, bool try_confirmed,
	char **ret_what, char **reterr_msg)
{
	_cleanup_free_ char *why = NULL;
	int r;

	a->net.loop.ignore_signals = true;
	if (try_confirmed) {
		r = put_confirmed(a, &why);
		if (r == 0) {
			*ret_what = xasprintf(
				"the network of revision %llu, the last confirmed "
				"one, is back",
				(unsigned long long)a->confirmed.desired->revision);
			return 0;
		}
		log_error(
			"the confirmed network cannot be put back: %s; trying the plain one",
			why);
	}
	r = put_plain(a, plain, reterr_msg);
	if (r == 0)
		*ret_what =
			xstrdup("the NIC has the provisioning address itself, without a "
				"bridge");
	return r;
}

static void forget_applying(void)
{
	if (unlink(NETCONF_APPLYING) < 0 && errno != ENOENT)
		log_warn("cannot remove %s: %s", NETCONF_APPLYING, strerror(errno));
}

static void undo(struct apply *a, const char *why, struct apply_result *ret)
{
	_cleanup_free_ char *what = NULL, *error = NULL;
	/* Going back to what has just failed would be no help. */
	const bool try_confirmed = a->confirmed.desired && !is_confirmed(a);

	log_warn("%s; going back", why);
	if (go_back(a, try_confirmed ? a->confirmed.desired : a->wanted.desired,
		    try_confirmed, &what, &error) < 0) {
		result(ret, NETCONF_EXIT_BROKEN,
			xasprintf(
				"%s; and the network before could not be put back: %s. Look at "
				"'ondol-netconf show' on the node's console",
				why, error));
		return;
	}
	forget_applying();
	result(ret, NETCONF_EXIT_FAILED, xasprintf("rolled back: %s; %s", why, what));
}

/*
 * Nothing was changed, and nothing can be. A node that has its provisioning address keeps
 * what it has; one that has none, just booted, gets the plain network.
 */
static void refuse(struct apply *a, const char *why, struct apply_result *ret)
{
	_cleanup_free_ char *error = NULL;
	const struct desired_bridge *b;
	const struct desired_port *p;

	if (a->net.loop.signal || plan_native_port(a->wanted.desired, &p, &b) < 0 ||
		kernel_has_address(a->net.kernel, p->address)) {
		result(ret, NETCONF_EXIT_FAILED,
			xasprintf("%s; nothing was changed", why));
		return;
	}
	log_warn("%s; this node has no address, so its NIC gets it directly", why);
	if (put_plain(a, a->wanted.desired, &error) < 0)
		result(ret, NETCONF_EXIT_BROKEN,
			xasprintf(
				"%s; and its NIC could not be given the provisioning address: "
				"%s",
				why, error));
	else
		result(ret, NETCONF_EXIT_FAILED,
			xasprintf(
				"%s; until that is mended the NIC has the provisioning address "
				"itself, without a bridge",
				why));
}

/* ---- forward ---- */

static bool server_answers(void *userdata)
{
	return confirm_is_done(userdata);
}

/* 0, or -errno with *reterr_msg */
static int confirm_server(struct apply *a, char **reterr_msg)
{
	const struct desired *d = a->wanted.desired;
	const char *url = a->o->confirm;
	struct confirm *c = NULL;
	_cleanup_free_ char *server = NULL;
	char address[16], took[32];
	int r;

	format_ipv4(d->server, address);
	server = url ? xstrdup(url) : xasprintf("server %s:%u", address, d->server_port);
	r = confirm_start(a->net.loop.event, d->server, d->server_port, url, &c);
	if (r == 0)
		r = loop_until(&a->net.loop, server_answers, c, a->deadline_ms);
	format_duration(a->o->timeout_ms, took);
	if (r == -EINTR)
		*reterr_msg = xasprintf("stopped by a signal before %s answered", server);
	else if (r == -ETIMEDOUT)
		*reterr_msg = xasprintf(
			"%s could not be reached within %s (last try: %s); check "
			"the VLANs of the switch port and that ondold runs",
			server, took, confirm_last_error(c));
	else if (r < 0)
		*reterr_msg =
			xasprintf("cannot try to reach %s: %s", server, strerror(-r));
	confirm_free(c);
	return r;
}

static int keep_before(struct apply *a, char **reterr_msg)
{
	_cleanup_free_ char *text = NULL;
	json_t *now = show_to_json(&a->net, a->plan);
	int r;

	text = json_dumps(now, JSON_INDENT(1));
	json_decref(now);
	r = write_file_atomic(NETCONF_BEFORE, text, strlen(text), 0600);
	if (r < 0) {
		*reterr_msg =
			xasprintf("cannot keep %s: %s", NETCONF_BEFORE, strerror(-r));
		return r;
	}
	return document_save(NETCONF_APPLYING, &a->wanted, reterr_msg);
}

static char *in_place(const struct apply *a, const char *how)
{
	const struct desired *d = a->wanted.desired;
	const size_t bridges = a->plan->rows.n_bridges;
	const size_t networks = d->n_ports + d->n_providers;

	return xasprintf("network of revision %llu: %zu bridge%s, %zu network%s; %s",
		(unsigned long long)d->revision, bridges, bridges == 1 ? "" : "s",
		networks, networks == 1 ? "" : "s", how);
}

/* A network that works is not undone because the disk is full. */
static void keep_confirmed(struct apply *a, const char *how, struct apply_result *ret)
{
	_cleanup_free_ char *why = NULL;

	if (!(a->confirmed.json && json_equal(a->confirmed.json, a->wanted.json)) &&
		document_save(NETCONF_CONFIRMED, &a->wanted, &why) < 0)
		log_error("%s; the next roll-back would go to an older network", why);
	forget_applying();
	result(ret, NETCONF_EXIT_OK, in_place(a, how));
}

static void confirm_or_undo(struct apply *a, bool wrote, struct apply_result *ret)
{
	_cleanup_free_ char *why = NULL, *how = NULL;

	if (is_confirmed(a)) {
		keep_confirmed(
			a, wrote ? "as confirmed before" : "nothing to change", ret);
		return;
	}
	if (a->o->confirm && streq(a->o->confirm, "none")) {
		keep_confirmed(a, "taken without asking the server", ret);
		return;
	}
	if (confirm_server(a, &why) < 0) {
		undo(a, why, ret);
		return;
	}
	how = xasprintf("%sthe server answers", wrote ? "" : "nothing to change; ");
	keep_confirmed(a, how, ret);
}

static void forward(struct apply *a, struct apply_result *ret)
{
	_cleanup_free_ char *why = NULL;
	char **differences;
	bool differs;
	int r = net_diff(&a->net, a->plan, &differences, &why);

	if (r < 0) {
		refuse(a, why, ret);
		return;
	}
	for (size_t i = 0; differences[i]; i++)
		log_info("%s", differences[i]);
	differs = differences[0] != NULL;
	rows_strv_free(differences);
	if (differs && keep_before(a, &why) < 0) {
		refuse(a, why, ret);
		return;
	}
	/* Also without a difference: Open vSwitch may still be at it. */
	if (net_put(&a->net, a->plan, false, a->deadline_ms, &why) < 0)
		undo(a, why, ret);
	else
		confirm_or_undo(a, differs, ret);
}

void apply_run(const struct apply_options *o, struct apply_result *ret)
{
	_cleanup_(apply_clear) struct apply a = {.lock = -1};
	_cleanup_free_ char *why = NULL;

	if (document_load(o->desired, &a.wanted, &why) < 0) {
		result(ret, NETCONF_EXIT_USAGE,
			xasprintf("%s; nothing was touched", why));
		return;
	}
	if (begin(&a, o, &why) < 0) {
		result(ret, NETCONF_EXIT_FAILED,
			xasprintf("%s; nothing was changed", why));
		return;
	}
	if (prepare(&a, &why) < 0) {
		refuse(&a, why, ret);
	} else {
		a.deadline_ms = now_mono_ms() + o->timeout_ms;
		forward(&a, ret);
	}
	ret->changed = a.net.changed;
}

/* Which desired state names the plain network: the first of these that can be read. */
static int load_any(struct document *ret, char **reterr_msg)
{
	static const char *const paths[] = {
		NETCONF_CONFIRMED, NETCONF_APPLYING, NETCONF_DESIRED};
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(paths) && r < 0; i++) {
		_cleanup_free_ char *why = NULL;

		r = document_load(paths[i], ret, &why);
	}
	if (r < 0)
		*reterr_msg =
			xstrdup("there is no confirmed network, and " NETCONF_DESIRED
				" does not tell what this node's address is");
	return r;
}

void apply_rollback(const struct apply_options *o, struct apply_result *ret)
{
	_cleanup_(apply_clear) struct apply a = {.lock = -1};
	_cleanup_free_ char *why = NULL, *what = NULL;
	int r = load_any(&a.wanted, &why);

	if (r == 0)
		r = begin(&a, o, &why);
	if (r == 0)
		r = net_wait_ovsdb(
			&a.net, now_mono_ms() + NETCONF_OVSDB_TIMEOUT_MS, &why);
	if (r < 0) {
		result(ret, NETCONF_EXIT_FAILED,
			xasprintf("%s; nothing was changed", why));
		return;
	}
	r = go_back(&a, a.wanted.desired, a.confirmed.desired != NULL, &what, &why);
	ret->changed = a.net.changed;
	if (r < 0) {
		result(ret, NETCONF_EXIT_BROKEN, TAKE_PTR(why));
		return;
	}
	forget_applying();
	result(ret, NETCONF_EXIT_OK, TAKE_PTR(what));
}
