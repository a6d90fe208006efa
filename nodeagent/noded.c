/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything hangs off one struct. schedule.c says what to do next; converge.c and prover.c do
 * it and come back through a callback; link.c carries what came of it to ondold and brings what
 * is desired. Ready: the last converge for it ended well, and every proof of its role holds.
 */
#include "nodeagent/noded_internal.h"

#include <systemd/sd-daemon.h>

#include "common/jsonx.h"
#include "common/log.h"
#include "nodeagent/loop.h"
#include "nodeagent/netcheck.h"
#include "nodeagent/paths.h"
#include "nodeagent/patience.h"
#include "nodeagent/statefile.h"

#define ROLE_PROOF "role" /* no promise of it: why it could not be taken on */

static bool is_ready(const struct noded *n)
{
	return n->converged && n->proved && n->def &&
		proofs_all_ok(&n->proofs, n->needed);
}

/* ---- what others see ---- */

static void write_state(struct noded *n)
{
	const struct desired *d = n->wish.held.desired;
	int r = statefile_write(NODE_STATE,
		&(struct state_view){.node = n->conf->name,
			.role = d ? d->role : "",
			.kind = d ? d->kind : "",
			.image = n->conf->image,
			.step = n->step,
			.failure = n->failure.text,
			.revision = d ? d->revision : 0,
			.ready = is_ready(n),
			.server_answers = n->server_answers,
			.proofs = &n->proofs});

	if (r < 0)
		log_warn("%s: %s; `ondol-noded status` will be out of date", NODE_STATE,
			strerror(-r));
	sd_notifyf(0, "STATUS=%s%s%s", is_ready(n) ? "ready" : "not ready",
		*n->step ? ": " : "", n->step);
}

void noded_set_step(struct noded *n, const char *step)
{
	free(n->step);
	n->step = xstrdup(step);
	write_state(n);
}

void noded_tell_ready(struct noded *n)
{
	bool ready = is_ready(n);

	if (ready != n->was_ready)
		log_info("%s", ready ? "ready" : "not ready");
	n->was_ready = ready;
	if (ready)
		noded_keep_update(n);
	link_report(n->link);
	write_state(n);
}

static json_t *make_report(void *userdata)
{
	struct noded *n = userdata;

	return json_pack("{s:I, s:b, s:s, s:s, s:o, s:o, s:o}", "revision",
		(json_int_t)(n->wish.held.desired ? n->wish.held.desired->revision : 0),
		"ready", (int)is_ready(n), "boot_id", n->boot_id, "image", n->conf->image,
		"proofs", proofs_to_json(&n->proofs), "task", task_to_json(&n->task),
		"cloud", cloudwatch_json(n->cloudwatch));
}

static bool set_failure(struct noded *n, const char *text, bool final)
{
	bool is_warning = failure_set(&n->failure, n->link, text, final);

	if (*text)
		proofs_put(&n->proofs, ROLE_PROOF, false, text, now_real_ms());
	else
		proofs_keep(&n->proofs, n->needed, NULL);
	return is_warning;
}

/* ---- doing one thing after the other ---- */

static void arm_timer(struct noded *n)
{
	uint64_t next = schedule_next(&n->schedule);

	if (next == UINT64_MAX) {
		sd_event_source_set_enabled(n->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(n->timer, next * 1000);
	sd_event_source_set_enabled(n->timer, SD_EVENT_ONESHOT);
}

static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	noded_step(userdata, SCHED_E_TICK);
	return 0;
}

static void on_step(const char *text, void *userdata)
{
	struct noded *n = userdata;

	noded_set_step(n, text);
	if (n->tell_steps)
		link_event(n->link, "noded.step", text, NULL);
}

static void on_note(const char *text, void *userdata)
{
	struct noded *n = userdata;

	link_event(n->link, "noded.warning", text, NULL);
}

static void on_converged(bool ok, bool network_ok, const char *text, void *userdata)
{
	struct noded *n = userdata;

	if (ok && n->role_error) {
		ok = false;
		text = n->role_error;
	}
	n->converged = ok;
	n->proved = false;
	n->network_ok = n->network_ok || network_ok;
	n->tell_steps = set_failure(n, ok ? "" : text, n->role_error != NULL);
	link_retry_now(n->link);
	noded_set_step(n, ok ? "the role is taken on" : "waiting to try again");
	noded_tell_ready(n);
	noded_step(n, ok ? SCHED_E_DONE : SCHED_E_FAILED);
}

/* The names to watch: the role's units and Open vSwitch's. */
static void watch_units(struct noded *n)
{
	_cleanup_(strv_freep) char **list = NULL;

	for (const char *const *u = prover_base_units; *u; u++)
		strv_add(&list, *u);
	for (char **u = n->def->units; u && *u; u++)
		strv_add(&list, *u);
	for (char **u = n->def->part_units; u && *u; u++)
		strv_add(&list, *u);
	units_watch(n->units, list);
}

/* What came while something else ran becomes what is held. */
static void take_next(struct noded *n)
{
	if (!wish_settle(&n->wish))
		return;
	n->converged = n->proved = n->network_ok = false;
	n->tell_steps = true;
	failure_forget(&n->failure);
}

static int load_role(struct noded *n, char **reterr_msg)
{
	int r;

	patience_set(n->wish.held.desired->patience_percent);
	n->def = NULL;
	strv_free(TAKE_PTR(n->needed));
	role_clear(&n->role);
	r = role_load(n->wish.held.desired, &n->role, reterr_msg);
	if (r < 0)
		return r;
	n->def = n->role.def;
	n->needed = role_proofs(&n->role);
	return 0;
}

/* The controller asks the cloud's APIs as soon as its Keystone has answered once. */
static void watch_cloud(struct noded *n)
{
	const struct proof *p = proofs_get(&n->proofs, "keystone");

	cloudwatch_set(
		n->cloudwatch, n->def && strv_has(n->needed, "keystone") && p && p->ok);
}

static void on_part_up(const char *part, const char *text, void *userdata)
{
	struct noded *n = userdata;

	if (!proofs_put(&n->proofs, part, true, text, now_real_ms()))
		return;
	watch_cloud(n);
	link_report(n->link);
	write_state(n);
}

static void on_cloud_looked(void *userdata)
{
	struct noded *n = userdata;

	link_report(n->link);
}

/*
 * Was it not applied yet, or is it no longer what it was? That ondold is away is no reason:
 * applying it then could only undo it.
 */
static bool needs_network(const struct noded *n)
{
	_cleanup_(netstate_clear) struct netstate state = {0};
	_cleanup_free_ char *wrong = NULL;

	if (!n->network_ok || netstate_collect(&state) < 0)
		return true;
	wrong = netcheck_judge(&state, n->wish.held.desired);
	return wrong != NULL;
}

static void do_converge(struct noded *n)
{
	take_next(n);
	if (!n->wish.held.desired) {
		noded_step(n, SCHED_E_DONE);
		return;
	}
	free(TAKE_PTR(n->role_error));
	if (load_role(n, &n->role_error) == 0) {
		watch_units(n);
		proofs_keep(&n->proofs, n->needed, ROLE_PROOF);
	}
	watch_cloud(n);
	noded_set_step(n, "taking on the role");
	noded_tell_ready(n);
	converge_start(n->converge,
		&(struct converge_run){.desired = n->wish.held.desired,
			.def = n->def,
			.parts = n->role.parts,
			.part_up = on_part_up,
			.network = needs_network(n),
			.applied = &n->applied,
			.step = on_step,
			.note = on_note,
			.done = on_converged,
			.userdata = n});
}

/* Says which proofs no longer hold; those that hold again are in the report. */
static void warn_of_failures(struct noded *n)
{
	for (size_t i = 0; n->was_ready && i < n->proofs.n; i++) {
		const struct proof *p = &n->proofs.list[i];
		_cleanup_free_ char *text = xasprintf("%s: %s", p->name, p->text);

		if (!p->ok)
			link_event(n->link, "noded.warning", text, NULL);
	}
}

enum sched_event noded_outcome_event(enum prover_outcome outcome)
{
	switch (outcome) {
	case PROVER_ALL_OK:
		return SCHED_E_DONE;
	case PROVER_FAILED:
		return SCHED_E_FAILED;
	case PROVER_NO_SERVER:
		return SCHED_E_NO_SERVER;
	}
	return SCHED_E_FAILED;
}

static void on_proved(enum prover_outcome outcome, bool changed, void *userdata)
{
	struct noded *n = userdata;

	n->proved = true;
	warn_of_failures(n);
	noded_set_step(n, "");
	if (changed || is_ready(n) != n->was_ready)
		noded_tell_ready(n);
	noded_step(n, noded_outcome_event(outcome));
}

static void do_prove(struct noded *n)
{
	if (!n->def) {
		noded_step(n, SCHED_E_FAILED);
		return;
	}
	noded_set_step(n, "proving");
	prover_start(n->prover,
		&(struct prover_run){.desired = n->wish.held.desired,
			.def = n->def,
			.into = &n->proofs,
			.names = n->needed,
			.done = on_proved,
			.userdata = n});
}

/* The action begins from the loop, never from inside whatever told the event. */
static int on_kick(_unused_ sd_event_source *s, void *userdata)
{
	struct noded *n = userdata;

	switch (n->schedule.state) {
	case SCHED_S_CONVERGING:
		do_converge(n);
		break;
	case SCHED_S_PROVING:
		do_prove(n);
		break;
	case SCHED_S_TASK:
		noded_do_task(n);
		break;
	case SCHED_S_IDLE:
		break;
	}
	return 0;
}

void noded_step(struct noded *n, enum sched_event e)
{
	enum sched_state was = n->schedule.state;
	enum sched_action action = schedule_step(&n->schedule, e, now_mono_ms());

	if (n->schedule.state != was)
		log_debug("%s -> %s", sched_state_str(was),
			sched_state_str(n->schedule.state));
	if (action != SCHED_NOTHING)
		sd_event_source_set_enabled(n->kick, SD_EVENT_ONESHOT);
	arm_timer(n);
}

/* ---- what comes from outside ---- */

static void on_unit_changed(const char *unit, void *userdata)
{
	log_debug("%s changed its state", unit);
	noded_step(userdata, SCHED_E_DRIFT);
}

static void on_position(
	uint64_t *ret_revision, uint64_t *ret_task, uint64_t *ret_facts, void *userdata)
{
	struct noded *n = userdata;
	const struct desired *d = wish_newest(&n->wish)->desired;

	*ret_revision = d ? d->revision : 0;
	*ret_facts = d ? d->facts.rev : 0;
	*ret_task = n->task.id;
}

static void on_contact(bool answers, const char *why, void *userdata)
{
	struct noded *n = userdata;

	n->server_answers = answers;
	if (answers) {
		log_info("ondold answers");
		noded_step(n, SCHED_E_CONTACT);
	} else {
		log_warn("ondold does not answer, the role stays as it is: %s", why);
	}
	write_state(n);
}

/* Says once why a document was refused, however often it comes. */
static void refuse(struct noded *n, const char *msg)
{
	_cleanup_free_ char *why =
		xasprintf("the desired state that ondold sent is of no "
			  "use, the one held stays: %s",
			msg);

	if (streq_ptr(n->refused, why))
		return;
	link_event(n->link, "noded.failed", why, NULL);
	free(n->refused);
	n->refused = TAKE_PTR(why);
}

/* Parts may wait for other nodes for as long as those need: another wish ends that. */
static void supersede(struct noded *n)
{
	if (!converge_in_parts(n->converge))
		return;
	converge_cancel(n->converge);
	noded_step(n, SCHED_E_DONE);
}

/* Who waits for other nodes looks again; a new version of a blob wants its part again. */
static void take_facts(struct noded *n, const struct desired *was)
{
	converge_facts(n->converge, n->wish.facts.desired);
	if (role_blobs_changed(&n->role, n->wish.facts.desired, was))
		noded_step(n, SCHED_E_DESIRED);
}

static bool take_desired(struct noded *n, struct held *h)
{
	const struct held *was = wish_newest(&n->wish);
	_cleanup_free_ char *msg = NULL;
	int change;

	free(TAKE_PTR(n->refused));
	change = wish_offer(&n->wish, h, NODE_DESIRED, &msg);
	if (change < 0) {
		refuse(n, msg);
		return false;
	}
	if (change == WISH_FACTS)
		take_facts(n,
			was == &n->wish.held ? n->wish.held.desired
					     : n->wish.before.desired);
	if (change != WISH_NEW)
		return true;
	log_info("desired state: revision %llu, role %s %s",
		(unsigned long long)n->wish.next.desired->revision,
		n->wish.next.desired->role, n->wish.next.desired->kind);
	noded_step(n, SCHED_E_DESIRED);
	supersede(n);
	return true;
}

static bool on_desired(const char *text, size_t len, void *userdata)
{
	struct noded *n = userdata;
	_cleanup_free_ char *msg = NULL, *task_msg = NULL;
	_cleanup_(held_clear) struct held h = {0};
	_cleanup_(jx_freep) json_t *task = NULL;
	bool new_task, ok = held_parse(text, len, n->conf->name, &h, &task, &msg) == 0;

	if (ok)
		ok = take_desired(n, &h);
	else
		refuse(n, msg);
	if (!task_take(&n->task, task, &new_task, &task_msg)) {
		refuse(n, task_msg);
		return false;
	}
	if (new_task)
		noded_step(n, SCHED_E_TASK);
	else if (task)
		link_report(n->link);
	return ok;
}

/* ---- start and end ---- */

static int start_parts(struct noded *n)
{
	static const struct link_ops ops = {.report = make_report,
		.position = on_position,
		.desired = on_desired,
		.contact = on_contact};
	int r = http_client_new(n->event, &n->http);

	if (r >= 0)
		r = units_new(n->event, on_unit_changed, n, &n->units);
	if (r < 0) {
		log_error(
			"the system bus does not answer: %s. See: systemctl status dbus",
			strerror(-r));
		return r;
	}
	n->prover = prover_new(n->event, n->conf, n->units, n->http);
	n->converge = converge_new(n->event, n->units, NODE_APPLIED);
	n->cloudwatch = cloudwatch_new(n->event, on_cloud_looked, n);
	r = link_new(n->event, n->conf, n->http, &ops, n, &n->link);
	if (r >= 0)
		r = mirrorwatch_new(n->event, on_note, n, &n->mirrorwatch);
	if (r >= 0)
		r = sd_event_add_time(
			n->event, &n->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, n);
	if (r >= 0)
		r = sd_event_source_set_enabled(n->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_defer(n->event, &n->kick, on_kick, n);
	if (r >= 0)
		r = sd_event_source_set_enabled(n->kick, SD_EVENT_OFF);
	return r;
}

static int prepare(struct noded *n)
{
	_cleanup_free_ char *msg = NULL;
	int r;

	n->step = xstrdup("starting");
	failure_init(&n->failure);
	r = nodeconf_load(NODE_INI, &n->conf, &msg);
	if (r < 0) {
		log_error("%s", msg);
		return r;
	}
	log_set_node(n->conf->name);
	if (read_line_file("/proc/sys/kernel/random/boot_id", &n->boot_id) < 0)
		n->boot_id = xstrdup("");
	r = mkdir_p(NODE_RUN_DIR, 0755);
	if (r >= 0)
		r = loop_start(&n->event);
	if (r < 0) {
		log_error("could not be started: %s", strerror(-r));
		return r;
	}
	return start_parts(n);
}

/* What was held before the start; without it, ondold may still be reached and asked. */
static void recall(struct noded *n)
{
	_cleanup_free_ char *msg = NULL, *why = NULL;

	noded_recall_update(n);
	if (applied_load(NODE_APPLIED, &n->applied, &msg) < 0) {
		why = xasprintf(
			"%s is damaged (%s): what the node did for an earlier role is not known and "
			"stays as it is",
			NODE_APPLIED, msg);
		link_event(n->link, "noded.warning", why, NULL);
		n->applied = applied_new();
		free(TAKE_PTR(msg));
	}
	if (held_load(NODE_DESIRED, n->conf->name, &n->wish.next, &msg) < 0) {
		set_failure(n, msg, true);
		return;
	}
	noded_step(n, SCHED_E_DESIRED);
}

static void noded_clear(struct noded *n)
{
	converge_free(n->converge);
	link_free(n->link);
	units_free(n->units);
	prover_free(n->prover);
	http_client_free(n->http);
	sd_event_source_disable_unref(n->timer);
	sd_event_source_disable_unref(n->kick);
	work_cancel(n->work);
	work_cancel(n->keep);
	update_record_clear(&n->update);
	cloudwatch_free(n->cloudwatch);
	mirrorwatch_free(n->mirrorwatch);
	wish_clear(&n->wish);
	free(n->refused);
	role_clear(&n->role);
	strv_free(n->needed);
	applied_free(n->applied);
	proofs_clear(&n->proofs);
	task_clear(&n->task);
	log_set_node(NULL);
	nodeconf_free(n->conf);
	free(n->boot_id);
	free(n->role_error);
	failure_clear(&n->failure);
	free(n->step);
	sd_event_unref(n->event);
}

int noded_run(void)
{
	_cleanup_(noded_clear) struct noded n = {0};
	int r = prepare(&n);

	if (r < 0)
		return 1;
	recall(&n);
	link_event(n.link, "noded.up", "ondol-noded " ONDOL_VERSION " is up", NULL);
	sd_notify(0, "READY=1");
	write_state(&n);
	log_info("%s, image %s", n.conf->name, n.conf->image);
	r = sd_event_loop(n.event);
	sd_notify(0, "STOPPING=1");
	unlink(NODE_STATE);
	if (r < 0)
		log_error("the event loop ended: %s; systemd starts it again",
			strerror(-r));
	return r == 0 ? 0 : 1;
}
