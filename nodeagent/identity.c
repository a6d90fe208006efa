/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain files and sethostname(2) rather than systemd-hostnamed: nothing else has to be up
 * for it. Names of peers are in /etc/hosts because a rack that is being installed has no
 * DNS server yet, and must work when it later loses it.
 */
#include "nodeagent/identity.h"

#include <sys/stat.h>

#include "nodeagent/textblock.h"

static char *lines(const struct desired *d, void (*put)(FILE *, const struct desired *))
{
	char *ret = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&ret, &len);

	if (!out)
		abort();
	put(out, d);
	if (fclose(out) != 0)
		abort();
	return ret;
}

static void put_hosts(FILE *out, const struct desired *d)
{
	for (size_t i = 0; i < d->n_peers; i++) {
		char ip[16];

		format_ipv4(d->peers[i].management, ip);
		fprintf(out, "%s\t%s\n", ip, d->peers[i].name);
	}
	/* The endpoints' name must lead to the controller before any DNS server knows it. */
	if (d->cloud && parse_ipv4(d->cloud->public, &(uint32_t){0}) < 0)
		fprintf(out, "%s\t%s\n", d->cloud->controller, d->cloud->public);
}

static void put_keys(FILE *out, const struct desired *d)
{
	for (size_t i = 0; i < d->n_ssh_keys; i++) {
		if (*d->ssh_keys[i] && !strpbrk(d->ssh_keys[i], "\r\n"))
			fprintf(out, "%s\n", d->ssh_keys[i]);
	}
}

char *identity_hosts_body(const struct desired *d)
{
	return lines(d, put_hosts);
}

char *identity_keys_body(const struct desired *d)
{
	return lines(d, put_keys);
}

static int set_hostname(const struct desired *d, const char *root, const char *path)
{
	_cleanup_free_ char *old = NULL, *text = xasprintf("%s\n", d->node);
	int r = read_line_file(path, &old);

	if (r < 0 && r != -ENOENT)
		return r;
	if (!old || !streq(old, d->node)) {
		r = write_file_atomic(path, text, strlen(text), 0644);
		if (r < 0)
			return r;
	}
	if (*root == '\0' && sethostname(d->node, strlen(d->node)) < 0)
		return -errno;
	return 0;
}

static int set_keys(const struct desired *d, const char *dir)
{
	_cleanup_free_ char *body = identity_keys_body(d);
	_cleanup_free_ char *path = xasprintf("%s/authorized_keys", dir);
	bool changed;

	if (!*body && access(path, F_OK) < 0)
		return 0;
	if (mkdir_p(dir, 0700) < 0 || chmod(dir, 0700) < 0)
		return -errno;
	return textblock_update_file(path, body, 0600, &changed);
}

static int said(int r, const char *path, char **reterr_msg)
{
	if (r < 0)
		*reterr_msg = xasprintf(
			"%s could not be written: %s. Is the state partition full "
			"or read-only? See: df /etc; dmesg",
			path, strerror(-r));
	return r;
}

int identity_apply(const struct desired *d, const char *root, char **reterr_msg)
{
	_cleanup_free_ char *hostname = xasprintf("%s/etc/hostname", root);
	_cleanup_free_ char *hosts = xasprintf("%s/etc/hosts", root);
	_cleanup_free_ char *ssh = xasprintf("%s/root/.ssh", root);
	_cleanup_free_ char *body = identity_hosts_body(d);
	bool changed;
	int r;

	r = said(set_hostname(d, root, hostname), hostname, reterr_msg);
	if (r < 0)
		return r;
	r = said(textblock_update_file(hosts, body, 0644, &changed), hosts, reterr_msg);
	if (r < 0)
		return r;
	return said(set_keys(d, ssh), ssh, reterr_msg);
}
