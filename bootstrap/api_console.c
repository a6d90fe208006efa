/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include "bootstrap/console.h"
#include "common/jsonx.h"

/*
 * A node's console over HTTP: what it says by long polls from an offset on, what is typed
 * by posts. An operator is an id that he got when he came; one that is not heard of for 45
 * seconds has gone.
 */

#define MAX_WAIT_S 30
#define MAX_TYPED 2048

static struct node *node_of(struct http_req *req, struct ondold *o)
{
	char name[64];

	return api_node_path(httpd_path(req), "/v1/nodes/", name, sizeof(name))
		? ondold_node(o, name)
		: NULL;
}

/* The node may have left the rack since the request came: it is looked up each time. */
static void try_console(struct http_req *req, bool expired, void *userdata)
{
	struct node *n = node_of(req, userdata);
	const char *arg = httpd_arg(req, "since");
	uint64_t since = UINT64_MAX;
	bool new = false;
	json_t *body;

	if (!n) {
		httpd_reply_error(req, 404, "the node has left the rack");
		return;
	}
	if (arg && parse_u64(arg, 0, INT64_MAX, &since) < 0)
		since = UINT64_MAX;
	body = console_read(n->console, since, httpd_arg(req, "id"), &new);
	if (new || expired)
		httpd_reply_json(req, 200, body);
	else
		json_decref(body);
}

void api_console_get(struct node *n, struct http_req *req)
{
	uint64_t since, wait;

	if (httpd_arg_u64(req, "since", INT64_MAX, 0, &since) < 0 ||
		httpd_arg_u64(req, "wait", MAX_WAIT_S, 0, &wait) < 0)
		return;
	if (!console_knows(n->console, httpd_arg(req, "id"))) {
		httpd_reply_error(req, 410, "this operator was away for too long");
		return;
	}
	httpd_hold(req, n->console, wait * 1000, try_console, n->o);
}

static void reply_done(struct http_req *req, int r)
{
	if (r == -ENOENT)
		httpd_reply_error(req, 410, "this operator was away for too long");
	else if (r == -EPERM)
		httpd_reply_error(req, 409, "another operator types");
	else if (r < 0)
		httpd_reply_error(req, 503, "the console is not connected, or too slow");
	else
		httpd_reply_json(req, 200, json_object());
}

static void attach(struct node *n, struct http_req *req, struct jx *j)
{
	const char *who = jx_str(j, "attach", 64);
	bool read_only = jx_bool_opt(j, "read_only", false);
	const char *id;
	_cleanup_free_ char *text = NULL;

	if (j->error)
		return;
	id = console_attach(n->console, who, read_only);
	if (!id) {
		httpd_reply_error(req, 409,
			"no one more can be here: eight operators are, or consoles are "
			"switched off (ONDOL_CONSOLES of ondold)");
		return;
	}
	text = xasprintf("%s %s the console", who, read_only ? "watches" : "opens");
	ondold_event(n->o, n, "operator", "console.opened", text, NULL);
	httpd_reply_json(req, 200,
		json_pack("{s:s, s:I}", "id", id, "end",
			(json_int_t)console_end(n->console)));
}

/* What is typed may hold control bytes, which jx_str() does not take. */
static void type(struct node *n, struct http_req *req, struct jx *j)
{
	const char *id = jx_str(j, "id", 32);
	const json_t *input = json_object_get(j->obj, "input");
	size_t len = json_string_length(input);

	if (!j->error && (!json_is_string(input) || len > MAX_TYPED))
		jx_fail(j, "input", "expected a string of at most %d bytes", MAX_TYPED);
	if (!j->error)
		reply_done(
			req, console_type(n->console, id, json_string_value(input), len));
}

static void leave_or_take(struct node *n, struct http_req *req, struct jx *j)
{
	const char *id = jx_str(j, "id", 32);
	bool detach = jx_bool_opt(j, "detach", false),
	     take = jx_bool_opt(j, "take", false);
	int r = 0;

	if (!j->error && detach == take)
		jx_fail(j, "detach", "expected attach, input, take or detach");
	if (j->error)
		return;
	if (take)
		r = console_take(n->console, id);
	else
		console_detach(n->console, id);
	reply_done(req, r);
}

void api_console_post(struct node *n, struct http_req *req)
{
	json_t *body = api_body(req);
	struct jx j = {.obj = body};

	if (!body)
		return;
	if (json_object_get(body, "attach"))
		attach(n, req, &j);
	else if (json_object_get(body, "input"))
		type(n, req, &j);
	else
		leave_or_take(n, req, &j);
	if (j.error)
		httpd_reply_error(req, 400, "%s", j.error);
	jx_clear(&j);
	json_decref(body);
}
