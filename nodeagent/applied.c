/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record is what makes leaving a role safe: units, volume groups and networks that
 * are not in it were never ours and are not touched.
 */
#include "nodeagent/applied.h"

#include "common/jsonx.h"

#define MAX_NAMES 256
#define MAX_NAME 256

static void strv_add_new(char ***list, const char *s)
{
	size_t n = strv_len(*list);

	if (strv_has(*list, s))
		return;
	*list = xrealloc(*list, n + 2, sizeof(char *));
	(*list)[n] = xstrdup(s);
	(*list)[n + 1] = NULL;
}

static void strv_add_all(char ***list, char *const *more)
{
	for (; more && *more; more++)
		strv_add_new(list, *more);
}

struct applied *applied_new(void)
{
	struct applied *a = xcalloc(1, sizeof(*a));

	a->role = xstrdup("");
	a->kind = xstrdup("");
	a->units = xcalloc(1, sizeof(char *));
	a->volume_groups = xcalloc(1, sizeof(char *));
	a->data_dirs = xcalloc(1, sizeof(char *));
	a->duties = xcalloc(1, sizeof(char *));
	return a;
}

struct applied *applied_with(const struct applied *old, const struct roledef *def)
{
	struct applied *a = applied_new();

	free(a->role);
	free(a->kind);
	a->role = xstrdup(def->name);
	a->kind = xstrdup(def->kind ? def->kind : "");
	if (old) {
		strv_add_all(&a->units, old->units);
		strv_add_all(&a->volume_groups, old->volume_groups);
		strv_add_all(&a->data_dirs, old->data_dirs);
		strv_add_all(&a->duties, old->duties);
		a->hypervisor = old->hypervisor;
	}
	strv_add_all(&a->units, def->units);
	strv_add_all(&a->units, def->part_units);
	strv_add_all(&a->duties, def->duties);
	if (def->data_vg)
		strv_add_new(&a->volume_groups, def->data_vg);
	if (def->data_dir)
		strv_add_new(&a->data_dirs, def->data_dir);
	a->hypervisor = a->hypervisor || def->hypervisor;
	return a;
}

struct applied *applied_copy(const struct applied *a)
{
	struct applied *copy = applied_new();

	free(copy->role);
	free(copy->kind);
	copy->role = xstrdup(a->role);
	copy->kind = xstrdup(a->kind);
	strv_add_all(&copy->units, a->units);
	strv_add_all(&copy->volume_groups, a->volume_groups);
	strv_add_all(&copy->data_dirs, a->data_dirs);
	strv_add_all(&copy->duties, a->duties);
	copy->hypervisor = a->hypervisor;
	return copy;
}

void applied_free(struct applied *a)
{
	if (!a)
		return;
	free(a->role);
	free(a->kind);
	strv_free(a->units);
	strv_free(a->volume_groups);
	strv_free(a->data_dirs);
	strv_free(a->duties);
	free(a);
}

void applied_freep(struct applied **a)
{
	applied_free(*a);
}

static json_t *strv_json(char *const *list)
{
	json_t *array = json_array();

	for (; *list; list++)
		json_array_append_new(array, json_string(*list));
	return array;
}

char *applied_to_text(const struct applied *a)
{
	_cleanup_(jx_freep) json_t *root =
		json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:b}", "role", a->role, "kind",
			a->kind, "units", strv_json(a->units), "volume_groups",
			strv_json(a->volume_groups), "data_dirs", strv_json(a->data_dirs),
			"duties", strv_json(a->duties), "hypervisor", (int)a->hypervisor);
	char *text = json_dumps(root, JSON_INDENT(1));

	if (!text)
		abort();
	return text;
}

static void read_names(struct jx *j, const char *key, const json_t *array, char ***list)
{

	for (size_t i = 0; array && i < json_array_size(array); i++) {
		const json_t *v = json_array_get(array, i);
		const char *s = json_string_value(v);

		if (!s || !*s || json_string_length(v) > MAX_NAME || strchr(s, '/')) {
			jx_fail(j, key, "item %zu: expected a name", i);
			return;
		}
		strv_add_new(list, s);
	}
}

/* Absent in the records of an older ondol-noded. */
static void read_dirs(struct jx *j, const char *key, char ***list)
{
	const json_t *array = jx_array_opt(j, key, MAX_NAMES);

	for (size_t i = 0; array && i < json_array_size(array); i++) {
		const json_t *v = json_array_get(array, i);
		const char *s = json_string_value(v);

		if (!s || s[0] != '/' || json_string_length(v) > MAX_NAME ||
			strstr(s, "/.")) {
			jx_fail(j, key, "item %zu: expected a directory", i);
			return;
		}
		strv_add_new(list, s);
	}
}

int applied_from_text(
	const char *text, size_t len, struct applied **ret, char **reterr_msg)
{
	_cleanup_(applied_freep) struct applied *a = applied_new();
	_cleanup_(jx_freep) json_t *root = jx_parse(text, len, reterr_msg);
	_cleanup_(jx_clear) struct jx j = {.obj = root};

	if (!root)
		return -EINVAL;
	free(a->role);
	a->role = xstrdup(jx_str(&j, "role", MAX_NAME));
	free(a->kind);
	a->kind = xstrdup(jx_str(&j, "kind", MAX_NAME));
	read_names(&j, "units", jx_array(&j, "units", MAX_NAMES), &a->units);
	read_names(&j, "volume_groups", jx_array(&j, "volume_groups", MAX_NAMES),
		&a->volume_groups);
	read_dirs(&j, "data_dirs", &a->data_dirs);
	/* absent in the records of an older ondol-noded */
	read_names(&j, "duties", jx_array_opt(&j, "duties", MAX_NAMES), &a->duties);
	a->hypervisor = jx_bool_opt(&j, "hypervisor", false);
	if (j.error) {
		*reterr_msg = TAKE_PTR(j.error);
		return -EINVAL;
	}
	*ret = TAKE_PTR(a);
	return 0;
}

int applied_load(const char *path, struct applied **ret, char **reterr_msg)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = read_file(path, 1024 * 1024, &text, &len);

	if (r == -ENOENT) {
		*ret = applied_new();
		return 0;
	}
	if (r < 0) {
		*reterr_msg = xstrdup(strerror(-r));
		return r;
	}
	return applied_from_text(text, len, ret, reterr_msg);
}

int applied_save(const struct applied *a, const char *path)
{
	_cleanup_free_ char *text = applied_to_text(a), *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	int r;

	if (slash && slash != dir) {
		*slash = '\0';
		r = mkdir_p(dir, 0755);
		if (r < 0)
			return r;
	}
	return write_file_atomic(path, text, strlen(text), 0644);
}
