/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only the network is essential: without the switch the rack is pointless and the
 * supervisor ends, which takes the box along. A node or a BMC that fails is logged and
 * looks from outside like a broken server, which is what it is.
 */
#include "twin/supervisor.h"

#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "common/jsonx.h"
#include "common/log.h"
#include "twin/accel.h"
#include "twin/bmc.h"
#include "twin/cgroup.h"
#include "twin/ctl.h"
#include "twin/files.h"
#include "twin/loop.h"
#include "twin/net.h"
#include "twin/node.h"
#include "twin/ns.h"

struct supervisor {
	int tell; /* borrowed */
	const struct twin_plan *plan; /* borrowed */
	const struct secrets *secrets; /* borrowed */
	enum twin_accel accel; /* decided */
	sd_event *event; /* owned */
	struct net *net; /* owned */
	struct node **nodes; /* owned, as in the plan */
	struct bmc **bmcs; /* owned, as in the plan */
	size_t bmcs_awaited;
	struct ctl *ctl; /* owned */
	struct loop_pool images; /* that containers run from */
};

static void net_failed(const char *why, void *userdata)
{
	struct supervisor *s = userdata;

	log_error("%s; the rack goes down", why);
	sd_event_exit(s->event, 1);
}

static void node_ended(struct node *n, void *userdata)
{
	struct supervisor *s = userdata;

	if (s->ctl)
		ctl_release(s->ctl, n, json_pack("{s:s}", "value", "0"));
}

/* ---- requests ---- */

static json_t *error_answer(const char *fmt, ...) _printf_(1, 2);

static json_t *error_answer(const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	return json_pack("{s:s}", "error", text ? text : "out of memory");
}

static json_t *done_answer(const char *value)
{
	return json_pack("{s:s}", "value", value);
}

static const char *form_str(const struct supervisor *s)
{
	return s->plan->form == TWIN_CONTAINERS ? "containers" : twin_accel_str(s->accel);
}

static json_t *status_answer(const struct supervisor *s)
{
	const struct rack *rack = s->plan->rack;
	json_t *nodes = json_array();
	char address[16], bmc_host[16];

	format_ipv4(rack->address, address);
	format_ipv4(s->plan->bmc_host, bmc_host);
	for (size_t i = 0; i < s->plan->n_nodes; i++)
		json_array_append_new(nodes, node_to_json(s->nodes[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "rack", rack->name,
		"dir", s->plan->dir, "accel", form_str(s), "interface", rack->interface,
		"address", address, "bmc_interface", s->plan->bmc_if, "bmc_address",
		bmc_host, "nodes", nodes);
}

static struct node *find_node(const struct supervisor *s, const char *name)
{
	for (size_t i = 0; i < s->plan->n_nodes; i++)
		if (streq(node_plan(s->nodes[i])->rack->name, name))
			return s->nodes[i];
	return NULL;
}

static json_t *get_answer(const struct node *n, const char *what)
{
	if (streq(what, "power"))
		return done_answer(node_is_on(n) ? "1" : "0");
	if (streq(what, "boot"))
		return done_answer(boot_device_ipmi(node_next_boot(n)));
	return error_answer("%s cannot be asked for", what);
}

static json_t *power_answer(struct node *n, enum power_event event)
{
	int r = node_power(n, event);

	if (r == -EHOSTDOWN)
		return error_answer("the node is off");
	return r < 0 ? error_answer("%s", strerror(-r)) : done_answer("1");
}

/* Off is answered when it is true; the others are answered when they have begun. */
static json_t *set_power(struct ctl_conn *c, struct node *n, const char *value)
{
	json_t *answer;

	if (node_plan(n)->fault->power_ignored)
		return done_answer(value);
	if (streq(value, "1"))
		return power_answer(n, POWER_EV_POWER_ON);
	if (!streq(value, "0"))
		return error_answer("power: expected 0 or 1");
	answer = power_answer(n, POWER_EV_POWER_OFF);
	if (!node_is_on(n) || json_object_get(answer, "error"))
		return answer;
	json_decref(answer);
	ctl_defer(c, n);
	return NULL;
}

/* "15 0": seconds, and whether for ever. */
static json_t *set_identify(struct node *n, const char *value)
{
	_cleanup_free_ char *copy = xstrdup(value);
	char *force = strchr(copy, ' ');
	unsigned seconds, always = 0;

	if (force)
		*force++ = '\0';
	if (parse_unsigned(copy, 0, 255, &seconds) < 0 ||
		(force && parse_unsigned(force, 0, 1, &always) < 0))
		return error_answer("identify: expected seconds and 0 or 1");
	node_identify(n, always ? UINT_MAX : seconds);
	return done_answer(value);
}

/* From a container that is about to start: the block device of the image at that path. */
static json_t *image_answer(struct supervisor *s, const char *path)
{
	char device[32];
	unsigned number;
	int r = loop_pool_get(&s->images, path, &number);

	if (r < 0)
		return error_answer(
			"%s cannot be made a block device: %s", path, strerror(-r));
	snprintf(device, sizeof(device), "/dev/loop%u", number);
	return done_answer(device);
}

/* Reset and power button; a BMC that ignores power commands ignores these too. */
static json_t *press(struct node *n, enum power_event event)
{
	return node_plan(n)->fault->power_ignored ? done_answer("1")
						  : power_answer(n, event);
}

/* What is broken from now on, instead of what was. */
static json_t *set_fault(const struct supervisor *s, struct node *n, const char *words)
{
	_cleanup_free_ char *msg = NULL;
	struct twin_fault f;

	if (fault_parse(words, &f, &msg) < 0)
		return error_answer("%s", msg);
	if (s->plan->form == TWIN_CONTAINERS && fault_changes_machine(&f))
		return error_answer(
			"this rack's servers are containers: of faults they know power-ignored "
			"and boot-ignored");
	*node_plan(n)->fault = f;
	log_info("%s: broken: %s", node_plan(n)->rack->name, *words ? words : "nothing");
	return done_answer(words);
}

static json_t *set_answer(struct supervisor *s, struct ctl_conn *c, struct node *n,
	const char *what, const char *value)
{
	enum boot_device boot;

	if (streq(what, "power"))
		return set_power(c, n, value);
	if (streq(what, "reset") || streq(what, "shutdown"))
		return press(
			n, streq(what, "reset") ? POWER_EV_RESET : POWER_EV_SOFT_OFF);
	if (streq(what, "fault"))
		return set_fault(s, n, value);
	if (streq(what, "identify"))
		return set_identify(n, value);
	if (!streq(what, "boot"))
		return error_answer("%s cannot be set", what);
	if (boot_device_from_ipmi(value, &boot) < 0)
		return error_answer(
			"this server boots from its disks or the network, not from %s",
			value);
	node_set_boot(n, boot);
	return done_answer(value);
}

static json_t *handle(struct ctl_conn *c, const json_t *request, void *userdata)
{
	struct supervisor *s = userdata;
	_cleanup_(jx_clear) struct jx j = {.obj = request};
	const char *op = jx_str(&j, "op", 16), *what, *value;
	struct node *n;

	if (streq(op, "status"))
		return status_answer(s);
	n = find_node(s, jx_str(&j, "node", 64));
	what = jx_str(&j, "what", 32);
	value = jx_str_opt(&j, "value", 4096, "");
	if (j.error)
		return error_answer("%s", j.error);
	if (!n)
		return error_answer("this rack has no such node");
	if (streq(op, "get"))
		return get_answer(n, what);
	if (streq(op, "set"))
		return set_answer(s, c, n, what, value);
	if (streq(op, "image"))
		return image_answer(s, value);
	return error_answer("unknown request");
}

/* ---- coming up ---- */

static void all_ready(struct supervisor *s)
{
	ns_tell(s->tell, NS_READY, "%zu nodes, %s", s->plan->n_nodes, form_str(s));
}

static void bmc_ready(int r, void *userdata)
{
	struct supervisor *s = userdata;

	if (r < 0) {
		ns_tell(s->tell, NS_FAILED, "a BMC does not answer on port %d: %s",
			TWIN_IPMI_PORT, strerror(-r));
		sd_event_exit(s->event, 1);
	} else if (--s->bmcs_awaited == 0) {
		all_ready(s);
	}
}

static int start_node(struct supervisor *s, size_t i, char **reterr_msg)
{
	const struct twin_node *n = &s->plan->nodes[i];
	int r = node_new(
		s->event, s->plan, n, s->accel, node_ended, s, &s->nodes[i], reterr_msg);

	if (r < 0)
		return r;
	s->bmcs_awaited++;
	return bmc_new(s->event, s->plan, n, secrets_bmc(s->secrets, n->rack->name),
		bmc_ready, s, &s->bmcs[i], reterr_msg);
}

static int start_ctl(struct supervisor *s, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/control.sock", s->plan->dir);
	int r = ctl_new(s->event, path, handle, s, &s->ctl);

	if (r < 0)
		*reterr_msg = xasprintf("%s: %s", path, strerror(-r));
	return r;
}

/* What kind of processor the machines get; for containers, where they are kept in order. */
static int prepare_form(struct supervisor *s, char **reterr_msg)
{
	_cleanup_free_ char *scratch = xasprintf("%s/nodes/probe.fd", s->plan->dir);
	int r;

	if (s->plan->form == TWIN_CONTAINERS)
		return cgroup_make(s->plan->dir, reterr_msg);
	r = files_make_nvram(scratch, reterr_msg);
	if (r == 0)
		r = accel_choose(s->plan->accel, scratch, &s->accel, reterr_msg);
	unlink(scratch);
	return r;
}

static int bring_up(struct supervisor *s, char **reterr_msg)
{
	int r = files_make(s->plan, reterr_msg);

	if (r == 0)
		r = prepare_form(s, reterr_msg);
	if (r == 0)
		r = net_up(s->event, s->plan, net_failed, s, &s->net, reterr_msg);
	if (r == 0)
		r = start_ctl(s, reterr_msg);
	for (size_t i = 0; i < s->plan->n_nodes && r == 0; i++)
		r = start_node(s, i, reterr_msg);
	return r;
}

static void tear_down(struct supervisor *s)
{
	for (size_t i = 0; i < s->plan->n_nodes; i++) {
		bmc_free(s->bmcs[i]);
		node_free(s->nodes[i]);
	}
	ctl_free(s->ctl);
	loop_pool_clear(&s->images);
	net_free(s->net);
	free(s->nodes);
	free(s->bmcs);
	sd_event_unref(s->event);
}

static void block_sigchld(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int supervisor_run(int tell, const struct twin_plan *plan, const struct secrets *secrets)
{
	struct supervisor s = {.tell = tell, .plan = plan, .secrets = secrets};
	_cleanup_free_ char *msg = NULL;
	int r;

	umask(077);
	block_sigchld();
	s.nodes = xcalloc(plan->n_nodes + 1, sizeof(struct node *));
	s.bmcs = xcalloc(plan->n_nodes + 1, sizeof(struct bmc *));
	r = sd_event_new(&s.event);
	if (r >= 0)
		r = bring_up(&s, &msg);
	if (r < 0)
		ns_tell(tell, NS_FAILED, "%s", msg ? msg : strerror(-r));
	else
		r = sd_event_loop(s.event);
	tear_down(&s);
	return r == 0 ? 0 : 1;
}
