/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order is that of need: people, then what they are given (networks, quotas), then what
 * takes long (the image) and what needs it (Trove). Everything is found by its name and
 * its owner. A half that an interrupted run left (an image without its bytes, a router
 * without its gateway) is completed.
 */
#include "cloud/setup_internal.h"

#include <stdarg.h>

#include "cloud/hosts.h"
#include "cloud/identity.h"

void setup_say(const struct setup_job *j, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	if (!j->want->say)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	j->want->say(text, j->want->userdata);
}

int setup_fail(const struct setup_job *j, int r, const char *text)
{
	if (j->err)
		*j->err = xstrdup(text);
	return r;
}

int setup_made_id(
	const struct setup_job *j, const json_t *answer, const char *key, char **ret_id)
{
	const char *id = cloud_id(json_object_get(answer, key), "id");

	if (!*id) {
		if (j->err)
			*j->err = xasprintf(
				"the answer to the creation of a %s has no id", key);
		return -EBADMSG;
	}
	*ret_id = xstrdup(id);
	return 0;
}

/* ---- people ---- */

static int ensure_student(struct setup_job *j)
{
	_cleanup_free_ char *name = cloud_quote(j->cloud->student), *path = NULL;
	_cleanup_(jx_freep) json_t *found = NULL;
	struct cloud_user student = {.name = j->cloud->student,
		.password = j->want->student_password,
		.project = j->cloud->student,
		.keep_password = true,
		.roles = cloud_has(j->want->desired, "heat")
			? "member creator heat_stack_owner"
			: "member creator"};
	struct cloud_identity want = {.users = &student, .n_users = 1};
	unsigned changes = 0;
	int r = cloud_identity_ensure(j->s, &want, &changes, j->err);

	if (r < 0)
		return r;
	if (changes)
		setup_say(j, "project and user %s", j->cloud->student);
	path = xasprintf("/projects?name=%s&domain_id=default", name);
	r = cloud_list(j->s, "identity", path, NULL, "projects", &found, j->err);
	if (r < 0)
		return r;
	if (json_array_size(found) != 1 || !*cloud_id(json_array_get(found, 0), "id"))
		return setup_fail(
			j, -EBADMSG, "Keystone does not show the student's project");
	j->project = xstrdup(cloud_id(json_array_get(found, 0), "id"));
	return 0;
}

/* ---- flavours ---- */

static const struct flavour {
	const char *name;
	int vcpus, ram_mb, disk_gb;
} flavours[] = {
	{"m1.tiny", 1, 256, 2},
	{"m1.small", 1, 1024, 10},
	{"m1.medium", 2, 2048, 20},
	{"m1.large", 4, 8192, 40},
};

static int ensure_flavours(struct setup_job *j)
{
	_cleanup_(jx_freep) json_t *have = NULL;
	int r = cloud_list(j->s, "compute", "/flavors?is_public=None", NULL, "flavors",
		&have, j->err);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(flavours); i++) {
		const struct flavour *f = &flavours[i];

		if (cloud_find(have, "name", f->name))
			continue;
		setup_say(j, "flavour %s", f->name);
		r = cloud_post(j->s, "compute", "/flavors", NULL,
			json_pack("{s:{s:s, s:i, s:i, s:i}}", "flavor", "name", f->name,
				"vcpus", f->vcpus, "ram", f->ram_mb, "disk", f->disk_gb),
			NULL, j->err);
		if (r == -EEXIST)
			r = 0; /* made meanwhile */
	}
	return r;
}

/* ---- quotas ---- */

static const struct quota {
	const char *service, *paths[2], *object; /* what holds; what would by default */
	const char *needs; /* an optional service; NULL: always there */
	struct {
		const char *key;
		int value;
	} limits[8];
} quotas[] = {
	{"compute", {"/os-quota-sets/%s", "/os-quota-sets/%s/defaults"}, "quota_set",
		NULL,
		{{"instances", 60}, {"cores", 120}, {"ram", 131072}, {"key_pairs", 200}}},
	{"network", {"/v2.0/quotas/%s", "/v2.0/quotas/%s/default"}, "quota", NULL,
		{{"network", 100}, {"subnet", 100}, {"router", 40}, {"port", 1000},
			{"floatingip", 100}, {"security_group", 100},
			{"security_group_rule", 1000}}},
	{"volumev3", {"/os-quota-sets/%s", "/os-quota-sets/%s/defaults"}, "quota_set",
		"cinder", {{"volumes", 100}, {"snapshots", 100}, {"gigabytes", 2000}}},
};

static int quota_get(
	struct setup_job *j, const struct quota *q, const char *fmt, json_t **ret)
{
	const char *hole = strstr(fmt, "%s");
	_cleanup_free_ char *path =
		xasprintf("%.*s%s%s", (int)(hole - fmt), fmt, j->project, hole + 2);

	return cloud_get(j->s, q->service, path, NULL, ret, j->err);
}

/* Only where the default still holds: what an operator has set stays. */
static int ensure_quota(struct setup_job *j, const struct quota *q)
{
	_cleanup_(jx_freep) json_t *have = NULL, *dflt = NULL, *change = json_object();
	_cleanup_free_ char *path = xasprintf("/%s/%s",
		q->service[0] == 'n' ? "v2.0/quotas" : "os-quota-sets", j->project);
	int r = quota_get(j, q, q->paths[0], &have);

	if (r == 0)
		r = quota_get(j, q, q->paths[1], &dflt);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(q->limits) && q->limits[i].key; i++) {
		const json_t *now = json_object_get(
			json_object_get(have, q->object), q->limits[i].key);
		const json_t *was = json_object_get(
			json_object_get(dflt, q->object), q->limits[i].key);

		if (now && was && json_equal(now, was) &&
			json_integer_value(now) != q->limits[i].value)
			json_object_set_new(change, q->limits[i].key,
				json_integer(q->limits[i].value));
	}
	if (json_object_size(change) == 0)
		return 0;
	setup_say(j, "%s quota of project %s", q->service, j->cloud->student);
	return cloud_send(j->s, "PUT", q->service, path, NULL,
		json_pack("{s:O}", q->object, change), NULL, j->err);
}

static int ensure_quotas(struct setup_job *j)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(quotas); i++)
		if (!quotas[i].needs || cloud_has(j->want->desired, quotas[i].needs))
			r = ensure_quota(j, &quotas[i]);
	return r;
}

/* ---- the guest image ---- */

static json_t *image_body(const struct cloud_guest *g)
{
	json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "name", g->name,
		"visibility", "public", "disk_format", "qcow2", "container_format",
		"bare", "min_disk", (int)g->min_disk_gb, "min_ram", (int)g->min_ram_mb);

	json_object_set_new(body, "hw_qemu_guest_agent", json_string("yes"));
	json_object_set_new(body, "hw_rng_model", json_string("virtio"));
	json_object_set_new(body, "hw_disk_bus", json_string("virtio"));
	json_object_set_new(body, "hw_vif_model", json_string("virtio"));
	json_object_set_new(body, "os_type", json_string("linux"));
	json_object_set_new(body, "os_distro", json_string("debian"));
	json_object_set_new(body, "os_require_quiesce", json_string("no"));
	json_object_set_new(
		body, "ondol_version", json_string(g->version ? g->version : ""));
	if (g->properties)
		json_object_update(body, (json_t *)g->properties);
	return body;
}

static int image_upload(struct setup_job *j, const char *id)
{
	_cleanup_free_ char *path = xasprintf("/v2/images/%s/file", id),
			    *show = xasprintf("/v2/images/%s", id);
	struct cloud_request req = {.method = "PUT",
		.service = "image",
		.path = path,
		.content_type = "application/octet-stream",
		.file = j->want->guest.file};
	struct cloud_wait active = {.service = "image",
		.path = show,
		.field = "status",
		.want = "active",
		.fail = "killed",
		.deadline_ms = 300 * 1000};
	int r;

	setup_say(j, "image %s: uploading", j->want->guest.name);
	r = cloud_call(j->s, &req, NULL, j->err);
	return r < 0 ? r : cloud_wait(j->s, &active, j->err);
}

/* Instances started from an image still need it, so the old one is only put out of sight. */
static int image_hide(struct setup_job *j, const json_t *old)
{
	_cleanup_free_ char *path = xasprintf("/v2/images/%s", cloud_id(old, "id"));
	_cleanup_free_ char *name = xasprintf(
		"%s (%s)", j->want->guest.name, cloud_str(old, "ondol_version"));
	_cleanup_(jx_freep) json_t *patch =
		json_pack("[{s:s, s:s, s:b}, {s:s, s:s, s:s}]", "op", "replace", "path",
			"/os_hidden", "value", 1, "op", "replace", "path", "/name",
			"value", name);
	struct cloud_request req = {.method = "PATCH",
		.service = "image",
		.path = path,
		.body = patch,
		.content_type = "application/openstack-images-v2.1-json-patch"};

	return cloud_call(j->s, &req, NULL, j->err);
}

/* Made by image_make(): an admin is shown everybody's images, and a name is anybody's. */
static bool image_is_ours(const struct setup_job *j, const json_t *image)
{
	return streq(cloud_str(image, "owner"), cloud_project_id(j->s)) &&
		streq(cloud_str(image, "visibility"), "public") &&
		json_is_string(json_object_get(image, "ondol_version"));
}

/*
 * Of our images with the name: the one of this version, usable; one without its bytes in
 * *ret_half, of another version in *ret_old (all borrowed).
 */
static const json_t *image_pick(const struct setup_job *j, const json_t *list,
	const char *version, const json_t **ret_half, const json_t **ret_old)
{
	const json_t *good = NULL;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);

		if (!image_is_ours(j, v))
			continue;
		if (streq(cloud_str(v, "status"), "active")) {
			if (streq(cloud_str(v, "ondol_version"), version))
				good = v;
			else
				*ret_old = v;
		} else {
			*ret_half = v; /* interrupted */
		}
	}
	return good;
}

static int image_make(struct setup_job *j, const json_t *half)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	int r = 0;

	if (half) {
		_cleanup_free_ char *path =
			xasprintf("/v2/images/%s", cloud_id(half, "id"));

		r = cloud_delete(j->s, "image", path, NULL, j->err);
	}
	if (r == 0)
		r = cloud_post(j->s, "image", "/v2/images", NULL,
			image_body(&j->want->guest), &answer, j->err);
	if (r < 0)
		return r;
	if (!*cloud_id(answer, "id"))
		return setup_fail(
			j, -EBADMSG, "Glance made an image and gave no id for it");
	j->image = xstrdup(cloud_id(answer, "id"));
	return image_upload(j, j->image);
}

static int ensure_image(struct setup_job *j)
{
	const struct cloud_guest *g = &j->want->guest;
	const json_t *half = NULL, *old = NULL, *good;
	_cleanup_(jx_freep) json_t *have = NULL;
	_cleanup_free_ char *name = NULL, *path = NULL;
	int r;

	if (!g->file)
		return 0;
	name = cloud_quote(g->name);
	path = xasprintf("/v2/images?name=%s", name);
	r = cloud_list(j->s, "image", path, NULL, "images", &have, j->err);
	if (r < 0)
		return r;
	good = image_pick(j, have, g->version ? g->version : "", &half, &old);
	if (good)
		j->image = xstrdup(cloud_id(good, "id"));
	else
		r = image_make(j, half);
	return r == 0 && old ? image_hide(j, old) : r;
}

/* ---- volume and share types, Trove ---- */

static int ensure_type(struct setup_job *j, const char *service, const char *version,
	const char *all, const char *many, const char *one, json_t *body)
{
	_cleanup_(jx_freep) json_t *own = body, *have = NULL;
	int r = cloud_list(j->s, service, all, version, many, &have, j->err);

	if (r < 0 || cloud_find(have, "name", cloud_str(own, "name")))
		return r;
	setup_say(j, "%s %s", one, cloud_str(own, "name"));
	r = cloud_post(j->s, service, "/types", version, json_pack("{s:O}", one, own),
		NULL, j->err);
	return r == -EEXIST ? 0 : r;
}

/* cinder.conf's default_volume_type may name it as well; this holds for the project in any case. */
static int ensure_volume_type(struct setup_job *j)
{
	/* beside the catalogue's URL, which has the asking project in it */
	_cleanup_free_ char *path = xasprintf("/v3/default-types/%s", j->project);
	_cleanup_(jx_freep) json_t *body =
		json_pack("{s:{s:s}}", "default_type", "volume_type", "lvm");
	struct cloud_request req = {.method = "GET",
		.service = "volumev3",
		.path = path,
		.from_root = true,
		.version = "3.62"};
	int r = ensure_type(j, "volumev3", NULL, "/types?is_public=None", "volume_types",
		"volume_type",
		json_pack("{s:s, s:b}", "name", "lvm", "os-volume-type-access:is_public",
			1));

	if (r < 0 || cloud_call(j->s, &req, NULL, NULL) == 0)
		return r;
	req.method = "PUT";
	req.body = body;
	return cloud_call(j->s, &req, NULL, j->err);
}

static int ensure_share_type(struct setup_job *j)
{
	return ensure_type(j, "sharev2", "2.50", "/types?is_public=all", "share_types",
		"share_type",
		json_pack("{s:s, s:b, s:{s:s}}", "name", "default",
			"share_type_access:is_public", 1, "extra_specs",
			"driver_handles_share_servers", "False"));
}

/*
 * Registered with the guest image, so that the API has something to show; for a database
 * that really starts, an operator registers an image with Trove's guest agent in it.
 */
static int ensure_datastore(struct setup_job *j)
{
	_cleanup_(jx_freep) json_t *have = NULL;
	int r = cloud_get(
		j->s, "database", "/mgmt/datastore-versions", NULL, &have, j->err);

	if (r < 0 || !j->image ||
		cloud_find(json_object_get(have, "versions"), "datastore_name", "mysql"))
		return r;
	setup_say(j, "Trove's datastore mysql");
	return cloud_post(j->s, "database", "/mgmt/datastore-versions", NULL,
		json_pack("{s:{s:s, s:s, s:s, s:s, s:s, s:[], s:b, s:b}}", "version",
			"datastore_name", "mysql", "datastore_manager", "mysql", "name",
			"8.0", "version", "8.0", "image", j->image, "packages", "active",
			1, "default", 1),
		NULL, j->err);
}

/* ---- all of it ---- */

static void job_clear(struct setup_job *j)
{
	free(j->project);
	free(j->external);
	free(j->class_network);
	free(j->class_subnet);
	free(j->image);
}

int cloud_setup(
	struct cloud_session *admin, const struct cloud_setup *want, char **reterr_msg)
{
	_cleanup_(job_clear) struct setup_job j = {.s = admin,
		.want = want,
		.cloud = want->desired->cloud,
		.err = reterr_msg};
	static const struct {
		const char *needs; /* an optional service; NULL: always */
		int (*ensure)(struct setup_job *j);
	} steps[] = {
		{NULL, ensure_student},
		{NULL, ensure_flavours},
		{NULL, setup_external},
		{NULL, setup_class},
		{NULL, setup_rules},
		{NULL, ensure_quotas},
		{NULL, ensure_image},
		{"cinder", ensure_volume_type},
		{"manila", ensure_share_type},
		{"trove", ensure_datastore},
		{NULL, setup_dhcp},
	};

	if (!j.cloud)
		return setup_fail(&j, -EINVAL, "the rack is no cloud: nothing to set up");
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int r = 0;

		if (!steps[i].needs || cloud_has(want->desired, steps[i].needs))
			r = steps[i].ensure(&j);
		if (r < 0)
			return r;
	}
	return 0;
}
