/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to each API, a few to each object node; what the answers mean is in
 * judge.c. When Keystone is down no other API can be asked, and that is said of each at
 * once instead of waiting for each.
 */
#include "cloud/status.h"

#include "cloud/hosts.h"
#include "cloud/judge.h"

#define PROBE_TIMEOUT_MS 5000u
#define MEASURES_OF_S 7200 /* how far back is looked for one */

static const struct api {
	const char *service; /* as it is reported */
	const char *type; /* in the catalogue */
	const char *path, *version;
	const char *key; /* of the array in the answer */
	const char *needs; /* an optional service; NULL: always there */
} apis[] = {
	{"glance-api", "image", "/v2/images?limit=1", NULL, "images", NULL},
	{"placement-api", "placement", "/resource_providers", "1.14",
		"resource_providers", NULL},
	{"nova-api", "compute", "/os-services", "2.53", "services", NULL},
	{"neutron-api", "network", "/v2.0/agents", NULL, "agents", NULL},
	{"cinder-api", "volumev3", "/os-services", "3.7", "services", "cinder"},
	{"heat-api", "orchestration", "/services", NULL, "services", "heat"},
	{"manila-api", "sharev2", "/services", "2.7", "services", "manila"},
	{"trove-api", "database", "/datastores", NULL, "datastores", "trove"},
};

struct ask {
	struct cloud_session *s; /* borrowed */
	const struct desired *d; /* borrowed */
	const char *controller; /* borrowed: the node's name */
	json_t *out; /* borrowed */
	const char *no_token; /* borrowed: why there is none; NULL: there is one */
	int64_t now_s;
};

static bool is_on(const struct ask *a, const char *needs)
{
	return !needs || cloud_has(a->d, needs);
}

/* ---- the APIs with a list ---- */

static void judge_list(const struct ask *a, const struct api *api, const json_t *list)
{
	_cleanup_(cloud_rows_clear) struct cloud_rows rows = {0};

	if (streq(api->type, "database")) {
		bool some = json_array_size(list) > 0;

		cloud_say(a->out, a->controller, api->service, some,
			some ? "answers; a datastore is registered"
			     : "answers; no datastore is registered");
		return;
	}
	cloud_say(a->out, a->controller, api->service, true, "answers");
	if (streq(api->type, "placement")) {
		cloud_judge_providers(a->d, list, a->out);
	} else if (!streq(api->type, "image")) {
		cloud_rows_read(list, &rows);
		cloud_judge(a->d, api->type, &rows, a->now_s, a->out);
	}
}

static void ask_api(const struct ask *a, const struct api *api)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	_cleanup_free_ char *msg = NULL, *unknown = NULL;
	int r = a->no_token
		? -EACCES
		: cloud_get(a->s, api->type, api->path, api->version, &answer, &msg);
	const json_t *list = json_object_get(answer, api->key);

	if (r == 0 && json_is_array(list)) {
		judge_list(a, api, list);
		return;
	}
	if (r == 0)
		msg = xasprintf("answers without \"%s\"", api->key);
	cloud_say(a->out, a->controller, api->service, false,
		a->no_token ? a->no_token : msg);
	unknown = xasprintf("not known: %s does not tell", api->service);
	cloud_judge_unknown(a->d, api->type, a->no_token ? a->no_token : unknown, a->out);
}

/* ---- Swift ---- */

static void ask_proxy(const struct ask *a)
{
	struct cloud_request health = {.method = "GET",
		.service = "object-store",
		.path = "/healthcheck",
		.from_root = true};
	struct cloud_request account = {
		.method = "HEAD", .service = "object-store", .path = ""};
	_cleanup_free_ char *msg = NULL;
	int r = -EACCES;

	if (!a->no_token) {
		r = cloud_call(a->s, &health, NULL, &msg);
		if (r == 0)
			r = cloud_call(a->s, &account, NULL, &msg);
	}
	cloud_say(a->out, a->controller, "swift-proxy", r == 0,
		a->no_token      ? a->no_token
			: r == 0 ? "answers; accounts can be read"
				 : msg);
}

/* The storage servers know no tokens; they answer on the storage network. */
static void ask_storage_server(const struct ask *a, const struct desired_peer *p,
	const char *service, unsigned port)
{
	_cleanup_free_ char *url = NULL, *usage_url = NULL, *body = NULL, *msg = NULL,
			    *wrong = NULL;
	_cleanup_(jx_freep) json_t *usage = NULL;
	unsigned status = 0;
	char ip[16];

	format_ipv4(cloud_address(p, "storage"), ip);
	url = xasprintf("http://%s:%u/healthcheck", ip, port);
	if (cloud_probe(a->s, url, PROBE_TIMEOUT_MS, &status, NULL, &msg) < 0) {
		cloud_say(a->out, p->name, service, false, msg ? msg : "does not answer");
		return;
	}
	if (status >= 500) {
		msg = xasprintf("%s answered %u", url, status);
		cloud_say(a->out, p->name, service, false, msg);
		return;
	}
	usage_url = xasprintf("http://%s:%u/recon/diskusage", ip, port);
	if (cloud_probe(a->s, usage_url, PROBE_TIMEOUT_MS, &status, &body, NULL) == 0 &&
		status == 200)
		usage = jx_parse(body, strlen(body), &msg);
	if (json_is_array(usage))
		wrong = cloud_judge_disks(p, usage);
	cloud_say(a->out, p->name, service, !wrong,
		wrong           ? wrong
			: usage ? "answers; its disks are mounted"
				: "answers");
}

static void ask_swift(const struct ask *a)
{
	ask_proxy(a);
	for (size_t i = 0; i < a->d->n_peers; i++) {
		const struct desired_peer *p = &a->d->peers[i];

		if (!cloud_peer_is(p, "storage", "object"))
			continue;
		ask_storage_server(a, p, "swift-account", 6202);
		ask_storage_server(a, p, "swift-container", 6201);
		ask_storage_server(a, p, "swift-object", 6200);
	}
}

/* ---- telemetry ---- */

/* The newest resource of a type that filter selects; NULL: none, or it cannot be asked. */
static json_t *find_resource(
	const struct ask *a, const char *type, json_t *filter, char **ret_why)
{
	_cleanup_free_ char *path =
		xasprintf("/v1/search/resource/%s?limit=1&sort=started_at:desc", type);
	_cleanup_(cloud_answer_clear) struct cloud_answer answer = {0};
	struct cloud_request req = {
		.method = "POST", .service = "metric", .path = path, .body = filter};
	int r = cloud_call(a->s, &req, &answer, ret_why);

	json_decref(filter);
	return r == 0 ? json_incref(json_array_get(answer.json, 0)) : NULL;
}

static void ask_measure(const struct ask *a, const char *node, const char *service,
	const json_t *resource, const char *metric)
{
	const char *id = cloud_id(json_object_get(resource, "metrics"), metric);
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_(cloud_answer_clear) struct cloud_answer answer = {0};
	struct cloud_request req = {.method = "GET", .service = "metric"};
	int64_t begin_s = a->now_s;
	char since[32];
	bool ok;

	format_time((uint64_t)(a->now_s - MEASURES_OF_S) * 1000, since);
	since[19] = '\0'; /* to the second, no zone: Gnocchi takes it for UTC */
	req.path = path = xasprintf("/v1/metric/%s/measures?start=%s", id, since);
	(void)cloud_time(cloud_str(resource, "started_at"), &begin_s);
	if (*id && cloud_call(a->s, &req, &answer, &text) < 0) {
		cloud_say(a->out, node, service, false, text);
		return;
	}
	ok = cloud_judge_measure(
		begin_s, cloud_newest_measure(answer.json), a->now_s, &text);
	cloud_say(a->out, node, service, ok, text);
}

static void ask_agent(const struct ask *a, const char *node, const char *service,
	const char *type, json_t *filter, const char *metric)
{
	_cleanup_free_ char *why = NULL;
	_cleanup_(jx_freep) json_t *resource = find_resource(a, type, filter, &why);

	if (resource)
		ask_measure(a, node, service, resource, metric);
	else
		cloud_say(a->out, node, service, !why,
			why ? why : "nothing to measure yet");
}

/*
 * Images that Glance has: of one that was deleted Gnocchi may not know it, as it refuses the end
 * that Ceilometer gives. The oldest, among which is the one that everybody launches. NULL: it
 * cannot be asked.
 */
static json_t *image_ids(const struct ask *a, char **ret_why)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	int r = cloud_get(a->s, "image", "/v2/images?limit=50&sort=created_at:asc", NULL,
		&answer, ret_why);
	const json_t *list = json_object_get(answer, "images");
	json_t *ids = r < 0 ? NULL : json_array();

	for (size_t i = 0; ids && i < json_array_size(list); i++)
		json_array_append_new(
			ids, json_string(cloud_id(json_array_get(list, i), "id")));
	return ids;
}

/* image sizes are what the central agent measures on every cloud; the notification agent passes them on */
static void ask_central(const struct ask *a)
{
	static const char service[] = "ceilometer-agent-central";
	_cleanup_free_ char *why = NULL;
	json_t *ids = image_ids(a, &why);

	if (ids && json_array_size(ids) > 0) {
		ask_agent(a, a->controller, service, "image",
			json_pack("{s:[{s:{s:n}}, {s:{s:o}}]}", "and", "=", "ended_at",
				"in", "id", ids),
			"image.size");
		return;
	}
	cloud_say(a->out, a->controller, service, !why,
		why ? why : "nothing to measure yet");
	json_decref(ids);
}

static void ask_telemetry(const struct ask *a)
{
	_cleanup_(jx_freep) json_t *status = NULL;
	_cleanup_free_ char *msg = NULL, *text = NULL;
	int r = a->no_token ? -EACCES
			    : cloud_get(a->s, "metric", "/v1/status?details=true", NULL,
				      &status, &msg);
	bool ok = r == 0 && cloud_judge_gnocchi(status, &text);

	cloud_say(a->out, a->controller, "gnocchi-api", ok,
		a->no_token     ? a->no_token
			: r < 0 ? msg
				: text);
	if (r < 0)
		return;
	ask_central(a);
	for (size_t i = 0; i < a->d->n_peers; i++) {
		const struct desired_peer *p = &a->d->peers[i];

		if (cloud_peer_is(p, "compute", NULL))
			ask_agent(a, p->name, "ceilometer-agent-compute", "instance",
				json_pack("{s:[{s:{s:n}}, {s:{s:s}}]}", "and", "=",
					"ended_at", "=", "host", p->name),
				"cpu");
	}
}

/* ---- pages ---- */

static void ask_page(
	const struct ask *a, const char *service, const char *url, unsigned limit)
{
	_cleanup_free_ char *msg = NULL;
	unsigned status = 0;
	int r = cloud_probe(a->s, url, 0, &status, NULL, &msg);
	bool ok = r == 0 && status >= 200 && status < limit;

	if (r == 0)
		msg = ok ? xstrdup("answers") : xasprintf("%s answered %u", url, status);
	cloud_say(a->out, a->controller, service, ok, msg ? msg : "does not answer");
}

void cloud_status(struct cloud_session *admin, const struct desired *d, json_t **ret)
{
	const struct desired_peer *controller = cloud_controller(d);
	const char *public = d->cloud ? d->cloud->public : "";
	_cleanup_free_ char *why = NULL, *no_token = NULL, *login = NULL, *console = NULL,
			    *dashboard = NULL;
	struct ask a = {.s = admin,
		.d = d,
		.controller = controller ? controller->name : "controller",
		.out = json_array(),
		.now_s = (int64_t)(now_real_ms() / 1000)};
	int r = cloud_authenticate(admin, &why);

	cloud_say(a.out, a.controller, "keystone", r == 0, r == 0 ? "gives tokens" : why);
	if (r < 0)
		a.no_token = no_token = xstrdup("not known: Keystone gives no token");
	for (size_t i = 0; i < ARRAY_SIZE(apis); i++)
		if (is_on(&a, apis[i].needs))
			ask_api(&a, &apis[i]);
	if (is_on(&a, "swift"))
		ask_swift(&a);
	if (is_on(&a, "telemetry"))
		ask_telemetry(&a);
	console = xasprintf("https://%s:6080/vnc_lite.html", public);
	ask_page(&a, "nova-novncproxy", console, 500);
	login = xasprintf("https://%s/horizon/auth/login/", public);
	dashboard = xasprintf("https://%s/horizon", public);
	if (is_on(&a, "horizon"))
		ask_page(&a, "horizon", login, 400);
	*ret = json_pack("{s:I, s:o, s:s}", "time", (json_int_t)now_real_ms(), "services",
		a.out, "dashboard", is_on(&a, "horizon") ? dashboard : "");
}

/* ---- one service of one node ---- */

static const struct api *api_of(const char *service)
{
	const char *type = str_startswith(service, "nova-") ? "compute"
		: str_startswith(service, "neutron-")       ? "network"
		: str_startswith(service, "cinder-")        ? "volumev3"
		: str_startswith(service, "manila-")        ? "sharev2"
		: str_startswith(service, "heat-")          ? "orchestration"
							    : "";

	for (size_t i = 0; i < ARRAY_SIZE(apis); i++)
		if (streq(apis[i].type, type))
			return &apis[i];
	return NULL;
}

int cloud_service_up(struct cloud_session *admin, const char *service, const char *node,
	char **ret_text)
{
	_cleanup_(cloud_rows_clear) struct cloud_rows rows = {0};
	_cleanup_(jx_freep) json_t *answer = NULL;
	const struct api *api = api_of(service);
	_cleanup_free_ char *text = NULL;
	int r;

	if (!api) {
		*ret_text = xasprintf("no API lists a service %s", service);
		return -EINVAL;
	}
	r = cloud_get(admin, api->type, api->path, api->version, &answer, ret_text);
	if (r < 0)
		return r;
	cloud_rows_read(json_object_get(answer, api->key), &rows);
	for (size_t i = 0; i < rows.n; i++) {
		if (!streq(rows.list[i].service, service) ||
			!cloud_host_is(rows.list[i].host, node))
			continue;
		free(text);
		if (cloud_row_good(
			    &rows.list[i], (int64_t)(now_real_ms() / 1000), &text)) {
			*ret_text = TAKE_PTR(text);
			return 1;
		}
	}
	*ret_text = text ? TAKE_PTR(text)
			 : xasprintf("%s of %s has not registered", service, node);
	return 0;
}
