/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes vary by driver and kernel: one that is missing is ordinary, so the getters
 * answer NULL or the default, and what to do without it is the caller's decision.
 */
#include "common/sysfs.h"

#include <dirent.h>
#include <limits.h>

#include "common/parse.h"

#define ATTR_MAX (64 * 1024)

int sysfs_attr_bytes(const char *dir, const char *name, uint8_t **ret, size_t *ret_len)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);

	return read_file(path, ATTR_MAX, (char **)ret, ret_len);
}

char *sysfs_attr(const char *dir, const char *name)
{
	_cleanup_free_ char *raw = NULL;

	if (sysfs_attr_bytes(dir, name, (uint8_t **)&raw, NULL) < 0)
		return NULL;
	return xstrdup(str_strip(raw));
}

char *sysfs_clean(char *s, size_t max)
{
	size_t n = 0;

	for (const char *p = s; p && *p && n < max; p++) {
		bool blank = *p == ' ' || *p == '\t' || *p == '\n';

		if (blank && (n == 0 || s[n - 1] == ' '))
			continue;
		s[n++] = blank ? ' ' : *p > ' ' && *p < 0x7f ? *p : '?';
	}
	while (n > 0 && s[n - 1] == ' ')
		n--;
	if (s)
		s[n] = '\0';
	return s;
}

char *sysfs_text(const char *dir, const char *name, size_t max)
{
	char *s = sysfs_attr(dir, name);

	return s ? sysfs_clean(s, max) : xstrdup("");
}

uint64_t sysfs_attr_u64(const char *dir, const char *name, uint64_t dflt)
{
	_cleanup_free_ char *s = sysfs_attr(dir, name);
	uint64_t v = dflt;

	if (s)
		(void)parse_u64(s, 0, UINT64_MAX, &v);
	return v;
}

char *sysfs_link_name(const char *dir, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	const char *slash;

	if (n <= 0)
		return NULL;
	target[n] = '\0';
	slash = strrchr(target, '/');
	return xstrdup(slash ? slash + 1 : target);
}

bool sysfs_exists(const char *dir, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);

	return access(path, F_OK) == 0;
}

static int not_dots(const struct dirent *d)
{
	return !streq(d->d_name, ".") && !streq(d->d_name, "..");
}

char **sysfs_list(const char *dir)
{
	struct dirent **found = NULL;
	int n = scandir(dir, &found, not_dots, versionsort);
	char **list = xcalloc((size_t)MAX(n, 0) + 1, sizeof(*list));

	for (int i = 0; i < n; i++) {
		list[i] = xstrdup(found[i]->d_name);
		free(found[i]);
	}
	free(found);
	return list;
}

void sysfs_list_free(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

void sysfs_list_freep(char ***list)
{
	sysfs_list_free(*list);
	*list = NULL;
}

char *sysfs_device_path(const char *root, const char *dir, const char *follow)
{
	_cleanup_free_ char *link = xasprintf("%s/%s", dir, follow);
	_cleanup_free_ char *real = realpath(link, NULL);
	_cleanup_free_ char *real_root = *root ? realpath(root, NULL) : NULL;

	if (!real)
		return NULL;
	if (real_root && str_startswith(real, real_root))
		return xstrdup(real + strlen(real_root));
	return TAKE_PTR(real);
}
