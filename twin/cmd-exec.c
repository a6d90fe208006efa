/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `exec`: enters the box and runs a command there. The command is a child, since a PID
 * namespace is entered by being born in it; signals are handed on and the exit status is
 * passed through.
 */
#include "twin/cmd.h"

#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "common/log.h"
#include "twin/net.h"
#include "twin/ns.h"

static const char help[] =
	"ondol-twin exec [--dir DIR] -- CMD [ARG...]\n\n"
	"Runs a command inside the rack's network, with the rack's processes around it, and\n"
	"passes on its exit status. It ends when the rack does.\n";

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

_Noreturn static void run_inside(
	const char *dir, const char *cwd, char **argv, const sigset_t *mask)
{
	_cleanup_free_ char *rundir = net_ovs_rundir(dir);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (!cwd || chdir(cwd) < 0) {
		log_error("%s: %s (inside the rack)", cwd ? cwd : "the current directory",
			strerror(errno));
		_exit(126);
	}
	putenv(rundir);
	setenv("ONDOL_TWIN_DIR", dir, 1);
	execvp(argv[0], argv);
	log_error("%s: %s", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int run_in_box(const char *dir, int pidfd, char **argv)
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
		run_inside(dir, cwd, argv, &mask);
	return wait_for(pid, sigfd);
}

int cmd_exec(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'},
		{"dir", required_argument, NULL, 'd'}, {NULL, 0, NULL, 0}};
	_cleanup_(rundir_state_freep) struct rundir_state *s = NULL;
	_cleanup_free_ char *dir = NULL;
	_cleanup_close_ int pidfd = -1;
	const char *dir_opt = NULL;
	int c, r;

	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (c == '?')
			return cmd_usage("exec", "wrong option");
		dir_opt = optarg;
	}
	if (optind == argc)
		return cmd_usage("exec", "the command is missing");
	dir = cmd_find_dir(dir_opt, NULL);
	r = dir ? cmd_need_up(dir, &s, &pidfd) : -ENOENT;
	if (r < 0)
		return EXIT_FAILED;
	if (r == RUNDIR_ELSEWHERE) {
		log_error("this is already inside the rack %s: run the command itself",
			s->rack);
		return EXIT_FAILED;
	}
	return run_in_box(dir, pidfd, argv + optind);
}
