/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/cut.h"

#include <ctype.h>

/* "[node hp02]", blanks anywhere a reader of INI files allows them, any case. */
static bool is_node_section(const char *line, size_t len, char name[static 256])
{
	_cleanup_free_ char *copy = xstrndup(line, len);
	char *p = str_strip(copy), *end = strchr(p, ']');
	size_t n;

	if (*p != '[' || !end)
		return false;
	*end = '\0';
	p = str_strip(p + 1);
	if (strncasecmp(p, "node", 4) != 0 || !isspace((unsigned char)p[4]))
		return false;
	p = str_strip(p + 4);
	n = MIN(strlen(p), (size_t)255);
	for (size_t i = 0; i < n; i++)
		name[i] = (char)tolower((unsigned char)p[i]);
	name[n] = '\0';
	return true;
}

static bool is_section(const char *line, size_t len)
{
	while (len && isspace((unsigned char)*line)) {
		line++;
		len--;
	}
	return len && *line == '[';
}

static bool kept(const char *name, const struct rack_node *const *keep, size_t n_keep)
{
	for (size_t i = 0; i < n_keep; i++)
		if (streq(keep[i]->name, name))
			return true;
	return false;
}

char *cut_rack(const char *text, const struct rack_node *const *keep, size_t n_keep)
{
	char *out = xmalloc(strlen(text) + 1), *o = out, name[256];
	bool copy = true;

	while (*text) {
		const char *end = strchr(text, '\n');
		size_t len = end ? (size_t)(end - text) + 1 : strlen(text);

		if (is_section(text, len))
			copy = !is_node_section(text, len, name) ||
				kept(name, keep, n_keep);
		if (copy) {
			memcpy(o, text, len);
			o += len;
		}
		text += len;
	}
	*o = '\0';
	return out;
}
