/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/ctlclient.h"

#include <sys/socket.h>
#include <sys/time.h>

#include "common/jsonx.h"
#include "twin/sock.h"

#define MAX_ANSWER (1024 * 1024)

static int exchange(int fd, const json_t *request, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *text = json_dumps(request, JSON_COMPACT);
	struct timeval limit = {.tv_sec = 30};
	_cleanup_free_ char *line = NULL;
	int r;

	if (!text)
		return -EINVAL;
	line = xasprintf("%s\n", text);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	r = write_all(fd, line, strlen(line));
	return r < 0 ? r : read_fd(fd, MAX_ANSWER, ret, ret_len);
}

int ctl_call(const char *dir, const json_t *request, json_t **ret, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/control.sock", dir), *text = NULL;
	_cleanup_close_ int fd = sock_connect_unix(path);
	_cleanup_(jx_freep) json_t *root = NULL;
	const char *error;
	size_t len;
	int r = fd;

	if (r >= 0)
		r = exchange(fd, request, &text, &len);
	if (r < 0) {
		*reterr_msg = xasprintf("the rack's supervisor does not answer at %s: %s",
			path, strerror(-r));
		return r;
	}
	root = jx_parse(text, len, reterr_msg);
	if (!root)
		return -EPROTO;
	error = json_string_value(json_object_get(root, "error"));
	if (error) {
		*reterr_msg = xstrdup(error);
		return -EREMOTEIO;
	}
	*ret = TAKE_PTR(root);
	return 0;
}
