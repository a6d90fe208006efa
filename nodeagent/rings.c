/* SPDX-License-Identifier: Apache-2.0 */
/*
 * swift-ring-builder is the only writer of builder files that Swift has. What is in a
 * builder is asked of it with `search`, device by device; what was in it before is in
 * our own record beside it, so that devices of nodes that are gone can be named.
 *
 * A device that leaves is removed at once: its partitions go to the others, and the
 * replicators fill them from the replicas that stay. min_part_hours is 0 for that: with
 * few devices, waiting an hour between changes would only leave replicas missing.
 */
#include "nodeagent/rings.h"

#include <pwd.h>

#include "common/http.h"
#include "common/jsonx.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/run.h"
#include "nodeagent/link.h"
#include "nodeagent/paths.h"
#include "nodeagent/patience.h"

#define DIR "/etc/swift"
#define RECORD DIR "/ondol-devices"
#define PART_POWER "10"
#define MAX_REPLICAS 3u
#define TIMEOUT_MS 120000
#define MAX_RING (64 * 1024 * 1024)

struct ring {
	const char *name;
	unsigned port;
};

static const struct ring all_rings[] = {
	{"account", 6202}, {"container", 6201}, {"object", 6200}};

static bool is_object(const struct desired_peer *p)
{
	return streq(p->role, "storage") && streq(p->kind, "object");
}

/* Where its servers listen: the storage network, as ${address:storage} says on the node. */
static uint32_t storage_address(const struct desired_peer *p)
{
	uint32_t a = desired_peer_address(p, "storage");

	return a ? a : p->management;
}

static unsigned replicas(const struct desired *d)
{
	unsigned n = 0;

	for (size_t i = 0; i < d->n_peers; i++)
		n += is_object(&d->peers[i]) && d->peers[i].n_data_disks > 0;
	return MAX(1u, MIN(n, MAX_REPLICAS));
}

char *rings_devices(const struct desired *d)
{
	char *out = xstrdup("");

	for (size_t i = 0; i < d->n_peers; i++) {
		const struct desired_peer *p = &d->peers[i];
		char ip[16];

		format_ipv4(storage_address(p), ip);
		for (size_t k = 0; is_object(p) && k < p->n_data_disks; k++) {
			char *more = xasprintf("%s%s %s %llu\n", out, ip,
				p->data_disks[k].name,
				(unsigned long long)p->data_disks[k].size_bytes);

			free(out);
			out = more;
		}
	}
	return out;
}

/* swift-ring-builder FILE WORDS...: 0, 1 (a warning: nothing to do), or -EIO with words. */
static int builder(const struct ring *ring, const char *const words[], char **reterr_msg)
{
	_cleanup_free_ char *file = xasprintf(DIR "/%s.builder", ring->name);
	_cleanup_(strv_freep) char **argv = strv_split("swift-ring-builder");
	_cleanup_(run_result_clear) struct run_result res = {0};
	int r;

	strv_add(&argv, file);
	for (; *words; words++)
		strv_add(&argv, *words);
	r = run_child(
		(const char *const *)argv, NULL, NULL, patience_ms(TIMEOUT_MS), &res);
	if (r < 0 || res.status > 1) {
		*reterr_msg = xasprintf("swift-ring-builder %s %s: %s", file, argv[2],
			r < 0 ? strerror(-r) : res.out);
		return -EIO;
	}
	return res.status;
}

static char *device_id(const struct ring *ring, const char *ip, const char *name)
{
	uint32_t address = 0;

	(void)parse_ipv4(ip, &address);
	return xasprintf(
		"r1z%u-%s:%u/%s", MAX(1u, address & 0xffu), ip, ring->port, name);
}

static int search(
	const struct ring *ring, const char *id, bool *ret_found, char **reterr_msg)
{
	_cleanup_free_ char *file = xasprintf(DIR "/%s.builder", ring->name);
	const char *argv[] = {"swift-ring-builder", file, "search", id, NULL};
	_cleanup_(run_result_clear) struct run_result res = {0};
	int r = run_child(argv, NULL, NULL, patience_ms(TIMEOUT_MS), &res);

	if (r < 0) {
		*reterr_msg =
			xasprintf("swift-ring-builder cannot be run: %s", strerror(-r));
		return r;
	}
	*ret_found = res.status == 0;
	return 0;
}

struct device { /* a line of rings_devices() */
	char ip[16], name[64];
	unsigned long long bytes;
};

static bool read_device(const char *line, struct device *ret)
{
	return sscanf(line, "%15s %63s %llu", ret->ip, ret->name, &ret->bytes) == 3;
}

static bool has_line(const char *lines, const char *ip, const char *name)
{
	_cleanup_free_ char *start = xasprintf("%s %s ", ip, name);

	for (const char *p = strstr(lines, start); p; p = strstr(p + 1, start))
		if (p == lines || p[-1] == '\n')
			return true;
	return false;
}

/* Words for `add`: each device of want that had has not, and that is not in the builder. */
static int words_to_add(const struct ring *ring, const char *want, const char *had,
	char ***words, char **reterr_msg)
{
	_cleanup_free_ char *copy = xstrdup(want);
	char *save = NULL;

	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		_cleanup_free_ char *id = NULL, *weight = NULL;
		struct device d;
		bool found = false;
		int r;

		if (!read_device(l, &d) || has_line(had, d.ip, d.name))
			continue;
		id = device_id(ring, d.ip, d.name);
		/* after the first time, a change may have been cut short: ask */
		r = *had ? search(ring, id, &found, reterr_msg) : 0;
		if (r < 0)
			return r;
		if (found)
			continue;
		weight = xasprintf("%llu", MAX(1ULL, d.bytes / 1000000000ULL));
		strv_add(words, id);
		strv_add(words, weight);
	}
	return 0;
}

static int words_to_remove(const struct ring *ring, const char *had, const char *want,
	char ***words, char **reterr_msg)
{
	_cleanup_free_ char *copy = xstrdup(had);
	char *save = NULL;

	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		_cleanup_free_ char *id = NULL;
		struct device d;
		bool found;
		int r;

		if (!read_device(l, &d) || has_line(want, d.ip, d.name))
			continue;
		id = device_id(ring, d.ip, d.name);
		r = search(ring, id, &found, reterr_msg);
		if (r < 0)
			return r;
		if (found)
			strv_add(words, id);
	}
	return 0;
}

/* One call with several words, none without any. */
static int change(
	const struct ring *ring, const char *verb, char *const *words, char **reterr_msg)
{
	_cleanup_(strv_freep) char **all = strv_split(verb);

	if (strv_len(words) == 0)
		return 0;
	for (; *words; words++)
		strv_add(&all, *words);
	return builder(ring, (const char *const *)all, reterr_msg);
}

/* Before the first record nobody has these rings: what an attempt left is begun anew. */
static int begin(
	const struct ring *ring, const char *copies, bool anew, char **reterr_msg)
{
	_cleanup_free_ char *file = xasprintf(DIR "/%s.builder", ring->name);

	if (!anew)
		return builder(ring, (const char *const[]){"set_replicas", copies, NULL},
			reterr_msg);
	if (unlink(file) < 0 && errno != ENOENT) {
		*reterr_msg = xasprintf("%s: %s", file, strerror(errno));
		return -EIO;
	}
	return builder(ring,
		(const char *const[]){"create", PART_POWER, copies, "0", NULL},
		reterr_msg);
}

static int own_by_swift(const char *path)
{
	const struct passwd *pw = getpwnam("swift");

	return pw && chown(path, pw->pw_uid, pw->pw_gid) < 0 ? -errno : 0;
}

static int build(const struct ring *ring, const struct desired *d, const char *want,
	const char *had, char **reterr_msg)
{
	_cleanup_free_ char *file = xasprintf(DIR "/%s.ring.gz", ring->name);
	_cleanup_free_ char *n = xasprintf("%u", replicas(d));
	_cleanup_(strv_freep) char **add = NULL, **gone = NULL;
	int r;

	if (streq(want, had) && access(file, F_OK) == 0)
		return 0;
	r = begin(ring, n, !*had, reterr_msg);
	if (r >= 0)
		r = words_to_add(ring, want, had, &add, reterr_msg);
	if (r >= 0)
		r = change(ring, "add", add, reterr_msg);
	if (r >= 0)
		r = words_to_remove(ring, had, want, &gone, reterr_msg);
	if (r >= 0)
		r = change(ring, "remove", gone, reterr_msg);
	if (r >= 0)
		r = builder(ring, (const char *const[]){"rebalance", NULL}, reterr_msg);
	return r < 0 ? r : own_by_swift(file);
}

static int publish(
	const struct nodeconf *conf, const struct ring *ring, char **reterr_msg)
{
	_cleanup_free_ char *path = xasprintf(DIR "/%s.ring.gz", ring->name);
	_cleanup_free_ char *node = link_node_url(conf), *data = NULL;
	_cleanup_free_ char *url = xasprintf("%s/blobs/%s.ring.gz", node, ring->name);
	_cleanup_(http_response_clear) struct http_response res = {0};
	size_t len;
	int r = read_file(path, MAX_RING, &data, &len);

	if (r < 0) {
		*reterr_msg = xasprintf("%s cannot be read: %s", path, strerror(-r));
		return r;
	}
	r = http_do(&(struct http_request){.method = "PUT",
			    .url = url,
			    .identity = &conf->identity,
			    .body = data,
			    .body_len = len,
			    .timeout_ms = TIMEOUT_MS},
		&res, reterr_msg);
	if (r == 0 && res.status >= 300) {
		*reterr_msg = xasprintf(
			"ondold answers %u to the ring %s", res.status, ring->name);
		return -EIO;
	}
	return r;
}

int rings_ensure(const struct desired *d, char **ret_text)
{
	_cleanup_(nodeconf_freep) struct nodeconf *conf = NULL;
	_cleanup_free_ char *want = rings_devices(d), *had = NULL;
	int r = nodeconf_load(NODE_INI, &conf, ret_text);

	if (r < 0)
		return r;
	if (!*want) {
		*ret_text = xstrdup(
			"no object node of the rack has a data disk: Swift needs one");
		return -ENOENT;
	}
	if (read_file(RECORD, 1024 * 1024, &had, NULL) < 0)
		had = xstrdup("");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(all_rings); i++)
		r = build(&all_rings[i], d, want, had, ret_text);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(all_rings); i++)
		r = publish(conf, &all_rings[i], ret_text);
	if (r < 0)
		return r;
	return write_file_atomic(RECORD, want, strlen(want), 0644);
}
