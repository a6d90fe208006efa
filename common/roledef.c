/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A role without kinds is one entry; a role with kinds is one entry per kind, made of the
 * role's own sections with the kind's section laid over them.
 */
#include "common/roledef.h"

#include <dirent.h>

#include "common/conf.h"
#include "common/parse.h"

#ifndef ONDOL_ROLES_DIR
#define ONDOL_ROLES_DIR "/usr/share/ondol/roles"
#endif

struct reader {
	struct conf *conf;
	struct problems *problems;
};

static void roledef_clear(struct roledef *d)
{
	free(d->name);
	free(d->kind);
	free(d->description);
	free(d->data_vg);
	free(d->data_dir);
	strv_free(d->parts);
	strv_free(d->part_units);
	strv_free(d->duties);
	strv_free(d->units);
	strv_free(d->vm_networks);
	strv_free(d->proofs);
}

/* The key in the kind's section, else in the role's own; both count as used. */
static const struct conf_key *pick(
	struct conf_section *kind, struct conf_section *base, const char *name)
{
	const struct conf_key *b = conf_key(base, name), *k = conf_key(kind, name);

	return k ? k : b;
}

static char **words_of(
	struct conf_section *kind, struct conf_section *base, const char *name)
{
	const struct conf_key *k = pick(kind, base, name);

	return strv_split(k ? k->value : "");
}

/* "/srv/node": names below the root, none of which is "." or "..". */
static bool is_data_dir(const char *s)
{
	_cleanup_free_ char *copy = xstrdup(s);
	char *save = NULL;
	size_t len = 0;

	for (char *w = strtok_r(copy, "/", &save); w; w = strtok_r(NULL, "/", &save)) {
		if (parse_token(w, 64) < 0 || w[0] == '.')
			return false;
		len += strlen(w) + 1;
	}
	return len > 0 && len == strlen(s) && len < 200;
}

static void read_data(struct roledef *d, struct reader *rd, struct conf_section *kind,
	struct conf_section *base)
{
	const struct conf_key *k = pick(kind, base, "data");

	if (!k || streq(k->value, "none"))
		return;
	if (str_startswith(k->value, "lvm:") && parse_token(k->value + 4, 64) == 0)
		d->data_vg = xstrdup(k->value + 4);
	else if (str_startswith(k->value, "xfs:") && is_data_dir(k->value + 4))
		d->data_dir = xstrdup(k->value + 4);
	else
		problems_add(rd->problems, rd->conf->file, k->line,
			kind ? kind->name : "disks", "data",
			"expected lvm:VOLUMEGROUP, xfs:/DIRECTORY or none, found \"%s\"",
			k->value);
}

static struct roledef read_one(struct reader *rd, const char *name, const char *kind)
{
	_cleanup_free_ char *section = kind ? xasprintf("kind %s", kind) : NULL;
	struct conf_section *over = section ? conf_section(rd->conf, section) : NULL;
	struct conf_section *role = conf_section(rd->conf, "role");
	struct conf_section *hyper = conf_section(rd->conf, "hypervisor");
	const struct conf_key *desc = pick(over, role, "description");
	const struct conf_key *enabled = conf_key(hyper, "enabled");
	struct roledef d = {.name = xstrdup(name), .kind = xstrdup(kind)};

	d.description = xstrdup(desc ? desc->value : "");
	d.parts = words_of(over, role, "parts");
	d.units = words_of(over, conf_section(rd->conf, "units"), "start");
	d.proofs = words_of(over, conf_section(rd->conf, "proofs"), "need");
	d.vm_networks = words_of(NULL, hyper, "networks");
	read_data(&d, rd, over, conf_section(rd->conf, "disks"));
	if (enabled && parse_bool(enabled->value, &d.hypervisor) < 0)
		problems_add(rd->problems, rd->conf->file, enabled->line, "hypervisor",
			"enabled", "expected yes or no, found \"%s\"", enabled->value);
	return d;
}

static void check_kinds(struct reader *rd, const struct conf_key *kinds, char **words)
{
	for (size_t i = 0; words[i]; i++) {
		bool before = false;

		for (size_t j = 0; j < i; j++)
			before |= streq(words[i], words[j]);
		if (before || parse_token(words[i], 64) < 0)
			problems_add(rd->problems, rd->conf->file, kinds->line, "role",
				"kinds", "expected names, each once, found \"%s\"",
				words[i]);
	}
}

static void read_role(
	struct roledefs *r, size_t *cap, struct reader *rd, const char *name)
{
	struct conf_section *role = conf_section(rd->conf, "role");
	const struct conf_key *kinds = conf_key(role, "kinds");
	char **words = strv_split(kinds ? kinds->value : "");

	if (!role)
		problems_add(rd->problems, rd->conf->file, 0, NULL, NULL,
			"expected a section [role]");
	check_kinds(rd, kinds, words);
	for (char **k = words; *k || k == words; k++) {
		GROW(r->list, r->n, *cap);
		r->list[r->n++] = read_one(rd, name, *k);
		if (!*k)
			break;
	}
	strv_free(words);
	conf_report_unused(rd->conf, rd->problems);
}

static int is_role_file(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 4 && streq(e->d_name + n - 4, ".ini");
}

int roledefs_load(const char *dir, struct problems *problems, struct roledefs **ret)
{
	struct roledefs *r = xcalloc(1, sizeof(*r));
	size_t before = problems->n, cap = 0;
	struct dirent **files = NULL;
	int n = scandir(dir, &files, is_role_file, alphasort);

	if (n <= 0)
		problems_add(problems, dir, 0, NULL, NULL, "no role files are here: %s",
			n < 0 ? strerror(errno) : "the folder has no *.ini");
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", dir, files[i]->d_name);
		_cleanup_free_ char *name =
			xstrndup(files[i]->d_name, strlen(files[i]->d_name) - 4);
		_cleanup_(conf_freep) struct conf *c = NULL;

		if (conf_load(path, problems, &c) == 0)
			read_role(r, &cap, &(struct reader){c, problems}, name);
		free(files[i]);
	}
	free(files);
	if (problems->n > before) {
		roledefs_free(r);
		return -EINVAL;
	}
	*ret = r;
	return 0;
}

void roledefs_free(struct roledefs *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		roledef_clear(&r->list[i]);
	free(r->list);
	free(r);
}

void roledefs_freep(struct roledefs **r)
{
	roledefs_free(*r);
	*r = NULL;
}

const struct roledef *roledefs_find(
	const struct roledefs *r, const char *role, const char *kind)
{
	for (size_t i = 0; i < r->n; i++)
		if (streq(r->list[i].name, role) && streq_ptr(r->list[i].kind, kind))
			return &r->list[i];
	return NULL;
}

bool roledefs_has_role(const struct roledefs *r, const char *role)
{
	for (size_t i = 0; i < r->n; i++)
		if (streq(r->list[i].name, role))
			return true;
	return false;
}

bool roledefs_role_has_kinds(const struct roledefs *r, const char *role)
{
	return roledefs_has_role(r, role) && !roledefs_find(r, role, NULL);
}

char *roledefs_names(const struct roledefs *r)
{
	char *out = xstrdup("");

	for (size_t i = 0; i < r->n; i++) {
		char *more;

		if (i && streq(r->list[i].name, r->list[i - 1].name))
			continue;
		more = xasprintf("%s%s%s", out, *out ? ", " : "", r->list[i].name);
		free(out);
		out = more;
	}
	return out;
}

/* A program run from build/VARIANT/ finds the role files of its own tree. */
static bool source_tree_roles(char *buf, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", buf, size - 1);

	for (int up = 0; n > 0 && up < 3; up++) {
		while (n > 0 && buf[--n] != '/')
			;
	}
	if (n <= 0 || (size_t)n + sizeof("/roles") > size)
		return false;
	strcpy(buf + n, "/roles");
	return access(buf, X_OK) == 0;
}

char *roledefs_default_dir(void)
{
	const char *dir = getenv("ONDOL_ROLES");
	char tree[4096];

	if (dir && *dir)
		return xstrdup(dir);
	if (source_tree_roles(tree, sizeof(tree)))
		return xstrdup(tree);
	return xstrdup(ONDOL_ROLES_DIR);
}
