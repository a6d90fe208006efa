/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/metrics.h"

#include "bootstrap/promtext.h"

/*
 * Names follow Prometheus' own advice (https://prometheus.io/docs/practices/naming/): base
 * units, the unit last, _total for what only goes up. A label's value is a name of rack.ini,
 * a word of this program, or a version: never what a server, its BMC or a client said, so the
 * number of series has an end. What is not known has no sample rather than a false one.
 */

#define NAME(id, name) name,
static const char *const sources[] = {METRICS_SOURCES(NAME)};
static const char *const listeners[] = {METRICS_LISTENERS(NAME)};
static const char *const results[] = {METRICS_RESULTS(NAME)};
static const char *const refusals[] = {METRICS_REFUSALS(NAME)};
#undef NAME

/* The last two are when an ipmitool is ended: for a command, and for text. */
static const unsigned ipmi_bounds_ms[METRICS_N_IPMI_BOUNDS] = {
	100, 250, 500, 1000, 2500, 5000, 10000, 20000, 90000};

/* ---- counting ---- */

void metrics_count_event(struct metrics_counts *c, const char *source)
{
	enum metrics_source i = METRICS_ONDOLD;

	while (i < METRICS_OTHER && !streq(sources[i], source))
		i++;
	c->events[i]++;
}

void metrics_count_ipmi(struct metrics_counts *c, enum ipmi_fault fault, uint64_t took_ms)
{
	size_t i = 0;

	c->ipmi[fault]++;
	if (fault == IPMI_FAULT_NO_TOOL)
		return;
	while (i < METRICS_N_IPMI_BOUNDS && took_ms > ipmi_bounds_ms[i])
		i++;
	c->ipmi_took[i]++;
	c->ipmi_ms += took_ms;
}

void metrics_count_transition(struct metrics_counts *c, enum fsm_state began,
	enum fsm_state from, enum fsm_state to)
{
	if (began != FSM_POWERING || from == FSM_READY)
		return;
	if (to == FSM_READY)
		c->installs[METRICS_RESULT_READY]++;
	/* the latter: resetting its BMC was in vain */
	else if (to == FSM_FAILED ||
		(to == FSM_MAINTENANCE &&
			(from == FSM_POWERING || from == FSM_BMC_RESET)))
		c->installs[METRICS_RESULT_FAILED]++;
	else if (to == FSM_CANCELLED && from != FSM_FAILED)
		c->installs[METRICS_RESULT_CANCELLED]++;
}

/* ---- telling ---- */

static void begin_gauge(struct prom *p, const char *name, const char *help)
{
	prom_family(p, name, PROM_GAUGE, help);
}

static void put_rack(struct prom *p, const struct metrics *m)
{
	begin_gauge(p, "ondol_build_info", "The version of ondold; always 1.");
	prom_add(p, 1, "version", m->version, NULL);
	begin_gauge(p, "ondol_rack_info", "The rack in force; always 1.");
	if (m->rack)
		prom_add(p, 1, "rack", m->rack, NULL);
	begin_gauge(p, "ondol_rack_revision", "How often a rack was applied; 0: never.");
	prom_add(p, m->rack_revision, NULL);
}

static void put_states(struct prom *p, const struct metrics *m)
{
	uint64_t n[FSM_N_STATES] = {0};

	for (size_t i = 0; i < m->n_nodes; i++)
		n[m->nodes[i].state]++;
	begin_gauge(p, "ondol_nodes", "Nodes of the rack by state.");
	for (unsigned s = 0; s < FSM_N_STATES; s++)
		prom_add(p, n[s], "state", fsm_state_str((enum fsm_state)s), NULL);
	/* Its own alone: with all of them of each node a large rack would be too many series. */
	begin_gauge(p, "ondol_node_state", "The state that the node is in; always 1.");
	for (size_t i = 0; i < m->n_nodes; i++)
		prom_add(p, 1, "node", m->nodes[i].name, "state",
			fsm_state_str(m->nodes[i].state), NULL);
}

static void put_nodes(struct prom *p, const struct metrics *m)
{
	const struct metrics_node *end = m->nodes + m->n_nodes;

	put_states(p, m);
	begin_gauge(p, "ondol_node_info", "What rack.ini says of the node; always 1.");
	for (const struct metrics_node *n = m->nodes; n < end; n++)
		prom_add(p, 1, "node", n->name, "role", n->role, "kind", n->kind, NULL);
	begin_gauge(p, "ondol_node_ready",
		"1 when all that the node's role needs is proved.");
	for (const struct metrics_node *n = m->nodes; n < end; n++)
		prom_add(p, n->state == FSM_READY, "node", n->name, NULL);
	begin_gauge(p, "ondol_node_state_seconds", "How long the node is in its state.");
	for (const struct metrics_node *n = m->nodes; n < end; n++)
		prom_add_milli(p, m->now_ms > n->since_ms ? m->now_ms - n->since_ms : 0,
			"node", n->name, NULL);
	begin_gauge(p, "ondol_node_silent", "1 when a ready node has stopped to report.");
	for (const struct metrics_node *n = m->nodes; n < end; n++)
		prom_add(p, n->silent, "node", n->name, NULL);
	begin_gauge(p, "ondol_node_last_report_timestamp_seconds",
		"When the node's daemon reported last, since 1970.");
	for (const struct metrics_node *n = m->nodes; n < end; n++)
		if (n->last_seen_ms)
			prom_add_milli(p, n->last_seen_ms, "node", n->name, NULL);
	begin_gauge(p, "ondol_node_install_progress_ratio",
		"How much of its image is written, 0 to 1, while it is written.");
	for (const struct metrics_node *n = m->nodes; n < end; n++)
		if (n->has_progress && n->total && n->done <= n->total)
			prom_add_milli(p,
				(uint64_t)(1000.0 * (double)n->done / (double)n->total),
				"node", n->name, NULL);
}

static void put_bmcs(struct prom *p, const struct metrics *m)
{
	const struct metrics_node *end = m->nodes + m->n_nodes;

	begin_gauge(
		p, "ondol_node_power_known", "1 when the node's BMC has told its power.");
	for (const struct metrics_node *n = m->nodes; n < end; n++)
		prom_add(p, n->power != IPMI_POWER_UNKNOWN, "node", n->name, NULL);
	begin_gauge(p, "ondol_node_power_on", "1 when the node was on, as last read.");
	for (const struct metrics_node *n = m->nodes; n < end; n++)
		if (n->power != IPMI_POWER_UNKNOWN)
			prom_add(p, n->power == IPMI_POWER_ON, "node", n->name, NULL);
	begin_gauge(p, "ondol_node_bmc_reachable",
		"1 when the node's BMC answered the last time it was asked.");
	for (const struct metrics_node *n = m->nodes; n < end; n++)
		if (n->bmc_reachable >= 0)
			prom_add(p, (uint64_t)n->bmc_reachable, "node", n->name, NULL);
}

static void put_ipmi(struct prom *p, const struct metrics_counts *c)
{
	prom_family(p, "ondol_ipmi_commands_total", PROM_COUNTER,
		"ipmitool commands by what became of them, the console's sessions left out.");
	for (unsigned i = 0; i < IPMI_N_FAULTS; i++)
		prom_add(p, c->ipmi[i], "result", ipmi_fault_str((enum ipmi_fault)i),
			NULL);
	prom_family(p, "ondol_ipmi_command_duration_seconds", PROM_HISTOGRAM,
		"How long an ipmitool command ran.");
	prom_add_histogram(
		p, ipmi_bounds_ms, METRICS_N_IPMI_BOUNDS, c->ipmi_took, c->ipmi_ms);
}

static void put_work(struct prom *p, const struct metrics *m)
{
	const struct metrics_counts *c = m->counts;

	prom_family(p, "ondol_installs_total", PROM_COUNTER,
		"Installs that came to an end, by the state that they ended in.");
	for (unsigned i = 0; i < METRICS_N_RESULTS; i++)
		prom_add(p, c->installs[i], "result", results[i], NULL);
	prom_family(p, "ondol_multicast_bytes_total", PROM_COUNTER,
		"Bytes of images that were sent by multicast.");
	prom_add(p, c->multicast_bytes, NULL);
	prom_family(
		p, "ondol_events_total", PROM_COUNTER, "Events written, by who said it.");
	for (unsigned i = 0; i < METRICS_N_SOURCES; i++)
		prom_add(p, c->events[i], "source", sources[i], NULL);
	put_ipmi(p, c);
	begin_gauge(p, "ondol_console_sessions", "Serial consoles that are held now.");
	prom_add(p, m->consoles, NULL);
	begin_gauge(p, "ondol_console_sessions_max", "How many may be held at once.");
	prom_add(p, m->max_consoles, NULL);
}

static void put_http(struct prom *p, const struct metrics *m)
{
	static const char *const classes[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};

	begin_gauge(p, "ondol_listener_up", "1 when ondold listens there.");
	for (unsigned l = 0; l < METRICS_N_LISTENERS; l++)
		prom_add(p, m->listens[l], "listener", listeners[l], NULL);
	prom_family(p, "ondol_http_requests_total", PROM_COUNTER,
		"Requests answered, by listener and class of the status.");
	for (unsigned l = 0; l < METRICS_N_LISTENERS; l++)
		for (size_t i = 2; i < ARRAY_SIZE(classes); i++)
			prom_add(p, m->counts->http[l].answered[i], "listener",
				listeners[l], "class", classes[i], NULL);
	begin_gauge(p, "ondol_http_requests_held", "Long polls that wait now.");
	for (unsigned l = 0; l < METRICS_N_LISTENERS; l++)
		prom_add(p, m->held[l], "listener", listeners[l], NULL);
	begin_gauge(p, "ondol_http_streams", "Pages that follow the rack now.");
	prom_add(p, m->streams, NULL);
	prom_family(p, "ondol_sign_in_failures_total", PROM_COUNTER,
		"Tokens refused by the page and its API, by reason.");
	for (unsigned i = 0; i < METRICS_N_REFUSALS; i++)
		prom_add(p, m->counts->refused[i], "reason", refusals[i], NULL);
}

static void put_host(struct prom *p, const struct metrics *m)
{
	begin_gauge(p, "ondol_dnsmasq_up", "1 when DHCP and TFTP are served.");
	prom_add(p, m->dnsmasq_up, NULL);
	begin_gauge(
		p, "ondol_store_size_bytes", "The database with its write-ahead log.");
	prom_add(p, m->store_bytes, NULL);
	begin_gauge(p, "ondol_store_events", "Events in the database.");
	prom_add(p, m->store_events, NULL);
	prom_family(p, "ondol_events_dropped_total", PROM_COUNTER,
		"Events dropped because they were older than keep_events.");
	prom_add(p, m->events_dropped, NULL);
	begin_gauge(p, "ondol_folder_free_bytes", "What is free where the folder is.");
	if (m->images_free_bytes != UINT64_MAX)
		prom_add(p, m->images_free_bytes, "folder", "images", NULL);
	if (m->state_free_bytes != UINT64_MAX)
		prom_add(p, m->state_free_bytes, "folder", "state", NULL);
}

/* The names that Prometheus' own client libraries use for a process. */
static void put_process(struct prom *p, const struct metrics_process *x)
{
	prom_family(p, "process_cpu_seconds_total", PROM_COUNTER,
		"Processor time of ondold itself, user and system.");
	prom_add_milli(p, x->cpu_ms, NULL);
	begin_gauge(p, "process_start_time_seconds", "When ondold started, since 1970.");
	prom_add_milli(p, x->started_ms, NULL);
	begin_gauge(p, "process_resident_memory_bytes", "Resident memory of ondold.");
	prom_add(p, x->resident_bytes, NULL);
	begin_gauge(p, "process_virtual_memory_bytes", "Address space of ondold.");
	prom_add(p, x->virtual_bytes, NULL);
	begin_gauge(p, "process_open_fds", "Open file descriptors of ondold.");
	prom_add(p, x->open_fds, NULL);
	begin_gauge(p, "process_max_fds", "How many file descriptors it may have open.");
	prom_add(p, x->max_fds, NULL);
}

char *metrics_text(const struct metrics *m)
{
	struct prom *p = prom_new();

	put_rack(p, m);
	put_nodes(p, m);
	put_bmcs(p, m);
	put_work(p, m);
	put_http(p, m);
	put_host(p, m);
	put_process(p, &m->process);
	return prom_end(p);
}
