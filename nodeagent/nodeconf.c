/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key is a credential, so its owner and mode are part of what is checked, as are those of
 * the file that says whom it is shown to; on the opened file and not on its path.
 */
#include "nodeagent/nodeconf.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/conf.h"
#include "common/parse.h"

static const char *need(struct conf_section *s, const char *file, const char *key,
	struct problems *problems, unsigned *ret_line)
{
	struct conf_key *k = conf_key(s, key);

	*ret_line = k ? k->line : s->line;
	if (k && *k->value)
		return k->value;
	problems_add(
		problems, file, *ret_line, s->name, key, "expected a value, found none");
	return NULL;
}

static void parse_node(struct conf_section *s, const char *file,
	struct problems *problems, struct nodeconf *c)
{
	unsigned line;
	const char *v;

	v = need(s, file, "name", problems, &line);
	if (v && parse_hostname(v) < 0)
		problems_add(problems, file, line, s->name, "name",
			"expected a host name, found \"%s\"", v);
	c->name = xstrdup(v ? v : "");
	v = need(s, file, "server", problems, &line);
	if (v && parse_ipv4_port(v, &c->server, &c->port) < 0)
		problems_add(problems, file, line, s->name, "server",
			"expected ADDRESS:PORT of ondold, found \"%s\"", v);
	v = need(s, file, "image", problems, &line);
	c->image = xstrdup(v ? v : "");
}

int nodeconf_parse(const char *file, const char *text, size_t len,
	struct problems *problems, struct nodeconf **ret)
{
	_cleanup_(nodeconf_freep) struct nodeconf *c = xcalloc(1, sizeof(*c));
	_cleanup_(conf_freep) struct conf *conf = NULL;
	struct conf_section *s;
	int r;

	r = conf_parse(file, text, len, problems, &conf);
	if (r < 0)
		return r;
	s = conf_section(conf, "node");
	if (s)
		parse_node(s, file, problems, c);
	else
		problems_add(problems, file, 0, "node", NULL, "the section is missing");
	conf_report_unused(conf, problems);
	if (problems->n > 0)
		return -EINVAL;
	*ret = TAKE_PTR(c);
	return 0;
}

static int check_mode(int fd, const char *path, char **reterr_msg)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0)
		return 0;
	*reterr_msg = xasprintf(
		"%s says who this node is, so it must be a regular file of "
		"mode 0600 and its reader's own; found mode %04o, owner %u. Put that right: "
		"chown root %s; chmod 0600 %s",
		path, (unsigned)(st.st_mode & 07777), (unsigned)st.st_uid, path, path);
	return -EPERM;
}

static char *join_problems(const struct problems *p)
{
	char *all = xstrdup("");

	for (size_t i = 0; i < p->n; i++) {
		_cleanup_free_ char *one = problem_format(&p->list[i]);
		char *next = xasprintf("%s%s%s", all, i ? "; " : "", one);

		free(all);
		all = next;
	}
	return all;
}

static char *beside(const char *path, const char *name)
{
	return xasprintf("%.*s%s", (int)(strrchr(path, '/') - path + 1), path, name);
}

static int find_identity(struct nodeconf *c, const char *path, char **reterr_msg)
{
	_cleanup_close_ int fd = -1;
	int r;

	c->ca = beside(path, "ca.pem");
	c->cert = beside(path, "node.pem");
	c->identity = (struct http_identity){c->ca, c->cert};
	fd = open(c->cert, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		return check_mode(fd, c->cert, reterr_msg);
	r = -errno;
	*reterr_msg = xasprintf(
		"%s: %s. ondol-agent writes it at install; without it ondold does "
		"not know this node. Reinstall the node, or restore the file",
		c->cert, strerror(-r));
	return r;
}

/* path has a folder in it. */
int nodeconf_load(const char *path, struct nodeconf **ret, char **reterr_msg)
{
	_cleanup_(problems_clear) struct problems problems = {0};
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(nodeconf_freep) struct nodeconf *c = NULL;
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	if (fd < 0) {
		r = -errno;
		*reterr_msg = xasprintf(
			"%s: %s. ondol-agent writes it at install; without it this "
			"node does not know who it is. Reinstall the node, or restore the file",
			path, strerror(-r));
		return r;
	}
	r = check_mode(fd, path, reterr_msg);
	if (r < 0)
		return r;
	r = read_fd(fd, 64 * 1024, &text, &len);
	if (r < 0) {
		*reterr_msg = xasprintf("%s: %s", path, strerror(-r));
		return r;
	}
	r = nodeconf_parse(path, text, len, &problems, &c);
	if (r < 0) {
		*reterr_msg = join_problems(&problems);
		return r;
	}
	r = find_identity(c, path, reterr_msg);
	if (r == 0)
		*ret = TAKE_PTR(c);
	return r;
}

void nodeconf_free(struct nodeconf *c)
{
	if (!c)
		return;
	free(c->name);
	free(c->image);
	free(c->ca);
	free(c->cert);
	free(c);
}

void nodeconf_freep(struct nodeconf **c)
{
	nodeconf_free(*c);
}
