/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [file] says how a path is made and whose it is, [set] what is in it: the paths of both
 * are gone through once. Owner and mode are put right also when the content is.
 */
#include "nodeagent/partfiles.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include "nodeagent/inimerge.h"

#define MAX_FILE (4 * 1024 * 1024)

struct job {
	const struct partdefs *defs;
	const struct partdef *part;
	const struct vars *vars;
	const char *root;
	int (*before_first)(void *userdata);
	void *userdata;
	bool began;
};

static int ids_of(const char *user, const char *group, uid_t *ret_uid, gid_t *ret_gid,
	char **reterr_msg)
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;
	const struct group *gr = group ? getgrnam(group) : NULL;

	if ((user && !pw) || (group && !gr)) {
		*reterr_msg = xasprintf("this image has no %s %s",
			user && !pw ? "user" : "group", user && !pw ? user : group);
		return -ENOENT;
	}
	*ret_uid = pw ? pw->pw_uid : (uid_t)-1;
	*ret_gid = gr ? gr->gr_gid : (gid_t)-1;
	return 0;
}

int partfiles_own(const char *path, const char *user, const char *group, int mode,
	char **reterr_msg)
{
	uid_t uid;
	gid_t gid;
	int r = ids_of(user, group, &uid, &gid, reterr_msg);

	if (r < 0)
		return r;
	if (lchown(path, uid, gid) == 0 && (mode < 0 || chmod(path, (mode_t)mode) == 0))
		return 0;
	r = -errno;
	*reterr_msg =
		xasprintf("%s: owner and mode cannot be set: %s", path, strerror(-r));
	return r;
}

static const struct part_file *file_of(const struct partdef *p, const char *path)
{
	for (size_t i = 0; i < p->n_files; i++)
		if (!p->files[i].directory && streq(p->files[i].path, path))
			return &p->files[i];
	return NULL;
}

/* ---- settings ---- */

struct merge {
	struct ini_setting *list;
	size_t n, cap;
};

static void merge_clear(struct merge *m)
{
	for (size_t i = 0; i < m->n; i++)
		strv_free((char **)m->list[i].values);
	free(m->list);
}

/* The setting of that key, a new one for one that was not there. */
static struct ini_setting *merge_key(
	struct merge *m, const char *section, const char *key)
{
	for (size_t i = 0; i < m->n; i++)
		if (streq(m->list[i].section, section) && streq(m->list[i].key, key))
			return &m->list[i];
	GROW(m->list, m->n, m->cap);
	m->list[m->n] = (struct ini_setting){section, key, xcalloc(1, sizeof(char *))};
	return &m->list[m->n++];
}

static int collect_set(const struct job *j, const struct part_set *set, struct merge *m,
	char **reterr_msg)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct part_setting *s = &set->list[i];
		struct ini_setting *to = merge_key(m, set->section, s->key);
		_cleanup_free_ char *value = NULL, *why = NULL;

		if (!s->value)
			continue;
		if (vars_expand(j->vars, s->value, &value, &why) < 0) {
			*reterr_msg = xasprintf("%s:%u: [%s] %s: %s", j->part->file,
				s->line, set->section, s->key, why);
			return -EINVAL;
		}
		strv_add((char ***)&to->values, value);
	}
	return 0;
}

static int merged(const struct job *j, const char *path, const char *text, char **ret,
	char **reterr_msg)
{
	_cleanup_(merge_clear) struct merge m = {0};

	for (size_t i = 0; i < j->part->n_sets; i++) {
		int r = streq(j->part->sets[i].path, path)
			? collect_set(j, &j->part->sets[i], &m, reterr_msg)
			: 0;

		if (r < 0)
			return r;
	}
	*ret = m.n ? inimerge(text, m.list, m.n) : xstrdup(text ? text : "");
	return 0;
}

/* ---- one file ---- */

static int from_template(
	const struct job *j, const char *name, char **ret, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/templates/%s", j->defs->dir, name);
	_cleanup_free_ char *text = NULL, *why = NULL;
	int r = read_file(path, MAX_FILE, &text, NULL);

	if (r < 0) {
		*reterr_msg = xasprintf("%s cannot be read: %s", path, strerror(-r));
		return r;
	}
	r = vars_template(j->vars, text, ret, &why);
	if (r < 0)
		*reterr_msg = xasprintf("%s: %s", path, why);
	return r;
}

static int read_present(const char *path, char **ret, char **reterr_msg)
{
	int r = read_file(path, MAX_FILE, ret, NULL);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		*reterr_msg = xasprintf("%s cannot be read: %s", path, strerror(-r));
	return r;
}

static int make_parent(const char *path)
{
	_cleanup_free_ char *dir = xstrdup(path);

	*strrchr(dir, '/') = '\0';
	return *dir ? mkdir_p(dir, 0755) : 0;
}

static int begin(struct job *j)
{
	if (j->began || !j->before_first)
		return 0;
	j->began = true;
	return j->before_first(j->userdata);
}

/* Owner and mode come with the content: a secret is at no time readable for others. */
static int replace(const char *path, const char *text, const struct part_file *f,
	const struct stat *was, char **reterr_msg)
{
	unsigned mode = f && f->mode >= 0 ? (unsigned)f->mode
		: was                     ? was->st_mode & 07777u
					  : 0644;
	_cleanup_free_ char *tmp = xasprintf("%s.ondol-new", path);
	int r = make_parent(path);

	if (r >= 0)
		r = write_file_atomic(tmp, text, strlen(text), 0600);
	if (r >= 0 && was && lchown(tmp, was->st_uid, was->st_gid) < 0)
		r = -errno;
	if (r >= 0 && f)
		r = partfiles_own(tmp, f->user, f->group, -1, reterr_msg);
	if (r >= 0 && (chmod(tmp, mode) < 0 || rename(tmp, path) < 0))
		r = -errno;
	if (r < 0) {
		unlink(tmp);
		if (!*reterr_msg)
			*reterr_msg =
				xasprintf("%s cannot be written: %s", path, strerror(-r));
	}
	return r < 0 ? r : 0;
}

static bool owned_right(const struct part_file *f, const struct stat *st)
{
	_cleanup_free_ char *ignored = NULL;
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;

	if (!f)
		return true;
	if (ids_of(f->user, f->group, &uid, &gid, &ignored) < 0)
		return false;
	return (uid == (uid_t)-1 || st->st_uid == uid) &&
		(gid == (gid_t)-1 || st->st_gid == gid) &&
		(f->mode < 0 || (st->st_mode & 07777) == (mode_t)f->mode);
}

static int apply_file(
	struct job *j, const char *path, const struct part_file *f, char **reterr_msg)
{
	_cleanup_free_ char *at = xasprintf("%s%s", j->root, path);
	_cleanup_free_ char *present = NULL, *base = NULL, *text = NULL;
	struct stat st;
	int r = read_present(at, &present, reterr_msg);

	if (r == 0 && f && f->template)
		r = from_template(j, f->template, &base, reterr_msg);
	if (r == 0)
		r = merged(j, path, base ? base : present, &text, reterr_msg);
	if (r < 0)
		return r;
	if (present && streq(present, text) && lstat(at, &st) == 0 && owned_right(f, &st))
		return 0;
	r = begin(j);
	if (r < 0)
		return r;
	return replace(
		at, text, f, present && stat(at, &st) == 0 ? &st : NULL, reterr_msg);
}

static int apply_directory(
	const struct job *j, const struct part_file *f, char **reterr_msg)
{
	_cleanup_free_ char *at = xasprintf("%s%s", j->root, f->path);
	int r = mkdir_p(at, 0755);

	if (r < 0) {
		*reterr_msg = xasprintf("%s cannot be made: %s", at, strerror(-r));
		return r;
	}
	return partfiles_own(at, f->user, f->group, f->mode, reterr_msg);
}

/* Was that set's file seen to already, as a [file] or an earlier set? */
static bool done_before(const struct partdef *p, size_t set)
{
	if (file_of(p, p->sets[set].path))
		return true;
	for (size_t i = 0; i < set; i++)
		if (streq(p->sets[i].path, p->sets[set].path))
			return true;
	return false;
}

int partfiles_apply(const struct partdefs *defs, const struct partdef *part,
	const struct vars *v, const char *root, int (*before_first)(void *userdata),
	void *userdata, char **reterr_msg)
{
	struct job j = {defs, part, v, root, before_first, userdata, false};
	int r = 0;

	for (size_t i = 0; r == 0 && i < part->n_files; i++)
		r = part->files[i].directory
			? apply_directory(&j, &part->files[i], reterr_msg)
			: apply_file(
				  &j, part->files[i].path, &part->files[i], reterr_msg);
	for (size_t i = 0; r == 0 && i < part->n_sets; i++)
		if (!done_before(part, i))
			r = apply_file(&j, part->sets[i].path, NULL, reterr_msg);
	return r;
}
