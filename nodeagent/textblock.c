/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Works on whole lines: a marker counts only when it is the line, so a comment that
 * quotes it is left alone.
 */
#include "nodeagent/textblock.h"

#define BEGIN "# BEGIN ondol: kept by ondol-noded, changes inside are lost"
#define END "# END ondol"
#define MAX_FILE (1024 * 1024)

static const char *line_end(const char *s)
{
	const char *nl = strchr(s, '\n');

	return nl ? nl + 1 : s + strlen(s);
}

static bool line_is(const char *s, const char *marker)
{
	size_t len = strlen(marker);

	return strncmp(s, marker, len) == 0 && (s[len] == '\n' || s[len] == '\0');
}

/* The line after the end marker that closes the block begun at s; NULL: it is not closed. */
static const char *block_end(const char *s)
{
	for (s = line_end(s); *s; s = line_end(s)) {
		if (line_is(s, END))
			return line_end(s);
		if (line_is(s, BEGIN))
			return NULL;
	}
	return NULL;
}

static void put_block(FILE *out, const char *body)
{
	if (*body)
		fprintf(out, "%s\n%s%s\n", BEGIN, body, END);
}

char *textblock_replace(const char *text, const char *body)
{
	char *ret = NULL;
	size_t len = 0;
	bool done = false;
	FILE *out = open_memstream(&ret, &len);
	const char *next;

	if (!out)
		abort();
	for (const char *s = text; *s; s = next) {
		next = line_end(s);
		if (!line_is(s, BEGIN)) {
			fwrite(s, 1, (size_t)(next - s), out);
			continue;
		}
		const char *after = block_end(s);

		if (!after)
			continue;
		if (!done)
			put_block(out, body);
		done = true;
		next = after;
	}
	if (!done) {
		if (*body && *text && text[strlen(text) - 1] != '\n')
			fputc('\n', out);
		put_block(out, body);
	}
	if (fclose(out) != 0)
		abort();
	return ret;
}

int textblock_update_file(
	const char *path, const char *body, unsigned mode, bool *ret_changed)
{
	_cleanup_free_ char *old = NULL, *new = NULL;
	int r = read_file(path, MAX_FILE, &old, NULL);

	if (r < 0 && r != -ENOENT)
		return r;
	new = textblock_replace(old ? old : "", body);
	if (streq(old ? old : "", new)) {
		*ret_changed = false;
		return 0;
	}
	r = write_file_atomic(path, new, strlen(new), mode);
	if (r < 0)
		return r;
	*ret_changed = true;
	return 0;
}
