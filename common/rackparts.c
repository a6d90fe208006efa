/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the roles ask of the servers. Apart from the rest of the model, which
 * knows nothing of parts: a rack that is no cloud needs none.
 */
#include "common/rack.h"

#include "common/partdef.h"

/* Binary units, as memory is sold. */
static void format_memory(uint64_t bytes, char buf[static 32])
{
	if (bytes >= UINT64_C(1) << 30)
		snprintf(buf, 32, "%.1f GiB", (double)bytes / (double)(1 << 30));
	else
		snprintf(buf, 32, "%llu MiB", (unsigned long long)(bytes >> 20));
}

static char *words_with(char *before, const struct partdef *p)
{
	char size[32];
	char *more;

	format_memory(p->ram_bytes, size);
	more = xasprintf("%s%s%s %s", before, *before ? ", " : "", p->name, size);
	free(before);
	return more;
}

int rack_memory_fits(const struct rack *r, const struct rack_node *n, uint64_t have_bytes,
	const struct roledefs *roles, const struct partdefs *parts,
	struct problems *problems, struct rack_memory *ret)
{
	const struct roledef *def = roledefs_find(roles, n->role, n->kind);
	_cleanup_free_ const struct partdef **list = NULL;
	struct rack_memory m = {.have_bytes = have_bytes};
	int res;

	if (!r->cloud || !def) {
		*ret = (struct rack_memory){.words = xstrdup("")};
		return 0;
	}
	res = partdefs_of(parts, def, r->cloud->services, problems, &list);
	if (res < 0)
		return res;
	m.words = xstrdup("");
	for (const struct partdef **p = list; *p; p++) {
		m.need_bytes += (*p)->ram_bytes;
		if ((*p)->ram_bytes)
			m.words = words_with(m.words, *p);
	}
	format_memory(m.need_bytes, m.need);
	format_memory(m.have_bytes, m.have);
	*ret = m;
	return have_bytes && m.need_bytes > have_bytes ? 1 : 0;
}

static bool is_told(const struct rack *r, size_t node)
{
	for (size_t i = 0; i < node; i++)
		if (streq(r->nodes[i].role, r->nodes[node].role) &&
			streq_ptr(r->nodes[i].kind, r->nodes[node].kind) &&
			r->nodes[i].profile == r->nodes[node].profile)
			return true;
	return false;
}

void rack_check_parts(const struct rack *r, const struct roledefs *roles,
	const struct partdefs *parts, struct problems *problems)
{
	for (size_t i = 0; r->cloud && i < r->n_nodes; i++) {
		const struct rack_node *n = &r->nodes[i];
		_cleanup_free_ char *section = xasprintf("profile %s", n->profile->name);
		struct rack_memory m = {0};

		if (is_told(r, i))
			continue;
		if (rack_memory_fits(r, n, n->profile->memory_bytes, roles, parts,
			    problems, &m) > 0) {
			problems_add(problems, r->file, n->profile->memory_line, section,
				"memory",
				"%s is too little for %s, the %s%s%s, which needs %s with these "
				"services (%s): put it on a larger server, or choose fewer in "
				"[cloud] services (line %u)",
				m.have, n->name, n->role, n->kind ? "/" : "",
				n->kind ? n->kind : "", m.need, m.words, r->cloud->line);
		}
		free(m.words);
	}
}
