/* SPDX-License-Identifier: Apache-2.0 */
#include "common/run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define TERM_GRACE_MS 2000

extern char **environ;

/* Of the process as a whole, as the log level is: set once, before anything is run. */
static bool shares_group;

void run_share_group(void)
{
	shares_group = true;
}

char **run_environment(const char *const extra[])
{
	size_t n = 0, m = 0, k = 0;
	char **env;

	while (environ[n])
		n++;
	while (extra && extra[m])
		m++;
	env = xcalloc(n + m + 1, sizeof(*env));
	for (size_t i = 0; i < n; i++) {
		bool replaced = false;

		for (size_t j = 0; j < m; j++) {
			size_t name = strcspn(extra[j], "=") + 1;

			replaced |= strncmp(environ[i], extra[j], name) == 0;
		}
		if (!replaced)
			env[k++] = environ[i];
	}
	for (size_t j = 0; j < m; j++)
		env[k++] = (char *)extra[j];
	return env;
}

int run_spawn(const char *const argv[], const char *const env_extra[], int in, int out,
	pid_t *ret)
{
	_cleanup_free_ char **env = run_environment(env_extra);
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, all;
	pid_t pid;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&fa, out, STDERR_FILENO);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr,
		POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
			(shares_group ? 0 : POSIX_SPAWN_SETPGROUP));
	r = posix_spawnp(&pid, argv[0], &fa, &attr, (char *const *)argv, env);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	if (r == 0)
		*ret = pid;
	return -r;
}

static int open_input(const char *input)
{
	int fd;

	if (!input)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd = memfd_create("stdin", MFD_CLOEXEC);
	if (fd >= 0 &&
		(write_all(fd, input, strlen(input)) < 0 || lseek(fd, 0, SEEK_SET) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Takes what is readable now; past the limit it is read and dropped. False at the end. */
static bool drain(int fd, struct run_result *res)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN);
	n = MIN(n, (ssize_t)(RUN_MAX_OUTPUT - res->out_len));
	memcpy(res->out + res->out_len, buf, (size_t)n);
	res->out_len += (size_t)n;
	return true;
}

/* To the child and all that it started; a group that is also ours ends without us. */
static void end_group(pid_t pid)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

	if (!shares_group) {
		kill(-pid, SIGKILL);
		return;
	}
	sigaction(SIGTERM, &ignore, &before);
	kill(0, SIGTERM);
	sigaction(SIGTERM, &before, NULL);
}

/* Until the process has ended; its output may go on in a grandchild, which is not awaited. */
static void follow(
	int pidfd, int out, uint64_t deadline, pid_t pid, struct run_result *res)
{
	struct pollfd p[2] = {
		{.fd = pidfd, .events = POLLIN}, {.fd = out, .events = POLLIN}};

	for (;;) {
		uint64_t now = now_mono_ms();

		if (now >= deadline && !res->timed_out) {
			res->timed_out = true;
			deadline = now + TERM_GRACE_MS;
			end_group(pid);
		} else if (now >= deadline) {
			deadline = UINT64_MAX;
			kill(pid, SIGKILL);
		}
		if (poll(p, 2, (int)MIN(deadline - now, 60000)) < 0)
			continue;
		if (p[1].revents && !drain(out, res))
			p[1].fd = -1;
		if (p[0].revents & POLLIN)
			break;
	}
	while (p[1].fd >= 0 && poll(&p[1], 1, 0) > 0 && drain(out, res))
		;
}

int run_child(const char *const argv[], const char *const env_extra[], const char *input,
	unsigned timeout_ms, struct run_result *ret)
{
	_cleanup_close_ int in = open_input(input), rd = -1, wr = -1, pidfd = -1;
	struct run_result res = {0};
	int fds[2], status, r;
	pid_t pid;

	if (in < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	rd = fds[0];
	wr = fds[1];
	r = run_spawn(argv, env_extra, in, wr, &pid);
	if (r < 0)
		return r;
	util_closep(&wr);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	res.out = xmalloc(RUN_MAX_OUTPUT + 1);
	follow(pidfd, rd, now_mono_ms() + timeout_ms, pid, &res);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	res.status = res.timed_out  ? 128 + SIGKILL
		: WIFEXITED(status) ? WEXITSTATUS(status)
				    : 128 + WTERMSIG(status);
	res.out[res.out_len] = '\0';
	*ret = res;
	return 0;
}

void run_result_clear(struct run_result *r)
{
	free(r->out);
	*r = (struct run_result){0};
}

int run_ok(const char *const argv[], unsigned timeout_ms, char **reterr_msg)
{
	_cleanup_(run_result_clear) struct run_result res = {0};
	int r = run_child(argv, NULL, NULL, timeout_ms, &res);

	if (r < 0)
		*reterr_msg =
			xasprintf("%s could not be started: %s", argv[0], strerror(-r));
	else if (res.timed_out)
		*reterr_msg = xasprintf("%s did not end within %u s and was killed",
			argv[0], timeout_ms / 1000);
	else if (res.status != 0)
		*reterr_msg = xasprintf("%s failed (status %d): %s", argv[0], res.status,
			str_strip(res.out));
	return r < 0 ? r : res.timed_out ? -ETIMEDOUT : res.status ? -EIO : 0;
}
