/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include <dirent.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>

#include "bootstrap/promtext.h"

/* GET /metrics: gathers what metrics.c writes. Nothing is asked of a BMC or a node for it. */

static struct metrics_node node_of(const struct node *n)
{
	return (struct metrics_node){.name = n->name,
		.role = n->conf->role,
		.kind = n->conf->kind ? n->conf->kind : "",
		.state = n->fsm.state,
		.since_ms = n->since_ms,
		.last_seen_ms = n->last_seen_ms,
		.silent = n->silent,
		.has_progress = n->has_progress,
		.done = n->done,
		.total = n->total,
		.power = n->power,
		.bmc_reachable = n->bmc_reachable};
}

static uint64_t free_bytes(const char *folder)
{
	struct statvfs fs;

	return statvfs(folder, &fs) < 0 ? UINT64_MAX
					: (uint64_t)fs.f_bavail * fs.f_frsize;
}

/* ---- ondold itself ---- */

static uint64_t cpu_ms(void)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Without the one with which they are counted. */
static uint64_t count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t n = 0;

	for (struct dirent *d; dir && (d = readdir(dir));)
		n += d->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n ? n - 1 : 0;
}

/* statm: "size resident ...", in pages; see proc(5). */
static void read_memory(struct metrics_process *p)
{
	_cleanup_free_ char *line = NULL;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), size, resident;

	if (read_line_file("/proc/self/statm", &line) < 0 ||
		sscanf(line, "%" SCNu64 " %" SCNu64, &size, &resident) != 2)
		return;
	p->virtual_bytes = size * page;
	p->resident_bytes = resident * page;
}

static void look_at_process(const struct ondold *o, struct metrics_process *p)
{
	struct rlimit limit = {0};

	p->started_ms = o->started_real_ms;
	p->cpu_ms = cpu_ms();
	p->open_fds = count_fds();
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		p->max_fds = limit.rlim_cur;
	read_memory(p);
}

/* ---- the answer ---- */

static void look_at_http(const struct ondold *o, struct metrics *m)
{
	uint64_t none;

	m->listens[METRICS_UNIX] = o->unix_http != NULL;
	httpd_open_requests(o->unix_http, &m->held[METRICS_UNIX], &none);
	m->listens[METRICS_BOOT] = o->tcp_http != NULL;
	httpd_open_requests(o->tcp_http, &m->held[METRICS_BOOT], &none);
	m->listens[METRICS_NODES] = tlsport_http(o->node_port) != NULL;
	httpd_open_requests(tlsport_http(o->node_port), &m->held[METRICS_NODES], &none);
	page_look(o, &m->listens[METRICS_PAGE], &m->held[METRICS_PAGE], &m->streams);
}

void api_metrics_get(struct ondold *o, struct http_req *req)
{
	_cleanup_free_ struct metrics_node *nodes =
		xcalloc(o->n_nodes + 1, sizeof(*nodes));
	struct metrics m = {.counts = &o->counts,
		.version = ONDOL_VERSION,
		.rack = o->rack ? o->rack->name : NULL,
		.rack_revision = (uint64_t)o->rack_revision,
		.now_ms = now_real_ms(),
		.nodes = nodes,
		.n_nodes = o->n_nodes,
		.dnsmasq_up = o->dnsmasq_up,
		.consoles = o->consoles.running,
		.max_consoles = o->consoles.max,
		.store_bytes = store_size_bytes(o->store),
		.store_events = store_event_count(o->store),
		.events_dropped = store_event_dropped(o->store),
		.images_free_bytes = free_bytes(o->opts.images_dir),
		.state_free_bytes = free_bytes(o->opts.state_dir)};

	for (size_t i = 0; i < o->n_nodes; i++)
		nodes[i] = node_of(o->nodes[i]);
	look_at_http(o, &m);
	look_at_process(o, &m.process);
	httpd_reply_typed(req, 200, PROM_CONTENT_TYPE, metrics_text(&m));
}
