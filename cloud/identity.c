/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every collection that is needed is listed once; what is made is added to the list it was
 * missed in, so that the next question finds it. Several workers may do this at the same
 * time for different parts: one that loses the race (409) lists again and finds the
 * winner's.
 */
#include "cloud/identity.h"

enum kind { DOMAINS, PROJECTS, ROLES, USERS, SERVICES, ENDPOINTS, N_KINDS };
static const struct {
	const char *many, *one;
} kinds[N_KINDS] = {
	[DOMAINS] = {"domains", "domain"},
	[PROJECTS] = {"projects", "project"},
	[ROLES] = {"roles", "role"},
	[USERS] = {"users", "user"},
	[SERVICES] = {"services", "service"},
	[ENDPOINTS] = {"endpoints", "endpoint"},
};

struct book { /* what Keystone has */
	struct cloud_session *s; /* borrowed */
	json_t *lists[N_KINDS]; /* owned; NULL: not listed yet */
	json_t *grants; /* owned; NULL: not listed yet */
	unsigned changes;
	char **err; /* borrowed: where words go */
};

static void book_clear(struct book *b)
{
	for (size_t i = 0; i < N_KINDS; i++)
		json_decref(b->lists[i]);
	json_decref(b->grants);
}

static int fetch(struct book *b, enum kind k)
{
	_cleanup_free_ char *path = xasprintf("/%s", kinds[k].many);

	json_decref(b->lists[k]);
	b->lists[k] = NULL;
	return cloud_list(
		b->s, "identity", path, NULL, kinds[k].many, &b->lists[k], b->err);
}

/* The object of that kind whose members are all those of want; NULL: none. */
static const json_t *lookup(const struct book *b, enum kind k, const json_t *want)
{
	const char *key;
	json_t *v;

	for (size_t i = 0; i < json_array_size(b->lists[k]); i++) {
		const json_t *have = json_array_get(b->lists[k], i);
		bool same = *cloud_id(have, "id");

		json_object_foreach((json_t *)want, key, v)
		{
			same = same && json_equal(json_object_get(have, key), v);
		}
		if (same)
			return have;
	}
	return NULL;
}

/* What a creation asks for: both together, and a null (which only narrows the match) left out. */
static json_t *creation(const json_t *match, const json_t *more)
{
	json_t *one = json_object(), *v;
	const char *key;

	json_object_foreach((json_t *)match, key, v)
	{
		if (!json_is_null(v))
			json_object_set(one, key, v);
	}
	if (more)
		json_object_update(one, (json_t *)more);
	return one;
}

static int create(struct book *b, enum kind k, const json_t *match, const json_t *more,
	const json_t **ret)
{
	_cleanup_free_ char *path = xasprintf("/%s", kinds[k].many);
	_cleanup_(jx_freep) json_t *answer = NULL;
	json_t *one = creation(match, more);
	const json_t *made;
	int r;

	r = cloud_post(b->s, "identity", path, NULL,
		json_pack("{s:o}", kinds[k].one, one), &answer, b->err);
	if (r == -EEXIST) {
		_cleanup_free_ char *was = b->err ? TAKE_PTR(*b->err) : NULL;

		r = fetch(b, k);
		if (r < 0)
			return r;
		*ret = lookup(b, k, match);
		if (!*ret && b->err)
			*b->err = TAKE_PTR(was);
		return *ret ? 0 : -EEXIST;
	}
	if (r < 0)
		return r;
	made = json_object_get(answer, kinds[k].one);
	if (!*cloud_id(made, "id")) {
		if (b->err)
			*b->err = xasprintf(
				"Keystone made a %s and gave no id for it", kinds[k].one);
		return -EBADMSG;
	}
	json_array_append(b->lists[k], (json_t *)made);
	b->changes++;
	*ret = json_array_get(b->lists[k], json_array_size(b->lists[k]) - 1);
	return 0;
}

/* Finds or makes it. match and more are taken; *ret is borrowed from the book, until its next fetch. */
static int ensure(
	struct book *b, enum kind k, json_t *match, json_t *more, const json_t **ret)
{
	_cleanup_(jx_freep) json_t *m = match, *extra = more;
	int r;

	if (!m) {
		if (b->err)
			*b->err = xasprintf("a %s's name is not UTF-8", kinds[k].one);
		return -EINVAL;
	}
	if (!b->lists[k]) {
		r = fetch(b, k);
		if (r < 0)
			return r;
	}
	*ret = lookup(b, k, m);
	return *ret ? 0 : create(b, k, m, extra, ret);
}

/* As ensure, and only the id is of interest: owned by the caller. */
static int ensure_id(
	struct book *b, enum kind k, json_t *match, json_t *more, char **ret_id)
{
	const json_t *obj = NULL;
	int r = ensure(b, k, match, more, &obj);

	if (r == 0)
		*ret_id = xstrdup(cloud_id(obj, "id"));
	return r;
}

static int patch(struct book *b, enum kind k, const char *id, json_t *change)
{
	_cleanup_free_ char *path = xasprintf("/%s/%s", kinds[k].many, id);
	int r = cloud_send(b->s, "PATCH", "identity", path, NULL,
		json_pack("{s:o}", kinds[k].one, change), NULL, b->err);

	if (r == 0)
		b->changes++;
	return r;
}

/* ---- users ---- */

static int ensure_password(struct book *b, const struct cloud_user *u, const char *id)
{
	int r = cloud_can_sign_in(
		b->s, u->name, u->password, u->domain ? u->domain : "Default", b->err);

	if (r != 0)
		return r < 0 ? r : 0;
	return patch(b, USERS, id,
		json_pack("{s:s, s:b}", "password", u->password, "enabled", 1));
}

static int ensure_user(
	struct book *b, const struct cloud_user *u, const char *domain_id, char **ret_id)
{
	_cleanup_free_ char *id = NULL;
	unsigned before = b->changes;
	int r = ensure_id(b, USERS,
		json_pack("{s:s, s:s}", "name", u->name, "domain_id", domain_id),
		json_pack("{s:s, s:b}", "password", u->password, "enabled", 1), &id);

	if (r == 0 && b->changes == before && !u->keep_password)
		r = ensure_password(b, u, id);
	if (r == 0)
		*ret_id = TAKE_PTR(id);
	return r;
}

static const char *member_id(const json_t *obj, const char *member)
{
	return cloud_id(json_object_get(obj, member), "id");
}

static bool is_granted(const json_t *grants, const char *user, const char *role,
	const char *scope, const char *scope_id)
{
	for (size_t i = 0; i < json_array_size(grants); i++) {
		const json_t *g = json_array_get(grants, i);

		if (streq(member_id(g, "user"), user) &&
			streq(member_id(g, "role"), role) &&
			streq(member_id(json_object_get(g, "scope"), scope), scope_id) &&
			!*cloud_str(
				json_object_get(g, "scope"), "OS-INHERIT:inherited_to"))
			return true;
	}
	return false;
}

static int grant(struct book *b, const char *user, const char *role, const char *scope,
	const char *scope_id)
{
	_cleanup_free_ char *role_id = NULL, *path = NULL;
	struct cloud_request req = {.method = "PUT", .service = "identity"};
	int r = ensure_id(b, ROLES, json_pack("{s:s, s:n}", "name", role, "domain_id"),
		NULL, &role_id);

	if (r < 0)
		return r;
	if (!b->grants) {
		r = cloud_list(b->s, "identity", "/role_assignments", NULL,
			"role_assignments", &b->grants, b->err);
		if (r < 0)
			return r;
	}
	if (is_granted(b->grants, user, role_id, scope, scope_id))
		return 0;
	req.path = path =
		xasprintf("/%ss/%s/users/%s/roles/%s", scope, scope_id, user, role_id);
	r = cloud_call(b->s, &req, NULL, b->err);
	if (r == 0)
		b->changes++;
	return r;
}

static int ensure_domain(struct book *b, const char *name, char **ret_id)
{
	return ensure_id(b, DOMAINS, json_pack("{s:s}", "name", name),
		json_pack("{s:b}", "enabled", 1), ret_id);
}

static int user_with_roles(struct book *b, const struct cloud_user *u)
{
	_cleanup_free_ char *domain_id = NULL, *project_id = NULL, *user_id = NULL;
	_cleanup_(strv_freep) char **roles = strv_split(u->roles ? u->roles : "");
	int r = ensure_domain(b, u->domain ? u->domain : "Default", &domain_id);

	if (r == 0 && u->project)
		r = ensure_id(b, PROJECTS,
			json_pack(
				"{s:s, s:s}", "name", u->project, "domain_id", domain_id),
			json_pack("{s:b}", "enabled", 1), &project_id);
	if (r == 0)
		r = ensure_user(b, u, domain_id, &user_id);
	for (char **role = roles; r == 0 && *role; role++)
		r = grant(b, user_id, *role, u->project ? "project" : "domain",
			u->project ? project_id : domain_id);
	return r;
}

/* ---- services ---- */

static int ensure_endpoint(struct book *b, const char *service_id, const char *interface,
	const char *region, const char *url)
{
	const json_t *have = NULL;
	int r = ensure(b, ENDPOINTS,
		json_pack("{s:s, s:s, s:s}", "service_id", service_id, "interface",
			interface, "region_id", region),
		json_pack("{s:s}", "url", url), &have);

	if (r < 0 || streq(cloud_str(have, "url"), url))
		return r;
	return patch(b, ENDPOINTS, cloud_id(have, "id"), json_pack("{s:s}", "url", url));
}

static int ensure_service(
	struct book *b, const struct cloud_service *w, const char *region)
{
	static const char *const interfaces[] = {"public", "internal", "admin"};
	_cleanup_free_ char *id = NULL;
	const json_t *have = NULL;
	int r = ensure(b, SERVICES, json_pack("{s:s}", "type", w->type),
		json_pack("{s:s, s:b}", "name", w->name, "enabled", 1), &have);

	if (r < 0)
		return r;
	id = xstrdup(cloud_id(have, "id"));
	if (!streq(cloud_str(have, "name"), w->name))
		r = patch(b, SERVICES, id, json_pack("{s:s}", "name", w->name));
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(interfaces); i++)
		r = ensure_endpoint(b, id, interfaces[i], region, w->url);
	return r;
}

int cloud_identity_ensure(struct cloud_session *s, const struct cloud_identity *want,
	unsigned *ret_changes, char **reterr_msg)
{
	_cleanup_(book_clear) struct book b = {.s = s, .err = reterr_msg};
	const json_t *unused;
	int r = 0;

	for (size_t i = 0; r == 0 && want->roles && want->roles[i]; i++)
		r = ensure(&b, ROLES,
			json_pack("{s:s, s:n}", "name", want->roles[i], "domain_id"),
			NULL, &unused);
	for (size_t i = 0; r == 0 && i < want->n_users; i++)
		r = user_with_roles(&b, &want->users[i]);
	for (size_t i = 0; r == 0 && i < want->n_services; i++)
		r = ensure_service(&b, &want->services[i], want->region);
	if (r == 0 && ret_changes)
		*ret_changes = b.changes;
	return r;
}

int cloud_identity_heat(struct cloud_session *s, const char *password, char **reterr_msg)
{
	struct cloud_user admin = {.name = "heat_domain_admin",
		.password = password,
		.domain = "heat",
		.roles = "admin"};
	struct cloud_identity want = {.users = &admin, .n_users = 1};

	return cloud_identity_ensure(s, &want, NULL, reterr_msg);
}
