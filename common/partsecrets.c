/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which secrets parts mention: read off their texts, so that a node can be given exactly
 * those and no list has to be kept beside the settings.
 */
#include "common/partdef.h"

#define MAX_TEMPLATE (256 * 1024)

static void add_secret(char ***list, const char *prefix, const char *name, size_t len)
{
	_cleanup_free_ char *full = xasprintf("%s%.*s", prefix, (int)len, name);

	if (!strv_has(*list, full))
		strv_add(list, full);
}

/* Each ${secret:NAME} of a text. */
static void scan_text(const char *text, char ***list)
{
	static const char mark[] = "${secret:";

	for (const char *p = text; p && (p = strstr(p, mark));) {
		size_t len;

		p += sizeof(mark) - 1;
		len = strcspn(p, "}");
		if (p[len] == '}')
			add_secret(list, "", p, len);
	}
}

static void scan_words(char *const *words, char ***list)
{
	for (; words && *words; words++)
		scan_text(*words, list);
}

static int scan_template(
	const struct partdefs *p, const char *name, char ***list, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf("%s/templates/%s", p->dir, name),
			    *text = NULL;
	int r = read_file(path, MAX_TEMPLATE, &text, NULL);

	if (r < 0) {
		*reterr_msg = xasprintf("%s cannot be read: %s", path, strerror(-r));
		return r;
	}
	scan_text(text, list);
	return 0;
}

const char *part_op_user(const char *op)
{
	static const struct {
		const char *op, *user;
	} users[] = {
		{"nova-compute", "nova"},
		{"neutron-agent", "neutron"},
		{"cinder-volume", "cinder"},
		{"manila-share", "manila"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(users); i++)
		if (streq(users[i].op, op))
			return users[i].user;
	return NULL;
}

static void scan_op(const char *op, char ***list)
{
	const char *user = op ? part_op_user(op) : NULL;

	if (user)
		add_secret(list, "keystone.", user, strlen(user));
}

static int scan_part(const struct partdefs *p, const struct partdef *part, char ***list,
	char **reterr_msg)
{
	for (size_t i = 0; i < part->n_sets; i++)
		for (size_t k = 0; k < part->sets[i].n; k++)
			scan_text(part->sets[i].list[k].value, list);
	for (size_t i = 0; i < part->n_databases; i++)
		add_secret(list, "db.", part->databases[i].user,
			strlen(part->databases[i].user));
	for (size_t i = 0; i < part->n_users; i++)
		add_secret(list, "keystone.", part->users[i].name,
			strlen(part->users[i].name));
	for (size_t i = 0; i < part->n_steps; i++) {
		scan_words(part->steps[i].run, list);
		scan_words(part->steps[i].env, list);
		scan_text(part->steps[i].input, list);
		if (part->steps[i].op)
			add_secret(list, "", "admin", 5);
		if (part->steps[i].op && streq(part->steps[i].op, "setup"))
			add_secret(list, "", "student", 7);
	}
	scan_op(part->ready_op, list);
	scan_op(part->leave_op, list);
	if (part->n_users || part->n_services)
		add_secret(list, "", "admin", 5);
	for (size_t i = 0; i < part->n_files; i++) {
		int r = part->files[i].template
			? scan_template(p, part->files[i].template, list, reterr_msg)
			: 0;

		if (r < 0)
			return r;
	}
	return 0;
}

int partdefs_secrets(const struct partdefs *p, const struct partdef *const *parts,
	char ***ret, char **reterr_msg)
{
	_cleanup_(strv_freep) char **list = xcalloc(1, sizeof(char *));

	for (; *parts; parts++) {
		int r = scan_part(p, *parts, &list, reterr_msg);

		if (r < 0)
			return r;
	}
	strv_sort(list);
	*ret = TAKE_PTR(list);
	return 0;
}
