/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/apply.h"

/*
 * A word in rack.ini never reinstalls a node that works: what noded can do in place is
 * "converge"; what needs the agent (other disks, another server) is refused until the
 * operator names a disk of that node to be written anew.
 */

const char *apply_action_str(enum apply_action a)
{
	switch (a) {
	case APPLY_NONE:
		return "none";
	case APPLY_LOOK:
		return "look";
	case APPLY_ASKS:
		return "asks";
	case APPLY_INSTALL:
		return "install";
	case APPLY_HELD:
		return "held";
	case APPLY_CONVERGE:
		return "converge";
	case APPLY_REMOVE:
		return "remove";
	case APPLY_REFUSED:
		return "refused";
	}
	return "none";
}

/* ---- hardware ---- */

static const char *or_none(const char *s)
{
	return s && *s ? s : "(none)";
}

static char *disk_change(const struct rack_node *a, const struct rack_node *b)
{
	if (a->profile->n_disks != b->profile->n_disks)
		return xasprintf("%zu disks instead of %zu", b->profile->n_disks,
			a->profile->n_disks);
	for (size_t i = 0; i < a->profile->n_disks; i++) {
		const struct rack_disk *x = &a->profile->disks[i],
				       *y = &b->profile->disks[i];

		/* A spare that becomes a data disk, and back, is noded's business. */
		if (x->bay != y->bay ||
			((disk_use_is_system(x->use) || disk_use_is_system(y->use)) &&
				x->use != y->use) ||
			x->bus != y->bus || x->size_bytes != y->size_bytes)
			return xasprintf("disk.%u is declared differently", y->bay);
		if (disk_use_is_system(y->use) &&
			(!streq_ptr(a->disks[i].serial, b->disks[i].serial) ||
				!streq_ptr(a->disks[i].wwn, b->disks[i].wwn)))
			return xasprintf("another %s disk: serial %s instead of %s",
				disk_use_str(y->use), or_none(b->disks[i].serial),
				or_none(a->disks[i].serial));
	}
	return NULL;
}

static char *mac_change(const struct rack_node *a, const struct rack_node *b)
{
	char x[18], y[18];

	if (a->profile->n_nics != b->profile->n_nics)
		return xasprintf("%zu NICs instead of %zu", b->profile->n_nics,
			a->profile->n_nics);
	for (size_t i = 0; i < a->profile->n_nics; i++) {
		if (mac_equal(&a->macs[i], &b->macs[i]))
			continue;
		format_mac(&a->macs[i], x);
		format_mac(&b->macs[i], y);
		return xasprintf("mac.%zu is %s instead of %s", i + 1, y, x);
	}
	return NULL;
}

/* Is it another server, of which nothing was seen yet? NULL: it is not. */
static char *server_change(const struct rack_node *before, const struct rack_node *after)
{
	char *why = mac_change(before, after);

	if (!why && !streq_ptr(before->serial, after->serial))
		why = xasprintf("serial is %s instead of %s", or_none(after->serial),
			or_none(before->serial));
	if (!why && !streq(before->uuid, after->uuid))
		why = xasprintf("uuid is %s instead of %s", or_none(after->uuid),
			or_none(before->uuid));
	return why;
}

char *apply_hardware_change(const struct rack_node *before, const struct rack_node *after)
{
	char *why = server_change(before, after);

	return why ? why : disk_change(before, after);
}

char *apply_address_change(const struct rack *before, const struct rack *after)
{
	char address[16];

	if (before->address == after->address && before->http_port == after->http_port &&
		before->api_port == after->api_port)
		return NULL;
	format_ipv4(before->address, address);
	return xasprintf(
		"installed nodes know only the old address %s, ports %u and %u; changing it needs their "
		"reinstallation: apply once without them in rack.ini, then change it and "
		"add them again",
		address, before->http_port, before->api_port);
}

/* ---- the decision ---- */

static bool names(const char *const *wipe, const char *id)
{
	for (size_t i = 0; wipe && id && *id && wipe[i]; i++)
		if (streq(wipe[i], id))
			return true;
	return false;
}

/* Did the operator name a disk of this node? */
static bool consents(const struct rack_node *after, const struct apply_view *v)
{
	for (size_t i = 0; i < after->profile->n_disks; i++)
		if (names(v->wipe, after->disks[i].serial) ||
			names(v->wipe, after->disks[i].wwn))
			return true;
	for (size_t i = 0; v->inv && i < v->inv->n_disks; i++)
		if (names(v->wipe, v->inv->disks[i].serial) ||
			names(v->wipe, v->inv->disks[i].wwn))
			return true;
	return false;
}

static enum apply_action on_hardware(const struct rack_node *after,
	const struct apply_view *v, const char *what, char **ret_why)
{
	if (!v->fsm->installed && !fsm_is_installing(v->fsm)) {
		*ret_why = xasprintf("%s; it was never installed", what);
		return APPLY_INSTALL;
	}
	if (fsm_asks(v->fsm)) {
		*ret_why = xasprintf("%s; its agent has written nothing yet", what);
		return APPLY_ASKS;
	}
	if (consents(after, v)) {
		*ret_why = xasprintf("%s; installed anew, as you named its disk", what);
		return APPLY_INSTALL;
	}
	*ret_why = xasprintf(
		"%s: that needs a new installation. Allow it with `ondol apply --wipe "
		"SERIAL`, SERIAL being its system disk's",
		what);
	return APPLY_REFUSED;
}

static char *role_words(const struct rack_node *n)
{
	return n->kind ? xasprintf("%s/%s", n->role, n->kind) : xstrdup(n->role);
}

/* What there is to think of when a node gives up a role of a cloud; "": nothing. */
static const char *leaving_words(const struct rack_node *n)
{
	if (streq(n->role, "compute"))
		return "it refuses while instances run on it";
	if (n->kind && streq(n->kind, "object"))
		return "its objects move to the other nodes";
	if (n->kind && streq(n->kind, "block"))
		return "it refuses while volumes are on it";
	return "";
}

char *apply_removal(const struct rack_node *before, bool cloud)
{
	_cleanup_free_ char *role = role_words(before);

	if (!cloud)
		return xstrdup(
			"is not in rack.ini any more; the server is left as it is");
	return xasprintf(
		"is not in rack.ini any more: leaves the role %s. The server is left as it "
		"is and the controller takes it out of the cloud: what runs or is kept on it "
		"is lost to the cloud",
		role);
}

static char *change_words(
	const struct rack_node *before, const struct rack_node *after, bool cloud)
{
	_cleanup_free_ char *a = role_words(before), *b = role_words(after);
	const char *think = leaving_words(before);

	if (!streq(a, b) && cloud)
		return xasprintf("role %s -> %s: leaves the role %s%s%s", a, b, a,
			*think ? "; " : "", think);
	if (!streq(a, b))
		return xasprintf("role %s -> %s", a, b);
	return xstrdup("its networks, peers, keys or disks are declared differently");
}

static enum apply_action decide(const struct rack_node *before,
	const struct rack_node *after, const struct apply_view *view, char **ret_why)
{
	_cleanup_free_ char *hardware = NULL;

	if (!before) {
		*ret_why = xstrdup("new in rack.ini");
		return APPLY_INSTALL;
	}
	if (view->fsm->state == FSM_MAINTENANCE) {
		*ret_why = xasprintf(
			"is in maintenance and left alone; `ondol maintenance %s off` "
			"ends that, then apply again",
			before->name);
		return APPLY_NONE;
	}
	hardware = apply_hardware_change(before, after);
	if (hardware)
		return on_hardware(after, view, hardware, ret_why);
	if (fsm_asks(view->fsm)) {
		*ret_why = xstrdup("an agent has seen its disks: waits to be agreed to");
		return APPLY_ASKS;
	}
	if (fsm_is_installing(view->fsm)) {
		*ret_why = xasprintf(
			"is being installed (%s) and gets what is new on the way",
			fsm_state_str(view->fsm->state));
		return APPLY_NONE;
	}
	if (!view->fsm->installed) {
		*ret_why = xstrdup("was never installed to the end");
		return APPLY_INSTALL;
	}
	if (view->desired_changes) {
		*ret_why = change_words(before, after, view->cloud);
		return APPLY_CONVERGE;
	}
	*ret_why = xstrdup(view->fsm->state == FSM_READY ? "as declared" : "works on it");
	if (view->fsm->state == FSM_FAILED) {
		free(*ret_why);
		*ret_why = xstrdup(
			"failed, and nothing changed: see `ondol why`, or reinstall it");
	}
	return APPLY_NONE;
}

/* What was seen of its disks stands against an installation: nobody is switched off for that. */
static enum apply_action on_trouble(const struct rack_node *before,
	const struct rack_node *after, const char *trouble, char **ret_why)
{
	_cleanup_free_ char *hardware = apply_hardware_change(before, after),
			    *why = *ret_why;

	/* other disks than those that were seen are declared now: they may be there */
	*ret_why = hardware
		? xasprintf("%s; no agent has seen its disks since", why)
		: xasprintf(
			  "%s, and is left as it is: %s; when its disks are others by now: "
			  "`ondol reinstall %s --look`",
			  why, trouble, after->name);
	return hardware ? APPLY_LOOK : APPLY_HELD;
}

enum apply_action apply_decide(const struct rack_node *before,
	const struct rack_node *after, const struct apply_view *view, char **ret_why)
{
	_cleanup_free_ char *other = before ? server_change(before, after) : NULL;
	enum apply_action action = decide(before, after, view, ret_why);
	_cleanup_free_ char *why = NULL;

	if (action != APPLY_INSTALL && action != APPLY_ASKS)
		return action;
	if (before && view->inv && !other)
		return action == APPLY_INSTALL && view->trouble
			? on_trouble(before, after, view->trouble, ret_why)
			: action;
	why = *ret_why;
	*ret_why = xasprintf("%s; no agent has seen its disks yet", why);
	return APPLY_LOOK;
}
