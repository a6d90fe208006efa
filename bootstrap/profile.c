/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/profile.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/parse.h"

/*
 * Only names that the manifest has are opened: the images directory may hold more, and a
 * name from the network never becomes a path by itself.
 */

int profile_load(const char *images_dir, const char *profile, struct image_manifest **ret,
	char **reterr_msg)
{
	_cleanup_free_ char *dir = NULL, *why = NULL;
	int r;

	if (parse_token(profile, 64) < 0 || profile[0] == '.') {
		*reterr_msg = xstrdup("the image profile's name is not a plain word");
		return -EINVAL;
	}
	dir = xasprintf("%s/%s", images_dir, profile);
	r = image_manifest_load(dir, ret, &why);
	if (r == 0)
		return 0;
	*reterr_msg = xasprintf("image profile \"%s\" cannot be used: %s", profile, why);
	return r == IMAGE_MANIFEST_E_MISSING ? -ENOENT : r < 0 ? r : -EBADMSG;
}

int profile_open(const char *images_dir, const char *profile, const char *file,
	int *ret_fd, uint64_t *ret_size)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	_cleanup_free_ char *msg = NULL, *path = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (profile_load(images_dir, profile, &m, &msg) < 0 ||
		!image_manifest_file(m, file))
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
