/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nobody is told which process is the container's init, so it is found: two PID
 * namespaces below the keeper, pid 1 there, and descended from the keeper.
 */
#include "twin/container.h"

#include <dirent.h>
#include <sched.h>
#include <sys/syscall.h>

#include "common/parse.h"

#define MAX_DEPTH 64

/* "\nKey:\t" in /proc/PID/status: the rest of its line; NULL: no such process. Caller frees. */
static char *status_line(pid_t pid, const char *key)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/status", pid), *text = NULL;
	_cleanup_free_ char *start = xasprintf("\n%s:\t", key);
	char *line;

	if (read_file(path, 65536, &text, NULL) < 0)
		return NULL;
	line = strstr(text, start);
	if (!line)
		return NULL;
	line += strlen(start);
	return xstrndup(line, strcspn(line, "\n"));
}

static pid_t parent_of(pid_t pid)
{
	_cleanup_free_ char *line = status_line(pid, "PPid");
	unsigned parent;

	return line && parse_unsigned(line, 0, INT32_MAX, &parent) == 0 ? (pid_t)parent
									: 0;
}

static bool descends(pid_t pid, pid_t from)
{
	for (unsigned i = 0; pid > 1 && i < MAX_DEPTH; i++, pid = parent_of(pid))
		if (pid == from)
			return true;
	return false;
}

static unsigned count(const char *s, char c)
{
	unsigned n = 0;

	for (; *s; s++)
		n += *s == c;
	return n;
}

static bool is_init(pid_t pid, unsigned depth)
{
	_cleanup_free_ char *line = status_line(pid, "NSpid");
	const char *last = line ? strrchr(line, '\t') : NULL;

	return last && streq(last, "\t1") && count(line, '\t') == depth;
}

pid_t container_leader(pid_t keeper)
{
	_cleanup_free_ char *own = status_line(keeper, "NSpid");
	DIR *d = own ? opendir("/proc") : NULL;
	unsigned found = 0, pid;

	for (struct dirent *e; d && !found && (e = readdir(d));)
		if (parse_unsigned(e->d_name, 2, INT32_MAX, &pid) == 0 &&
			is_init((pid_t)pid, count(own, '\t') + 2) &&
			descends((pid_t)pid, keeper))
			found = pid;
	if (d)
		closedir(d);
	return (pid_t)found;
}

int container_enter(pid_t leader)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, leader, 0);

	if (fd < 0)
		return -errno;
	if (setns(fd,
		    CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC |
			    CLONE_NEWCGROUP | CLONE_NEWNS) < 0)
		return -errno;
	return chdir("/") < 0 ? -errno : 0;
}
