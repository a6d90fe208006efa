/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/trust.h"

#include <unistd.h>

#include "common/run.h"
#include "nodeagent/patience.h"
#include "nodeagent/textblock.h"

#define DIR "/etc/ssl/certs"
#define BUNDLE DIR "/ca-certificates.crt"
#define LINK DIR "/ondol-rack.pem" /* as update-ca-certificates names it */
#define MAX_FILE (1024 * 1024)
#define REHASH_MS 60000

/* One that update-ca-certificates put there is outside of our block: it is not said twice. */
static int into_bundle(const char *path, const char *cert)
{
	_cleanup_free_ char *bundle = NULL;
	bool changed;
	int r = read_file(path, MAX_FILE, &bundle, NULL);

	if (r < 0 && r != -ENOENT)
		return r;
	return bundle && strstr(bundle, cert)
		? 0
		: textblock_update_file(path, cert, 0644, &changed);
}

static int rehash(const char *dir, char **reterr_msg)
{
	const char *const argv[] = {"openssl", "rehash", dir, NULL};
	_cleanup_(run_result_clear) struct run_result res = {0};
	int r = run_child(argv, NULL, NULL, patience_ms(REHASH_MS), &res);

	if (r == 0 && res.status == 0)
		return 0;
	*reterr_msg = xasprintf(
		"openssl rehash %s: %s", dir, r < 0 ? strerror(-r) : str_strip(res.out));
	return r < 0 ? r : -EIO;
}

int trust_store(const char *root, char **reterr_msg)
{
	_cleanup_free_ char *ca = xasprintf("%s" TRUST_CA, root),
			    *bundle = xasprintf("%s" BUNDLE, root),
			    *link = xasprintf("%s" LINK, root),
			    *dir = xasprintf("%s" DIR, root), *cert = NULL;
	const char *at = ca;
	int r = read_file(ca, MAX_FILE, &cert, NULL);

	if (r == 0) {
		at = bundle;
		r = into_bundle(bundle, cert);
	}
	if (r == 0 && symlink("../../.." TRUST_CA, link) < 0 && errno != EEXIST) {
		at = link;
		r = -errno;
	}
	if (r < 0) {
		*reterr_msg = xasprintf("%s: %s", at, strerror(-r));
		return r;
	}
	return rehash(dir, reterr_msg);
}
