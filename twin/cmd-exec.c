/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `exec`: enters the box and runs a command there. The command is a child, since a PID
 * namespace is entered by being born in it; signals are handed on and the exit status is
 * passed through.
 */
#include "twin/cmd.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "common/jsonx.h"
#include "common/log.h"
#include "twin/cgroup.h"
#include "twin/container.h"
#include "twin/ctlclient.h"
#include "twin/net.h"
#include "twin/ns.h"
#include "twin/opts.h"

static const char help[] =
	"ondol-twin exec [--dir DIR] [--node NODE] -- CMD [ARG...]\n\n"
	"Runs a command inside the rack's network, with the rack's processes around it, and\n"
	"passes on its exit status. It ends when the rack does. With --node (and --containers)\n"
	"it runs in the installed system of that node, as root.\n";

static int pass_signals_fd(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, old);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* What the terminal sends (SI_KERNEL) goes to the whole foreground group already. */
static int wait_for(pid_t pid, int sigfd)
{
	struct signalfd_siginfo si;
	int status;

	for (;;) {
		if (read(sigfd, &si, sizeof(si)) != sizeof(si))
			continue;
		if (si.ssi_signo != SIGCHLD) {
			if (si.ssi_code != SI_KERNEL)
				kill(pid, (int)si.ssi_signo);
			continue;
		}
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status);
	}
}

struct run {
	const char *dir, *node; /* node NULL: in the rack, beside the nodes */
	char **argv;
};

_Noreturn static void run_here(char **argv)
{
	execvp(argv[0], argv);
	log_error("%s: %s", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* The process that keeps the node's container; 0: it is off; -1 after a message. */
static pid_t keeper_of(const struct run *run)
{
	_cleanup_(jx_freep) json_t *request = json_pack("{s:s}", "op", "status"),
				   *status = NULL;
	_cleanup_free_ char *why = NULL;
	const char *form;
	json_t *node;
	size_t i;

	if (ctl_call(run->dir, request, &status, &why) < 0) {
		log_error("%s", why);
		return -1;
	}
	form = json_string_value(json_object_get(status, "accel"));
	if (!form || !streq(form, "containers")) {
		log_error("the nodes of this rack are machines: reach %s with ssh",
			run->node);
		return -1;
	}
	json_array_foreach(json_object_get(status, "nodes"), i,
		node) if (streq_ptr(json_string_value(json_object_get(node, "name")),
				  run->node)) return (pid_t)
		json_integer_value(json_object_get(node, "pid"));
	log_error("the rack has no node %s", run->node);
	return -1;
}

/* As a login of root's would have it, and nothing of ours. */
static void set_node_environment(void)
{
	const char *term = getenv("TERM");
	_cleanup_free_ char *kept = xstrdup(term ? term : "dumb");

	clearenv();
	setenv("TERM", kept, 1);
	setenv("HOME", "/root", 1);
	setenv("USER", "root", 1);
	setenv("LANG", "C.UTF-8", 1);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
}

/* Inside the box: one fork more, since the container's PID namespace is yet another. */
_Noreturn static void run_in_node(const struct run *run, const sigset_t *mask)
{
	_cleanup_close_ int sigfd = pass_signals_fd(NULL);
	pid_t keeper = keeper_of(run), leader = keeper > 0 ? container_leader(keeper) : 0,
	      pid;
	int r;

	if (!leader) {
		if (keeper >= 0)
			log_error("%s runs no system now%s; see ondol-twin console %s",
				run->node, keeper ? "" : ": it is off", run->node);
		_exit(EXIT_FAILED);
	}
	r = cgroup_enter_fence(run->dir, run->node);
	if (r == 0)
		r = container_enter(leader);
	pid = r < 0 ? r : fork();
	if (pid < 0) {
		log_error("%s could not be entered: %s", run->node, strerror(-r));
		_exit(EXIT_FAILED);
	}
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		sigprocmask(SIG_SETMASK, mask, NULL);
		set_node_environment();
		run_here(run->argv);
	}
	_exit(wait_for(pid, sigfd));
}

_Noreturn static void run_inside(
	const struct run *run, const char *cwd, const sigset_t *mask)
{
	_cleanup_free_ char *rundir = net_ovs_rundir(run->dir);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (run->node)
		run_in_node(run, mask);
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (!cwd || chdir(cwd) < 0) {
		log_error("%s: %s (inside the rack)", cwd ? cwd : "the current directory",
			strerror(errno));
		_exit(126);
	}
	putenv(rundir);
	setenv("ONDOL_TWIN_DIR", run->dir, 1);
	run_here(run->argv);
}

static int run_in_box(const struct run *run, int pidfd)
{
	_cleanup_free_ char *cwd = getcwd(NULL, 0);
	sigset_t mask;
	_cleanup_close_ int sigfd = pass_signals_fd(&mask);
	pid_t pid;
	int r = ns_fork_inside(pidfd, &pid);

	if (r < 0) {
		log_error("the rack could not be entered: %s%s", strerror(-r),
			r == -EPERM ? "; ondol-twin needs root" : "");
		return EXIT_FAILED;
	}
	if (pid == 0)
		run_inside(run, cwd, &mask);
	return wait_for(pid, sigfd);
}

/* In the rack already: fine for a command that goes to a node. */
static int run_from_inside(const struct run *run, const char *rack)
{
	sigset_t mask;

	if (!run->node) {
		log_error("this is already inside the rack %s: run the command itself",
			rack);
		return EXIT_FAILED;
	}
	sigprocmask(SIG_SETMASK, NULL, &mask);
	run_in_node(run, &mask);
}

int cmd_exec(int argc, char **argv)
{
	_cleanup_(opts_clear) struct opts o = {.command = "exec",
		.help = help,
		.value = "node",
		.operands = "a command",
		.min_operands = 1,
		.max_operands = -1};
	_cleanup_(rundir_state_freep) struct rundir_state *s = NULL;
	_cleanup_free_ char *dir = NULL;
	_cleanup_close_ int pidfd = -1;
	struct run run;
	int r = opts_parse(&o, argc, argv);

	if (r < 0 && o.n_values > 1)
		r = cmd_usage("exec", "one --node, not more");
	if (r >= 0)
		return r;
	dir = cmd_find_dir(o.dir, NULL);
	r = dir ? cmd_need_up(dir, &s, &pidfd) : -ENOENT;
	if (r < 0)
		return EXIT_FAILED;
	run = (struct run){dir, o.n_values ? o.values[0] : NULL, o.operand};
	return r == RUNDIR_ELSEWHERE ? run_from_inside(&run, s->rack)
				     : run_in_box(&run, pidfd);
}
