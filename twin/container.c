/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why so many processes: a hard power-off must end everything at once and be over when it
 * is reported, which is what the end of a PID namespace's pid 1 is; but that pid 1 cannot
 * report, since it is what ends. And the serial line must be copied while first blocks.
 */
#include "twin/container.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/log.h"
#include "twin/cable.h"
#include "twin/cgroup.h"
#include "twin/firmware.h"
#include "twin/ns.h"
#include "twin/nspawn.h"
#include "twin/sock.h"

static int signals(const int *list, size_t n)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < n; i++)
		sigaddset(&set, list[i]);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- the serial line ---- */

static bool copy(int from, int to)
{
	char buf[4096];
	ssize_t n = read(from, buf, sizeof(buf));

	return n > 0 && write_all(to, buf, (size_t)n) == 0;
}

_Noreturn static void run_line(int serial, int master)
{
	struct pollfd p[2] = {
		{.fd = serial, .events = POLLIN}, {.fd = master, .events = POLLIN}};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents && !copy(serial, master))
			p[0].fd = -1;
		if (p[1].revents & POLLIN)
			(void)copy(master, serial);
		else if (p[1].revents) /* nobody has the other end */
			_exit(0);
	}
}

/* The terminal that the node's programs have; the line process has the other end. */
static int open_line(const struct container *c, int *ret_tty)
{
	static const struct winsize size = {.ws_row = 24, .ws_col = 80};
	_cleanup_free_ char *path = xasprintf("%s/serial.sock", c->node->dir);
	_cleanup_close_ int serial = sock_connect_unix(path), master = -1, tty = -1;
	pid_t pid;

	if (serial < 0)
		return serial;
	if (openpty(&master, &tty, NULL, NULL, &size) < 0 ||
		fcntl(master, F_SETFD, FD_CLOEXEC) < 0 ||
		fcntl(tty, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close(tty);
		run_line(serial, master);
	}
	*ret_tty = TAKE_FD(tty);
	return 0;
}

/* ---- first ---- */

/* Before the system runs nobody minds a power button but the power supply. */
static void on_button(_unused_ int sig)
{
	_exit(0);
}

static int own_view(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) <
			0)
		return -errno;
	return ns_mount_sysfs();
}

/* Reaps whatever is orphaned until nspawn has ended; hands the power button on. */
static int await_system(pid_t nspawn, int sigfd)
{
	struct signalfd_siginfo si;
	int status;

	for (;;) {
		pid_t pid;

		if (read(sigfd, &si, sizeof(si)) != sizeof(si))
			continue;
		if (si.ssi_signo == SIGTERM)
			kill(nspawn, SIGTERM);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == nspawn)
				return exit_status(status);
	}
}

_Noreturn static void run_first(const struct container *c, int tty)
{
	static const int handled[] = {SIGTERM, SIGCHLD};
	const struct sigaction button = {.sa_handler = on_button};
	_cleanup_free_ char *why = NULL;
	sigset_t none;
	pid_t nspawn;
	int r, sigfd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, c->node->rack->name);
	sigaction(SIGTERM, &button, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	r = own_view();
	setsid();
	dup2(tty, STDOUT_FILENO);
	dup2(tty, STDERR_FILENO);
	if (r < 0) {
		log_error("the container's namespaces: %s", strerror(-r));
		_exit(1);
	}
	(void)write_all(c->alive, "", 1);
	firmware_run(c->plan, c->node, c->first);
	sigfd = signals(handled, ARRAY_SIZE(handled));
	r = nspawn_start(c->plan, c->node, c->loops, tty, &nspawn, &why);
	if (r < 0) {
		log_error("the installed system cannot be started: %s", why);
		_exit(1);
	}
	_exit(await_system(nspawn, sigfd));
}

/* ---- keeper ---- */

static int keep(pid_t first, int sigfd)
{
	struct signalfd_siginfo si;
	int status;

	for (;;) {
		pid_t pid;

		if (read(sigfd, &si, sizeof(si)) != sizeof(si))
			continue;
		if (si.ssi_signo == SIGTERM)
			kill(first, SIGKILL);
		if (si.ssi_signo == SIGUSR1)
			kill(first, SIGTERM);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == first)
				return exit_status(status);
	}
}

static int prepare(const struct container *c, int *ret_tty, char **reterr_msg)
{
	_cleanup_close_ int outside = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = outside < 0 ? -errno : cable_unplug(c->plan, c->node, reterr_msg);

	if (r == 0 && unshare(CLONE_NEWNET) < 0)
		r = -errno;
	if (r == 0)
		r = cable_plug(c->plan, c->node, outside, reterr_msg);
	if (r == 0)
		r = open_line(c, ret_tty);
	if (r == 0 && unshare(CLONE_NEWPID) < 0)
		r = -errno;
	return r;
}

/*
 * What a server that is off does not have: links that are up, cgroups. The namespace for
 * children is that of first, in which none can be born any more.
 */
static void tidy(const struct container *c, int rack_net, int rack_pid)
{
	_cleanup_free_ char *why = NULL;

	cgroup_remove(c->plan->dir, c->node->rack->name);
	if (setns(rack_pid, CLONE_NEWPID) < 0 || setns(rack_net, CLONE_NEWNET) < 0 ||
		cable_unplug(c->plan, c->node, &why) < 0)
		log_warn("%s: its cables: %s", c->node->rack->name,
			why ? why : strerror(errno));
}

_Noreturn void container_keep(const struct container *c)
{
	static const int handled[] = {SIGTERM, SIGUSR1, SIGCHLD};
	_cleanup_close_ int rack_net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int rack_pid = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *why = NULL;
	int r, sigfd, tty = -1, status;
	pid_t first;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "keeper");
	r = prepare(c, &tty, &why);
	if (r < 0) {
		log_error("%s: %s", c->node->rack->name, why ? why : strerror(-r));
		_exit(1);
	}
	sigfd = signals(handled, ARRAY_SIZE(handled));
	first = fork();
	if (first == 0) {
		close(sigfd);
		close(rack_net);
		close(rack_pid);
		if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
			_exit(1);
		run_first(c, tty);
	}
	close(tty);
	status = first < 0 ? 1 : keep(first, sigfd);
	tidy(c, rack_net, rack_pid);
	_exit(status);
}
