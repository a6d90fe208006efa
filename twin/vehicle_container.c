/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper is a fork without an exec: it needs the plan, which is all in memory, and no
 * file of the supervisor's.
 */
#include "twin/vehicle.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/log.h"
#include "twin/container.h"
#include "twin/loop.h"
#include "twin/sysroot.h"

struct vehicle {
	sd_event *event; /* borrowed */
	const struct twin_plan *plan; /* borrowed */
	const struct twin_node *node; /* borrowed */
	struct vehicle_events events;
	void *userdata;
	struct loop disks[RACK_MAX_DISKS]; /* owned; fd -1: not attached */
	int loops[RACK_MAX_DISKS];
	pid_t pid; /* of the keeper; 0: off */
	sd_event_source *end_source, *alive_source; /* owned */
	int alive; /* owned: our end of the pipe */
};

static void hang_up(struct vehicle *v)
{
	v->end_source = sd_event_source_disable_unref(v->end_source);
	v->alive_source = sd_event_source_disable_unref(v->alive_source);
	util_closep(&v->alive);
	v->alive = -1;
}

static int on_alive(
	_unused_ sd_event_source *s, int fd, _unused_ uint32_t revents, void *userdata)
{
	struct vehicle *v = userdata;
	char c;
	ssize_t n = read(fd, &c, 1);

	v->alive_source = sd_event_source_disable_unref(v->alive_source);
	if (n == 1)
		v->events.alive(v->userdata);
	return 0;
}

static int on_end(_unused_ sd_event_source *s, const siginfo_t *si, void *userdata)
{
	struct vehicle *v = userdata;
	int status = si->si_code == CLD_EXITED ? si->si_status : 128 + si->si_status;

	v->pid = 0;
	hang_up(v);
	v->events.ended(status == CONTAINER_REBOOT, status, "see the end of its console",
		v->userdata);
	return 0;
}

/* The supervisor's sockets must not live on in it. */
_Noreturn static void run_keeper(
	const struct vehicle *v, enum boot_device first, int alive)
{
	struct container c = {v->plan, v->node, first, v->loops, STDERR_FILENO + 1};

	setpgid(0, 0);
	umask(022);
	if (alive != c.alive && dup3(alive, c.alive, O_CLOEXEC) < 0)
		_exit(1);
	close_range((unsigned)c.alive + 1, ~0u, 0);
	container_keep(&c);
}

static int spawn(struct vehicle *v, enum boot_device first, int *ret_alive)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	fflush(NULL);
	v->pid = fork();
	if (v->pid == 0) {
		run_keeper(v, first, fds[1]);
	}
	close(fds[1]);
	if (v->pid < 0) {
		v->pid = 0;
		close(fds[0]);
		return -errno;
	}
	*ret_alive = fds[0];
	return 0;
}

static int start(struct vehicle *v, enum boot_device first)
{
	int r = spawn(v, first, &v->alive);

	if (r == 0)
		r = sd_event_add_child(
			v->event, &v->end_source, v->pid, WEXITED, on_end, v);
	if (r >= 0)
		r = sd_event_add_io(
			v->event, &v->alive_source, v->alive, EPOLLIN, on_alive, v);
	return r < 0 ? r : 0;
}

static int kill_it(struct vehicle *v)
{
	return kill(v->pid, SIGTERM) < 0 ? -errno : 0;
}

static int button(struct vehicle *v)
{
	return kill(v->pid, SIGUSR1) < 0 ? -errno : 0;
}

static pid_t pid_of(const struct vehicle *v)
{
	return v->pid;
}

static void free_it(struct vehicle *v)
{
	if (!v)
		return;
	hang_up(v);
	if (v->pid > 0) {
		kill(v->pid, SIGKILL); /* which ends what is below it */
		while (waitpid(v->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	for (size_t i = 0; i < v->node->n_disks; i++)
		loop_clear(&v->disks[i]);
	free(v);
}

/* A container's own system disk is a directory: all others are real block devices. */
static int attach(struct vehicle *v, char **reterr_msg)
{
	for (size_t i = 0; i < v->node->n_disks; i++) {
		const struct twin_disk *d = &v->node->disks[i];
		int r = d->system ? 0 : loop_attach(d->path, false, &v->disks[i]);

		if (r < 0) {
			*reterr_msg = xasprintf("%s cannot be made a block device: %s%s",
				d->path, strerror(-r),
				r == -ENODEV ? "; load the kernel's module loop" : "");
			return r;
		}
		if (!d->system)
			v->loops[i] = (int)v->disks[i].number;
	}
	return 0;
}

static int open_it(sd_event *event, const struct twin_plan *p, const struct twin_node *n,
	_unused_ enum twin_accel accel, const struct vehicle_events *events,
	void *userdata, struct vehicle **ret, char **reterr_msg)
{
	struct vehicle *v = xcalloc(1, sizeof(*v));
	int r;

	v->event = event;
	v->plan = p;
	v->node = n;
	v->events = *events;
	v->userdata = userdata;
	v->alive = -1;
	for (size_t i = 0; i < RACK_MAX_DISKS; i++)
		v->disks[i].fd = v->loops[i] = -1;
	r = attach(v, reterr_msg);
	if (r == 0) {
		mode_t mask = umask(022); /* everybody in the container may look */

		r = sysroot_make(p, n, v->loops, reterr_msg);
		umask(mask);
	}
	if (r < 0) {
		free_it(v);
		return r;
	}
	*ret = v;
	return 0;
}

const struct vehicle_ops vehicle_container = {
	.name = "container",
	.open = open_it,
	.start = start,
	.kill = kill_it,
	.button = button,
	.pid = pid_of,
	.free = free_it,
};
