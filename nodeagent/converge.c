/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step either ends at once (step_done from inside its function) or later, from a
 * callback; the next one begins from a defer source in both cases, so that the stack
 * stays flat and a cancel between two steps is possible at any time.
 */
#include "nodeagent/converge.h"

#include "common/log.h"
#include "netconf/netconf.h"
#include "nodeagent/firewall.h"
#include "nodeagent/identity.h"
#include "nodeagent/parts.h"
#include "nodeagent/paths.h"
#include "nodeagent/work.h"

#define OVS_UNIT "openvswitch-switch.service"
/* Nodes in the twin are some ten times slower than servers. */
#define START_TIMEOUT_MS 300000
#define STOP_TIMEOUT_MS 120000
#define GUESTS_TIMEOUT_MS 60000
#define NETWORKS_TIMEOUT_MS 120000
#define MODULES_TIMEOUT_MS 60000
#define LEAVE_TIMEOUT_MS 300000
#define LUKS_TIMEOUT_MS 300000
#define VG_TIMEOUT_MS 330000 /* five LVM programs with 60 s each, see lvm.c */
#define XFS_TIMEOUT_MS 600000 /* after a crash, each mount reads its log again */

struct converge {
	sd_event *event;
	struct units *units; /* borrowed */
	char *applied_path; /* owned */
	struct converge_run run;
	struct plan *plan; /* NULL: nothing runs */
	size_t at;
	bool network_ok;
	struct work *work;
	struct parts *parts;
	sd_event_source *defer;
};

static void end(struct converge *c, bool ok, const char *text)
{
	plan_free(TAKE_PTR(c->plan));
	c->run.done(ok, c->network_ok, text, c->run.userdata);
}

/* The current step is done. text: what came of it, or why it failed; may be NULL if ok. */
static void step_done(struct converge *c, bool ok, const char *text)
{
	const struct step *s = &c->plan->list[c->at];
	_cleanup_free_ char *what = step_text(s), *why = NULL;

	if (!ok) {
		why = xasprintf("%s: %s", what, text);
		end(c, false, why);
		return;
	}
	if (text)
		log_info("%s: %s", what, text);
	if ((s->type == STEP_VG_LEAVE || s->type == STEP_XFS_LEAVE ||
		    s->type == STEP_LUKS_CLOSE) &&
		text)
		c->run.note(text, c->run.userdata);
	if (s->type == STEP_NETWORK)
		c->network_ok = true;
	c->at++;
	sd_event_source_set_enabled(c->defer, SD_EVENT_ONESHOT);
}

static void on_unit_done(bool ok, const char *text, void *userdata)
{
	step_done(userdata, ok, text);
}

static void on_work_done(bool ok, const char *text, void *userdata)
{
	struct converge *c = userdata;

	c->work = NULL;
	step_done(c, ok, text);
}

/* For steps that could not even begin. */
static void check(struct converge *c, int r)
{
	if (r < 0)
		step_done(c, false, strerror(-r));
}

static void by_work(
	struct converge *c, const char *op, const char *arg, unsigned timeout_ms)
{
	check(c, work_start_op(c->event, op, arg, timeout_ms, on_work_done, c, &c->work));
}

static void do_identity(struct converge *c)
{
	_cleanup_free_ char *msg = NULL;
	int r = identity_apply(c->run.desired, "", &msg);

	step_done(c, r == 0, msg);
}

/* And before there is a network at the next boot. */
static void on_firewall_loaded(bool ok, const char *text, void *userdata)
{
	static char unit[] = FIREWALL_UNIT;
	struct converge *c = userdata;

	if (!ok)
		step_done(c, false, text);
	else
		check(c, units_enable(c->units, (char *[]){unit, NULL}, on_unit_done, c));
}

static void do_firewall(struct converge *c)
{
	_cleanup_free_ char *msg = NULL;
	int r = firewall_write(c->run.desired, "", &msg);

	if (r <= 0)
		step_done(c, r == 0, msg);
	else
		check(c,
			units_reload(c->units, FIREWALL_UNIT, START_TIMEOUT_MS,
				on_firewall_loaded, c));
}

static void do_network(struct converge *c)
{
	static const char *const argv[] = {
		NETCONF_PROGRAM, "apply", NODE_DESIRED, "--json", NULL};

	check(c,
		work_start(c->event,
			&(struct work_spec){.what = NETCONF_PROGRAM,
				.argv = argv,
				.timeout_ms = NETCONF_APPLY_MAX_MS,
				.done = on_work_done,
				.userdata = c},
			&c->work));
}

static void save(struct converge *c, struct applied *a)
{
	_cleanup_free_ char *why = NULL;
	int r = applied_save(a, c->applied_path);

	if (r < 0) {
		applied_free(a);
		why = xasprintf(
			"%s could not be written: %s. Is the state partition full or "
			"read-only? See: df %s",
			c->applied_path, strerror(-r), c->applied_path);
		step_done(c, false, why);
		return;
	}
	applied_free(*c->run.applied);
	*c->run.applied = a;
	step_done(c, true, NULL);
}

/* Machines and networks are gone: were we stopped now, libvirt need not be asked again. */
static void do_forget_vms(struct converge *c)
{
	struct applied *a = applied_copy(*c->run.applied);

	a->hypervisor = false;
	save(c, a);
}

static void on_parts_step(const char *text, void *userdata)
{
	struct converge *c = userdata;

	c->run.step(text, c->run.userdata);
}

static void on_part_up(const char *part, const char *text, void *userdata)
{
	struct converge *c = userdata;

	c->run.part_up(part, text, c->run.userdata);
}

static void do_parts(struct converge *c)
{
	static const struct partdef *const none[] = {NULL};

	parts_start(c->parts,
		&(struct parts_run){.list = c->run.parts ? c->run.parts : none,
			.desired = c->run.desired,
			.step = on_parts_step,
			.up = on_part_up,
			.done = on_unit_done,
			.userdata = c});
}

static void step_begin(struct converge *c, const struct step *s)
{
	switch (s->type) {
	case STEP_IDENTITY:
		do_identity(c);
		break;
	case STEP_OVS:
		check(c,
			units_start(
				c->units, OVS_UNIT, START_TIMEOUT_MS, on_unit_done, c));
		break;
	case STEP_FIREWALL:
		do_firewall(c);
		break;
	case STEP_NETWORK:
		do_network(c);
		break;
	case STEP_GUESTS:
		by_work(c, "guests-none", NULL, GUESTS_TIMEOUT_MS);
		break;
	case STEP_VM_NETWORKS:
		by_work(c, "libvirt-networks", NULL, NETWORKS_TIMEOUT_MS);
		break;
	case STEP_FORGET_VMS:
		do_forget_vms(c);
		break;
	case STEP_STOP:
		check(c, units_stop(c->units, s->arg, STOP_TIMEOUT_MS, on_unit_done, c));
		break;
	case STEP_DISABLE:
		check(c, units_disable(c->units, c->plan->disable, on_unit_done, c));
		break;
	case STEP_LUKS_OPEN:
		by_work(c, "luks-open", NULL, LUKS_TIMEOUT_MS);
		break;
	case STEP_LUKS_ENTER:
		by_work(c, "luks-enter", NULL, LUKS_TIMEOUT_MS);
		break;
	case STEP_LUKS_CLOSE:
		by_work(c, "luks-close", NULL, LUKS_TIMEOUT_MS);
		break;
	case STEP_VG_LEAVE:
		by_work(c, "vg-leave", s->arg, VG_TIMEOUT_MS);
		break;
	case STEP_XFS_LEAVE:
		by_work(c, "xfs-leave", s->arg, XFS_TIMEOUT_MS);
		break;
	case STEP_RECORD:
		save(c, applied_with(*c->run.applied, c->run.def));
		break;
	case STEP_MODULES:
		by_work(c, "kvm-modules", NULL, MODULES_TIMEOUT_MS);
		break;
	case STEP_VG_ENTER:
		by_work(c, "vg-enter", NULL, VG_TIMEOUT_MS);
		break;
	case STEP_XFS_ENTER:
		by_work(c, "xfs-enter", NULL, XFS_TIMEOUT_MS);
		break;
	case STEP_ENABLE:
		check(c, units_enable(c->units, c->run.def->units, on_unit_done, c));
		break;
	case STEP_START:
		check(c,
			units_start(c->units, s->arg, START_TIMEOUT_MS, on_unit_done, c));
		break;
	case STEP_PART_LEAVE:
		by_work(c, "part-leave", s->arg, LEAVE_TIMEOUT_MS);
		break;
	case STEP_PARTS:
		do_parts(c);
		break;
	case STEP_SETTLE:
		save(c, applied_with(NULL, c->run.def));
		break;
	}
}

static int on_defer(_unused_ sd_event_source *e, void *userdata)
{
	struct converge *c = userdata;
	_cleanup_free_ char *text = NULL;

	if (c->at == c->plan->n) {
		end(c, true, NULL);
		return 0;
	}
	text = step_text(&c->plan->list[c->at]);
	c->run.step(text, c->run.userdata);
	step_begin(c, &c->plan->list[c->at]);
	return 0;
}

void converge_start(struct converge *c, const struct converge_run *run)
{
	c->run = *run;
	c->plan = plan_build(*run->applied, run->def, run->network,
		firewall_outside(run->desired) != NULL);
	c->at = 0;
	c->network_ok = false;
	sd_event_source_set_enabled(c->defer, SD_EVENT_ONESHOT);
}

void converge_facts(struct converge *c, const struct desired *d)
{
	c->run.desired = d;
	parts_facts(c->parts, d);
}

bool converge_in_parts(const struct converge *c)
{
	return parts_running(c->parts);
}

void converge_cancel(struct converge *c)
{
	sd_event_source_set_enabled(c->defer, SD_EVENT_OFF);
	work_cancel(TAKE_PTR(c->work));
	parts_cancel(c->parts);
	units_cancel(c->units);
	plan_free(TAKE_PTR(c->plan));
}

struct converge *converge_new(
	sd_event *event, struct units *units, const char *applied_path)
{
	struct converge *c = xcalloc(1, sizeof(*c));

	c->event = sd_event_ref(event);
	c->units = units;
	c->applied_path = xstrdup(applied_path);
	c->parts = parts_new(event, units);
	if (sd_event_add_defer(event, &c->defer, on_defer, c) < 0)
		abort();
	sd_event_source_set_enabled(c->defer, SD_EVENT_OFF);
	return c;
}

void converge_free(struct converge *c)
{
	if (!c)
		return;
	converge_cancel(c);
	parts_free(c->parts);
	sd_event_source_disable_unref(c->defer);
	free(c->applied_path);
	sd_event_unref(c->event);
	free(c);
}
