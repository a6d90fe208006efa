/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

/* NODE of docs/protocol.md. Times of phases are computed when asked: the last one runs on. */

static bool is_rest(enum fsm_state state)
{
	return state == FSM_READY || state == FSM_FAILED || state == FSM_CANCELLED ||
		state == FSM_MAINTENANCE;
}

static json_t *phases(const struct node *n, uint64_t now_ms)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->n_phases; i++) {
		const struct node_phase *p = &n->phases[i];
		bool last = i + 1 == n->n_phases;
		uint64_t end = last ? now_ms : p[1].began_ms;

		if (last && is_rest(p->state))
			end = p->began_ms;
		json_array_append_new(list,
			json_pack("{s:s, s:I}", "state", fsm_state_str(p->state), "ms",
				(json_int_t)(end > p->began_ms ? end - p->began_ms : 0)));
	}
	return list;
}

static json_t *or_null(json_t *v)
{
	return v ? json_incref(v) : json_null();
}

static json_t *task(const struct node *n)
{
	if (!n->task_id)
		return json_null();
	return json_pack("{s:I, s:s, s:b, s:b, s:s, s:o}", "id", (json_int_t)n->task_id,
		"type", n->task_type, "done", (int)n->task_done, "ok", (int)n->task_ok,
		"text", n->task_text ? n->task_text : "", "proofs",
		n->task_proofs ? json_incref(n->task_proofs) : json_array());
}

static json_t *proofs(const struct node *n)
{
	json_t *list = json_object_get(n->report, "proofs");

	return list ? json_incref(list) : json_array();
}

/* The chassis serial: as rack.ini says it, else as found. */
static const char *serial(const struct node *n)
{
	if (n->conf->serial)
		return n->conf->serial;
	return n->inv ? n->inv->serial : "";
}

static json_t *text(const char *s)
{
	json_t *v = json_string(s);

	return v ? v : json_string("(not UTF-8)");
}

/* Its tries, when it is not the first one that goes on. */
static json_t *retry(const struct node *n)
{
	const struct fsm_node *f = &n->fsm;
	bool waits = f->state == FSM_RETRY,
	     is_next = waits || f->state == FSM_BMC_RESET || f->state == FSM_IDLE;
	unsigned number = f->tries + is_next;
	/* from when it was entered in either clock: the answer is to stay the same while it waits */
	uint64_t wait_ms = waits ? fsm_deadline(f, &n->policy) - f->entered_ms : 0;

	if (!fsm_is_installing(f) || number < 2)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:o}", "try", (json_int_t)number, "of",
		(json_int_t)MAX(number, n->policy.retries + 1), "at",
		(json_int_t)(waits ? n->since_ms + wait_ms : 0), "cause", text(n->cause));
}

static char *step(const struct node *n)
{
	char interval[32];

	format_duration(n->o->rack->power_on_interval_ms, interval);
	if (fsm_waits_for_slot(&n->fsm))
		return xasprintf(
			"waiting for its turn (parallel_installs = %u, power_on_interval = %s)",
			n->o->rack->parallel_installs, interval);
	if (fsm_asks(&n->fsm))
		return xasprintf(
			"seen for the first time: look at its disks and agree to its "
			"installation with `ondol reinstall %s`",
			n->name);
	if (n->fsm.state == FSM_RETRY)
		return xstrdup("pausing before the next try");
	return xstrdup(n->step);
}

static void set(json_t *obj, const char *key, json_t *value)
{
	json_object_set_new(obj, key, value);
}

static void set_str(json_t *obj, const char *key, const char *value)
{
	set(obj, key, text(value));
}

static void set_u64(json_t *obj, const char *key, uint64_t value)
{
	set(obj, key, json_integer((json_int_t)value));
}

static void add_run(json_t *obj, const struct node *n)
{
	_cleanup_free_ char *now = step(n);

	set_str(obj, "state", fsm_state_str(n->fsm.state));
	set_u64(obj, "since", n->since_ms);
	set_str(obj, "reason", n->reason);
	set_str(obj, "step", now);
	set(obj, "progress",
		n->has_progress ? json_pack("{s:I, s:I}", "done", (json_int_t)n->done,
					  "total", (json_int_t)n->total)
				: json_null());
	set(obj, "asks", json_boolean(fsm_asks(&n->fsm)));
	set(obj, "disk", or_null(n->disk));
	set(obj, "retry", retry(n));
	set(obj, "phases", phases(n, now_real_ms()));
}

json_t *node_to_json(const struct node *n, bool with_inventory)
{
	const char *image = json_string_value(json_object_get(n->report, "image"));
	json_t *obj = json_object();
	char address[16];

	format_ipv4(rack_address(n->conf, n->o->rack->provisioning), address);
	set_str(obj, "name", n->name);
	set_u64(obj, "unit", n->conf->unit);
	set_str(obj, "role", n->conf->role);
	set_str(obj, "kind", n->conf->kind ? n->conf->kind : "");
	add_run(obj, n);
	set_str(obj, "address", address);
	set_str(obj, "bmc", n->bmc_text);
	set_str(obj, "power", ipmi_power_str(n->power));
	set_str(obj, "serial", serial(n));
	set(obj, "proofs", proofs(n));
	set_u64(obj, "revision", n->revision);
	set_u64(obj, "reported", n->reported);
	set_str(obj, "image", image ? image : "");
	set(obj, "task", task(n));
	set_u64(obj, "last_seen", n->last_seen_ms);
	if (with_inventory)
		set(obj, "inventory", n->inv ? inventory_to_json(n->inv) : json_null());
	return obj;
}
