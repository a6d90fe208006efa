/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arrays have the numbers that the initramfs gave them (initramfs/mirror.h). /proc/mdstat
 * is ready with EPOLLPRI whenever an array has changed; each reading begins at its start.
 */
#include "nodeagent/mirrorwatch.h"

#include <fcntl.h>
#include <sys/epoll.h>

#include "common/log.h"
#include "common/sysfs.h"

static const char *const arrays[] = {"md1", "md2", "md3", "md4"}; /* slots, state, swap */
#define STATE_ARRAY "md3"

struct mirrorwatch {
	sd_event_source *source; /* owned */
	int fd; /* owned: /proc/mdstat */
	void (*note)(const char *text, void *userdata);
	void *userdata;
	char *told; /* owned; NULL: it is whole, as far as was told */
};

/*
 * "sda3": the partitions of an array that hold all of it (good), or those that do not: one that
 * has failed stays listed until it is taken out. Caller frees.
 */
static char *halves_of(const char *root, const char *array, bool good)
{
	_cleanup_free_ char *dir = xasprintf("%s/sys/block/%s/md", root, array);
	_cleanup_(sysfs_list_freep) char **list = sysfs_list(dir);
	char *all = xstrdup("");

	for (size_t i = 0; list[i]; i++) {
		_cleanup_free_ char *member = xasprintf("%s/%s", dir, list[i]),
				    *state = NULL;
		char *before = all;

		if (!str_startswith(list[i], "dev-"))
			continue;
		state = sysfs_attr(member, "state");
		if ((state && strstr(state, "in_sync")) != good)
			continue;
		all = xasprintf(
			"%s%s%s", before, *before ? " " : "", list[i] + strlen("dev-"));
		free(before);
	}
	return all;
}

char *mirrorwatch_trouble(const char *root)
{
	for (size_t i = 0; i < ARRAY_SIZE(arrays); i++) {
		_cleanup_free_ char *dir =
			xasprintf("%s/sys/block/%s/md", root, arrays[i]);
		_cleanup_free_ char *action = NULL, *good = NULL, *bad = NULL;

		if (sysfs_attr_u64(dir, "degraded", 0) == 0)
			continue;
		action = sysfs_attr(dir, "sync_action");
		good = halves_of(root, arrays[i], true);
		bad = halves_of(root, arrays[i], false);
		if (streq_ptr(action, "recover"))
			return xasprintf(
				"the mirror of the system disk is being made whole: %s, on %s, "
				"is written to %s",
				arrays[i], good, bad);
		return xasprintf(
			"the mirror of the system disk has lost a half: %s is on %s alone%s%s. "
			"The node goes on; replace the other disk, then reinstall the node when "
			"it may be down",
			arrays[i], *good ? good : "no disk that is known",
			*bad ? "; failed: " : "", bad);
	}
	return NULL;
}

static void look(struct mirrorwatch *w)
{
	_cleanup_free_ char *trouble = mirrorwatch_trouble("");

	if (streq_ptr(trouble, w->told) || (!trouble && !w->told))
		return;
	w->note(trouble ? trouble : "the mirror of the system disk is whole again",
		w->userdata);
	free(w->told);
	w->told = TAKE_PTR(trouble);
}

/* What was read once is not waited for again. */
static int read_on(int fd)
{
	char buf[4096];
	ssize_t n = lseek(fd, 0, SEEK_SET) < 0 ? -1 : 1;

	while (n > 0)
		n = read(fd, buf, sizeof(buf));
	return n < 0 ? -errno : 0;
}

static int on_change(
	sd_event_source *s, int fd, _unused_ uint32_t revents, void *userdata)
{
	int r = read_on(fd);

	look(userdata);
	if (r < 0) {
		log_warn("/proc/mdstat: %s; the mirror is not watched any more",
			strerror(-r));
		return sd_event_source_set_enabled(s, SD_EVENT_OFF);
	}
	return 0;
}

int mirrorwatch_new(sd_event *event, void (*note)(const char *text, void *userdata),
	void *userdata, struct mirrorwatch **ret)
{
	struct mirrorwatch *w;
	int r;

	*ret = NULL;
	if (!sysfs_exists("/sys/block/" STATE_ARRAY, "md"))
		return 0;
	w = xcalloc(1, sizeof(*w));
	w->note = note;
	w->userdata = userdata;
	w->fd = open("/proc/mdstat", O_RDONLY | O_CLOEXEC);
	r = w->fd < 0 ? -errno : read_on(w->fd);
	if (r == 0)
		r = sd_event_add_io(event, &w->source, w->fd, EPOLLPRI, on_change, w);
	if (r < 0) {
		mirrorwatch_free(w);
		return r;
	}
	look(w);
	*ret = w;
	return 0;
}

void mirrorwatch_free(struct mirrorwatch *w)
{
	if (!w)
		return;
	sd_event_source_disable_unref(w->source);
	util_closep(&w->fd);
	free(w->told);
	free(w);
}
