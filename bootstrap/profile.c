/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/profile.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/jsonx.h"
#include "common/parse.h"

#define MAX_GUEST_MANIFEST 65536

/*
 * Only names that the manifest has are opened: the images directory may hold more, and a
 * name from the network never becomes a path by itself.
 */

int profile_load(const char *images_dir, const char *profile, struct image_manifest **ret,
	char **reterr_msg)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	_cleanup_free_ char *dir = NULL, *why = NULL;
	int r;

	if (parse_token(profile, 64) < 0 || profile[0] == '.') {
		*reterr_msg = xstrdup("the image profile's name is not a plain word");
		return -EINVAL;
	}
	dir = xasprintf("%s/%s", images_dir, profile);
	r = image_manifest_load(dir, &m, &why);
	if (r == 0) /* before a server is powered on for it */
		r = image_manifest_check_signature(m, &why);
	if (r == 0) {
		*ret = TAKE_PTR(m);
		return 0;
	}
	*reterr_msg = xasprintf("image profile \"%s\" cannot be used: %s", profile, why);
	return r == IMAGE_MANIFEST_E_MISSING ? -ENOENT : r < 0 ? r : -EBADMSG;
}

/* The guest image is no profile of nodes: its manifest names one file, see images/build-guest. */
static bool guest_has(const char *images_dir, const char *file)
{
	_cleanup_free_ char *path =
		xasprintf("%s/" PROFILE_GUEST "/manifest.json", images_dir);
	_cleanup_free_ char *text = NULL, *why = NULL;
	_cleanup_(jx_freep) json_t *root = NULL;
	_cleanup_(jx_clear) struct jx j = {0};
	size_t len;

	if (streq(file, "manifest.json"))
		return true;
	if (read_file(path, MAX_GUEST_MANIFEST, &text, &len) < 0)
		return false;
	root = jx_parse(text, len, &why);
	if (!root)
		return false;
	j.obj = root;
	return parse_token(file, 128) == 0 && file[0] != '.' &&
		streq(jx_str(&j, "file", 128), file);
}

static bool named(const char *images_dir, const char *profile, const char *file)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	_cleanup_free_ char *dir = xasprintf("%s/%s", images_dir, profile), *msg = NULL;

	if (streq(profile, PROFILE_GUEST))
		return guest_has(images_dir, file);
	return parse_token(profile, 64) == 0 && profile[0] != '.' &&
		image_manifest_load(dir, &m, &msg) == 0 && image_manifest_file(m, file);
}

int profile_open(const char *images_dir, const char *profile, const char *file,
	int *ret_fd, uint64_t *ret_size)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!named(images_dir, profile, file))
		return -ENOENT;
	path = xasprintf("%s/%s/%s", images_dir, profile, file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = TAKE_FD(fd);
	return 0;
}
