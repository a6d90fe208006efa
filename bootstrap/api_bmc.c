/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include "bootstrap/bmctext.h"
#include "common/jsonx.h"

/*
 * What an operator asks of a node's BMC beside its power: the UID light, sensors, the
 * event log. Each request waits in the BMC's queue and is answered when ipmitool is done.
 */

#define MAX_ASKED 4 /* at a time; a BMC takes up to a minute for its sensors */

struct ask {
	struct http_req *req; /* borrowed: parked; NULL when its server has ended */
	int (*parse)(const char *text, json_t **ret, size_t *ret_unread);
	const char *key; /* of the answer */
	/* borrowed: whose log is empty when it is done; NULL: nobody's */
	struct node *clears;
};

static void answer_parsed(struct ask *a, const char *text)
{
	json_t *list = NULL;
	size_t unread = 0;

	if (a->parse(text, &list, &unread) < 0)
		httpd_reply_error(a->req, 502,
			"what ipmitool says of the BMC's %s is not understood", a->key);
	else
		httpd_reply_json(a->req, 200,
			json_pack("{s:o, s:I}", a->key, list, "unread",
				(json_int_t)unread));
}

static void on_answer(int r, const char *text, void *userdata)
{
	struct ask *a = userdata;

	if (a->clears && r == 0)
		node_sel_cleared(a->clears);
	if (a->req && r < 0)
		httpd_reply_error(a->req, 502, "%s", text);
	else if (a->req && a->parse)
		answer_parsed(a, text);
	else if (a->req)
		httpd_reply_json(a->req, 200, json_object());
	free(a);
}

static void ask(struct node *n, struct http_req *req, enum ipmi_op op, const char *arg,
	struct ask what)
{
	struct ask *a;

	if (ipmi_asked(n->bmc) >= MAX_ASKED) {
		httpd_reply_error(req, 409,
			"the BMC of %s is busy with what others ask of it; ask again when "
			"it has answered",
			n->name);
		return;
	}
	a = xcalloc(1, sizeof(*a));
	*a = what;
	httpd_park_in(req, &a->req);
	ipmi_ask(n->bmc, op, arg, on_answer, a);
}

void api_bmc_get_sensors(struct node *n, struct http_req *req)
{
	ask(n, req, IPMI_SENSORS, NULL,
		(struct ask){.parse = sensors_parse, .key = "sensors"});
}

void api_bmc_get_sel(struct node *n, struct http_req *req)
{
	ask(n, req, IPMI_SEL, NULL, (struct ask){.parse = sel_parse, .key = "entries"});
}

void api_bmc_post_sel(struct node *n, struct http_req *req)
{
	json_t *body = api_body(req);
	struct jx j = {.obj = body};

	if (!body)
		return;
	if (!jx_bool_opt(&j, "clear", false) && !j.error)
		jx_fail(&j, "clear", "expected true");
	if (j.error) {
		httpd_reply_error(req, 400, "%s", j.error);
	} else {
		ondold_event(n->o, n, "operator", "sel.cleared",
			"the BMC's event log is cleared", NULL);
		ask(n, req, IPMI_SEL_CLEAR, NULL, (struct ask){.clears = n});
	}
	jx_clear(&j);
	json_decref(body);
}

void api_bmc_post_identify(struct node *n, struct http_req *req)
{
	json_t *body = api_body(req);
	struct jx j = {.obj = body};
	uint64_t seconds;
	bool on;
	char arg[8];

	if (!body)
		return;
	on = jx_bool_opt(&j, "on", false);
	seconds = on ? 0 : jx_uint(&j, "seconds", 0, 255);
	if (j.error) {
		httpd_reply_error(req, 400, "%s", j.error);
	} else {
		snprintf(arg, sizeof(arg), "%u", (unsigned)seconds);
		ask(n, req, IPMI_IDENTIFY, on ? "force" : arg, (struct ask){0});
	}
	jx_clear(&j);
	json_decref(body);
}
