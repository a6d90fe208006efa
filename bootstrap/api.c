/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include "common/jsonx.h"

/* What both APIs need of a request. */

const char *api_node_path(const char *path, const char *prefix, char *name, size_t size)
{
	size_t len;

	if (!str_startswith(path, prefix))
		return NULL;
	path += strlen(prefix);
	len = strcspn(path, "/");
	if (len == 0 || len >= size)
		return NULL;
	memcpy(name, path, len);
	name[len] = 0;
	return path[len] ? path + len + 1 : path + len;
}

int64_t api_want_task(struct node *n, struct http_req *req, const char *type)
{
	int64_t id = node_want_task(n, type);

	if (id == -EBUSY)
		httpd_reply_error(req, 409,
			"%s is still at what it was asked for before (%s); when that has "
			"ended, ask again: `ondol why %s`",
			n->name, n->task_type, n->name);
	else if (id < 0)
		httpd_reply_error(
			req, 500, "the task could not be kept: see ondold's log");
	return id;
}

json_t *api_body(struct http_req *req)
{
	_cleanup_free_ char *msg = NULL;
	size_t len;
	const char *text = httpd_body(req, &len);
	json_t *body = jx_parse(text, len, &msg);

	if (body && json_is_object(body))
		return body;
	httpd_reply_error(
		req, 400, "the body: %s", body ? "expected a JSON object" : msg);
	json_decref(body);
	return NULL;
}
