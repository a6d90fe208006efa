/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/sol.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>

/*
 * ipmitool's stdin is a pipe: it complains once that it is no terminal and goes on, and at
 * the pipe's end it deactivates the session and ends, which holds for a killed ondold too.
 * Its stdout is a pseudo-terminal: into a pipe its banner would come with the server's
 * first byte, which an idle server may never say. What it prints before its banner is its own talk, kept to say why it failed.
 */

#define BANNER "[SOL Session operational."
#define TALK_BYTES 2048
#define TALK_KEPT (TALK_BYTES / 2) /* longer than the banner */
#define STOP_US (5 * 1000 * 1000)
#define FREE_MS 300

struct sol {
	struct sol_hooks hooks;
	struct ipmi_bmc *bmc; /* borrowed; not valid once stopped */
	pid_t pid;
	int in, out; /* owned; our ends */
	sd_event_source *io, *exit, *timer; /* owned */
	char talk[TALK_BYTES + 1]; /* what it said up to the banner */
	size_t talk_len;
	bool up, stopped;
	struct sol **list, *next; /* of the stopped ones; borrowed */
};

static void release(struct sol *s)
{
	for (struct sol **at = s->list; at && *at; at = &(*at)->next)
		if (*at == s) {
			*at = s->next;
			break;
		}
	sd_event_source_disable_unref(s->io);
	sd_event_source_disable_unref(s->exit);
	sd_event_source_disable_unref(s->timer);
	util_closep(&s->in);
	util_closep(&s->out);
	free(s);
}

/* The newest of what was said, without NUL. */
static void keep_talk(struct sol *s, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s->talk[s->talk_len++] = data[i] ? data[i] : ' ';
	s->talk[s->talk_len] = 0;
}

/* It is full: room for more, of which the banner may be the beginning or the end. */
static void make_room(struct sol *s)
{
	char *banner = strstr(s->talk, BANNER);

	if (banner)
		s->talk_len = strlen(BANNER); /* of its line only the end is missing */
	else
		s->talk_len = TALK_KEPT;
	memmove(s->talk, banner ? banner : s->talk + TALK_BYTES - TALK_KEPT, s->talk_len);
	s->talk[s->talk_len] = 0;
}

/* Where the banner's line ends in what was said; NULL: not yet. */
static char *banner_end(struct sol *s)
{
	char *banner = strstr(s->talk, BANNER);

	return banner ? strchr(banner, '\n') : NULL;
}

/* Bytes before the banner's end are ipmitool's; those behind it are the server's. */
static void take(struct sol *s, const char *data, size_t len)
{
	while (!s->up && len) {
		size_t had = s->talk_len, n = MIN(len, TALK_BYTES - had);
		char *end;

		keep_talk(s, data, n);
		end = banner_end(s);
		if (end) { /* it is in what has just come */
			n = (size_t)(end + 1 - s->talk) - had;
			s->up = true;
			s->hooks.up(s->hooks.userdata);
		} else if (s->talk_len == TALK_BYTES) {
			make_room(s);
		}
		data += n;
		len -= n;
	}
	if (len)
		s->hooks.data(data, len, s->hooks.userdata);
}

static bool read_some(struct sol *s)
{
	char buf[4096];
	ssize_t n = read(s->out, buf, sizeof(buf));

	if (n > 0 && !s->stopped)
		take(s, buf, (size_t)n);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		s->io = sd_event_source_disable_unref(s->io);
	return n > 0;
}

static int on_io(_unused_ sd_event_source *src, _unused_ int fd,
	_unused_ uint32_t revents, void *userdata)
{
	read_some(userdata);
	return 0;
}

static int on_process_end(
	_unused_ sd_event_source *src, const siginfo_t *si, void *userdata)
{
	struct sol *s = userdata;
	int status = si->si_code == CLD_EXITED ? si->si_status : 128 + si->si_status;

	while (s->io && read_some(s))
		;
	if (!s->stopped && s->up)
		s->hooks.end(IPMI_FAULT_NONE, "the BMC has ended the session",
			s->hooks.userdata);
	else if (!s->stopped)
		s->hooks.end(ipmi_classify(status ? status : 1, false, s->talk), s->talk,
			s->hooks.userdata);
	release(s);
	return 0;
}

static int watch(sd_event *event, struct sol *s)
{
	int r = sd_event_add_io(event, &s->io, s->out, EPOLLIN, on_io, s);

	if (r >= 0)
		r = sd_event_add_child(
			event, &s->exit, s->pid, WEXITED, on_process_end, s);
	if (r >= 0)
		r = sd_event_source_set_priority(s->exit, SD_EVENT_PRIORITY_NORMAL + 1);
	return r < 0 ? r : 0;
}

/* A pseudo-terminal that changes no byte. */
static int open_pty(int *ret_ours, int *ret_theirs)
{
	_cleanup_close_ int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC),
			    theirs = -1;
	struct termios t;
	char name[64];

	if (ours < 0 || grantpt(ours) < 0 || unlockpt(ours) < 0 ||
		ptsname_r(ours, name, sizeof(name)) != 0)
		return -errno;
	theirs = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (theirs < 0 || tcgetattr(theirs, &t) < 0)
		return -errno;
	cfmakeraw(&t);
	if (tcsetattr(theirs, TCSANOW, &t) < 0)
		return -errno;
	*ret_ours = TAKE_FD(ours);
	*ret_theirs = TAKE_FD(theirs);
	return 0;
}

int sol_start(sd_event *event, struct ipmi_bmc *b, const struct sol_hooks *hooks,
	struct sol **ret)
{
	_cleanup_close_ int child_in = -1, child_out = -1;
	struct sol *s;
	int in[2], r;

	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	child_in = in[0];
	s = xcalloc(1, sizeof(*s));
	s->in = in[1];
	s->out = -1;
	s->bmc = b;
	s->hooks = *hooks;
	r = open_pty(&s->out, &child_out);
	if (r == 0) {
		set_nonblock(s->out);
		set_nonblock(s->in);
		r = ipmi_sol_spawn(b, child_in, child_out, &s->pid);
	}
	if (r < 0) {
		release(s);
		return r;
	}
	r = watch(event, s);
	if (r < 0) {
		sol_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

int sol_type(struct sol *s, const char *text, size_t len)
{
	_cleanup_free_ char *out = xmalloc(len + 1);
	size_t n = 0;
	ssize_t w;

	if (!s->up || len > PIPE_BUF)
		return -EAGAIN;
	for (size_t i = 0; i < len; i++)
		if (text[i] != IPMI_SOL_ESCAPE)
			out[n++] = text[i];
	w = write(s->in, out, n); /* up to PIPE_BUF: whole or not at all */
	return w == (ssize_t)n ? 0 : -EAGAIN;
}

static int on_stop_time(
	_unused_ sd_event_source *src, _unused_ uint64_t usec, void *userdata)
{
	struct sol *s = userdata;

	kill(s->pid, SIGKILL);
	return 0;
}

void sol_stop(struct sol *s, struct sol **stopped)
{
	sd_event *event = sd_event_source_get_event(s->exit);

	s->stopped = true;
	util_closep(&s->in);
	s->in = -1;
	s->list = stopped;
	s->next = *stopped;
	*stopped = s;
	(void)sd_event_add_time_relative(
		event, &s->timer, CLOCK_MONOTONIC, STOP_US, 10000, on_stop_time, s);
}

void sol_free(struct sol *s)
{
	struct pollfd p = {.events = POLLIN};

	if (!s)
		return;
	s->exit = sd_event_source_disable_unref(s->exit);
	util_closep(&s->in);
	s->in = -1;
	p.fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	if (p.fd < 0 || poll(&p, 1, FREE_MS) <= 0)
		kill(s->pid, SIGKILL);
	util_closep(&p.fd);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	release(s);
}

void sol_free_stopped(struct sol **stopped)
{
	while (*stopped)
		sol_free(*stopped);
}
