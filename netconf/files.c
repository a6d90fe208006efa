/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files lie in /run: after a reboot nothing of an old network is configured before
 * ondol-netconf has run, and a node that changed its rack has no stale ones.
 */
#include "netconf/files.h"

#include <dirent.h>
#include <sys/stat.h>

#define PREFIX "50-ondol-"
#define SUFFIX ".network"

char *network_file_name(const struct plan_link *l)
{
	return xasprintf(PREFIX "%s" SUFFIX, l->name);
}

/*
 * No IPv6: the rack has none, and networkd would wait for duplicate address detection.
 * Links are not waited for at boot: they come when ondol-netconf runs, long after.
 */
char *network_file_text(const struct plan_link *l)
{
	_cleanup_free_ char *address = NULL, *gateway = NULL;
	char buf[16];

	if (l->address) {
		format_ipv4(l->address, buf);
		address = xasprintf("Address=%s/%u\n", buf, l->prefix);
	}
	if (l->gateway) {
		format_ipv4(l->gateway, buf);
		gateway = xasprintf("Gateway=%s\n", buf);
	}
	return xasprintf("# Written by ondol-netconf from the node's desired state.\n"
			 "[Match]\n"
			 "Name=%s\n"
			 "\n"
			 "[Link]\n"
			 "MTUBytes=%u\n"
			 "RequiredForOnline=no\n"
			 "\n"
			 "[Network]\n"
			 "DHCP=no\n"
			 "LinkLocalAddressing=no\n"
			 "IPv6AcceptRA=no\n"
			 "LLDP=no\n"
			 "ConfigureWithoutCarrier=yes\n"
			 "%s%s",
		l->name, l->mtu, address ? address : "", gateway ? gateway : "");
}

void files_result_clear(struct files_result *r)
{
	for (size_t i = 0; i < r->n_written; i++)
		free(r->written[i]);
	free(r->written);
	*r = (struct files_result){0};
}

static int sync_one(const char *dir, const struct plan_link *l, bool dry_run,
	struct files_result *ret)
{
	_cleanup_free_ char *name = network_file_name(l), *text = network_file_text(l);
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name), *old = NULL;
	int r;

	if (read_file(path, 64 * 1024, &old, NULL) == 0 && streq(old, text))
		return 0;
	if (!dry_run && (r = write_file_atomic(path, text, strlen(text), 0644)) < 0)
		return r;
	GROW(ret->written, ret->n_written, ret->cap_written);
	ret->written[ret->n_written++] = xstrdup(l->name);
	return 0;
}

static bool is_planned(const struct plan *plan, const char *file)
{
	for (size_t i = 0; i < plan->n_links; i++) {
		_cleanup_free_ char *name = network_file_name(&plan->links[i]);

		if (streq(name, file))
			return true;
	}
	return false;
}

static bool is_ours(const char *file)
{
	const size_t len = strlen(file), tail = strlen(SUFFIX);

	return str_startswith(file, PREFIX) && len > tail &&
		streq(file + len - tail, SUFFIX);
}

static int sweep(
	const char *dir, const struct plan *plan, bool dry_run, size_t *ret_removed)
{
	_cleanup_closedir_ DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d))) {
		if (!is_ours(e->d_name) || is_planned(plan, e->d_name))
			continue;
		if (!dry_run && unlinkat(dirfd(d), e->d_name, 0) < 0 && errno != ENOENT)
			return -errno;
		(*ret_removed)++;
	}
	return 0;
}

int network_files_sync(const char *dir, const struct plan *plan, bool dry_run,
	struct files_result *ret, char **reterr_msg)
{
	struct files_result result = {0};
	int r = dry_run ? 0 : mkdir_p(dir, 0755);

	for (size_t i = 0; r == 0 && i < plan->n_links; i++)
		r = sync_one(dir, &plan->links[i], dry_run, &result);
	if (r == 0)
		r = sweep(dir, plan, dry_run, &result.n_removed);
	if (r < 0) {
		files_result_clear(&result);
		*reterr_msg = xasprintf(
			"cannot write the network files in %s: %s", dir, strerror(-r));
		return r;
	}
	*ret = result;
	return 0;
}
