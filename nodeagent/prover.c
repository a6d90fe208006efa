/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run goes through its names one after the other. Each proof ends in result(), at once
 * or later; the next begins from a defer source, so that proofs that end at once do not
 * pile up on the stack.
 */
#include "nodeagent/prover.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "common/log.h"
#include "nodeagent/link.h"
#include "nodeagent/netcheck.h"
#include "nodeagent/vars.h"
#include "nodeagent/work.h"

#define KVM_API 12
#define STEADY_MS 30000 /* a service that restarted within this is not steady */
#define HTTP_TIMEOUT_MS 10000
#define PART_TIMEOUT_MS 180000
#define VG_TIMEOUT_MS 150000
#define XFS_TIMEOUT_MS 150000
#define LIBVIRT_TIMEOUT_MS 120000
#define GUEST_TIMEOUT_MS 300000 /* over the guest's own deadline, see workops.c */

struct restarts { /* what was seen of a service's restart counter */
	char *unit;
	uint32_t count;
	uint64_t changed_ms; /* monotonic; 0: never since we look */
};

struct prover {
	sd_event *event;
	const struct nodeconf *conf;
	struct units *units;
	struct http_client *http;
	struct restarts *restarts;
	size_t n_restarts, cap_restarts;

	struct prover_run run;
	char **names; /* owned, NULL-terminated; NULL: nothing runs */
	size_t at; /* which of them */
	bool failed, no_server, changed;
	sd_event_source *defer;
	struct http_job *job;
	struct work *work;
	/* the units proof */
	char **unit_names; /* owned, NULL-terminated */
	size_t unit_at;
	char *unit_wrong;
};

const char *const prover_base_units[] = {
	"ovsdb-server.service", "ovs-vswitchd.service", NULL};

static void prove_next(struct prover *p);

static char **copy_names(const char *const *first, char *const *then, const char *also)
{
	size_t n = 0, cap = 0;
	char **list = NULL;

	for (; first && *first; first++) {
		GROW(list, n, cap);
		list[n++] = xstrdup(*first);
	}
	for (; then && *then; then++) {
		GROW(list, n, cap);
		list[n++] = xstrdup(*then);
	}
	if (also) {
		GROW(list, n, cap);
		list[n++] = xstrdup(also);
	}
	GROW(list, n, cap);
	list[n] = NULL;
	return list;
}

static int on_defer(_unused_ sd_event_source *s, void *userdata)
{
	prove_next(userdata);
	return 0;
}

/* The running proof is done. */
static void conclude(struct prover *p, bool ok, const char *text)
{
	const char *name = p->names[p->at++];

	if (proofs_put(p->run.into, name, ok, text, now_real_ms())) {
		p->changed = true;
		log_at(ok ? LOG_L_INFO : LOG_L_WARN, "proof %s %s: %s", name,
			ok ? "holds" : "does not hold", text);
	}
	sd_event_source_set_enabled(p->defer, SD_EVENT_ONESHOT);
}

static void result(struct prover *p, bool ok, const char *text)
{
	p->failed = p->failed || !ok;
	conclude(p, ok, text);
}

/* ---- network ---- */

static void on_server_answer(
	int r, const char *msg, const struct http_response *resp, void *userdata)
{
	struct prover *p = userdata;
	_cleanup_free_ char *text = NULL, *ports = netcheck_describe(p->run.desired);

	p->job = NULL;
	if (r == 0 && (resp->status == 200 || resp->status == 204)) {
		text = xasprintf("%s; ondold answers over it", ports);
		result(p, true, text);
		return;
	}
	p->no_server = true;
	text = r < 0
		? xasprintf(
			  "the ports are as they should be, but ondold does not answer: %s",
			  msg)
		: xasprintf(
			  "the ports are as they should be, but ondold answers with status %u",
			  resp->status);
	conclude(p, false, text);
}

static void ask_server(struct prover *p)
{
	_cleanup_free_ char *node = link_node_url(p->conf), *url = NULL;
	int r;

	url = xasprintf("%s/desired?rev=%llu&wait=0", node,
		(unsigned long long)p->run.desired->revision);
	r = http_start(p->http,
		&(struct http_request){.method = "GET",
			.url = url,
			.identity = &p->conf->identity,
			.timeout_ms = HTTP_TIMEOUT_MS},
		on_server_answer, p, &p->job);
	if (r < 0)
		on_server_answer(r, strerror(-r), NULL, p);
}

static void prove_network(struct prover *p)
{
	_cleanup_(netstate_clear) struct netstate state = {0};
	_cleanup_free_ char *wrong = NULL;
	uint32_t source;
	char ip[16];
	int r = netstate_collect(&state);

	wrong = r < 0 ? xasprintf("the interfaces cannot be read: %s", strerror(-r))
		      : netcheck_judge(&state, p->run.desired);
	source = netcheck_source(p->conf->server, p->conf->port);
	format_ipv4(source, ip);
	if (!wrong && !netcheck_is_ours(p->run.desired, source))
		wrong = source
			? xasprintf(
				  "the way to ondold leaves from %s, which is none of this "
				  "node's ports",
				  ip)
			: xstrdup("there is no route to ondold");
	if (wrong)
		result(p, false, wrong);
	else
		ask_server(p);
}

/* ---- units ---- */

static struct restarts *restarts_of(struct prover *p, const char *unit, uint32_t count)
{
	for (size_t i = 0; i < p->n_restarts; i++) {
		if (streq(p->restarts[i].unit, unit))
			return &p->restarts[i];
	}
	GROW(p->restarts, p->n_restarts, p->cap_restarts);
	p->restarts[p->n_restarts] =
		(struct restarts){.unit = xstrdup(unit), .count = count};
	return &p->restarts[p->n_restarts++];
}

/* What is wrong with a unit; NULL: nothing. Caller frees. */
static char *judge_unit(struct prover *p, const char *unit, const struct unit_state *s)
{
	struct restarts *seen = restarts_of(p, unit, s->restarts);
	uint64_t now = now_mono_ms();

	if (s->restarts != seen->count) {
		/* The counter goes back to 0 when somebody starts the unit anew. */
		seen->changed_ms = s->restarts > seen->count ? now : 0;
		seen->count = s->restarts;
	}
	if (!unit_state_is_up(s))
		return unit_state_text(unit, s);
	if (seen->changed_ms && now - seen->changed_ms < STEADY_MS)
		return xasprintf(
			"%s restarted %u times, the last time within %d s; see: journalctl -b "
			"-u %s",
			unit, s->restarts, STEADY_MS / 1000, unit);
	return NULL;
}

static void ask_unit(struct prover *p);

static void on_unit(int r, const char *unit, const struct unit_state *s, void *userdata)
{
	struct prover *p = userdata;
	_cleanup_free_ char *wrong = NULL, *before = NULL;

	/* An answer that outlived its run. */
	if (!p->unit_names || !p->unit_names[p->unit_at] ||
		!streq(p->unit_names[p->unit_at], unit))
		return;
	wrong = r < 0
		? xasprintf("%s: systemd does not tell its state: %s", unit, strerror(-r))
		: judge_unit(p, unit, s);
	if (wrong) {
		before = p->unit_wrong;
		p->unit_wrong = xasprintf(
			"%s%s%s", before ? before : "", before ? "; " : "", wrong);
	}
	p->unit_at++;
	ask_unit(p);
}

static char *list_units(struct prover *p)
{
	char *all = xstrdup("");

	for (char **u = p->unit_names; *u; u++) {
		char *next = xasprintf("%s%s%s", all, *all ? ", " : "", *u);

		free(all);
		all = next;
	}
	return all;
}

static void units_end(struct prover *p)
{
	_cleanup_free_ char *wrong = TAKE_PTR(p->unit_wrong), *all = list_units(p);
	_cleanup_free_ char *good = xasprintf("%zu up: %s", p->unit_at, all);

	strv_free(TAKE_PTR(p->unit_names));
	result(p, !wrong, wrong ? wrong : good);
}

static void ask_unit(struct prover *p)
{
	const char *unit = p->unit_names[p->unit_at];
	int r;

	if (!unit) {
		units_end(p);
		return;
	}
	r = units_query(p->units, unit, on_unit, p);
	if (r < 0)
		on_unit(r, unit, NULL, p);
}

static void prove_units(struct prover *p)
{
	p->unit_names = copy_names(prover_base_units, p->run.def->units, NULL);
	for (char **u = p->run.def->part_units; u && *u; u++)
		if (!strv_has(p->unit_names, *u))
			strv_add(&p->unit_names, *u);
	p->unit_at = 0;
	ask_unit(p);
}

/* ---- kvm ---- */

static void prove_kvm(struct prover *p)
{
	_cleanup_close_ int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = -1;
	_cleanup_free_ char *text = NULL;
	int api;

	if (p->run.desired->cloud &&
		!streq(p->run.desired->cloud->virtualization, "kvm")) {
		result(p, true,
			streq(vars_virt_type(p->run.desired, kvm >= 0), "kvm")
				? "machines run under KVM where it works"
				: "machines are emulated, as [cloud] virtualization allows");
		return;
	}
	if (kvm < 0) {
		text = xasprintf(
			"/dev/kvm: %s. Is virtualisation (VT-x, AMD-V) on in the BIOS? See: "
			"dmesg | grep kvm",
			strerror(errno));
		result(p, false, text);
		return;
	}
	api = ioctl(kvm, KVM_GET_API_VERSION, 0);
	if (api != KVM_API) {
		text = xasprintf(
			"/dev/kvm: expected API version %d, found %d", KVM_API, api);
		result(p, false, text);
		return;
	}
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		text = xasprintf(
			"/dev/kvm makes no virtual machine: %s", strerror(errno));
	result(p, vm >= 0, vm >= 0 ? "/dev/kvm makes virtual machines" : text);
}

/* ---- what workers prove ---- */

static void on_work(bool ok, const char *text, void *userdata)
{
	struct prover *p = userdata;

	p->work = NULL;
	result(p, ok, text);
}

static void prove_by_arg(
	struct prover *p, const char *op, const char *arg, unsigned timeout_ms)
{
	int r = work_start_op(p->event, op, arg, timeout_ms, on_work, p, &p->work);

	if (r < 0) {
		_cleanup_free_ char *text =
			xasprintf("%s could not be started: %s", op, strerror(-r));

		result(p, false, text);
	}
}

static void prove_by_work(struct prover *p, const char *op, unsigned timeout_ms)
{
	prove_by_arg(p, op, NULL, timeout_ms);
}

/* A part of the cloud: does it answer? */
static void prove_part(struct prover *p, const char *part)
{
	prove_by_arg(p, "part-check", part, PART_TIMEOUT_MS);
}

static void prove_volume_group(struct prover *p)
{
	prove_by_work(p, "vg-check", VG_TIMEOUT_MS);
}

static void prove_data_mounts(struct prover *p)
{
	prove_by_work(p, "xfs-check", XFS_TIMEOUT_MS);
}

static void prove_libvirt(struct prover *p)
{
	prove_by_work(p, "libvirt-check", LIBVIRT_TIMEOUT_MS);
}

static void prove_guest(struct prover *p)
{
	prove_by_work(p, "guest", GUEST_TIMEOUT_MS);
}

/* ---- the run ---- */

static const struct {
	const char *name;
	void (*prove)(struct prover *p);
} table[] = {
	{"network", prove_network},
	{"units", prove_units},
	{"volume-group", prove_volume_group},
	{"data-mounts", prove_data_mounts},
	{"kvm", prove_kvm},
	{"libvirt", prove_libvirt},
	{"guest", prove_guest},
};

static void run_end(struct prover *p)
{
	enum prover_outcome outcome = p->failed ? PROVER_FAILED
		: p->no_server                  ? PROVER_NO_SERVER
						: PROVER_ALL_OK;

	strv_free(TAKE_PTR(p->names));
	p->run.done(outcome, p->changed, p->run.userdata);
}

static void prove_next(struct prover *p)
{
	const char *name = p->names[p->at];

	if (!name) {
		run_end(p);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (streq(table[i].name, name)) {
			table[i].prove(p);
			return;
		}
	}
	if (strv_has(p->run.def->parts, name)) {
		prove_part(p, name);
		return;
	}
	result(p, false,
		"this ondol-noded does not know the proof: role file and program do not match");
}

void prover_start(struct prover *p, const struct prover_run *run)
{
	p->run = *run;
	p->names = copy_names(NULL, run->names, run->also);
	p->at = 0;
	p->failed = p->no_server = p->changed = false;
	sd_event_source_set_enabled(p->defer, SD_EVENT_ONESHOT);
}

void prover_cancel(struct prover *p)
{
	http_cancel(TAKE_PTR(p->job));
	work_cancel(TAKE_PTR(p->work));
	strv_free(TAKE_PTR(p->names));
	strv_free(TAKE_PTR(p->unit_names));
	free(TAKE_PTR(p->unit_wrong));
	sd_event_source_set_enabled(p->defer, SD_EVENT_OFF);
}

struct prover *prover_new(sd_event *event, const struct nodeconf *conf,
	struct units *units, struct http_client *http)
{
	struct prover *p = xcalloc(1, sizeof(*p));

	p->event = sd_event_ref(event);
	p->conf = conf;
	p->units = units;
	p->http = http;
	if (sd_event_add_defer(event, &p->defer, on_defer, p) < 0)
		abort();
	sd_event_source_set_enabled(p->defer, SD_EVENT_OFF);
	return p;
}

void prover_free(struct prover *p)
{
	if (!p)
		return;
	prover_cancel(p);
	sd_event_source_disable_unref(p->defer);
	for (size_t i = 0; i < p->n_restarts; i++)
		free(p->restarts[i].unit);
	free(p->restarts);
	sd_event_unref(p->event);
	free(p);
}
