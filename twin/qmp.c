/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's reset and its power-off both end the process (-action reboot=shutdown); only
 * the SHUTDOWN event tells which. It is written before the process ends, so whoever
 * learns of the end first reads the connection to its end before judging.
 */
#include "twin/qmp.h"

#include <sys/socket.h>

#include "common/jsonx.h"
#include "common/log.h"
#include "twin/sock.h"

struct qmp {
	sd_event *event; /* borrowed */
	sd_event_source *listen_source, *source; /* owned */
	int listener, fd; /* owned */
	struct lines in;
	struct qmp_ops ops;
	void *userdata;
	bool reset;
};

static void hang_up(struct qmp *q)
{
	q->source = sd_event_source_disable_unref(q->source);
	util_closep(&q->fd);
	q->fd = -1;
	lines_clear(&q->in);
}

int qmp_command(struct qmp *q, const char *name)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "{\"execute\":\"%s\"}\n", name);

	if (q->fd < 0)
		return -ENOTCONN;
	return send(q->fd, text, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -EIO;
}

static void on_shutdown(struct qmp *q, const json_t *root)
{
	const char *reason = json_string_value(
		json_object_get(json_object_get(root, "data"), "reason"));

	q->reset = reason &&
		(streq(reason, "guest-reset") || streq(reason, "host-qmp-system-reset"));
}

static int on_line(const char *line, void *userdata)
{
	struct qmp *q = userdata;
	_cleanup_free_ char *why = NULL;
	_cleanup_(jx_freep) json_t *root = jx_parse(line, strlen(line), &why);
	const char *event = json_string_value(json_object_get(root, "event"));

	if (!root)
		log_debug("QMP: %s", why);
	else if (json_object_get(root, "QMP"))
		qmp_command(q, "qmp_capabilities");
	else if (json_object_get(root, "return") && q->ops.alive)
		q->ops.alive(q->userdata);
	else if (event && streq(event, "SHUTDOWN"))
		on_shutdown(q, root);
	return 0;
}

static int on_readable(
	_unused_ sd_event_source *s, int fd, _unused_ uint32_t revents, void *userdata)
{
	struct qmp *q = userdata;

	if (lines_read(&q->in, fd, on_line, q) != 0)
		hang_up(q);
	return 0;
}

static int on_connect(
	_unused_ sd_event_source *s, int fd, _unused_ uint32_t revents, void *userdata)
{
	struct qmp *q = userdata;
	int conn = sock_accept(fd);

	if (conn < 0)
		return 0;
	hang_up(q);
	q->fd = conn;
	q->reset = false;
	if (sd_event_add_io(q->event, &q->source, conn, EPOLLIN, on_readable, q) < 0)
		hang_up(q);
	return 0;
}

int qmp_new(sd_event *event, const char *path, const struct qmp_ops *ops, void *userdata,
	struct qmp **ret)
{
	struct qmp *q = xcalloc(1, sizeof(*q));
	int r;

	q->event = event;
	q->ops = *ops;
	q->userdata = userdata;
	q->fd = -1;
	q->listener = r = sock_listen_unix(path);
	if (r >= 0)
		r = sd_event_add_io(
			event, &q->listen_source, q->listener, EPOLLIN, on_connect, q);
	if (r < 0) {
		qmp_free(q);
		return r;
	}
	*ret = q;
	return 0;
}

void qmp_free(struct qmp *q)
{
	if (!q)
		return;
	hang_up(q);
	sd_event_source_disable_unref(q->listen_source);
	util_closep(&q->listener);
	free(q);
}

bool qmp_ended_by_reset(struct qmp *q)
{
	bool reset;

	q->ops.alive = NULL;
	if (q->fd < 0)
		on_connect(NULL, q->listener, 0, q);
	if (q->fd >= 0)
		(void)lines_read(&q->in, q->fd, on_line, q);
	hang_up(q);
	reset = q->reset;
	q->reset = false;
	return reset;
}
