/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/cloudview.h"

#include "common/jsonx.h"
#include "common/rack.h"

/*
 * The cloud is well when each node is ready, the controller spoke lately, and nothing it
 * spoke of is unwell. What is missing is told as sentences, the deepest cause first: a
 * silent controller explains an old table, a node on its way explains a missing service.
 */

#define MAX_SERVICES 4096

/* ---- reading ---- */

static void add_service(struct cloud_view *v, struct jx *outer, const json_t *obj)
{
	struct jx j = {.obj = obj};
	struct cloud_service *s = &v->services[v->n_services];

	s->node = xstrdup(jx_str(&j, "node", 63));
	s->service = xstrdup(jx_str(&j, "service", 63));
	s->text = xstrdup(jx_str(&j, "text", 2000));
	s->ok = jx_bool_opt(&j, "ok", false);
	v->n_services++;
	v->n_unwell += !s->ok;
	jx_merge(outer, "status", &j);
}

static void read_services(struct cloud_view *v, struct jx *j, const json_t *nodes)
{
	const json_t *list = jx_array(j, "status", MAX_SERVICES), *n, *s;
	size_t i, k, total = json_array_size(list);
	bool *done = xcalloc(total + 1, sizeof(*done));

	v->services = xcalloc(total + 1, sizeof(*v->services));
	json_array_foreach(nodes, i, n)
	{
		const json_t *name = json_object_get(n, "name");

		json_array_foreach(list, k, s)
		{
			if (done[k] || !json_equal(json_object_get(s, "node"), name))
				continue;
			done[k] = true;
			add_service(v, j, s);
		}
	}
	json_array_foreach(list, k, s) /* of nodes that are not in the rack (any more) */
		if (!done[k]) add_service(v, j, s);
	free(done);
}

static void missing(struct cloud_view *v, char *sentence)
{
	strv_add(&v->missing, sentence);
	free(sentence);
}

static char *since_words(uint64_t then_ms, uint64_t now_ms)
{
	char age[32];

	format_duration(now_ms > then_ms ? now_ms - then_ms : 0, age);
	return xstrdup(age);
}

static void judge_node(struct cloud_view *v, struct jx *outer, const json_t *obj)
{
	struct jx j = {.obj = obj};
	const char *name = jx_str(&j, "name", 63), *role = jx_str(&j, "role", 63);
	const char *kind = jx_str(&j, "kind", 63), *state = jx_str(&j, "state", 63);
	const char *step = jx_str(&j, "step", 4000), *reason = jx_str(&j, "reason", 4000);
	uint64_t seen = jx_uint(&j, "last_seen", 0, INT64_MAX);
	bool heard = jx_bool_opt(&j, "heard", false), ready = streq(state, "ready");
	const char *why = streq(state, "failed") || !*step ? reason : step;

	if (!j.error && !ready)
		missing(v,
			xasprintf("%s (%s%s%s) is %s%s%s", name, role, *kind ? "/" : "",
				kind, state, *why ? ": " : "", why));
	if (!j.error && ready && !heard) {
		_cleanup_free_ char *age = since_words(seen, v->now_ms);

		missing(v,
			xasprintf("%s (%s%s%s) has been silent for %s: is the server on?",
				name, role, *kind ? "/" : "", kind, age));
	}
	jx_merge(outer, "nodes", &j);
}

static void judge_age(struct cloud_view *v, uint64_t old_after_ms)
{
	_cleanup_free_ char *age = NULL;

	if (!v->told_ms) {
		missing(v,
			xasprintf(
				"the controller %s has said nothing of the services yet",
				v->controller));
		return;
	}
	v->is_old = v->now_ms > v->told_ms + old_after_ms;
	if (!v->is_old)
		return;
	age = since_words(v->told_ms, v->now_ms);
	missing(v,
		xasprintf(
			"the controller %s last spoke of the services %s ago: what it said "
			"then may not be true any more",
			v->controller, age));
}

static void judge_services(struct cloud_view *v)
{
	for (size_t i = 0; i < v->n_services; i++) {
		const struct cloud_service *s = &v->services[i];

		if (!s->ok)
			missing(v,
				xasprintf("%s on %s: %s", s->service, s->node, s->text));
	}
}

static void read_cloud(struct cloud_view *v, struct jx *outer)
{
	struct jx j = {.obj = json_object_get(outer->obj, "cloud")};
	const json_t *nodes, *n;
	uint64_t old_after_ms;
	size_t i;

	v->is_cloud = json_is_object(j.obj);
	if (!v->is_cloud)
		return;
	v->public = xstrdup(jx_str(&j, "public", 253));
	v->region = xstrdup(jx_str(&j, "region", 63));
	v->controller = xstrdup(jx_str(&j, "controller", 63));
	v->student = xstrdup(jx_str(&j, "student", 63));
	v->dashboard = xstrdup(jx_str(&j, "dashboard", 255));
	v->told_ms = jx_uint(&j, "time", 0, INT64_MAX);
	old_after_ms = jx_uint(&j, "old_after_ms", 0, INT64_MAX);
	nodes = jx_array(&j, "nodes", RACK_MAX_NODES);
	read_services(v, &j, nodes);
	json_array_foreach(nodes, i, n) judge_node(v, &j, n);
	judge_age(v, old_after_ms);
	judge_services(v);
	jx_merge(outer, "cloud", &j);
}

int cloud_view_parse(const json_t *root, struct cloud_view *ret, char **reterr_msg)
{
	struct cloud_view v = {0};
	struct jx j = {.obj = root};

	v.now_ms = jx_uint(&j, "now", 0, INT64_MAX);
	v.stamp = jx_uint(&j, "stamp", 0, INT64_MAX);
	v.rack = xstrdup(json_is_null(json_object_get(root, "rack"))
			? ""
			: jx_str(&j, "rack", 63));
	read_cloud(&v, &j);
	if (j.error) {
		cloud_view_clear(&v);
		*reterr_msg = TAKE_PTR(j.error);
		return -EINVAL;
	}
	*ret = v;
	return 0;
}

void cloud_view_clear(struct cloud_view *v)
{
	for (size_t i = 0; i < v->n_services; i++) {
		free(v->services[i].node);
		free(v->services[i].service);
		free(v->services[i].text);
	}
	free(v->services);
	strv_free(v->missing);
	free(v->rack);
	free(v->public);
	free(v->region);
	free(v->controller);
	free(v->student);
	free(v->dashboard);
	*v = (struct cloud_view){0};
}

/* ---- judging ---- */

bool cloud_view_is_well(const struct cloud_view *v)
{
	return v->is_cloud && v->n_services && !strv_len(v->missing);
}

char *cloud_view_sums(const struct cloud_view *v)
{
	size_t nodes = 0;

	for (size_t i = 0; i < v->n_services; i++)
		nodes += i == 0 || !streq(v->services[i].node, v->services[i - 1].node);
	return xasprintf("%zu service%s on %zu node%s: %zu well, %zu not", v->n_services,
		v->n_services == 1 ? "" : "s", nodes, nodes == 1 ? "" : "s",
		v->n_services - v->n_unwell, v->n_unwell);
}

/* ---- openrc ---- */

/* 'as the shell wants it' */
static char *quoted(const char *s)
{
	char *out = xmalloc(4 * strlen(s) + 3), *p = out;

	*p++ = '\'';
	for (; *s; s++) {
		if (*s == '\'') {
			memcpy(p, "'\\''", 4);
			p += 4;
		} else {
			*p++ = *s;
		}
	}
	*p++ = '\'';
	*p = 0;
	return out;
}

static char *with_line(char *before, const char *name, const char *value)
{
	char *q = quoted(value);
	char *more = xasprintf("%sexport %s=%s\n", before, name, q);

	secret_free(q);
	secret_free(before);
	return more;
}

char *cloud_openrc(const json_t *answer, const char *ca_file, char **reterr_msg)
{
	static const struct {
		const char *variable, *key;
	} map[] = {{"OS_AUTH_URL", "auth_url"}, {"OS_REGION_NAME", "region"},
		{"OS_PROJECT_NAME", "project"}, {"OS_USERNAME", "user"},
		{"OS_PASSWORD", "password"}};
	char *out = xstrdup("");
	struct jx j = {.obj = answer};

	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		out = with_line(out, map[i].variable, jx_str(&j, map[i].key, 255));
	out = with_line(out, "OS_PROJECT_DOMAIN_NAME", "Default");
	out = with_line(out, "OS_USER_DOMAIN_NAME", "Default");
	out = with_line(out, "OS_IDENTITY_API_VERSION", "3");
	out = with_line(out, "OS_INTERFACE", "public");
	out = with_line(out, "OS_CACERT", ca_file);
	if (!j.error)
		return out;
	*reterr_msg = TAKE_PTR(j.error);
	secret_free(out);
	return NULL;
}
