/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `up`: checks everything that can be checked, takes the lock, makes the box and stays in
 * front of it (or, with --detach, leaves once the rack is up).
 */
#include "twin/cmd.h"

#include <getopt.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

#include "common/log.h"
#include "twin/ns.h"
#include "twin/supervisor.h"

#define END_GRACE_MS 10000
#define DEFAULT_IMAGES "build/shared/images"
#define MIB (1024ull * 1024)
/* Beside its memory a node costs its firmware, translated code (TCG) and a BMC. */
#define NODE_OVERHEAD_MIB 320

struct up {
	const char *file, *secrets_file, *dir_opt, *disks_opt,
		*images_opt; /* borrowed from argv */
	bool detach, keep_disks;
	struct twin_options opt;
	const char **names; /* owned list of words of argv */
	struct rack *rack; /* owned */
	struct secrets *secrets; /* owned */
	struct twin_plan *plan; /* owned */
	char *dir, *disks, *images; /* owned */
	struct rundir_state state;
	int lock; /* owned */
	uint64_t begun_ms;
};

static const char help[] =
	"ondol-twin up FILE [options]\n\n"
	"Brings up the rack that FILE describes: switch, BMCs and servers, powered off. Stays\n"
	"in the foreground; Ctrl-C takes the rack down and removes its files.\n\n"
	"  --nodes N          only N nodes: the first of each role and kind, then the others\n"
	"  --node NAME        only this node; may be repeated\n"
	"  --secrets FILE     BMC logins (default: secrets.ini beside FILE)\n"
	"  --machines         the servers are QEMU machines (default)\n"
	"  --containers       the servers are containers on the node image, at native speed\n"
	"  --images DIR       of --containers: the image profiles (default " DEFAULT_IMAGES
	")\n"
	"  --memory MIB       of each node (default 1024; for containers, what they say they have)\n"
	"  --cpus N           of each node (default 1)\n"
	"  --accel kvm|tcg|auto   how to run them (default auto: KVM where a guest runs)\n"
	"  --detach           return when the rack is up; `ondol-twin down` ends it\n"
	"  --dir DIR          sockets and logs (default " RUNDIR_BASE "/RACK)\n"
	"  --disks DIR        drives and NVRAM (default " RUNDIR_DISKS "/RACK)\n"
	"  --keep-disks       keep them when the rack goes down\n";

enum {
	OPT_MACHINES = 256,
	OPT_CONTAINERS,
	OPT_IMAGES,
	OPT_NODES,
	OPT_NODE,
	OPT_SECRETS,
	OPT_MEMORY,
	OPT_CPUS,
	OPT_ACCEL,
	OPT_DETACH,
	OPT_DIR,
	OPT_DISKS,
	OPT_KEEP
};

static const struct option options[] = {{"help", no_argument, NULL, 'h'},
	{"machines", no_argument, NULL, OPT_MACHINES},
	{"containers", no_argument, NULL, OPT_CONTAINERS},
	{"images", required_argument, NULL, OPT_IMAGES},
	{"nodes", required_argument, NULL, OPT_NODES},
	{"node", required_argument, NULL, OPT_NODE},
	{"secrets", required_argument, NULL, OPT_SECRETS},
	{"memory", required_argument, NULL, OPT_MEMORY},
	{"cpus", required_argument, NULL, OPT_CPUS},
	{"accel", required_argument, NULL, OPT_ACCEL},
	{"detach", no_argument, NULL, OPT_DETACH},
	{"dir", required_argument, NULL, OPT_DIR},
	{"disks", required_argument, NULL, OPT_DISKS},
	{"keep-disks", no_argument, NULL, OPT_KEEP}, {NULL, 0, NULL, 0}};

static int bad_number(const char *option, unsigned min, unsigned max)
{
	return cmd_usage(
		"up", "%s: expected %u to %u, found \"%s\"", option, min, max, optarg);
}

static int take_number(const char *option, unsigned min, unsigned max, unsigned *ret)
{
	return parse_unsigned(optarg, min, max, ret) < 0 ? bad_number(option, min, max)
							 : -1;
}

/* -1: go on; else the exit status. */
static int take_option(struct up *u, int c)
{
	switch (c) {
	case 'h':
		fputs(help, stdout);
		return EXIT_DONE;
	case OPT_MACHINES:
	case OPT_CONTAINERS:
		u->opt.form = c == OPT_CONTAINERS ? TWIN_CONTAINERS : TWIN_MACHINES;
		return -1;
	case OPT_IMAGES:
		u->images_opt = optarg;
		return -1;
	case OPT_NODES:
		return take_number("--nodes", 1, RACK_MAX_NODES, &u->opt.n_nodes);
	case OPT_NODE:
		u->names[u->opt.n_node_names++] = optarg;
		return -1;
	case OPT_MEMORY:
		return take_number("--memory", 256, 1024 * 1024, &u->opt.memory_mib);
	case OPT_CPUS:
		return take_number("--cpus", 1, 64, &u->opt.cpus);
	case OPT_ACCEL:
		return twin_accel_parse(optarg, &u->opt.accel) < 0
			? cmd_usage("up",
				  "--accel: expected kvm, tcg or auto, found \"%s\"",
				  optarg)
			: -1;
	case OPT_SECRETS:
		u->secrets_file = optarg;
		return -1;
	case OPT_DETACH:
		u->detach = true;
		return -1;
	case OPT_DIR:
		u->dir_opt = optarg;
		return -1;
	case OPT_DISKS:
		u->disks_opt = optarg;
		return -1;
	case OPT_KEEP:
		u->keep_disks = true;
		return -1;
	default:
		return cmd_usage("up", "wrong option");
	}
}

static int parse_arguments(struct up *u, int argc, char **argv)
{
	int c, r = -1;

	u->names = xcalloc((size_t)argc + 1, sizeof(*u->names));
	while (r < 0 && (c = getopt_long(argc, argv, "h", options, NULL)) != -1)
		r = take_option(u, c);
	if (r >= 0)
		return r;
	if (optind + 1 != argc)
		return cmd_usage(
			"up", optind == argc ? "FILE is missing" : "one FILE, not more");
	if (u->opt.n_nodes && u->opt.n_node_names)
		return cmd_usage("up", "--nodes and --node exclude each other");
	u->file = argv[optind];
	u->opt.node_names = u->opt.n_node_names ? u->names : NULL;
	return -1;
}

static char *beside(const char *file, const char *name)
{
	_cleanup_free_ char *copy = xstrdup(file);

	return xasprintf("%s/%s", dirname(copy), name);
}

/* The directory need not be there yet. */
static char *absolute(const char *dir)
{
	_cleanup_free_ char *cwd = getcwd(NULL, 0);

	if (*dir == '/')
		return xstrdup(dir);
	return cwd ? xasprintf("%s/%s", cwd, dir) : NULL;
}

static int load(struct up *u)
{
	_cleanup_free_ char *deflt = beside(u->file, "secrets.ini");
	struct problems problems = {0};
	int r;

	u->rack = cmd_load_rack(u->file);
	if (!u->rack)
		return EXIT_USAGE;
	r = secrets_load(u->secrets_file ? u->secrets_file : deflt, u->rack, &problems,
		&u->secrets);
	if (problems.n) {
		problems_sort(&problems);
		problems_print(&problems, stderr);
	}
	problems_clear(&problems);
	return r < 0 ? EXIT_USAGE : -1;
}

static uint64_t host_bytes(void)
{
	struct sysinfo si;

	return sysinfo(&si) == 0 ? (uint64_t)si.totalram * si.mem_unit : 0;
}

static int make_plan(struct up *u)
{
	_cleanup_free_ char *msg = NULL,
			    *disks = xasprintf("%s/%s", RUNDIR_DISKS, u->rack->name);

	u->dir = u->dir_opt ? absolute(u->dir_opt) : rundir_default(u->rack->name);
	u->disks = u->disks_opt ? absolute(u->disks_opt) : TAKE_PTR(disks);
	if (!u->dir || !u->disks) {
		log_error("%s: %s", u->dir ? u->disks_opt : u->dir_opt, strerror(errno));
		return EXIT_FAILED;
	}
	u->images = absolute(u->images_opt ? u->images_opt : DEFAULT_IMAGES);
	if (u->opt.form == TWIN_CONTAINERS &&
		(!u->images || access(u->images, X_OK) < 0)) {
		log_error(
			"%s: %s; containers run from the node image: name the directory of "
			"image profiles with --images",
			u->images ? u->images : DEFAULT_IMAGES, strerror(errno));
		return EXIT_USAGE;
	}
	u->opt.dir = u->dir;
	u->opt.images = u->images;
	u->opt.disks = u->disks;
	if (twin_plan_new(u->rack, &u->opt, &u->plan, &msg) < 0) {
		log_error("%s", msg);
		return EXIT_USAGE;
	}
	if (!u->plan->memory_mib)
		u->plan->memory_mib =
			twin_memory_mib(u->opt.form, u->plan->n_nodes, host_bytes());
	return -1;
}

/* The end of a rack that was killed just now is awaited, what it left is removed. */
static int clean_stale(struct up *u, const struct rundir_state *old)
{
	_cleanup_(rundir_state_freep) struct rundir_state *s = NULL;
	_cleanup_close_ int pidfd = -1;
	_cleanup_free_ char *msg = NULL;

	if (rundir_look(u->dir, &s, &pidfd, &msg) == RUNDIR_UP)
		(void)ns_end(pidfd, 0);
	log_info("the rack %s ended earlier without cleaning up; its files are removed",
		old->rack);
	rundir_wipe(u->dir, old);
	util_closep(&u->lock);
	u->lock = -1;
	return 0;
}

static int take_lock(struct up *u)
{
	for (;;) {
		_cleanup_(rundir_state_freep) struct rundir_state *old = NULL;
		_cleanup_free_ char *msg = NULL;
		int r = rundir_lock(u->dir, &u->lock);

		if (r == -EBUSY) {
			log_error(
				"the rack %s is already up (%s); `ondol-twin status` shows it, "
				"`ondol-twin down` ends it",
				u->rack->name, u->dir);
			return EXIT_FAILED;
		}
		if (r == -ENOTEMPTY) {
			log_error(
				"%s holds files of something else; give --dir a new or an empty "
				"directory",
				u->dir);
			return EXIT_FAILED;
		}
		if (r < 0) {
			log_error("%s: %s%s", u->dir, strerror(-r),
				r == -EACCES ? "; ondol-twin needs root" : "");
			return EXIT_FAILED;
		}
		r = rundir_load(u->dir, &old, &msg);
		if (r == -ENOENT)
			return -1;
		if (r < 0) {
			log_error("%s", msg);
			return EXIT_FAILED;
		}
		clean_stale(u, old);
	}
}

/* BMCs call this very program: a link, so that the path is short and safe for a shell. */
static int link_self(const struct up *u)
{
	_cleanup_free_ char *link = xasprintf("%s/ondol-twin", u->dir);
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return -errno;
	self[n] = '\0';
	if (unlink(link) < 0 && errno != ENOENT)
		return -errno;
	return symlink(self, link) < 0 ? -errno : 0;
}

static int supervise(int tell, void *userdata)
{
	struct up *u = userdata;

	return supervisor_run(tell, u->plan, u->secrets);
}

static void wipe(void *userdata)
{
	struct up *u = userdata;
	_cleanup_free_ char *keep = xasprintf("%s/keep-disks", u->dir);

	u->state.keep_disks = access(keep, F_OK) == 0;
	rundir_wipe(u->dir, &u->state);
}

static void describe(struct up *u)
{
	struct rundir_state *s = &u->state;

	s->rack = xstrdup(u->rack->name);
	s->file = realpath(u->file, NULL);
	if (!s->file)
		s->file = xstrdup(u->file);
	s->disks = xstrdup(u->disks);
	s->nodes = xcalloc(u->plan->n_nodes + 1, sizeof(*s->nodes));
	for (; s->n_nodes < u->plan->n_nodes; s->n_nodes++)
		s->nodes[s->n_nodes] = xstrdup(u->plan->nodes[s->n_nodes].rack->name);
}

static void warn_memory(const struct up *u)
{
	uint64_t need = (uint64_t)u->plan->n_nodes *
		(u->plan->memory_mib + NODE_OVERHEAD_MIB),
		 have = host_bytes() / MIB;

	if (u->opt.form == TWIN_MACHINES && have && need > have)
		log_warn(
			"%zu nodes may take up to %llu MiB of memory, this machine has %llu; fewer "
			"--nodes or less --memory avoid swapping",
			u->plan->n_nodes, (unsigned long long)need,
			(unsigned long long)have);
}

/* Linux knows QEMU's NVMe controllers and does not believe the names they give. */
static void warn_nvme(const struct up *u)
{
	for (size_t i = 0; i < u->plan->n_nodes && u->opt.form == TWIN_MACHINES; i++)
		for (size_t j = 0; j < u->plan->nodes[i].n_disks; j++) {
			const struct rack_node *n = u->plan->nodes[i].rack;

			if (n->profile->disks[j].bus == DISK_BUS_NVME && n->disks[j].wwn)
				log_warn(
					"%s: [node %s] disk.%u.wwn: Linux does not show the WWN of a "
					"simulated NVMe drive; for the twin, declare its serial only",
					u->rack->file, n->name, n->profile->disks[j].bay);
		}
}

static void print_up(const struct up *u, const char *text)
{
	char took[32], addr[16];

	format_duration(now_mono_ms() - u->begun_ms, took);
	printf("The rack %s is up: %s (%s). All servers are off.\n", u->rack->name, text,
		took);
	for (size_t i = 0; i < u->plan->n_nodes; i++) {
		const struct rack_node *n = u->plan->nodes[i].rack;

		format_ipv4(n->bmc, addr);
		printf("  %-12s %s%s%s, BMC %s\n", n->name, n->role, n->kind ? " " : "",
			n->kind ? n->kind : "", addr);
	}
	printf("Inside: ondol-twin exec --dir %s -- ondold ...\n", u->dir);
	printf("%s\n", u->detach ? "To end it: ondol-twin down" : "Ctrl-C ends it.");
	fflush(stdout);
}

enum heard { HEARD_NOTHING, HEARD_READY, HEARD_END };

static enum heard hear(const struct up *u, const struct ns_front *f)
{
	char buf[2048];
	ssize_t n = recv(f->sock, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return HEARD_NOTHING;
	if (n <= 0)
		return HEARD_END;
	buf[n] = '\0';
	switch ((enum ns_kind)buf[0]) {
	case NS_READY:
		print_up(u, buf + 1);
		return HEARD_READY;
	case NS_FAILED:
		log_error("%s", buf + 1);
		break;
	}
	return HEARD_NOTHING;
}

/* Until the rack has ended (false) or, detached, is up (true). */
static bool accompany(const struct up *u, struct ns_front *f, int sigfd, bool *asked)
{
	struct pollfd p[3] = {{.fd = f->sock, .events = POLLIN},
		{.fd = sigfd, .events = POLLIN}, {.fd = f->pidfd, .events = POLLIN}};

	for (;;) {
		struct signalfd_siginfo si;

		if (poll(p, 3, -1) < 0)
			continue;
		if (p[0].revents) {
			enum heard h = hear(u, f);

			if (h == HEARD_READY && u->detach)
				return ns_front_detach(f) == 0;
			if (h == HEARD_END)
				p[0].fd = -1;
		}
		if (p[1].revents && read(sigfd, &si, sizeof(si)) == sizeof(si)) {
			*asked = true;
			log_info("the rack goes down");
			(void)ns_end(f->pidfd, END_GRACE_MS);
		}
		if (p[2].revents || *asked)
			return false;
	}
}

static int signals_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int start_box(struct up *u, struct ns_front *f)
{
	_cleanup_free_ char *log_path = xasprintf("%s/twin.log", u->dir);
	struct ns_box box = {.log_path = u->detach ? log_path : NULL,
		.supervise = supervise,
		.wipe = wipe,
		.userdata = u};
	int r = link_self(u);

	if (r == 0 && u->keep_disks)
		r = rundir_keep_disks(u->dir);
	if (r == 0)
		r = ns_start(&box, f);
	if (r < 0)
		return r;
	r = rundir_identify(&u->state, f->pid);
	if (r == 0)
		r = rundir_save(u->dir, &u->state);
	return r == 0 ? ns_front_go(f) : r;
}

static int run_box(struct up *u)
{
	struct ns_front f = {.pidfd = -1, .sock = -1};
	_cleanup_close_ int sigfd = signals_fd();
	bool asked = false, detached = false;
	int r, status = 0;

	describe(u);
	r = start_box(u, &f);
	if (r < 0)
		log_error("the rack could not be started: %s%s", strerror(-r),
			r == -EPERM ? "; ondol-twin needs root" : "");
	else
		detached = accompany(u, &f, sigfd, &asked);
	if (!detached && f.pid > 0) {
		util_closep(&f.sock); /* whatever it was doing, it ends now */
		f.sock = -1;
		while (waitpid(f.pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	ns_front_clear(&f);
	util_closep(&u->lock);
	u->lock = -1;
	if (!detached)
		rundir_wipe_stale(u->dir);
	return detached || (r == 0 && status == 0) ? EXIT_DONE : EXIT_FAILED;
}

static void up_clear(struct up *u)
{
	twin_plan_free(u->plan);
	secrets_free(u->secrets);
	rack_free(u->rack);
	free(u->names);
	free(u->dir);
	free(u->disks);
	free(u->images);
	util_closep(&u->lock);
	for (size_t i = 0; i < u->state.n_nodes; i++)
		free(u->state.nodes[i]);
	free(u->state.nodes);
	free(u->state.rack);
	free(u->state.file);
	free(u->state.disks);
	free(u->state.boot_id);
}

int cmd_up(int argc, char **argv)
{
	_cleanup_(up_clear) struct up u = {
		.lock = -1, .begun_ms = now_mono_ms(), .opt = {.cpus = 1}};
	int r = parse_arguments(&u, argc, argv);

	if (r < 0)
		r = load(&u);
	if (r < 0)
		r = make_plan(&u);
	if (r >= 0)
		return r;
	warn_memory(&u);
	warn_nvme(&u);
	r = take_lock(&u);
	return r < 0 ? run_box(&u) : r;
}
