/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts bring is added to the role's own units and duties, so that leaving a role
 * needs to know of no parts. */
#include "nodeagent/role.h"

static int problem(struct problems *problems, char **reterr_msg, const char *dir)
{
	*reterr_msg = problems->n ? problem_format(&problems->list[0])
				  : xasprintf("no role files in %s", dir);
	return -EINVAL;
}

static const struct roledef *find(
	const struct roledefs *roles, const struct desired *d, char **reterr_msg)
{
	const struct roledef *def =
		roledefs_find(roles, d->role, *d->kind ? d->kind : NULL);
	_cleanup_free_ char *names = NULL;

	if (def)
		return def;
	names = roledefs_names(roles);
	*reterr_msg =
		xasprintf("role %s%s%s is not in this node's image, which has %s. Update "
			  "the image (ondol reinstall), or correct the role in rack.ini",
			d->role, *d->kind ? ", kind " : "", d->kind, names);
	return NULL;
}

/* The same definition, which this role owns with its list. */
static void add_parts(struct role *r)
{
	struct roledef *def = NULL;

	for (size_t i = 0; i < r->roles->n; i++)
		if (&r->roles->list[i] == r->def)
			def = &r->roles->list[i];
	for (const struct partdef **p = r->parts; def && *p; p++) {
		for (char **u = (*p)->units; *u; u++)
			strv_add(&def->part_units, *u);
		if ((*p)->leave_op)
			strv_add(&def->duties, (*p)->name);
	}
}

int role_load(const struct desired *d, struct role *ret, char **reterr_msg)
{
	_cleanup_(problems_clear) struct problems problems = {0};
	_cleanup_free_ char *dir = roledefs_default_dir();
	_cleanup_(role_clear) struct role r = {0};

	if (roledefs_load(dir, &problems, &r.roles) < 0 || problems.n > 0)
		return problem(&problems, reterr_msg, dir);
	r.def = find(r.roles, d, reterr_msg);
	if (!r.def)
		return -ENOENT;
	if (d->cloud &&
		(partdefs_load(dir, &problems, &r.defs) < 0 ||
			partdefs_of(r.defs, r.def, d->cloud->services, &problems,
				&r.parts) < 0))
		return problem(&problems, reterr_msg, dir);
	if (r.parts)
		add_parts(&r);
	*ret = r;
	r = (struct role){0};
	return 0;
}

char **role_proofs(const struct role *r)
{
	char **names = strv_split("");

	for (char **p = r->def->proofs; p && *p; p++)
		strv_add(&names, *p);
	for (const struct partdef **p = r->parts; p && *p; p++)
		strv_add(&names, (*p)->name);
	return names;
}

static bool part_blobs_changed(
	const struct partdef *p, const struct desired *now, const struct desired *was)
{
	for (size_t i = 0; i < p->n_blobs; i++) {
		const struct desired_blob *a = desired_blob(now, p->blobs[i].name),
					  *b = desired_blob(was, p->blobs[i].name);

		if (a && b && !streq(a->sha256, b->sha256))
			return true;
	}
	return false;
}

bool role_blobs_changed(
	const struct role *r, const struct desired *now, const struct desired *was)
{
	for (const struct partdef **p = r->parts; was && p && *p; p++)
		if (part_blobs_changed(*p, now, was))
			return true;
	return false;
}

void role_clear(struct role *r)
{
	free(r->parts);
	partdefs_free(r->defs);
	roledefs_free(r->roles);
	*r = (struct role){0};
}
