/* SPDX-License-Identifier: Apache-2.0 */
/* A process that ends while it is looked at is no opener: whatever fails counts as no. */
#include "nodeagent/openers.h"

#include <dirent.h>
#include <sys/stat.h>

#include "common/parse.h"
#include "common/util.h"

#define SHOWN 5

static bool is_on(const char *path, dev_t device)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == device;
}

/* Does one of the links in /proc/PID/WHAT lead to the device? */
static bool links_lead(const char *pid, const char *what, dev_t device)
{
	_cleanup_free_ char *path = xasprintf("/proc/%s/%s", pid, what);
	_cleanup_closedir_ DIR *dir = opendir(path);
	const struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir)) != NULL) {
		_cleanup_free_ char *link = xasprintf("%s/%s", path, e->d_name);

		found = e->d_name[0] != '.' && is_on(link, device);
	}
	return found;
}

static bool is_opener(const char *pid, dev_t device)
{
	_cleanup_free_ char *cwd = xasprintf("/proc/%s/cwd", pid);
	_cleanup_free_ char *root = xasprintf("/proc/%s/root", pid);

	return is_on(cwd, device) || is_on(root, device) ||
		links_lead(pid, "fd", device) || links_lead(pid, "map_files", device);
}

static void add_opener(char **all, const char *pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%s/comm", pid), *comm = NULL,
			    *clean = NULL;
	char *next;

	if (read_line_file(path, &comm) < 0)
		comm = xstrdup("a process");
	clean = str_escape(comm, 32);
	next = xasprintf(
		"%s%s%s (pid %s)", *all ? *all : "", *all ? ", " : "", clean, pid);
	free(*all);
	*all = next;
}

char *openers_text(dev_t device)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	const struct dirent *e;
	unsigned n = 0;
	char *all = NULL;

	while (proc && (e = readdir(proc)) != NULL) {
		uint64_t pid;

		if (parse_u64(e->d_name, 1, INT32_MAX, &pid) < 0 ||
			!is_opener(e->d_name, device))
			continue;
		if (n++ < SHOWN)
			add_opener(&all, e->d_name);
	}
	if (n > SHOWN) {
		char *next = xasprintf("%s and %u more", all, n - SHOWN);

		free(all);
		all = next;
	}
	return all;
}
