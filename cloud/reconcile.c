/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record is taken away when its host has no longer the role and nothing of a user's is
 * there. A live service would register again at once, so one that is up is told and left:
 * the node has not left yet. Instances are never deleted here.
 */
#include "cloud/reconcile.h"

#include "cloud/hosts.h"
#include "cloud/judge.h"

#define COMPUTE "2.53" /* the first microversion with ids for services */

struct job {
	struct cloud_session *s; /* borrowed */
	const struct desired *d; /* borrowed */
	json_t *out; /* owned until it is given away */
	char **err; /* borrowed */
};

static void tell(const struct job *j, const char *host, const char *service, bool done,
	const char *text, json_t *manual)
{
	json_t *one = json_pack("{s:s, s:s, s:b, s:s}", "host", host, "service", service,
		"done", done, "text", text);

	if (manual)
		json_object_set_new(one, "manual", manual);
	json_array_append_new(j->out, one);
}

/* Names of the objects of list, at most five, and how many there are beyond; caller frees. */
static char *names_of(const json_t *list)
{
	_cleanup_(strv_freep) char **names = NULL;
	size_t n = json_array_size(list);

	for (size_t i = 0; i < MIN(n, (size_t)5); i++) {
		const json_t *v = json_array_get(list, i);

		strv_add(&names,
			*cloud_str(v, "name") ? cloud_str(v, "name")
					      : cloud_str(v, "id"));
	}
	if (n > 5) {
		_cleanup_free_ char *more = xasprintf("and %zu more", n - 5);

		strv_add(&names, more);
	}
	return strv_join(names, ", ");
}

/* ---- Nova and Neutron ---- */

static int instances_on(
	struct cloud_session *s, const char *host, json_t **ret, char **reterr_msg)
{
	_cleanup_free_ char *quoted = cloud_quote(host);
	_cleanup_free_ char *path =
		xasprintf("/servers/detail?all_tenants=1&host=%s", quoted);

	return cloud_list(s, "compute", path, COMPUTE, "servers", ret, reterr_msg);
}

static int disable(
	struct cloud_session *s, const char *id, const char *reason, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("/os-services/%s", id);

	return cloud_send(s, "PUT", "compute", path, COMPUTE,
		json_pack("{s:s, s:s}", "status", "disabled", "disabled_reason", reason),
		NULL, reterr_msg);
}

static int forget_compute(const struct job *j, const struct cloud_row *row)
{
	_cleanup_(jx_freep) json_t *servers = NULL;
	_cleanup_free_ char *path = xasprintf("/os-services/%s", row->id), *names = NULL,
			    *text = NULL;
	int r;

	if (row->up) {
		tell(j, row->host, row->service, false,
			"is no compute node any more, and nova-compute still runs there",
			NULL);
		return 0;
	}
	r = instances_on(j->s, row->host, &servers, j->err);
	if (r < 0)
		return r;
	if (json_array_size(servers)) {
		names = names_of(servers);
		text = xasprintf(
			"is gone with %zu instances: %s; delete or rebuild them, then it is forgotten",
			json_array_size(servers), names);
		tell(j, row->host, row->service, false, text, NULL);
		return row->enabled
			? disable(j->s, row->id, "not in the rack any more", j->err)
			: 0;
	}
	r = cloud_delete(j->s, "compute", path, COMPUTE, j->err);
	if (r == 0)
		tell(j, row->host, row->service, true,
			"forgotten, with its resource provider", NULL);
	return r;
}

static int forget_agent(const struct job *j, const struct cloud_row *row)
{
	_cleanup_free_ char *path = xasprintf("/v2.0/agents/%s", row->id);
	int r;

	if (row->up) {
		tell(j, row->host, row->service, false,
			"does not belong there, and still runs", NULL);
		return 0;
	}
	r = cloud_delete(j->s, "network", path, NULL, j->err);
	if (r == 0)
		tell(j, row->host, row->service, true, "forgotten", NULL);
	return r;
}

/* ---- Cinder and Manila: no API takes a service away ---- */

/* A host name goes into an argv that root runs: letters, digits and . _ - @ only. */
static bool is_plain(const char *host)
{
	return *host != '-' &&
		strspn(host,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789._@-") == strlen(host);
}

static int tell_storage(
	const struct job *j, const struct cloud_row *row, const char *tool)
{
	json_t *manual = NULL;

	if (row->up) {
		tell(j, row->host, row->service, false,
			"does not belong there, and still runs", NULL);
		return 0;
	}
	if (is_plain(row->host))
		manual = json_pack("[s, s, s, s, s]", tool, "service", "remove",
			row->service, row->host);
	tell(j, row->host, row->service, false, "is gone; what it held is out of reach",
		manual);
	return 0;
}

static int forget(const struct job *j, const char *type, const struct cloud_row *row)
{
	if (streq(type, "compute"))
		return streq(row->service, "nova-compute") && *row->id
			? forget_compute(j, row)
			: 0;
	if (streq(type, "network"))
		return *row->id ? forget_agent(j, row) : 0;
	if (streq(type, "volumev3"))
		return tell_storage(j, row, "cinder-manage");
	return tell_storage(j, row, "manila-manage");
}

static int reconcile_api(const struct job *j, const char *type, const char *path,
	const char *version, const char *key)
{
	_cleanup_(cloud_rows_clear) struct cloud_rows rows = {0};
	_cleanup_(jx_freep) json_t *list = NULL;
	int r = cloud_list(j->s, type, path, version, key, &list, j->err);

	if (r < 0)
		return r;
	cloud_rows_read(list, &rows);
	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		const struct desired_peer *p = cloud_peer_of(j->d, rows.list[i].host);

		if (!p || !cloud_belongs(type, rows.list[i].service, p))
			r = forget(j, type, &rows.list[i]);
	}
	return r;
}

int cloud_reconcile(struct cloud_session *admin, const struct desired *d, json_t **ret,
	char **reterr_msg)
{
	_cleanup_(jx_freep) json_t *out = json_array();
	struct job j = {.s = admin, .d = d, .out = out, .err = reterr_msg};
	int r = reconcile_api(&j, "compute", "/os-services", COMPUTE, "services");

	if (r == 0)
		r = reconcile_api(&j, "network", "/v2.0/agents", NULL, "agents");
	if (r == 0 && cloud_has(d, "cinder"))
		r = reconcile_api(&j, "volumev3", "/os-services", "3.7", "services");
	if (r == 0 && cloud_has(d, "manila"))
		r = reconcile_api(&j, "sharev2", "/services", "2.7", "services");
	if (r == 0)
		*ret = TAKE_PTR(out);
	return r;
}

/* ---- a node that leaves in good order ---- */

static int find_service(struct cloud_session *s, const char *type, const char *path,
	const char *version, const char *service, const char *host, json_t **ret_list,
	struct cloud_row *ret, char **reterr_msg)
{
	_cleanup_(cloud_rows_clear) struct cloud_rows rows = {0};
	int r = cloud_list(s, type, path, version, "services", ret_list, reterr_msg);

	if (r < 0)
		return r;
	cloud_rows_read(*ret_list, &rows);
	for (size_t i = 0; i < rows.n; i++) {
		if (streq(rows.list[i].service, service) &&
			cloud_host_is(rows.list[i].host, host)) {
			*ret = rows.list[i];
			return 0;
		}
	}
	return -ENOENT;
}

static int busy(const char *host, const json_t *list, const char *what, const char *todo,
	char **reterr_msg)
{
	_cleanup_free_ char *names = NULL;

	if (json_array_size(list) == 0)
		return 0;
	names = names_of(list);
	if (reterr_msg)
		*reterr_msg = xasprintf("%s still has %zu %s: %s; %s", host,
			json_array_size(list), what, names, todo);
	return -EBUSY;
}

int cloud_leave_compute(struct cloud_session *admin, const char *host, const char *reason,
	char **reterr_msg)
{
	_cleanup_(jx_freep) json_t *list = NULL, *servers = NULL;
	_cleanup_free_ char *msg = NULL;
	struct cloud_row row = {0};
	int r = find_service(admin, "compute", "/os-services?binary=nova-compute",
		COMPUTE, "nova-compute", host, &list, &row, &msg);

	if (r == -ENOENT && !msg)
		return 0;
	if (r == 0 && row.enabled)
		r = disable(admin, row.id, reason, &msg);
	if (r == 0)
		r = instances_on(admin, row.host, &servers, &msg);
	if (r == 0)
		r = busy(host, servers, "instances",
			"migrate or delete them; no new ones come", &msg);
	if (r < 0 && reterr_msg)
		*reterr_msg = TAKE_PTR(msg);
	return r;
}

int cloud_enter_compute(struct cloud_session *admin, const char *host, char **reterr_msg)
{
	_cleanup_(jx_freep) json_t *list = NULL;
	_cleanup_free_ char *msg = NULL, *path = NULL;
	struct cloud_row row = {0};
	int r = find_service(admin, "compute", "/os-services?binary=nova-compute",
		COMPUTE, "nova-compute", host, &list, &row, &msg);

	if (r == -ENOENT && !msg)
		return 0;
	if (r == 0 && !row.enabled) {
		path = xasprintf("/os-services/%s", row.id);
		r = cloud_send(admin, "PUT", "compute", path, COMPUTE,
			json_pack("{s:s}", "status", "enabled"), NULL, &msg);
	}
	if (r < 0 && reterr_msg)
		*reterr_msg = TAKE_PTR(msg);
	return r;
}

/* ---- block storage ---- */

static const struct storage {
	const char *service, *type, *services_path, *version;
	const char *disable_path;
	const char *list_path, *list_key, *host_key; /* what is on a host */
	const char *what, *todo;
} storages[] = {
	{"cinder-volume", "volumev3", "/os-services", "3.7",
		"/os-services/disable-log-reason", "/volumes/detail?all_tenants=1",
		"volumes", "os-vol-host-attr:host", "volumes",
		"migrate or delete them; no new ones come"},
	{"manila-share", "sharev2", "/services", "2.7", "/services/disable",
		"/shares/detail?all_tenants=1", "shares", "host", "shares",
		"delete them; no new ones come"},
};

/* The objects of list whose host is the node; a new array. */
static json_t *those_on(const json_t *list, const char *key, const char *host)
{
	json_t *on = json_array();

	for (size_t i = 0; i < json_array_size(list); i++)
		if (cloud_host_is(cloud_str(json_array_get(list, i), key), host))
			json_array_append(on, json_array_get(list, i));
	return on;
}

static int leave(struct cloud_session *s, const struct storage *st, const char *host,
	const char *reason, char **reterr_msg)
{
	_cleanup_(jx_freep) json_t *services = NULL, *all = NULL, *here = NULL;
	_cleanup_free_ char *msg = NULL;
	struct cloud_row row = {0};
	json_t *body;
	int r = find_service(s, st->type, st->services_path, st->version, st->service,
		host, &services, &row, &msg);

	if (r == -ENOENT && !msg)
		return 0;
	if (r == 0 && row.enabled) {
		body = json_pack("{s:s, s:s}", "host", row.host, "binary", row.service);
		if (streq(st->type, "volumev3"))
			json_object_set_new(body, "disabled_reason", json_string(reason));
		r = cloud_send(s, "PUT", st->type, st->disable_path, st->version, body,
			NULL, &msg);
	}
	if (r == 0)
		r = cloud_list(s, st->type, st->list_path, st->version, st->list_key,
			&all, &msg);
	if (r == 0) {
		here = those_on(all, st->host_key, host);
		r = busy(host, here, st->what, st->todo, &msg);
	}
	if (r < 0 && reterr_msg)
		*reterr_msg = TAKE_PTR(msg);
	return r;
}

static int enter(struct cloud_session *s, const struct storage *st, const char *host,
	char **reterr_msg)
{
	_cleanup_(jx_freep) json_t *services = NULL;
	_cleanup_free_ char *msg = NULL,
			    *path = xasprintf("%s/enable", st->services_path);
	struct cloud_row row = {0};
	int r = find_service(s, st->type, st->services_path, st->version, st->service,
		host, &services, &row, &msg);

	if (r == -ENOENT && !msg)
		return 0;
	if (r == 0 && !row.enabled)
		r = cloud_send(s, "PUT", st->type, path, st->version,
			json_pack("{s:s, s:s}", "host", row.host, "binary", row.service),
			NULL, &msg);
	if (r < 0 && reterr_msg)
		*reterr_msg = TAKE_PTR(msg);
	return r;
}

static const struct storage *storage_of(const char *service, char **reterr_msg)
{
	for (size_t i = 0; i < ARRAY_SIZE(storages); i++)
		if (streq(storages[i].service, service))
			return &storages[i];
	if (reterr_msg)
		*reterr_msg = xasprintf(
			"%s is no storage service that can leave or enter", service);
	return NULL;
}

int cloud_leave_storage(struct cloud_session *admin, const char *service,
	const char *host, const char *reason, char **reterr_msg)
{
	const struct storage *st = storage_of(service, reterr_msg);

	return st ? leave(admin, st, host, reason, reterr_msg) : -EINVAL;
}

int cloud_enter_storage(struct cloud_session *admin, const char *service,
	const char *host, char **reterr_msg)
{
	const struct storage *st = storage_of(service, reterr_msg);

	return st ? enter(admin, st, host, reterr_msg) : -EINVAL;
}
