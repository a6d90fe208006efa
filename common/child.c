/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child is done when the process has been reaped and its output has ended or holds
 * nothing more to read now: a grandchild that kept the pipe must not hold up its parent's
 * report.
 */
#include "common/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/run.h"

#define MAX_LINE 4096
#define FIRST_BYTES 1023 /* of output: most say less */
#define TERM_GRACE_US (2 * 1000 * 1000)

struct child {
	pid_t pid;
	int fd; /* owned; our end of the output */
	sd_event_source *exit_source, *io_source, *timer; /* owned */
	struct child_spec spec; /* argv and env not valid after the start */
	char *out; /* owned; all output, or the unfinished line; cap bytes */
	size_t len, cap;
	bool timed_out;
	int status;
};

static void child_free(struct child *c)
{
	sd_event_source_disable_unref(c->exit_source);
	sd_event_source_disable_unref(c->io_source);
	sd_event_source_disable_unref(c->timer);
	util_closep(&c->fd);
	free(c->out);
	free(c);
}

/* For n bytes more, and a NUL. */
static void make_room(struct child *c, size_t n)
{
	if (c->len + n < c->cap)
		return;
	c->cap = MIN(2 * (c->len + n), (size_t)RUN_MAX_OUTPUT) + 1;
	c->out = xrealloc(c->out, c->cap, 1);
}

static void take_bytes(struct child *c, const char *buf, size_t n)
{
	if (!c->spec.on_line) {
		n = MIN(n, RUN_MAX_OUTPUT - c->len);
		make_room(c, n);
		memcpy(c->out + c->len, buf, n);
		c->len += n;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (buf[i] == '\n') {
			c->out[c->len] = '\0';
			c->len = 0;
			c->spec.on_line(c, c->out, c->spec.userdata);
		} else if (c->len < MAX_LINE) {
			c->out[c->len++] = buf[i];
		}
	}
}

/* False when there is nothing more now or ever. */
static bool read_some(struct child *c)
{
	char buf[4096];
	ssize_t n = read(c->fd, buf, sizeof(buf));

	if (n > 0)
		take_bytes(c, buf, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		c->io_source = sd_event_source_disable_unref(c->io_source);
	return n > 0;
}

static int on_output(_unused_ sd_event_source *s, _unused_ int fd,
	_unused_ uint32_t revents, void *userdata)
{
	read_some(userdata);
	return 0;
}

static int on_process_end(
	_unused_ sd_event_source *s, const siginfo_t *si, void *userdata)
{
	struct child *c = userdata;

	while (c->io_source && read_some(c))
		;
	if (c->spec.on_line && c->len) {
		c->out[c->len] = '\0';
		c->len = 0;
		c->spec.on_line(c, c->out, c->spec.userdata);
	}
	c->out[c->spec.on_line ? 0 : c->len] = '\0';
	c->status = si->si_code == CLD_EXITED ? si->si_status : 128 + si->si_status;
	if (c->spec.on_exit)
		c->spec.on_exit(c, c->status, c->timed_out, c->out, c->spec.userdata);
	child_free(c);
	return 0;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct child *c = userdata;

	child_signal(c, c->timed_out ? SIGKILL : SIGTERM);
	if (!c->timed_out) {
		c->timed_out = true;
		sd_event_source_set_time(s, usec + TERM_GRACE_US);
		sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
	}
	return 0;
}

static int watch(sd_event *event, struct child *c)
{
	int r = sd_event_add_io(event, &c->io_source, c->fd, EPOLLIN, on_output, c);

	if (r >= 0)
		r = sd_event_add_child(
			event, &c->exit_source, c->pid, WEXITED, on_process_end, c);
	if (r >= 0)
		r = sd_event_source_set_priority(
			c->exit_source, SD_EVENT_PRIORITY_NORMAL + 1);
	if (r >= 0 && c->spec.timeout_ms)
		r = sd_event_add_time_relative(event, &c->timer, CLOCK_MONOTONIC,
			(uint64_t)c->spec.timeout_ms * 1000, 10000, on_deadline, c);
	return r < 0 ? r : 0;
}

int child_spawn(sd_event *event, const struct child_spec *spec, struct child **ret)
{
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC), wr = -1;
	struct child *c;
	int fds[2], r;

	if (null < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	wr = fds[1];
	c = xcalloc(1, sizeof(*c));
	c->fd = fds[0];
	c->spec = *spec;
	c->cap = (spec->on_line ? MAX_LINE : FIRST_BYTES) + 1;
	c->out = xmalloc(c->cap);
	set_nonblock(c->fd);
	r = run_spawn(spec->argv, spec->env, null, wr, &c->pid);
	if (r < 0) {
		child_free(c);
		return r;
	}
	r = watch(event, c);
	if (r < 0) {
		child_kill(c);
		return r;
	}
	if (ret)
		*ret = c;
	return 0;
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

int child_signal(struct child *c, int sig)
{
	return kill(-c->pid, sig) < 0 && kill(c->pid, sig) < 0 ? -errno : 0;
}

void child_kill(struct child *c)
{
	if (!c)
		return;
	c->exit_source = sd_event_source_disable_unref(c->exit_source);
	child_signal(c, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	child_free(c);
}
