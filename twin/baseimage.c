/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decompressed file is named by the digest of the compressed one, made under a lock
 * by whoever comes first, and linked into the node's directory: a node keeps what it was
 * installed with when a newer image takes the place of the old, and all links are one
 * file to the kernel, cached once.
 */
#include "twin/baseimage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>

#include "images/stream.h"

#define CHUNK (1024 * 1024)
#define WHICH_IMAGES                                                            \
	". Are these the images that ondold serves? Name their directory with " \
	"ondol-twin up --images"

char *baseimage_slot(const char *dir)
{
	return xasprintf("%s/slot-a.erofs", dir);
}

static int write_block(void *userdata, uint64_t offset, const void *data, size_t len)
{
	const int *fd = userdata;
	const char *p = data;

	while (len > 0) {
		ssize_t n = pwrite(*fd, p, len, (off_t)offset);

		if (n < 0)
			return -errno;
		p += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int feed(struct image_stream *s, int fd, const struct order_image *image,
	const struct baseimage_progress *progress)
{
	_cleanup_free_ char *buf = xmalloc(CHUNK);
	ssize_t n;

	while ((n = read(fd, buf, CHUNK)) > 0) {
		int r = image_stream_feed(s, buf, (size_t)n);

		if (r != 0)
			return r;
		progress->told(
			progress->userdata, image_stream_taken(s), image->size_bytes);
	}
	return n < 0 ? -errno : 0;
}

static int decompress(const char *from, int to, const struct order_image *image,
	const struct baseimage_progress *progress, char **reterr_msg)
{
	_cleanup_close_ int fd = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_(image_stream_freep) struct image_stream *s = NULL;
	struct image_sink sink = {.write = write_block, .userdata = &to};
	int r = fd < 0 ? -errno
		       : image_stream_new(&sink, image->size_bytes, image->raw_bytes,
				 image->sha256, &s);

	if (r == 0) {
		(void)feed(s, fd, image, progress);
		r = image_stream_finish(s, reterr_msg);
		if (r != 0)
			return r < 0 ? r : -EBADMSG;
	}
	if (r < 0)
		*reterr_msg = xasprintf("%s: %s" WHICH_IMAGES, from, strerror(-r));
	return r;
}

/* Other images' files go: nodes that were installed with them have links of their own. */
static void remove_older(const char *cache)
{
	_cleanup_free_ char *dir = xstrndup(cache, (size_t)(strrchr(cache, '/') - cache));
	DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));) {
		size_t len = strlen(e->d_name);

		if (str_startswith(e->d_name, ".root-") && len > 6 &&
			streq(e->d_name + len - 6, ".erofs") &&
			!streq(e->d_name, strrchr(cache, '/') + 1))
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}

static int make_cache(const char *from, const char *cache,
	const struct order_image *image, const struct baseimage_progress *progress,
	char **reterr_msg)
{
	_cleanup_free_ char *part = xasprintf("%s.part", cache);
	_cleanup_close_ int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r = fd < 0 || flock(fd, LOCK_EX) < 0 ? -errno : 0;

	if (r < 0) {
		*reterr_msg = xasprintf("%s: %s" WHICH_IMAGES, part, strerror(-r));
		return r;
	}
	if (access(cache, F_OK) == 0) { /* made while we waited */
		progress->told(progress->userdata, image->size_bytes, image->size_bytes);
		return 0;
	}
	r = ftruncate(fd, 0) < 0 ? -errno : 0;
	if (r == 0)
		r = decompress(from, fd, image, progress, reterr_msg);
	if (r == 0 && rename(part, cache) < 0)
		r = -errno;
	if (r == 0)
		remove_older(cache);
	else
		unlink(part);
	if (r < 0 && !*reterr_msg)
		*reterr_msg = xasprintf("%s: %s", cache, strerror(-r));
	return r;
}

int baseimage_install(const char *images, const char *dir,
	const struct order_image *image, const struct baseimage_progress *progress,
	char **reterr_msg)
{
	static const char url[] = "/files/";
	_cleanup_free_ char *slot = baseimage_slot(dir), *from = NULL, *cache = NULL;
	int r;

	if (!str_startswith(image->path, url) || strstr(image->path, "/.")) {
		*reterr_msg =
			xasprintf("the order's image has an odd path: %s", image->path);
		return -EINVAL;
	}
	from = xasprintf("%s/%s", images, image->path + strlen(url));
	cache = xasprintf("%.*s/.root-%s.erofs", (int)(strrchr(from, '/') - from), from,
		image->sha256);
	if (access(cache, F_OK) < 0) {
		r = make_cache(from, cache, image, progress, reterr_msg);
		if (r < 0)
			return r;
	}
	if (unlink(slot) < 0 && errno != ENOENT)
		return -errno;
	r = link(cache, slot) < 0 ? -errno : 0;
	if (r == -EXDEV)
		r = symlink(cache, slot) < 0 ? -errno : 0;
	if (r < 0)
		*reterr_msg = xasprintf("%s: %s", slot, strerror(-r));
	return r;
}
