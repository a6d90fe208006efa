/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why the device fence is a cgroup and not a dropped CAP_MKNOD: libvirt makes device
 * nodes for each guest. Making them stays allowed, opening is what is fenced.
 */
#include "twin/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/major.h>
#include <sys/stat.h>

#define BASE "/sys/fs/cgroup"
#define PREFIX "ondol-twin-"
#define LIST_MAX 65536

/* name in /proc/self/cgroup; where it is mounted, by every convention there is */
static const struct hierarchy {
	const char *line, *mount;
	bool devices;
} hierarchies[] = {
	{":name=systemd:", BASE "/systemd", false},
	{"0::", BASE "/unified", false},
	{"0::", BASE, false},
	{":devices:", BASE "/devices", true},
};

static bool is_cgroup(const char *mount)
{
	_cleanup_free_ char *procs = xasprintf("%s/cgroup.procs", mount);

	return access(procs, F_OK) == 0;
}

/* The caller's own path in a hierarchy; NULL: it is not there. Caller frees. */
static char *own_path(const char *text, const struct hierarchy *h)
{
	const char *at = strstr(text, h->line);
	size_t len;

	if (!at || !is_cgroup(h->mount))
		return NULL;
	at += strlen(h->line);
	len = strcspn(at, "\n");
	return xasprintf("%s%.*s", h->mount, len == 1 ? 0 : (int)len, at);
}

/* "/run/ondol-twin/dl360" → "ondol-twin-run-ondol-twin-dl360" */
static char *group_name(const char *dir)
{
	char *name = xasprintf(PREFIX "%s", dir + strspn(dir, "/"));

	for (char *c = name; *c; c++)
		if (*c == '/')
			*c = '-';
	return name;
}

static char *list_path(const char *dir)
{
	return xasprintf("%s/cgroups", dir);
}

int cgroup_make(const char *dir, char **reterr_msg)
{
	_cleanup_free_ char *own = NULL, *name = group_name(dir), *path = list_path(dir);
	_cleanup_free_ char *list = xstrdup("");
	int r = read_file("/proc/self/cgroup", LIST_MAX, &own, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(hierarchies) && r == 0; i++) {
		_cleanup_free_ char *parent = own_path(own, &hierarchies[i]);
		_cleanup_free_ char *group =
			parent ? xasprintf("%s/%s", parent, name) : NULL;
		char *longer;

		if (!group)
			continue;
		r = mkdir_p(group, 0755);
		longer = xasprintf(
			"%s%s %s\n", list, hierarchies[i].devices ? "d" : "p", group);
		free(list);
		list = longer;
	}
	if (r == 0)
		r = write_file_atomic(path, list, strlen(list), 0600);
	if (r < 0)
		*reterr_msg = xasprintf(
			"the rack's cgroups could not be made: %s", strerror(-r));
	return r;
}

static int put(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* All nodes may be made, none but these opened: /dev's usual ones, tun, fuse, own drives. */
static int fence(const char *group, const unsigned *loops, size_t n_loops)
{
	static const char *const allowed[] = {"c *:* m", "b *:* m", "c 1:3 rw",
		"c 1:5 rw", "c 1:7 rw", "c 1:8 rw", "c 1:9 rw", "c 5:0 rw", "c 5:1 rw",
		"c 5:2 rw", "c 136:* rw", "c 10:200 rw", "c 10:229 rw"};
	int r = put(group, "devices.deny", "a");

	for (size_t i = 0; i < ARRAY_SIZE(allowed) && r == 0; i++)
		r = put(group, "devices.allow", allowed[i]);
	for (size_t i = 0; i < n_loops && r == 0; i++) {
		char rule[32];

		snprintf(rule, sizeof(rule), "b %d:%u rw", LOOP_MAJOR, loops[i]);
		r = put(group, "devices.allow", rule);
	}
	return r;
}

static bool is_ours(const char *group)
{
	return str_startswith(group, BASE "/") && strstr(group, "/" PREFIX) &&
		!strstr(group, "/../");
}

/* Calls fn for each line of DIR/cgroups until it fails. */
static int each_group(const char *dir,
	int (*fn)(const char *group, bool devices, void *userdata), void *userdata)
{
	_cleanup_free_ char *path = list_path(dir), *text = NULL;
	char *save = NULL;
	int r = read_file(path, LIST_MAX, &text, NULL);

	for (char *line = r < 0 ? NULL : strtok_r(text, "\n", &save); line && r == 0;
		line = strtok_r(NULL, "\n", &save))
		if (strlen(line) > 2 && is_ours(line + 2))
			r = fn(line + 2, *line == 'd', userdata);
	return r;
}

struct join {
	const char *node;
	const unsigned *loops;
	size_t n_loops;
	bool fenced;
};

static int join_one(const char *group, bool devices, void *userdata)
{
	struct join *j = userdata;
	_cleanup_free_ char *own = xasprintf("%s/%s", group, j->node);
	int r = mkdir_p(own, 0755);

	if (r == 0 && devices)
		r = fence(own, j->loops, j->n_loops);
	j->fenced |= r == 0 && devices;
	return r == 0 ? put(own, "cgroup.procs", "0") : r;
}

int cgroup_join(const char *dir, const char *node, const unsigned *loops, size_t n_loops,
	bool *ret_fenced, char **reterr_msg)
{
	struct join j = {node, loops, n_loops, false};
	int r = each_group(dir, join_one, &j);

	if (r < 0) {
		*reterr_msg = xasprintf("the cgroups of %s: %s", node, strerror(-r));
		return r;
	}
	*ret_fenced = j.fenced;
	return 0;
}

static int enter_one(const char *group, bool devices, void *userdata)
{
	_cleanup_free_ char *own = xasprintf("%s/%s", group, (const char *)userdata);

	return devices ? put(own, "cgroup.procs", "0") : 0;
}

int cgroup_enter_fence(const char *dir, const char *node)
{
	return each_group(dir, enter_one, (void *)node);
}

/* Depth first; a group with a process in it stays. */
static void remove_group(const char *path)
{
	DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *sub = xasprintf("%s/%s", path, e->d_name);
		struct stat st;

		if (e->d_name[0] != '.' && lstat(sub, &st) == 0 && S_ISDIR(st.st_mode))
			remove_group(sub);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static int remove_one(const char *group, _unused_ bool devices, void *userdata)
{
	const char *node = userdata;
	_cleanup_free_ char *own =
		xasprintf("%s%s%s", group, node ? "/" : "", node ? node : "");

	remove_group(own);
	return 0;
}

void cgroup_remove(const char *dir, const char *node)
{
	(void)each_group(dir, remove_one, (void *)node);
}
