/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/cloudparts.h"

/* Found once per role and kind, not per node: a large rack has hundreds of alike nodes. */

struct cloudparts *cloudparts_load(const char *roles_dir, struct problems *problems)
{
	_cleanup_(cloudparts_freep) struct cloudparts *p = xcalloc(1, sizeof(*p));

	if (roledefs_load(roles_dir, problems, &p->roles) < 0 ||
		partdefs_load(roles_dir, problems, &p->parts) < 0)
		return NULL;
	return TAKE_PTR(p);
}

static void free_secrets(struct cloudparts *p)
{
	for (size_t i = 0; p->secrets && i < p->roles->n; i++)
		strv_free(p->secrets[i]);
	free(p->secrets);
	p->secrets = NULL;
}

void cloudparts_free(struct cloudparts *p)
{
	if (!p)
		return;
	free_secrets(p);
	peers_unref(p->peers);
	partdefs_free(p->parts);
	roledefs_free(p->roles);
	free(p);
}

void cloudparts_freep(struct cloudparts **p)
{
	cloudparts_free(*p);
	*p = NULL;
}

static bool is_used(const struct rack *r, const struct roledef *def)
{
	for (size_t i = 0; i < r->n_nodes; i++)
		if (streq(r->nodes[i].role, def->name) &&
			streq_ptr(r->nodes[i].kind, def->kind))
			return true;
	return false;
}

static void find_secrets(struct cloudparts *p, size_t role, const struct rack *r,
	struct problems *problems)
{
	const struct roledef *def = &p->roles->list[role];
	_cleanup_free_ const struct partdef **parts = NULL;
	_cleanup_free_ char *msg = NULL;

	if (!is_used(r, def) ||
		partdefs_of(p->parts, def, r->cloud->services, problems, &parts) < 0)
		return;
	if (partdefs_secrets(p->parts, parts, &p->secrets[role], &msg) < 0)
		problems_add(problems, def->name, 0, NULL, NULL, "%s", msg);
}

void cloudparts_fit(struct cloudparts *p, const struct rack *r, struct problems *problems)
{
	free_secrets(p);
	if (!r->cloud)
		return;
	p->secrets = xcalloc(p->roles->n, sizeof(*p->secrets));
	for (size_t i = 0; i < p->roles->n; i++)
		find_secrets(p, i, r, problems);
	if (!problems->n) /* a missing part has been told just now */
		rack_check_parts(r, p->roles, p->parts, problems);
}

char *const *cloudparts_secrets(const struct cloudparts *p, const struct rack_node *n)
{
	const struct roledef *def = roledefs_find(p->roles, n->role, n->kind);

	return p->secrets && def ? p->secrets[def - p->roles->list] : NULL;
}

char **cloudparts_all_secrets(const struct cloudparts *p, const struct rack *r)
{
	char **all = xcalloc(1, sizeof(*all));

	for (size_t i = 0; i < r->n_nodes; i++) {
		char *const *names = cloudparts_secrets(p, &r->nodes[i]);

		for (size_t k = 0; names && names[k]; k++)
			if (!strv_has(all, names[k]))
				strv_add(&all, names[k]);
	}
	return all;
}

char *cloudparts_memory(const struct cloudparts *p, const struct rack *r,
	const struct rack_node *n, uint64_t memory_bytes)
{
	struct problems problems = {0};
	struct rack_memory m = {0};
	int res = rack_memory_fits(r, n, memory_bytes, p->roles, p->parts, &problems, &m);
	_cleanup_free_ _unused_ char *words = m.words; /* freed at the end */

	problems_clear(&problems);
	if (res <= 0)
		return NULL;
	return xasprintf(
		"the server has %s of memory, and its role %s%s%s needs %s with the chosen "
		"services (%s): give it more, give the role to a larger server, or choose "
		"fewer in [cloud] services",
		m.have, n->role, n->kind ? "/" : "", n->kind ? n->kind : "", m.need,
		m.words);
}
