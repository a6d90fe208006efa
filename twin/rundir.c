/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock is the truth about "is it up": the kernel drops it when the last process that
 * holds it ends, whatever the reason. Everything else in DIR may be left over, and is
 * removed by name only: both directories can be chosen by the user and may hold more.
 */
#include "twin/rundir.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/jsonx.h"
#include "twin/cgroup.h"

#define LOCK_MARK "the run directory of a rack of ondol-twin\n"
#define MAX_STATE (1024 * 1024)
#define MARK ".ondol-twin"

static char *in(const char *dir, const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

/* A lock file that was replaced between open and flock is not the lock any more. */
static bool still_there(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
		a.st_dev == b.st_dev;
}

static int lock_existing(const char *dir, int flags, int *ret_fd)
{
	_cleanup_free_ char *path = in(dir, "lock");

	for (;;) {
		_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);

		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK ? -EBUSY : -errno;
		if (still_there(fd, path)) {
			*ret_fd = TAKE_FD(fd);
			return 0;
		}
	}
}

/* Is there anything in DIR but the lock? */
static bool holds_more(const char *dir)
{
	DIR *d = opendir(dir);
	bool more = false;

	for (struct dirent *e; d && !more && (e = readdir(d));)
		more = !streq(e->d_name, ".") && !streq(e->d_name, "..") &&
			!streq(e->d_name, "lock");
	if (d)
		closedir(d);
	return more;
}

/*
 * The lock says whose the directory is: files of ours are put into, and removed from, only
 * one that was empty when its lock was made.
 */
static bool is_marked(int fd)
{
	char text[sizeof(LOCK_MARK)] = "";

	return pread(fd, text, sizeof(text), 0) == sizeof(LOCK_MARK) - 1 &&
		streq(text, LOCK_MARK);
}

static int claim(const char *dir, int fd)
{
	_cleanup_free_ char *path = in(dir, "lock");
	struct stat st;

	if (is_marked(fd))
		return 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > 0)
		return -ENOTEMPTY;
	if (holds_more(dir)) {
		unlink(path); /* made just now, and empty */
		return -ENOTEMPTY;
	}
	return write_all(fd, LOCK_MARK, sizeof(LOCK_MARK) - 1);
}

int rundir_lock(const char *dir, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	int r;

	do {
		r = mkdir_p(dir, 0700);
		if (r == 0)
			r = lock_existing(dir, O_CREAT, &fd);
	} while (r == -ENOENT); /* a rack that ends removed the directory meanwhile */
	if (r == 0)
		r = claim(dir, fd);
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

static json_t *state_to_json(const struct rundir_state *s)
{
	json_t *nodes = json_array();

	for (size_t i = 0; i < s->n_nodes; i++)
		json_array_append_new(nodes, json_string(s->nodes[i]));
	return json_pack("{s:i, s:s, s:s, s:s, s:o, s:I, s:I, s:s}", "schema", 1, "rack",
		s->rack, "file", s->file, "disks", s->disks, "nodes", nodes, "pid",
		(json_int_t)s->pid, "start_ticks", (json_int_t)s->start_ticks, "boot_id",
		s->boot_id);
}

int rundir_save(const char *dir, const struct rundir_state *s)
{
	_cleanup_free_ char *path = in(dir, "state.json"), *text = NULL;
	_cleanup_(jx_freep) json_t *j = state_to_json(s);

	text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;
	return text ? write_file_atomic(path, text, strlen(text), 0600) : -EINVAL;
}

static void read_nodes(struct jx *j, struct rundir_state *s)
{
	const json_t *list = jx_array(j, "nodes", RACK_MAX_NODES), *v;
	size_t i;

	if (!list)
		return;
	s->nodes = xcalloc(json_array_size(list) + 1, sizeof(*s->nodes));
	json_array_foreach(list, i, v)
	{
		const char *name = json_string_value(v);

		if (!name || parse_hostname(name) < 0) {
			jx_fail(j, "nodes", "expected names of nodes");
			return;
		}
		s->nodes[s->n_nodes++] = xstrdup(name);
	}
}

static struct rundir_state *state_from_json(struct jx *j)
{
	struct rundir_state *s = xcalloc(1, sizeof(*s));

	jx_uint(j, "schema", 1, 1);
	s->rack = xstrdup(jx_str(j, "rack", 255));
	s->file = xstrdup(jx_str(j, "file", 4096));
	s->disks = xstrdup(jx_str(j, "disks", 4096));
	s->pid = (pid_t)jx_uint(j, "pid", 2, INT32_MAX);
	s->start_ticks = jx_uint(j, "start_ticks", 0, INT64_MAX);
	s->boot_id = xstrdup(jx_str(j, "boot_id", 64));
	read_nodes(j, s);
	return s;
}

int rundir_load(const char *dir, struct rundir_state **ret, char **reterr_msg)
{
	_cleanup_free_ char *path = in(dir, "state.json"), *text = NULL,
			    *keep = in(dir, "keep-disks");
	_cleanup_(jx_freep) json_t *root = NULL;
	_cleanup_(rundir_state_freep) struct rundir_state *s = NULL;
	_cleanup_(jx_clear) struct jx j = {0};
	_cleanup_free_ char *why = NULL;
	size_t len;
	int r = read_file(path, MAX_STATE, &text, &len);

	if (r < 0) {
		if (r != -ENOENT)
			*reterr_msg = xasprintf("%s: %s", path, strerror(-r));
		return r;
	}
	root = jx_parse(text, len, &why);
	if (root) {
		j.obj = root;
		s = state_from_json(&j);
	}
	if (!root || j.error) {
		*reterr_msg =
			xasprintf("%s is damaged: %s; see what is in that directory and "
				  "remove it by hand",
				path, root ? j.error : why);
		return -EINVAL;
	}
	s->keep_disks = access(keep, F_OK) == 0;
	*ret = TAKE_PTR(s);
	return 0;
}

void rundir_state_free(struct rundir_state *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_nodes; i++)
		free(s->nodes[i]);
	free(s->nodes);
	free(s->rack);
	free(s->file);
	free(s->disks);
	free(s->boot_id);
	free(s);
}

void rundir_state_freep(struct rundir_state **s)
{
	rundir_state_free(*s);
}

/* Field 22, counted behind the last ')': the name before it may hold anything. */
static int start_ticks_of(pid_t pid, uint64_t *ret)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/stat", pid), *line = NULL;
	char *p, *word = NULL, *save = NULL;
	int r = read_line_file(path, &line);

	if (r < 0)
		return r;
	p = strrchr(line, ')');
	if (!p)
		return -EINVAL;
	p++;
	for (int field = 3; field <= 22; field++, p = NULL) {
		word = strtok_r(p, " ", &save);
		if (!word)
			return -EINVAL;
	}
	return parse_u64(word, 0, INT64_MAX, ret);
}

int rundir_identify(struct rundir_state *s, pid_t pid)
{
	char *boot_id = NULL;
	int r = start_ticks_of(pid, &s->start_ticks);

	if (r == 0)
		r = read_line_file("/proc/sys/kernel/random/boot_id", &boot_id);
	if (r < 0)
		return r;
	free(s->boot_id);
	s->boot_id = boot_id;
	s->pid = pid;
	return 0;
}

/* Also true of a process that nobody has reaped yet. */
static bool has_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* The pidfd is opened first: what is then true of the pid is true of the pidfd. */
static bool same_process(const struct rundir_state *s, int *ret_pidfd)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	_cleanup_free_ char *boot_id = NULL;
	uint64_t ticks;

	if (fd < 0 || read_line_file("/proc/sys/kernel/random/boot_id", &boot_id) < 0 ||
		!streq(boot_id, s->boot_id) || start_ticks_of(s->pid, &ticks) < 0 ||
		ticks != s->start_ticks || has_ended(fd))
		return false;
	*ret_pidfd = TAKE_FD(fd);
	return true;
}

int rundir_look(const char *dir, struct rundir_state **ret_state, int *ret_pidfd,
	char **reterr_msg)
{
	_cleanup_(rundir_state_freep) struct rundir_state *s = NULL;
	_cleanup_close_ int lock = -1;
	int pidfd = -1, status, r = rundir_load(dir, &s, reterr_msg);
	bool same;

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT) {
		*ret_state = NULL;
		*ret_pidfd = -1;
		return RUNDIR_ABSENT;
	}
	/* A process that is on its way out has dropped the lock already. */
	same = same_process(s, &pidfd);
	if (lock_existing(dir, 0, &lock) != -EBUSY)
		status = RUNDIR_STALE;
	else
		status = same ? RUNDIR_UP : RUNDIR_ELSEWHERE;
	*ret_state = TAKE_PTR(s);
	*ret_pidfd = pidfd;
	return status;
}

int rundir_make_disk_dir(const char *path, char **reterr_msg)
{
	_cleanup_free_ char *mark = in(path, MARK);
	int r = 0;

	if (access(path, F_OK) == 0 && access(mark, F_OK) < 0) {
		*reterr_msg = xasprintf(
			"%s exists and was not made by ondol-twin; choose another "
			"place with --disks",
			path);
		return -EEXIST;
	}
	if (access(path, F_OK) < 0) {
		r = mkdir_p(path, 0700);
		if (r == 0)
			r = write_file_atomic(mark, "", 0, 0600);
	}
	if (r < 0)
		*reterr_msg = xasprintf("%s: %s", path, strerror(-r));
	return r;
}

int rundir_hold_disks(const char *path, int *ret_fd, char **reterr_msg)
{
	_cleanup_free_ char *mark = in(path, MARK);
	int fd = open(mark, O_RDONLY | O_CLOEXEC), r = 0;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = -errno;
	if (r == 0) {
		*ret_fd = fd;
		return 0;
	}
	*reterr_msg = r == -EWOULDBLOCK
		? xasprintf(
			  "%s: another rack that is up has its drives there; choose another "
			  "place with --disks",
			  path)
		: xasprintf("%s: %s", mark, strerror(-r));
	util_closep(&fd);
	return r;
}

int rundir_keep_disks(const char *dir)
{
	_cleanup_free_ char *path = in(dir, "keep-disks");

	return write_file_atomic(path, "", 0, 0600);
}

static void wipe_disks(const struct rundir_state *s)
{
	for (size_t i = 0; i < s->n_nodes; i++) {
		_cleanup_free_ char *dir = in(s->disks, s->nodes[i]),
				    *mark = in(dir, MARK);

		if (access(mark, F_OK) == 0)
			remove_tree(dir);
	}
	if (rmdir(s->disks) == 0 && str_startswith(s->disks, RUNDIR_DISKS "/"))
		rmdir(RUNDIR_DISKS);
}

void rundir_wipe(const char *dir, const struct rundir_state *s)
{
	static const char *const trees[] = {"nodes", "switch"};
	static const char *const files[] = {"control.sock", "ondol-twin", "twin.log",
		"keep-disks", "cgroups", "state.json", "lock"};

	cgroup_remove(dir, NULL);
	if (s && !s->keep_disks)
		wipe_disks(s);
	for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
		_cleanup_free_ char *path = in(dir, trees[i]);

		remove_tree(path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = in(dir, files[i]);

		unlink(path);
	}
	if (rmdir(dir) == 0 && str_startswith(dir, RUNDIR_BASE "/"))
		rmdir(RUNDIR_BASE);
}

void rundir_wipe_stale(const char *dir)
{
	_cleanup_close_ int lock = -1;
	_cleanup_(rundir_state_freep) struct rundir_state *s = NULL;
	_cleanup_free_ char *msg = NULL;

	if (lock_existing(dir, 0, &lock) < 0 || !is_marked(lock))
		return;
	if (rundir_load(dir, &s, &msg) == 0 || !msg)
		rundir_wipe(dir, s);
}

char *rundir_default(const char *rack)
{
	return xasprintf("%s/%s", RUNDIR_BASE, rack);
}

int rundir_only(char **ret, char **reterr_msg)
{
	_cleanup_free_ char *found = NULL;
	DIR *d = opendir(RUNDIR_BASE);
	size_t n = 0;

	for (struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *dir = rundir_default(e->d_name),
				    *state = in(dir, "state.json");

		if (e->d_name[0] == '.' || access(state, F_OK) < 0)
			continue;
		free(found);
		found = TAKE_PTR(dir);
		n++;
	}
	if (d)
		closedir(d);
	if (n == 0) {
		*reterr_msg =
			xasprintf("no rack is up (nothing in %s); `ondol-twin up FILE` "
				  "brings one up",
				RUNDIR_BASE);
		return -ENOENT;
	}
	if (n > 1) {
		*reterr_msg = xasprintf(
			"%zu racks are in %s; say which with --dir", n, RUNDIR_BASE);
		return -ENOTUNIQ;
	}
	*ret = TAKE_PTR(found);
	return 0;
}
