/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <strings.h>

#include "cloud/session.h"

/* 1: as wanted; 0: not yet. */
static int look(struct cloud_session *s, const struct cloud_wait *w, char **ret_seen,
	char **reterr_msg)
{
	_cleanup_(jx_freep) json_t *root = NULL;
	_cleanup_free_ char *msg = NULL;
	int r = cloud_get(s, w->service, w->path, w->version, &root, &msg);
	const char *seen =
		cloud_str(w->object ? json_object_get(root, w->object) : root, w->field);

	if (r == -ENOENT && !*w->want)
		return 1;
	if (r < 0) {
		*reterr_msg = TAKE_PTR(msg);
		return r;
	}
	free(*ret_seen);
	*ret_seen = xstrdup(seen);
	if (*w->want && strcasecmp(seen, w->want) == 0)
		return 1;
	if (w->fail && strcasecmp(seen, w->fail) == 0) {
		*reterr_msg = xasprintf("%s: %s became %s, expected %s", w->path,
			w->field, seen, *w->want ? w->want : "its end");
		return -EREMOTEIO;
	}
	return 0;
}

int cloud_wait(struct cloud_session *s, const struct cloud_wait *w, char **reterr_msg)
{
	uint64_t end_ms = now_mono_ms() + w->deadline_ms;
	_cleanup_free_ char *seen = NULL, *msg = NULL;

	for (;;) {
		int r = look(s, w, &seen, &msg);

		if (r > 0)
			return 0;
		if (r == 0 && now_mono_ms() >= end_ms) {
			msg = xasprintf("%s: %s is still %s after %u s, expected %s",
				w->path, w->field, seen, w->deadline_ms / 1000,
				*w->want ? w->want : "its end");
			r = -ETIMEDOUT;
		}
		if (r < 0) {
			if (reterr_msg)
				*reterr_msg = TAKE_PTR(msg);
			return r;
		}
		poll(NULL, 0,
			(int)(w->interval_ms ? w->interval_ms
					     : 1000)); /* REST has no events */
	}
}
