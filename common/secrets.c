/* SPDX-License-Identifier: Apache-2.0 */
#include "common/secrets.h"

#include <fcntl.h>
#include <sys/stat.h>

/* IPMI v2.0, section 13.17: user names 16 bytes, passwords 20 bytes at most. */
#define IPMI_MAX_USER 16
#define IPMI_MAX_PASSWORD 20

static void login_clear(struct bmc_login *l)
{
	secret_free(l->password);
	free(l->user);
	*l = (struct bmc_login){0};
}

static char *read_value(struct conf *c, struct conf_section *s, const char *key,
	size_t max, struct problems *problems)
{
	const struct conf_key *k = conf_key(s, key);

	if (k && k->refused)
		return NULL;
	if (!k || !*k->value) {
		problems_add(problems, c->file, k ? k->line : s->line, s->name, key,
			"is missing; expected 1 to %zu characters", max);
		return NULL;
	}
	if (strlen(k->value) > max) {
		problems_add(problems, c->file, k->line, s->name, key,
			"expected at most %zu characters (IPMI 2.0), found %zu", max,
			strlen(k->value));
		return NULL;
	}
	return xstrdup(k->value);
}

static struct bmc_login read_login(
	struct conf *c, struct conf_section *s, struct problems *problems)
{
	struct bmc_login l = {0};

	s->used = true;
	l.user = read_value(c, s, "user", IPMI_MAX_USER, problems);
	l.password = read_value(c, s, "password", IPMI_MAX_PASSWORD, problems);
	return l;
}

static void read_node_login(struct secrets *s, struct conf *c, struct conf_section *sec,
	const struct rack *rack, struct problems *problems)
{
	const char *node = sec->name + 4;

	s->nodes = xrealloc(s->nodes, s->n_nodes + 1, sizeof(*s->nodes));
	s->nodes[s->n_nodes].node = xstrdup(node);
	s->nodes[s->n_nodes++].login = read_login(c, sec, problems);
	if (rack && !rack_node(rack, node))
		problems_add(problems, c->file, sec->line, sec->name, NULL,
			"%s has no [node %s]", rack->file, node);
}

/* Is there a section for the node's BMC, be it a wrong one? */
static bool has_section(struct conf *c, const char *node)
{
	_cleanup_free_ char *name = xasprintf("bmc %s", node);

	return conf_section(c, "bmc") || conf_section(c, name);
}

static void require_logins(
	struct conf *c, const struct rack *rack, struct problems *problems)
{
	if (!c->n) {
		problems_add(problems, c->file, 0, NULL, NULL,
			"expected a section [bmc] with the user and password of the BMCs");
		return;
	}
	for (size_t i = 0; rack && i < rack->n_nodes; i++)
		if (!has_section(c, rack->nodes[i].name))
			problems_add(problems, c->file, 0, NULL, NULL,
				"no login for the BMC of %s: expected a section [bmc] or [bmc %s] "
				"with user and password",
				rack->nodes[i].name, rack->nodes[i].name);
}

int secrets_parse(const char *file, const char *text, size_t len, const struct rack *rack,
	struct problems *problems, struct secrets **ret)
{
	_cleanup_(conf_freep) struct conf *c = NULL;
	_cleanup_(secrets_freep) struct secrets *s = xcalloc(1, sizeof(*s));
	size_t before = problems->n;
	int r = conf_parse(file, text, len, problems, &c);

	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n; i++) {
		if (streq(c->sections[i].name, "bmc"))
			s->common = read_login(c, &c->sections[i], problems);
		else if (str_startswith(c->sections[i].name, "bmc "))
			read_node_login(s, c, &c->sections[i], rack, problems);
	}
	conf_report_unused(c, problems);
	require_logins(c, rack, problems);
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->sections[i].n_keys; k++)
			explicit_bzero(c->sections[i].keys[k].value,
				strlen(c->sections[i].keys[k].value));
	if (problems->n > before)
		return -EINVAL;
	*ret = TAKE_PTR(s);
	return 0;
}

/* What is wrong with the file's owner, kind or mode; NULL: nothing. */
static const char *refuse_file(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "expected a regular file";
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return "belongs to another user; chown it to yourself";
	if (st->st_mode & 077)
		return "can be read by others; run chmod 600 on it";
	return NULL;
}

int secrets_load(const char *path, const struct rack *rack, struct problems *problems,
	struct secrets **ret)
{
	_cleanup_close_ int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	const char *why;
	struct stat st;
	size_t len;
	int r;

	if (fd < 0) {
		r = -errno;
		problems_add(problems, path, 0, NULL, NULL, "cannot be read: %s%s",
			r == -ELOOP ? "it is a symbolic link" : strerror(-r),
			r == -ENOENT ? "; it holds the BMC passwords, see secrets.ini(5)"
				     : "");
		return r;
	}
	why = fstat(fd, &st) < 0 ? strerror(errno) : refuse_file(&st);
	if (why) {
		problems_add(problems, path, 0, NULL, NULL, "%s", why);
		return -EACCES;
	}
	r = read_fd(fd, CONF_MAX_BYTES, &text, &len);
	if (r < 0) {
		problems_add(problems, path, 0, NULL, NULL, "cannot be read: %s",
			strerror(-r));
		return r;
	}
	r = secrets_parse(path, text, len, rack, problems, ret);
	explicit_bzero(text, len);
	return r;
}

void secrets_free(struct secrets *s)
{
	if (!s)
		return;
	login_clear(&s->common);
	for (size_t i = 0; i < s->n_nodes; i++) {
		free(s->nodes[i].node);
		login_clear(&s->nodes[i].login);
	}
	free(s->nodes);
	free(s);
}

void secrets_freep(struct secrets **s)
{
	secrets_free(*s);
	*s = NULL;
}

const struct bmc_login *secrets_bmc(const struct secrets *s, const char *node)
{
	for (size_t i = 0; i < s->n_nodes; i++)
		if (streq(s->nodes[i].node, node))
			return &s->nodes[i].login;
	return s->common.user ? &s->common : NULL;
}
