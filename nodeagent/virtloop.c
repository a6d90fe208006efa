/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt removes sources from inside their own callbacks and demands that its free
 * function runs outside of them: a removed source is therefore only marked, and freed by
 * a defer source in the next turn of the loop.
 */
#include "nodeagent/virtloop.h"

#include <libvirt/libvirt.h>
#include <sys/epoll.h>

#include "common/util.h"

struct source {
	struct source *next;
	int id, fd; /* fd -1: a timer */
	int interval_ms;
	sd_event_source *source;
	sd_event_source *burial;
	virEventHandleCallback on_fd;
	virEventTimeoutCallback on_time;
	virFreeCallback free_fn;
	void *opaque;
};

/* The one exception to "no state at file scope": virEventRegisterImpl passes no userdata. */
static struct {
	sd_event *event;
	struct source *list;
	int last_id;
} loop;

static struct source *find(int id)
{
	for (struct source *s = loop.list; s; s = s->next) {
		if (s->id == id)
			return s;
	}
	return NULL;
}

static struct source *add(void)
{
	struct source *s = xcalloc(1, sizeof(*s));

	s->id = ++loop.last_id;
	s->fd = -1;
	s->next = loop.list;
	loop.list = s;
	return s;
}

static void unlink_source(struct source *s)
{
	for (struct source **p = &loop.list; *p; p = &(*p)->next) {
		if (*p == s) {
			*p = s->next;
			return;
		}
	}
}

static uint32_t to_epoll(int events)
{
	return (events & VIR_EVENT_HANDLE_READABLE ? EPOLLIN : 0) |
		(events & VIR_EVENT_HANDLE_WRITABLE ? EPOLLOUT : 0);
}

static int from_epoll(uint32_t events)
{
	return (events & EPOLLIN ? VIR_EVENT_HANDLE_READABLE : 0) |
		(events & EPOLLOUT ? VIR_EVENT_HANDLE_WRITABLE : 0) |
		(events & EPOLLERR ? VIR_EVENT_HANDLE_ERROR : 0) |
		(events & EPOLLHUP ? VIR_EVENT_HANDLE_HANGUP : 0);
}

static int on_io(_unused_ sd_event_source *e, int fd, uint32_t revents, void *userdata)
{
	struct source *s = userdata;

	s->on_fd(s->id, fd, from_epoll(revents), s->opaque);
	return 0;
}

static int add_handle(
	int fd, int events, virEventHandleCallback cb, void *opaque, virFreeCallback ff)
{
	struct source *s = add();

	s->fd = fd;
	s->on_fd = cb;
	s->opaque = opaque;
	s->free_fn = ff;
	if (sd_event_add_io(loop.event, &s->source, fd, to_epoll(events), on_io, s) < 0) {
		unlink_source(s);
		free(s);
		return -1;
	}
	if (events == 0)
		sd_event_source_set_enabled(s->source, SD_EVENT_OFF);
	return s->id;
}

static void update_handle(int id, int events)
{
	struct source *s = find(id);

	if (!s || !s->source)
		return;
	sd_event_source_set_io_events(s->source, to_epoll(events));
	sd_event_source_set_enabled(s->source, events ? SD_EVENT_ON : SD_EVENT_OFF);
}

static int on_burial(_unused_ sd_event_source *e, void *userdata)
{
	struct source *s = userdata;

	if (s->free_fn)
		s->free_fn(s->opaque);
	unlink_source(s);
	sd_event_source_disable_unref(s->burial);
	free(s);
	return 0;
}

static int remove_source(int id)
{
	struct source *s = find(id);

	if (!s || s->burial)
		return -1;
	s->source = sd_event_source_disable_unref(s->source);
	return sd_event_add_defer(loop.event, &s->burial, on_burial, s) < 0 ? -1 : 0;
}

static int set_timer(struct source *s)
{
	int r = sd_event_source_set_time_relative(
		s->source, (uint64_t)MAX(s->interval_ms, 0) * 1000);

	if (r < 0)
		return r;
	return sd_event_source_set_enabled(
		s->source, s->interval_ms < 0 ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static int on_timer(_unused_ sd_event_source *e, _unused_ uint64_t usec, void *userdata)
{
	struct source *s = userdata;

	set_timer(s);
	s->on_time(s->id, s->opaque);
	return 0;
}

static int add_timeout(
	int interval_ms, virEventTimeoutCallback cb, void *opaque, virFreeCallback ff)
{
	struct source *s = add();

	s->interval_ms = interval_ms;
	s->on_time = cb;
	s->opaque = opaque;
	s->free_fn = ff;
	if (sd_event_add_time_relative(
		    loop.event, &s->source, CLOCK_MONOTONIC, 0, 1000, on_timer, s) < 0 ||
		set_timer(s) < 0) {
		sd_event_source_disable_unref(s->source);
		unlink_source(s);
		free(s);
		return -1;
	}
	return s->id;
}

static void update_timeout(int id, int interval_ms)
{
	struct source *s = find(id);

	if (!s || !s->source)
		return;
	s->interval_ms = interval_ms;
	set_timer(s);
}

int virtloop_register(sd_event *event)
{
	if (loop.event)
		return loop.event == event ? 0 : -EEXIST;
	loop.event = sd_event_ref(event);
	virEventRegisterImpl(add_handle, update_handle, remove_source, add_timeout,
		update_timeout, remove_source);
	return 0;
}
