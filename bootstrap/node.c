/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/node.h"

#include "bootstrap/cast.h"
#include "bootstrap/console.h"
#include "bootstrap/ondold.h"
#include "common/jsonx.h"

#define SAY_MAX_BYTES (UINT64_C(4) << 20)
#define SAY_BYTES_PER_S 1024

/*
 * What happened is kept first and acted upon second, so that a killed ondold finds the
 * event at its return. Replay feeds the same events through fsm_replay_*, which carries
 * nothing out; node_resume() then begins anew only what can be begun anew (powering) and
 * re-arms the deadline.
 */

static void set_text(char **at, const char *text)
{
	char *copy = xstrdup(text);

	free(*at);
	*at = copy;
}

void node_set_step(struct node *n, const char *text)
{
	set_text(&n->step, text);
}

/* ---- hooks of the BMC ---- */

static void on_power(enum ipmi_power power, void *userdata)
{
	struct node *n = userdata;
	_cleanup_free_ char *text = NULL;

	if (power == n->power)
		return;
	n->power = power;
	text = xasprintf("power is %s", ipmi_power_str(power));
	ondold_event(n->o, n, "ipmi", "power.is", text, NULL);
}

static void on_note(const char *text, void *userdata)
{
	struct node *n = userdata;

	ondold_event(n->o, n, "ipmi", "power.warning", text, NULL);
}

static uint64_t on_power_on(void *userdata)
{
	struct node *n = userdata;

	return ondold_power_turn(n->o);
}

/* Kept with the address it is of: another BMC begins anew. */
static void on_cipher(unsigned suite, void *userdata)
{
	struct node *n = userdata;
	json_t *doc =
		json_pack("{s:s, s:i}", "address", n->bmc_text, "cipher", (int)suite);

	store_doc_put(n->o->store, "bmc", n->name, doc);
	json_decref(doc);
}

static void on_ran(enum ipmi_fault fault, uint64_t took_ms, void *userdata)
{
	struct node *n = userdata;

	metrics_count_ipmi(&n->o->counts, fault, took_ms);
	if (fault != IPMI_FAULT_NO_TOOL)
		n->bmc_reachable = fault != IPMI_FAULT_UNREACHABLE;
}

static void remember_cipher(struct node *n)
{
	json_t *doc = NULL;
	const char *address;

	if (store_doc_get(n->o->store, "bmc", n->name, &doc) < 0)
		return;
	address = json_string_value(json_object_get(doc, "address"));
	if (address && streq(address, n->bmc_text))
		ipmi_bmc_hint_cipher(n->bmc,
			(unsigned)json_integer_value(json_object_get(doc, "cipher")));
	json_decref(doc);
}

static void on_queried(
	int r, _unused_ enum ipmi_power power, const char *msg, void *userdata)
{
	struct node *n = userdata;

	if (r < 0 && r != -ECANCELED)
		ondold_event(n->o, n, "ipmi", "power.unknown", msg, NULL);
}

void node_query_power(struct node *n)
{
	ipmi_submit(n->bmc, IPMI_STATUS, on_queried, n);
}

static void power_failed(struct node *n, int r, const char *msg)
{
	if (r != -ECANCELED)
		node_event(n, "ipmi",
			ipmi_is_refusal(r) ? FSM_EV_POWER_REFUSED : FSM_EV_POWER_FAILED,
			msg, NULL);
}

static void on_booted(
	int r, _unused_ enum ipmi_power power, const char *msg, void *userdata)
{
	struct node *n = userdata;

	n->boot_job = NULL;
	if (r < 0)
		power_failed(n, r, msg);
	else
		node_event(n, "ipmi", FSM_EV_POWERED,
			"powered on, to boot from the network once", NULL);
}

static void on_reset(
	int r, _unused_ enum ipmi_power power, const char *msg, void *userdata)
{
	struct node *n = userdata;
	_cleanup_free_ char *text = NULL;

	n->boot_job = NULL;
	if (r < 0) {
		power_failed(n, r, msg);
		return;
	}
	text = xasprintf("BMC %s answers again after its reset", n->bmc_text);
	node_event(n, "ipmi", FSM_EV_BMC_BACK, text, NULL);
}

/* ---- life ---- */

/* FNV-1a of its name. */
static uint32_t seed_of(const char *name)
{
	uint32_t hash = UINT32_C(2166136261);

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT32_C(16777619);
	return hash;
}

static struct fsm_policy policy_of(const struct node *n)
{
	const struct ondold *o = n->o;
	const struct rack_deadlines *d = &o->rack->deadlines;

	return (struct fsm_policy){
		.limits = {[FSM_POWERING] = {d->powering_ms, 0},
			[FSM_BMC_RESET] = {d->resetting_bmc_ms, 0},
			[FSM_NETBOOT] = {d->network_booting_ms, 0},
			[FSM_AGENT] = {d->agent_ms, 0},
			[FSM_INSTALLING] = {d->installing_ms, d->installing_stall_ms},
			[FSM_FIRST_BOOT] = {d->first_boot_ms, 0},
			/* a cloud takes as long as it takes */
			[FSM_CONFIGURING] = {0, d->configuring_stall_ms}},
		.patience_percent = o->opts.patience_percent,
		.retries = o->rack->retries,
		.seed = seed_of(n->name),
	};
}

static void arm_deadline(struct node *n)
{
	uint64_t at = fsm_deadline(&n->fsm, &n->policy);

	sd_event_source_set_time(n->deadline, at ? at * 1000 : UINT64_MAX);
	sd_event_source_set_enabled(n->deadline, at ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int on_deadline(
	_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	node_step(userdata, FSM_EV_TIMEOUT, "");
	return 0;
}

struct node *node_new(struct ondold *o, const struct rack_node *conf)
{
	struct node *n = xcalloc(1, sizeof(*n));
	struct ipmi_hooks hooks = {.power = on_power,
		.note = on_note,
		.cipher = on_cipher,
		.power_on = on_power_on,
		.ran = on_ran,
		.userdata = n};

	n->enrol.token_ms = now_mono_ms();
	n->o = o;
	n->name = xstrdup(conf->name);
	n->reason = xstrdup("");
	n->step = xstrdup("");
	n->cause = xstrdup("");
	n->wipe = json_array();
	n->since_ms = now_real_ms();
	n->heard_ms = now_mono_ms();
	n->task_type = NODE_PROVE;
	n->bmc_reachable = -1;
	n->names = (struct fsm_names){n->mac, n->bmc_text, n->server, NULL};
	n->bmc = ipmi_bmc_new(o->event, &o->ipmi_line, &hooks);
	node_console_new(n);
	if (sd_event_add_time(o->event, &n->deadline, CLOCK_MONOTONIC, UINT64_MAX, 10000,
		    on_deadline, n) < 0)
		abort(); /* no memory */
	node_set_conf(n, conf);
	return n;
}

void node_free(struct node *n)
{
	caster_left(n);
	console_free(n->console);
	ipmi_bmc_free(n->bmc);
	sd_event_source_disable_unref(n->deadline);
	inventory_free(n->inv);
	free(n->desired);
	json_decref(n->report);
	json_decref(n->task_proofs);
	free(n->task_text);
	free(n->waits);
	json_decref(n->disk);
	json_decref(n->wipe);
	free(n->name);
	free(n->reason);
	free(n->step);
	free(n->enrol.cert);
	free(n->cause);
	free(n->phases);
	free(n->blocked);
	free(n);
}

void node_set_conf(struct node *n, const struct rack_node *conf)
{
	const struct bmc_login *login = secrets_bmc(n->o->secrets, n->name);
	char address[16];

	n->conf = conf;
	format_mac(&conf->macs[0], n->mac);
	format_ipv4(conf->bmc, n->bmc_text);
	format_ipv4(n->o->rack->address, address);
	snprintf(n->server, sizeof(n->server), "%s:%u", address, n->o->rack->http_port);
	if (ipmi_bmc_set(n->bmc, conf->bmc, login->user, login->password)) {
		n->bmc_reachable = -1;
		remember_cipher(n);
		console_new_login(n->console);
	}
	n->policy = policy_of(n);
	arm_deadline(n);
}

/* ---- the machine ---- */

/* A run begins with its first try, or with a change to a node that was at rest. */
static bool begins_run(const struct node *n, enum fsm_state from, enum fsm_state to)
{
	if (to == FSM_POWERING || to == FSM_IDLE)
		return n->fsm.tries <= (to == FSM_POWERING);
	return to == FSM_CONFIGURING && (from == FSM_READY || from == FSM_FAILED);
}

static void add_phase(
	struct node *n, enum fsm_state from, enum fsm_state to, uint64_t real_ms)
{
	if (begins_run(n, from, to))
		n->n_phases = 0;
	if (to == FSM_IDLE || n->n_phases == NODE_MAX_PHASES)
		return;
	if (from == to && n->n_phases > 0) /* it goes on */
		return;
	n->phases = xrealloc(n->phases, n->n_phases + 1, sizeof(*n->phases));
	n->phases[n->n_phases++] = (struct node_phase){to, real_ms};
}

/* What live transitions and replayed ones have in common. */
static void note_transition(struct node *n, enum fsm_state from, enum fsm_state to,
	const char *reason, uint64_t real_ms)
{
	add_phase(n, from, to, real_ms);
	n->since_ms = real_ms;
	set_text(&n->reason, reason);
	node_set_step(n, "");
	n->has_progress = false;
	if (to == FSM_RETRY || to == FSM_BMC_RESET)
		set_text(&n->cause, reason);
	if (to == FSM_IDLE && n->fsm.tries == 0)
		set_text(&n->cause, "");
	if (to == FSM_BMC_RESET)
		node_set_step(n, "resetting its BMC, the last thing to try");
	if (to == FSM_POWERING) {
		json_decref(n->disk);
		n->disk = NULL;
		json_decref(n->report);
		n->report = NULL;
		n->reported = 0;
		node_set_step(n, "switching it on, to boot from the network");
	}
	if (to == FSM_READY)
		json_array_clear(n->wipe);
}

/* The one place where a state changes. */
static void transition(struct node *n, const struct fsm_output *out)
{
	enum fsm_state from = n->fsm.state, to = out->next.state;
	const char *a = fsm_state_str(from), *b = fsm_state_str(to);
	json_t *data =
		json_pack("{s:s, s:s, s:s}", "from", a, "to", b, "reason", out->reason);
	_cleanup_free_ char *text = fsm_moved_words(from, out, &n->policy, now_mono_ms());

	if (!data) /* a reason that is not UTF-8 cannot be kept */
		data = json_pack("{s:s, s:s, s:s}", "from", a, "to", b, "reason", "");
	n->fsm = out->next;
	metrics_count_transition(
		&n->o->counts, n->n_phases ? n->phases[0].state : FSM_ENROL, from, to);
	note_transition(n, from, to, out->reason, now_real_ms());
	ondold_event(n->o, n, "ondold", "state", text, data);
	json_decref(data);
	node_console_follow(n, to == FSM_POWERING && n->fsm.tries == 1);
	if (to == FSM_POWERING)
		cloud_facts_changed(n, false);
	if (to == FSM_READY)
		cloud_node_ready(n);
}

static void carry_out(struct node *n, unsigned actions)
{
	if (actions & FSM_DO_ABORT_POWER) {
		ipmi_cancel(n->boot_job);
		n->boot_job = NULL;
	}
	if (actions & FSM_DO_REVOKE_BOOT)
		enrol_revoke(n);
	if (actions & FSM_DO_POWER)
		n->boot_job = ipmi_submit(n->bmc, IPMI_NETBOOT, on_booted, n);
	if (actions & FSM_DO_RESET_BMC)
		n->boot_job = ipmi_submit(n->bmc, IPMI_COLD_RESET, on_reset, n);
	if (actions & FSM_DO_READ_SEL)
		node_read_sel(n);
	if (actions & FSM_DO_SCHEDULE)
		ondold_schedule(n->o);
	/* FSM_DO_DROP is the applier's: it knows who still points here. */
}

void node_step(struct node *n, enum fsm_event event, const char *text)
{
	struct fsm_output out;

	fsm_step(&n->fsm, event, text, &n->names, &n->policy, now_mono_ms(), &out);
	if (out.moved)
		transition(n, &out);
	else
		n->fsm = out.next;
	carry_out(n, out.actions);
	arm_deadline(n);
	/* Whatever came to be known may be what a held request waits for. */
	ondold_kick(n->o, n);
}

bool node_tells_step(const struct node *n, enum fsm_event event)
{
	enum fsm_state s = n->fsm.state;

	if (event >= FSM_EV_DHCP_DISCOVER && event <= FSM_EV_BOOT_INITRD)
		return s == FSM_NETBOOT;
	if (event == FSM_EV_AGENT_STEP)
		return s == FSM_NETBOOT || s == FSM_AGENT || s == FSM_INSTALLING;
	return event == FSM_EV_NODED_STEP && n->fsm.installed && s != FSM_READY;
}

bool node_tells_slowly(struct node *n, enum fsm_event event)
{
	uint64_t now = now_mono_ms();

	if (n->told_ms[event] && now - n->told_ms[event] < 1000)
		return false;
	n->told_ms[event] = now;
	return true;
}

bool node_may_say(struct node *n, size_t bytes)
{
	uint64_t now = now_mono_ms();
	uint64_t back = (now - n->said_ms) * SAY_BYTES_PER_S / 1000;

	n->said_ms = now;
	n->said_bytes -= MIN(back, n->said_bytes);
	if (bytes > SAY_MAX_BYTES - MIN(n->said_bytes, SAY_MAX_BYTES))
		return false;
	n->said_bytes += bytes;
	return true;
}

bool node_may_tell(struct node *n, enum fsm_event event, uint32_t peer)
{
	if (n->fsm.installed && peer != rack_address(n->conf, n->o->rack->provisioning))
		return false;
	return node_tells_slowly(n, event);
}

void node_event(struct node *n, const char *source, enum fsm_event event,
	const char *text, const json_t *data)
{
	ondold_event(n->o, n, source, fsm_event_str(event), text, data);
	if (node_tells_step(n, event))
		node_set_step(n, text);
	node_step(n, event, text);
}

static void set_wipe(struct node *n, const json_t *named)
{
	json_decref(n->wipe);
	n->wipe = json_is_array(named) ? json_deep_copy(named) : json_array();
}

/*
 * The wish is safe on disk before anything follows from it: a server is switched off for it.
 * One that a kill cuts off from its transition is followed at the next start: fsm_lost_wish.
 */
static int keep_wish(
	struct node *n, enum fsm_event event, const char *why, const json_t *data)
{
	int r = store_begin(n->o->store), r2;
	int64_t id;

	if (r < 0)
		return r;
	id = ondold_event(n->o, n, "operator", fsm_event_str(event), why, data);
	r2 = store_commit(n->o->store);
	return id < 0 ? (int)id : r2;
}

static int take_wish(struct node *n, enum fsm_event event, const char *why, json_t *named)
{
	_cleanup_(jx_freep) json_t *data = json_pack("{s:O}", "wipe", named);
	int r = keep_wish(n, event, why, data);

	if (r < 0)
		return r;
	set_wipe(n, named);
	if (event != FSM_EV_AGREED)
		node_give_up_task(n, "its server is started anew from the network");
	node_step(n, event, why);
	return 0;
}

int node_want_install(struct node *n, const char *why, const json_t *wipe)
{
	_cleanup_(jx_freep) json_t *named = node_named_disks(n, wipe);

	return take_wish(n, n->inv ? FSM_EV_INSTALL : FSM_EV_LOOK, why, named);
}

int node_want_look(struct node *n, const char *why)
{
	_cleanup_(jx_freep) json_t *named = json_array();

	return take_wish(n, FSM_EV_LOOK, why, named);
}

int node_agree(struct node *n, const char *why, const json_t *wipe, char **reterr_msg)
{
	_cleanup_(jx_freep) json_t *before = json_incref(n->wipe),
				   *named = node_named_disks(n, wipe);
	int r;

	set_wipe(n, named);
	r = node_may_write(n, reterr_msg);
	if (r == 0)
		r = take_wish(n, FSM_EV_AGREED, why, named);
	if (r < 0)
		set_wipe(n, before);
	return r;
}

/* ---- replay ---- */

/* The monotonic time of something that happened at real_ms; 0 for before the host started. */
static uint64_t mono_of(uint64_t real_ms)
{
	uint64_t now = now_real_ms(), mono = now_mono_ms();
	uint64_t age = now > real_ms ? now - real_ms : 0;

	return mono > age ? mono - age : 0;
}

/* It left the rack; a later node of that name is another one. */
static void forget(struct node *n)
{
	json_decref(n->report);
	json_decref(n->disk);
	json_decref(n->task_proofs);
	n->report = n->disk = n->task_proofs = NULL;
	n->reported = 0;
	n->task_id = 0;
}

static void replay_state(struct node *n, const struct store_event *ev)
{
	const char *name = json_string_value(json_object_get(ev->data, "to"));
	const char *reason = json_string_value(json_object_get(ev->data, "reason"));
	enum fsm_state from = n->fsm.state, to;

	if (!name || fsm_state_parse(name, &to) < 0)
		return;
	fsm_replay_state(&n->fsm, to, mono_of(ev->time_ms));
	if (fsm_is_gone(&n->fsm))
		forget(n);
	note_transition(n, from, to, reason ? reason : "", ev->time_ms);
}

static void replay_effects(
	struct node *n, enum fsm_event event, const struct store_event *ev)
{
	if (fsm_is_wish(event) || event == FSM_EV_AGREED)
		set_wipe(n, json_object_get(ev->data, "wipe"));
	if (event == FSM_EV_INVENTORY)
		n->inv_ms = ev->time_ms;
	if (event == FSM_EV_AGENT_INSTALLED && json_is_object(ev->data)) {
		json_decref(n->disk);
		n->disk = json_deep_copy(ev->data);
	}
	if (node_tells_step(n, event))
		node_set_step(n, ev->text);
}

void node_replay(struct node *n, const struct store_event *ev)
{
	enum fsm_event event;

	if (streq(ev->type, "state")) {
		replay_state(n, ev);
	} else if (streq(ev->type, "report")) {
		node_replay_report(n, ev->data);
		fsm_replay_event(&n->fsm, FSM_EV_NODED_MOVED, mono_of(ev->time_ms));
	} else if (str_startswith(ev->type, "task.") || node_ends_task(ev->type)) {
		node_replay_task(n, ev);
	} else if (fsm_event_parse(ev->type, &event) == 0) {
		fsm_replay_event(&n->fsm, event, mono_of(ev->time_ms));
		replay_effects(n, event, ev);
	}
}

void node_resume(struct node *n)
{
	if (fsm_lost_wish(&n->fsm))
		node_step(n, n->fsm.agreed ? FSM_EV_INSTALL : FSM_EV_LOOK,
			"the installation that was asked for when ondold was killed");
	if (fsm_lost_refusal(&n->fsm))
		node_step(n, FSM_EV_POWER_REFUSED,
			"its BMC refused before ondold was killed: see `ondol why`");
	node_console_follow(n, false);
	carry_out(n, fsm_resume(&n->fsm, &n->policy, now_mono_ms()));
	if (n->fsm.state != FSM_POWERING)
		node_query_power(n);
	arm_deadline(n);
}
