/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/guestimage.h"

#include "common/http.h"
#include "common/jsonx.h"
#include "common/log.h"
#include "nodeagent/fetch.h"
#include "nodeagent/nodeconf.h"
#include "nodeagent/paths.h"

#define TARGET NODE_VAR "/guest.qcow2"
#define VERSION NODE_VAR "/guest.version" /* that ondold had last */
#define STALL_MS 60000
#define MAX_BYTES (16ULL << 30)

static char *file_url(const struct nodeconf *conf, const char *file)
{
	return xasprintf("https://%u.%u.%u.%u:%u/files/guest/%s", conf->server >> 24,
		conf->server >> 16 & 255, conf->server >> 8 & 255, conf->server & 255,
		conf->port, file);
}

static bool is_there(const char *sha256)
{
	_cleanup_free_ char *found = NULL;

	return access(TARGET, R_OK) == 0 &&
		read_line_file(TARGET ".sha256", &found) == 0 && streq(found, sha256);
}

static int fetch_image(const struct nodeconf *conf, const char *file, uint64_t size,
	const char *sha256, char **reterr_msg)
{
	_cleanup_free_ char *url = file_url(conf, file);
	int r;

	if (is_there(sha256))
		return 0;
	unlink(TARGET ".sha256");
	r = fetch_file(conf,
		&(struct fetch){.url = url,
			.path = TARGET,
			.sha256 = sha256,
			.what = "the guest image",
			.size_bytes = size,
			.stall_ms = STALL_MS},
		reterr_msg);
	return r < 0 ? r
		     : write_file_atomic(TARGET ".sha256", sha256, strlen(sha256), 0600);
}

static int read_manifest(const char *text, size_t len, struct guestimage *ret,
	const char **ret_file, const char **ret_sha256, json_t **ret_root,
	char **reterr_msg)
{
	_cleanup_free_ char *why = NULL;
	struct jx j = {.obj = jx_parse(text, len, &why)};

	*ret_root = (json_t *)j.obj;
	if (!j.obj) {
		*reterr_msg = xasprintf("the guest image's manifest: %s", why);
		return -EINVAL;
	}
	ret->name = xstrdup(jx_str(&j, "name", 64));
	ret->version = xstrdup(jx_str(&j, "version", 64));
	*ret_file = jx_str(&j, "file", 128);
	*ret_sha256 = jx_str(&j, "sha256", 64);
	ret->size = jx_uint(&j, "size_bytes", 1, MAX_BYTES);
	ret->min_disk_gb = (unsigned)jx_uint(&j, "min_disk_gb", 0, 1024);
	ret->min_ram_mb = (unsigned)jx_uint(&j, "min_ram_mb", 0, 1024 * 1024);
	ret->properties = json_incref(json_object_get(j.obj, "properties"));
	if (j.error || !ret->size || strchr(*ret_file, '/')) {
		*reterr_msg = xasprintf("the guest image's manifest: %s",
			j.error ? j.error : "file: expected a name");
		jx_clear(&j);
		return -EINVAL;
	}
	return 0;
}

/* The manifest, and where ondold is; *ret_root keeps the strings alive. */
static int look(struct guestimage *ret, struct nodeconf **ret_conf, const char **ret_file,
	const char **ret_sha256, json_t **ret_root, char **reterr_msg)
{
	_cleanup_(http_response_clear) struct http_response res = {0};
	_cleanup_free_ char *url = NULL;
	int r = nodeconf_load(NODE_INI, ret_conf, reterr_msg);

	if (r < 0)
		return r;
	url = file_url(*ret_conf, "manifest.json");
	r = http_do(&(struct http_request){.method = "GET",
			    .url = url,
			    .identity = &(*ret_conf)->identity,
			    .timeout_ms = 30000},
		&res, reterr_msg);
	if (r < 0 || res.status == 404)
		return r;
	if (res.status != 200) {
		*reterr_msg = xasprintf("%s answers %u", url, res.status);
		return -EIO;
	}
	return read_manifest(
		res.body, res.body_len, ret, ret_file, ret_sha256, ret_root, reterr_msg);
}

char *guestimage_version(void)
{
	_cleanup_(nodeconf_freep) struct nodeconf *conf = NULL;
	_cleanup_(jx_freep) json_t *root = NULL;
	_cleanup_(guestimage_clear) struct guestimage g = {0};
	_cleanup_free_ char *known = NULL, *ignored = NULL;
	const char *file, *sha256, *version;
	int r;

	(void)read_line_file(VERSION, &known);
	if (look(&g, &conf, &file, &sha256, &root, &ignored) < 0)
		return known ? TAKE_PTR(known) : xstrdup("");
	version = g.version ? g.version : "";
	if (!streq_ptr(version, known)) {
		r = write_file_atomic(VERSION, version, strlen(version), 0600);
		if (r < 0)
			log_warn(VERSION ": %s", strerror(-r));
	}
	return xstrdup(version);
}

int guestimage_fetch(struct guestimage *ret, char **reterr_msg)
{
	_cleanup_(nodeconf_freep) struct nodeconf *conf = NULL;
	_cleanup_(jx_freep) json_t *root = NULL;
	const char *file, *sha256;
	int r = look(ret, &conf, &file, &sha256, &root, reterr_msg);

	if (r < 0 || !root)
		return r;
	r = fetch_image(conf, file, ret->size, sha256, reterr_msg);
	if (r == 0)
		ret->path = xstrdup(TARGET);
	return r;
}

void guestimage_forget(struct guestimage *g)
{
	if (!g->path)
		return;
	unlink(TARGET ".sha256");
	unlink(TARGET);
}

void guestimage_clear(struct guestimage *g)
{
	free(g->name);
	free(g->version);
	free(g->path);
	json_decref(g->properties);
	*g = (struct guestimage){0};
}
