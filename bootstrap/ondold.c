/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include <getopt.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <systemd/sd-daemon.h>

#include "bootstrap/cast.h"
#include "bootstrap/eventlog.h"
#include "common/log.h"
#include "common/nodump.h"
#include "common/order.h"
#include "common/roledef.h"

/*
 * main() and what belongs to the rack as a whole: finding nodes, keeping events, giving
 * out slots and turns to switch on. Both keep power_on_interval of rack.ini, so that ten
 * servers do not draw their inrush current together and DHCP is not asked by all at once:
 * a slot to begin with, a turn where the power-on itself is sent, whoever has asked for it.
 */

#define PULSE_MS 10000
#define STATUS_MS 200
#define DEFAULT_CONSOLES 48u /* sessions at once, an ipmitool each */
#define MAX_CONSOLES 10000u
#define SPACE_LOW_BYTES (UINT64_C(512) << 20)
#define SPACE_GOOD_BYTES (UINT64_C(768) << 20)

/* ---- events ---- */

static void tell_status(struct ondold *o)
{
	unsigned count[FSM_N_STATES] = {0};
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < o->n_nodes; i++)
		if (o->nodes[i]) /* not while they are made */
			count[o->nodes[i]->fsm.state]++;
	text = notify_words(count, o->rack, o->rack_lost);
	notify_status(&o->notify, text);
}

static int on_status(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	tell_status(userdata);
	return 0;
}

/* All nodes are counted for it: not for each event of a thousand. */
static void status_soon(struct ondold *o)
{
	int on;

	if (!o->status_timer || sd_event_source_get_enabled(o->status_timer, &on) < 0 ||
		on != SD_EVENT_OFF)
		return;
	sd_event_source_set_time_relative(o->status_timer, STATUS_MS * 1000);
	sd_event_source_set_enabled(o->status_timer, SD_EVENT_ONESHOT);
}

int64_t ondold_event(struct ondold *o, struct node *n, const char *source,
	const char *type, const char *text, const json_t *data)
{
	struct store_event ev = {
		.time_ms = now_real_ms(),
		.node = n ? n->name : "",
		.source = source,
		.type = type,
		.text = text,
		.data = data,
	};
	int64_t id;

	eventlog(&ev);
	id = store_event_add(o->store, &ev);
	if (id > 0)
		metrics_count_event(&o->counts, source);
	ondold_kick(o, o);
	live_kick(page_live(o));
	status_soon(o);
	return id;
}

void ondold_kick(struct ondold *o, const void *key)
{
	httpd_kick(tlsport_http(o->node_port), key);
	httpd_kick(o->unix_http, key);
	page_kick(o, key);
}

/* ---- nodes ---- */

/* The nodes stand in the order of the rack's. */
static struct node *node_of(const struct ondold *o, const struct rack_node *conf)
{
	size_t i = conf ? (size_t)(conf - o->rack->nodes) : SIZE_MAX;

	return i < o->n_nodes ? o->nodes[i] : NULL;
}

struct node *ondold_node(struct ondold *o, const char *name)
{
	return node_of(o, o->rack ? rack_node(o->rack, name) : NULL);
}

struct node *ondold_node_by_mac(
	struct ondold *o, const struct mac_addr *mac, bool *ret_first_port)
{
	size_t port = 0;
	struct node *n =
		node_of(o, o->rack ? rack_node_by_mac(o->rack, mac, &port) : NULL);

	*ret_first_port = port == 0;
	return n;
}

struct node *ondold_node_by_address(struct ondold *o, uint32_t address)
{
	return node_of(o,
		o->rack ? rack_node_by_address(o->rack, o->rack->provisioning, address)
			: NULL);
}

/* ---- boards ---- */

static const char *board_name(const struct inventory *inv, int which)
{
	return which == 0 ? inv->serial : inv->uuid;
}

void ondold_know_board(struct node *n)
{
	struct ondold *o = n->o;

	if (!o->boards)
		o->boards = json_object();
	for (int i = 0; i < BOARD_NAMES; i++)
		json_object_set_new(
			o->boards, board_name(n->inv, i), json_string(n->name));
}

struct node *ondold_board(const struct node *n, const struct inventory *inv, int which)
{
	const char *name =
		json_string_value(json_object_get(n->o->boards, board_name(inv, which)));
	struct node *other = name ? ondold_node(n->o, name) : NULL;

	return other && other != n && other->inv ? other : NULL;
}

/* ---- what was gathered in a turn of the loop ---- */

static bool is_settled(void *userdata)
{
	return store_is_settled(((struct ondold *)userdata)->store);
}

static int settle(void *userdata)
{
	return store_settle(((struct ondold *)userdata)->store);
}

void ondold_settle_answers(struct ondold *o, struct httpd *h)
{
	httpd_settle_with(h,
		&(struct httpd_settler){
			.is_settled = is_settled, .settle = settle, .userdata = o});
}

/* What no answer waits for: said by dnsmasq, a BMC, a clock. */
static int on_settle(_unused_ sd_event_source *s, void *userdata)
{
	(void)settle(userdata);
	return 0;
}

static void settle_soon(void *userdata)
{
	struct ondold *o = userdata;

	sd_event_source_set_enabled(o->settle_source, SD_EVENT_ONESHOT);
}

static int gather(struct ondold *o)
{
	int r = sd_event_add_defer(o->event, &o->settle_source, on_settle, o);

	if (r >= 0)
		r = sd_event_source_set_enabled(o->settle_source, SD_EVENT_OFF);
	if (r >= 0)
		store_gather(o->store, settle_soon, o);
	return MIN(r, 0);
}

/* ---- slots ---- */

static void schedule_at(struct ondold *o, uint64_t mono_ms)
{
	sd_event_source_set_time(o->sched_timer, mono_ms * 1000);
	sd_event_source_set_enabled(o->sched_timer, SD_EVENT_ONESHOT);
}

void ondold_schedule(struct ondold *o)
{
	unsigned pause_ms = o->rack ? o->rack->power_on_interval_ms : 0;

	if (!o->stopping)
		schedule_at(o, MAX(now_mono_ms(), o->last_slot_ms + pause_ms));
}

uint64_t ondold_power_turn(struct ondold *o)
{
	uint64_t turn_ms = MAX(now_mono_ms(), o->next_power_on_ms);

	o->next_power_on_ms = turn_ms + o->rack->power_on_interval_ms;
	return turn_ms;
}

/* Whose agent is up and waits comes before those who are to be powered on. */
static bool goes_before(const struct node *a, const struct node *b)
{
	return !b || (a->fsm.state == FSM_INVENTORIED && b->fsm.state == FSM_IDLE);
}

static int on_schedule(
	_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct ondold *o = userdata;
	struct node *next = NULL;
	unsigned held = 0;

	for (size_t i = 0; i < o->n_nodes; i++) {
		held += fsm_holds_slot(&o->nodes[i]->fsm);
		if (fsm_waits_for_slot(&o->nodes[i]->fsm) &&
			goes_before(o->nodes[i], next))
			next = o->nodes[i];
	}
	o->held = held;
	if (!next || held >= o->rack->parallel_installs)
		return 0;
	o->held++;
	o->last_slot_ms = now_mono_ms();
	node_step(next, FSM_EV_SLOT, "");
	ondold_schedule(o);
	return 0;
}

/* Tells when the disk that keeps events and images is nearly full, and when it is not any more. */
static void look_at_space(struct ondold *o)
{
	struct statvfs fs;
	uint64_t free_bytes;
	_cleanup_free_ char *text = NULL;
	char size[32];
	bool low;

	if (statvfs(o->opts.state_dir, &fs) < 0)
		return;
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	low = free_bytes < (o->space_low ? SPACE_GOOD_BYTES : SPACE_LOW_BYTES);
	if (low == o->space_low)
		return;
	o->space_low = low;
	format_size(free_bytes, size);
	text = xasprintf("%s free in %s%s", size, o->opts.state_dir,
		low ? ": events and backups will soon not be kept; free space" : "");
	ondold_event(o, NULL, "ondold", low ? "deploy.space-low" : "deploy.space-ok",
		text, NULL);
}

static int on_pulse(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct ondold *o = userdata;

	for (size_t i = 0; i < o->n_nodes; i++) {
		node_pulse(o->nodes[i]);
		console_pulse(o->nodes[i]->console);
	}
	cloud_pulse(o);
	look_at_space(o);
	serve_pulse(o);
	sd_event_source_set_time(s, usec + PULSE_MS * 1000);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

/* ---- life ---- */

static int on_signal(
	sd_event_source *s, const struct signalfd_siginfo *si, _unused_ void *userdata)
{
	log_info(
		"ending on signal %u; nodes go on and are taken up again at the next start",
		si->ssi_signo);
	return sd_event_exit(sd_event_source_get_event(s), 0);
}

static int watch(struct ondold *o)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	r = sd_event_set_watchdog(o->event, true); /* where the unit says WatchdogSec= */
	if (r >= 0)
		r = sd_event_add_signal(o->event, NULL, SIGTERM, on_signal, o);
	if (r >= 0)
		r = sd_event_add_signal(o->event, NULL, SIGINT, on_signal, o);
	if (r >= 0)
		r = sd_event_add_signal(o->event, NULL, SIGHUP, on_signal, o);
	return r < 0 ? r : 0;
}

/* Each node holds connections; what the service manager allows at most is taken. */
static void take_all_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == files.rlim_max)
		return;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		log_warn("the limit of open files cannot be raised: %s", strerror(errno));
}

static int add_timers(struct ondold *o)
{
	int r = sd_event_add_time(o->event, &o->sched_timer, CLOCK_MONOTONIC, UINT64_MAX,
		10000, on_schedule, o);

	if (r >= 0)
		r = sd_event_add_time(o->event, &o->status_timer, CLOCK_MONOTONIC,
			UINT64_MAX, 10000, on_status, o);
	if (r >= 0)
		r = sd_event_source_set_enabled(o->status_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time_relative(o->event, &o->pulse_timer, CLOCK_MONOTONIC,
			PULSE_MS * 1000, 100000, on_pulse, o);
	return r < 0 ? r : 0;
}

static int make_socket_dir(const char *path)
{
	_cleanup_free_ char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');

	if (!slash || slash == dir)
		return 0;
	*slash = 0;
	return mkdir_p(dir, 0755);
}

static int open_socket(struct ondold *o)
{
	int r = make_socket_dir(o->opts.socket);

	if (r == 0)
		r = httpd_listen_unix(
			o->event, o->opts.socket, api_operator_handle, o, &o->unix_http);
	if (r == 0) {
		httpd_on_upload(o->unix_http, api_cloud_upload);
		httpd_count(o->unix_http, &o->counts.http[METRICS_UNIX]);
		ondold_settle_answers(o, o->unix_http);
	}
	if (r < 0)
		log_error("cannot listen at %s: %s; see --socket", o->opts.socket,
			strerror(-r));
	return r;
}

static int start(struct ondold *o)
{
	_cleanup_free_ char *msg = NULL;
	int r = sd_event_default(&o->event);

	if (r >= 0)
		r = watch(o);
	if (r >= 0)
		r = add_timers(o);
	if (r >= 0)
		r = store_open(o->opts.state_dir, &o->store, &msg);
	if (r >= 0)
		r = cloudsecrets_load(
			o->opts.state_dir, CLOUDSECRETS_NODES, &o->authority, &msg);
	if (r >= 0)
		r = cloud_open(o, &msg);
	if (r >= 0)
		r = page_open(o, &msg);
	if (r >= 0)
		r = serve_new(o);
	if (r >= 0)
		r = gather(o);
	if (r >= 0)
		r = sweep_open(o);
	if (r < 0) {
		log_error("%s", msg ? msg : strerror(-r));
		return r;
	}
	o->caster = caster_new(o);
	ondold_event(o, NULL, "ondold", "ondold.started",
		"ondold " ONDOL_VERSION " starts", NULL);
	look_at_space(o);
	rackstate_load(o);
	return open_socket(o);
}

static void stop(struct ondold *o)
{
	o->stopping = true;
	/* Parked power requests are answered by their jobs, so the nodes go first. */
	for (size_t i = 0; i < o->n_nodes; i++)
		node_free(o->nodes[i]);
	o->n_nodes = 0;
	caster_free(o->caster);
	consoles_clear(&o->consoles);
	free(o->nodes);
	json_decref(o->boards);
	page_close(o);
	serve_free(o);
	httpd_free(o->unix_http);
	sd_event_source_disable_unref(o->settle_source);
	sd_event_source_disable_unref(o->status_timer);
	sd_event_source_disable_unref(o->sched_timer);
	sd_event_source_disable_unref(o->pulse_timer);
	sweep_close(o);
	cloud_close(o);
	cloudsecrets_free(o->authority);
	store_close(o->store);
	rack_free(o->rack);
	secrets_free(o->secrets);
	notify_clear(&o->notify);
	sd_event_unref(o->event);
}

static int run(struct ondold *o)
{
	int r;

	o->started_ms = now_mono_ms();
	o->started_real_ms = now_real_ms();
	r = start(o);
	if (r == 0) {
		log_info("ondold " ONDOL_VERSION " listens at %s, state in %s",
			o->opts.socket, o->opts.state_dir);
		tell_status(o);
		sd_notify(0, "READY=1");
		r = sd_event_loop(o->event);
		sd_notify(0, "STOPPING=1");
		if (r < 0)
			log_error("the event loop ended: %s", strerror(-r));
	}
	stop(o);
	return r < 0 ? 1 : 0;
}

/* ---- options ---- */

static void usage(FILE *f)
{
	fputs("ondold - powers on, installs and watches the servers of a rack\n\n"
	      "usage: ondold [--state DIR] [--socket PATH] [--images DIR] [--roles DIR] [--tftp DIR]\n\n"
	      "  --state DIR    database and secrets (default /var/lib/ondol)\n"
	      "  --socket PATH  where `ondol` reaches it (default /run/ondol/ondold.sock)\n"
	      "  --images DIR   image profiles (default /var/lib/ondol/images)\n"
	      "  --roles DIR    role files\n"
	      "  --tftp DIR     has " PXE_LOADER " (default /usr/lib/ipxe)\n\n"
	      "ONDOL_PATIENCE=PERCENT stretches every deadline (default 100); ONDOL_LOG=debug says more.\n",
		f);
}

/* A variable of the environment; *ret keeps its value when it is not set. */
static int read_variable(
	const char *name, unsigned min, unsigned max, const char *expected, unsigned *ret)
{
	const char *s = getenv(name);

	if (!s || parse_unsigned(s, min, max, ret) == 0)
		return 0;
	fprintf(stderr, "ondold: %s: expected %s from %u to %u\n", name, expected, min,
		max);
	return -EINVAL;
}

/* 0: go on; 1: done (help); negative: wrong usage. */
static int read_options(int argc, char **argv, struct ondold_options *opts)
{
	static const struct option longs[] = {
		{"state", required_argument, NULL, 's'},
		{"socket", required_argument, NULL, 'u'},
		{"images", required_argument, NULL, 'i'},
		{"roles", required_argument, NULL, 'r'},
		{"tftp", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};

	for (int c; (c = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
		if (c == 's')
			opts->state_dir = optarg;
		else if (c == 'u')
			opts->socket = optarg;
		else if (c == 'i')
			opts->images_dir = optarg;
		else if (c == 'r')
			opts->roles_dir = optarg;
		else if (c == 't')
			opts->tftp_dir = optarg;
		else if (c == 'V')
			puts("ondold " ONDOL_VERSION);
		else
			usage(c == 'h' ? stdout : stderr);
		if (c == 'V' || c == 'h')
			return 1;
		if (c == '?')
			return -EINVAL;
	}
	if (optind < argc) {
		fprintf(stderr, "ondold: \"%s\" is not an option; see --help\n",
			argv[optind]);
		return -EINVAL;
	}
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *roles = roledefs_default_dir();
	struct ondold o = {
		.opts = {.state_dir = "/var/lib/ondol",
			.socket = "/run/ondol/ondold.sock",
			.images_dir = "/var/lib/ondol/images",
			.roles_dir = roles,
			.tftp_dir = "/usr/lib/ipxe",
			.patience_percent = 100},
		.consoles.max = DEFAULT_CONSOLES,
		.ipmi_line.max = IPMI_AT_ONCE,
	};
	int r;

	log_open_journal("ondold");
	nodump();
	r = read_options(argc, argv, &o.opts);
	if (r == 0)
		r = read_variable("ONDOL_PATIENCE", 1, DESIRED_MAX_PATIENCE,
			"a percentage", &o.opts.patience_percent);
	if (r == 0)
		r = read_variable(
			"ONDOL_CONSOLES", 0, MAX_CONSOLES, "a number", &o.consoles.max);
	if (r != 0)
		return r < 0 ? 2 : 0;
	take_all_files();
	return run(&o);
}
