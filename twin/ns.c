/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why two processes: pid 1 must reap whatever is orphaned, and the supervisor's event
 * loop must be the only one that waits for the supervisor's children. Splitting them
 * keeps both right, and a supervisor that crashes still takes the box with it.
 *
 * The front's death is noticed by the end of file on its socket and not by PDEATHSIG, so
 * that files can be removed too.
 */
#include "twin/ns.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/log.h"
#include "common/parse.h"

#define GO 'g'
#define DETACH 'd'

int ns_mount_sysfs(void)
{
	_cleanup_close_ int cgroups = open_tree(AT_FDCWD, "/sys/fs/cgroup",
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -errno;
	if (cgroups >= 0 &&
		move_mount(cgroups, "", AT_FDCWD, "/sys/fs/cgroup",
			MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

/* Host mounts keep flowing in (slave), nothing flows out. */
static int private_mounts(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		return -errno;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
		mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) <
			0)
		return -errno;
	/* A container may forbid it, and then goes without. */
	if (ns_mount_sysfs() < 0)
		log_debug("no sysfs of its own for the rack");
	return 0;
}

static int redirect_output(const char *log_path)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC), out = -1;

	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		return -errno;
	if (!log_path)
		return 0;
	out = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (out < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		return -errno;
	return 0;
}

static int own_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Reaps whoever has ended; true when the supervisor is among them. */
static bool reap(pid_t supervisor, int *status)
{
	bool found = false;
	int st;

	for (pid_t pid; (pid = waitpid(-1, &st, WNOHANG)) > 0;)
		if (pid == supervisor) {
			found = true;
			*status = st;
		}
	return found;
}

enum first_end { END_ASKED, END_SUPERVISOR };

/* sock is closed here when the front detaches. */
static enum first_end watch(int sock, int sigfd, pid_t supervisor, int *status)
{
	struct pollfd p[2] = {
		{.fd = sock, .events = POLLIN}, {.fd = sigfd, .events = POLLIN}};

	for (;;) {
		struct signalfd_siginfo si;
		char c;

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents) {
			ssize_t n = recv(p[0].fd, &c, 1, MSG_DONTWAIT);

			if (n == 1 && c == DETACH)
				p[0].fd = -1;
			else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
				return END_ASKED;
		}
		while (read(sigfd, &si, sizeof(si)) == sizeof(si))
			if (si.ssi_signo == SIGTERM)
				return END_ASKED;
		if (reap(supervisor, status))
			return END_SUPERVISOR;
	}
}

_Noreturn static void end_box(const struct ns_box *box, enum first_end why, int status)
{
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	if (why == END_ASKED)
		box->wipe(box->userdata);
	_exit(why == END_ASKED ? 0 : WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static pid_t start_supervisor(const struct ns_box *box, int sock, int sigfd)
{
	pid_t pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close(sigfd);
	_exit(box->supervise(sock, box->userdata));
}

_Noreturn static void first(const struct ns_box *box, int sock)
{
	int r, sigfd = own_signals(), status = 0;
	enum first_end why;
	pid_t supervisor;
	char c;

	setsid();
	r = sigfd < 0 ? -errno : redirect_output(box->log_path);
	if (r == 0)
		r = private_mounts();
	if (r < 0) {
		ns_tell(sock, NS_FAILED, "the rack's namespaces could not be made: %s",
			strerror(-r));
		_exit(1);
	}
	if (recv(sock, &c, 1, 0) != 1 || c != GO) {
		box->wipe(box->userdata);
		_exit(1);
	}
	supervisor = start_supervisor(box, sock, sigfd);
	if (supervisor < 0)
		_exit(1);
	why = watch(sock, sigfd, supervisor, &status);
	end_box(box, why, status);
}

int ns_fork_inside(int pidfd, pid_t *ret_pid)
{
	_cleanup_close_ int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	pid_t pid;
	int r;

	if (own < 0)
		return -errno;
	r = pidfd < 0 ? unshare(CLONE_NEWPID) : setns(pidfd, CLONE_NEWPID);
	if (r < 0)
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0 && pidfd >= 0 && setns(pidfd, CLONE_NEWNET | CLONE_NEWNS) < 0)
		_exit(EXIT_FAILURE);
	if (pid > 0 && setns(own, CLONE_NEWPID) < 0)
		log_debug("further children are born inside the rack: %m");
	*ret_pid = pid;
	return 0;
}

int ns_start(const struct ns_box *box, struct ns_front *ret)
{
	_cleanup_close_ int here = -1, there = -1;
	int sv[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -errno;
	here = sv[0];
	there = sv[1];
	r = ns_fork_inside(-1, &pid);
	if (r < 0)
		return r;
	if (pid == 0) {
		close(here);
		first(box, there);
	}
	ret->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (ret->pidfd < 0)
		return -errno; /* first sees the end of file and ends */
	ret->pid = pid;
	ret->sock = TAKE_FD(here);
	return 0;
}

static int send_byte(struct ns_front *f, char c)
{
	return send(f->sock, &c, 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

int ns_front_go(struct ns_front *f)
{
	return send_byte(f, GO);
}

int ns_front_detach(struct ns_front *f)
{
	return send_byte(f, DETACH);
}

void ns_front_clear(struct ns_front *f)
{
	util_closep(&f->pidfd);
	util_closep(&f->sock);
	f->pidfd = f->sock = -1;
}

void ns_tell(int tell, enum ns_kind kind, const char *fmt, ...)
{
	char buf[2001];
	va_list ap;
	int n;

	buf[0] = (char)kind;
	va_start(ap, fmt);
	n = vsnprintf(buf + 1, sizeof(buf) - 1, fmt, ap);
	va_end(ap);
	if (n >= 0)
		(void)send(tell, buf, MIN((size_t)n + 1, sizeof(buf) - 1), MSG_NOSIGNAL);
}

int ns_end(int pidfd, unsigned grace_ms)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	uint64_t deadline = now_mono_ms() + grace_ms;
	bool killed = false;

	if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) < 0 && errno != ESRCH)
		return -errno;
	for (;;) {
		uint64_t now = now_mono_ms();
		int n = poll(
			&p, 1, killed ? -1 : (int)(deadline > now ? deadline - now : 0));

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0) {
			syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
			killed = true;
		}
	}
}

static bool same_ns(pid_t a, const char *b)
{
	char path[300], x[64] = "", y[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", a);
	if (readlink(path, x, sizeof(x) - 1) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%s/ns/pid", b);
	return readlink(path, y, sizeof(y) - 1) > 0 && streq(x, y);
}

/* The last number of the NSpid line is the pid in the innermost namespace. */
static bool innermost_pid_is(const char *pid, pid_t nspid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%s/status", pid), *text = NULL;
	char *line, *end, *last;
	unsigned value;

	if (read_file(path, 65536, &text, NULL) < 0)
		return false;
	line = strstr(text, "\nNSpid:");
	if (!line || !(end = strchr(line + 1, '\n')))
		return false;
	*end = '\0';
	last = strrchr(line + 1, '\t');
	return last && parse_unsigned(last + 1, 1, INT32_MAX, &value) == 0 &&
		(pid_t)value == nspid;
}

pid_t ns_host_pid(pid_t first_pid, pid_t nspid)
{
	DIR *d = opendir("/proc");
	unsigned found = 0, pid;

	for (struct dirent *e; d && !found && (e = readdir(d));)
		if (parse_unsigned(e->d_name, 1, INT32_MAX, &pid) == 0 &&
			same_ns(first_pid, e->d_name) &&
			innermost_pid_is(e->d_name, nspid))
			found = pid;
	if (d)
		closedir(d);
	return (pid_t)found;
}
